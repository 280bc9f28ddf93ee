//! What the check says of documents, good and bad.

use super::*;
use serde_json::json;

struct Account;

impl Directory for Account {
    fn has_queue(&self, reference: &str) -> bool {
        self.queue_names().iter().any(|name| name == reference)
    }

    fn queue_names(&self) -> Vec<String> {
        vec!["support".to_owned(), "everyone".to_owned()]
    }

    fn has_schedule(&self, name: &str) -> bool {
        name == "berlin"
    }

    fn worker_count(&self) -> usize {
        2
    }

    fn holders(&self, path: &str) -> Holders {
        match path {
            "worker.languages" => Holders { count: 2, types: vec![JsonType::List] },
            "worker.level" => Holders { count: 1, types: vec![JsonType::Number] },
            _ => Holders::default(),
        }
    }

    fn attribute_names(&self) -> Vec<String> {
        vec!["languages".to_owned(), "level".to_owned()]
    }
}

fn told(document: &Value) -> Vec<(&'static str, String)> {
    Document::check(document, &Account).into_iter().map(|finding| (finding.code, finding.pointer)).collect()
}

fn with_steps(steps: Value) -> Value {
    json!({ "default": steps })
}

#[test]
fn each_fault_has_its_code_and_its_place() {
    let cases = [
        (json!({}), "empty_document", ""),
        (json!([]), "wrong_type", ""),
        (json!({"default": [], "rulez": []}), "unknown_field", "/rulez"),
        (json!({"default": [{"route": {"queue": "everyone"}}], "time_zone": "Moon"}), "unknown_time_zone", "/time_zone"),
        (json!({"rules": [{"when": true, "steps": [{"route": {"queue": "support"}}]}]}), "missing_field", "/rules/0"),
        (with_steps(json!([])), "empty_steps", "/default"),
        (with_steps(json!([{"route": {"queue": "suport"}}])), "unknown_queue", "/default/0/route/queue"),
        (with_steps(json!([{"route": {}}])), "missing_field", "/default/0/route"),
        (with_steps(json!([{"rout": {}}])), "unknown_field", "/default/0/rout"),
        (with_steps(json!([{"route": {"queue": "support", "offers": 51}}])), "out_of_range", "/default/0/route/offers"),
        (with_steps(json!([{"goto": {"label": "x"}}])), "unknown_label", "/default/0/goto/label"),
        (with_steps(json!([{"request": {}}])), "step_not_supported", "/default/0/request"),
        (with_steps(json!([{"wait": {}}])), "missing_field", "/default/0/wait"),
        (with_steps(json!([{"finish": {"outcome": "done"}}])), "out_of_range", "/default/0/finish/outcome"),
    ];
    for (document, code, pointer) in cases {
        assert!(told(&document).contains(&(code, pointer.to_owned())), "{document}: {:?}", told(&document));
    }
}

#[test]
fn what_can_match_nobody_is_told() {
    let route = |workers: Value| with_steps(json!([{"route": {"queue": "support", "workers": workers}}]));
    let at = "/default/0/route/workers";
    let misspelt = route(json!({"in": ["de", {"var": "worker.langauges"}]}));
    assert_eq!(told(&misspelt), [("attribute_unknown", format!("{at}/in/1"))]);
    assert!(Document::check(&misspelt, &Account)[0].message.contains("worker.languages"));
    assert_eq!(told(&route(json!({"==": [{"var": "worker.level"}, "3"]}))), [("attribute_type", at.to_owned())]);
    assert_eq!(told(&route(json!(false))), [("matches_nobody", at.to_owned())]);
    assert_eq!(told(&route(json!({"in": ["de", {"var": "worker.languages"}]}))), []);
}

#[test]
fn what_is_never_reached_is_told() {
    let document = json!({"rules": [
        {"name": "all", "when": true, "steps": [{"route": {"queue": "support"}}, {"route": {"queue": "everyone"}}]},
        {"name": "none", "when": {"var": "item.x"}, "steps": [{"route": {"queue": "support"}}]},
    ]});
    assert_eq!(told(&document), [
        ("unreachable_step", "/rules/0/steps/1".to_owned()),
        ("unreachable_rule", "/rules/1".to_owned()),
    ]);
}

#[test]
fn branches_and_labels_become_jumps() {
    let document = Document::parse(&with_steps(json!([
        {"label": "again", "branch": [
            {"when": {"var": "item.a"}, "steps": [{"set": {"priority": 1}}]},
            {"steps": [{"set": {"priority": 2}}]},
        ]},
        {"goto": {"label": "again", "count": 2}},
        {"finish": {"outcome": "cancel"}},
    ])))
    .expect("sound");
    let lines = &document.program(None).expect("a default").lines;
    let shape: Vec<String> = lines
        .iter()
        .map(|line| match &line.op {
            Op::Unless { to, .. } => format!("unless {to}"),
            Op::Jump { to } => format!("jump {to}"),
            Op::Step(Action::Goto { to, count_max }) => format!("goto {to} {count_max}"),
            Op::Step(_) => line.pointer.to_string(),
        })
        .collect();
    assert_eq!(shape, [
        "unless 3",
        "/default/0/branch/0/steps/0",
        "jump 5",
        "/default/0/branch/1/steps/0",
        "jump 5",
        "goto 0 2",
        "/default/2",
    ]);
}
