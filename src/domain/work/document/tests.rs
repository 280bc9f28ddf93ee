//! What becomes of good documents, and what is said of bad and of doubtful ones.

use super::*;
use crate::rule::Severity;
use serde_json::json;

fn account() -> OfflineDirectory {
    let mut directory = OfflineDirectory::default();
    directory.add_queue("support", json!(true));
    directory.add_queue("everyone", json!(true));
    directory.add_queue("abandoned", json!({"==": [{"var": "worker.site"}, "Atlantis"]}));
    directory.add_schedule("berlin");
    directory.add_channel("voice");
    directory.add_activity("Available");
    directory.add_worker("ada", "Available", &json!({"languages": ["de"], "level": 3, "site": "Ulm"}));
    directory.add_worker("bob", "Available", &json!({"languages": ["en", "fr"], "nick": "b"}));
    directory
}

fn told(document: &Value) -> Vec<(&'static str, String)> {
    Document::check(document, &account()).into_iter().map(|finding| (finding.code, finding.pointer)).collect()
}

fn with_steps(steps: Value) -> Value {
    json!({ "default": steps })
}

/// Findings of a route to `support` with these further fields, with pointers from the route on.
fn of_route(mut fields: Value) -> Vec<(&'static str, String)> {
    fields["queue"] = fields.get("queue").cloned().unwrap_or(json!("support"));
    let found = told(&with_steps(json!([{ "route": fields }, {"route": {"queue": "everyone"}}])));
    let found = found.into_iter().filter(|(code, _)| *code != "unreachable_step");
    found.map(|(code, pointer)| (code, pointer.trim_start_matches("/default/0/route").to_owned())).collect()
}

#[test]
fn the_sample_of_the_manual_is_read_whole() {
    let document = Document::parse(&json!({
        "name": "support", "time_zone": "Europe/Berlin", "reservation_timeout_s": 20,
        "rules": [{"name": "gold", "when": {"==": [{"var": "item.tier"}, "gold"]}, "steps": [
            {"set": {"priority": 50}},
            {"route": {"queue": "support",
                       "workers": {"in": [{"var": "item.language"}, {"var": "worker.languages"}]},
                       "prefer": {"var": "item.last_worker"},
                       "order_by": [{"value": {"var": "worker.skill"}, "direction": "desc"}],
                       "timeout_s": 20}},
            {"route": {"queue": "everyone"}}]}],
        "default": [{"route": {"queue": "everyone"}}],
    }))
    .expect("sound");
    assert_eq!(document.queues(), ["everyone".into(), "support".into()]);
    let program = document.program(Some(0)).expect("program");
    assert_eq!((&*program.name, program.pointer.as_str(), program.lines.len()), ("gold", "/rules/0", 3));
    assert_eq!(&*program.lines[1].pointer, "/rules/0/steps/1");
    let Op::Step(Action::Route(route)) = &program.lines[1].op else { panic!("a route") };
    assert_eq!((route.timeout_s, route.offers, route.order_by[0].1), (Some(20), 1, true));
    assert_eq!(document.program(None).map(|program| program.pointer.as_str()), Some("/default"));
}

#[test]
fn branches_and_labels_become_jumps() {
    let document = Document::parse(&with_steps(json!([
        {"label": "again", "branch": [
            {"when": {"var": "sys.schedule.berlin"}, "steps": [{"set": {"priority": 1}}]},
            {"steps": [{"set": {"priority": 2}}]},
        ]},
        {"goto": {"label": "again", "count": 2}},
        {"finish": {"outcome": "cancel"}},
    ])))
    .expect("sound");
    assert_eq!(document.schedules(), ["berlin".into()]);
    let lines = &document.program(None).expect("a default").lines;
    let shape = lines.iter().map(|line| match &line.op {
        Op::Unless { to, .. } => format!("unless {to}"),
        Op::Jump { to } => format!("jump {to}"),
        Op::Step(Action::Goto { to, count_max }) => format!("goto {to} {count_max}"),
        Op::Step(_) => line.pointer.to_string(),
    });
    let shape: Vec<String> = shape.collect();
    let (first, second) = ("/default/0/branch/0/steps/0", "/default/0/branch/1/steps/0");
    assert_eq!(shape, ["unless 3", first, "jump 4", second, "goto 0 2", "/default/2"]);
    assert_eq!(lines[0].label.as_deref(), Some("again"));
}

#[test]
fn each_fault_has_its_code_and_its_place() {
    let route = || json!({"route": {"queue": "support"}});
    let rule = |name: &str| json!({"name": name, "when": {"var": "item.x"}, "steps": [route()]});
    let cases = [
        (json!({}), "empty_document", ""),
        (json!([]), "wrong_type", ""),
        (json!({"default": [route()], "rulez": []}), "unknown_field", "/rulez"),
        (json!({"default": [route()], "time_zone": "Europe/Berln"}), "unknown_time_zone", "/time_zone"),
        (json!({"default": [route()], "name": ""}), "out_of_range", "/name"),
        (json!({"default": [route()], "reservation_timeout_s": 0}), "out_of_range", "/reservation_timeout_s"),
        (json!({"rules": [{"when": true, "steps": [route()]}]}), "missing_field", "/rules/0"),
        (json!({"rules": [rule("a"), rule("a")]}), "duplicate_name", "/rules/1/name"),
        (json!({"rules": [rule("default")]}), "duplicate_name", "/rules/0/name"),
        (json!({"rules": vec![rule("a"); 201]}), "too_many", "/rules"),
        (json!({"default": [route()], "name": "x".repeat(300_000)}), "document_too_large", ""),
        (with_steps(json!([])), "empty_steps", "/default"),
        (with_steps(json!(vec![route(); 101])), "too_many", "/default"),
        (with_steps(json!([{"rout": {}}])), "unknown_field", "/default/0/rout"),
        (with_steps(json!([{"route": {"queue": "support"}, "set": {"priority": 1}}])), "not_a_step", "/default/0"),
        (with_steps(json!([{"label": "x"}])), "not_a_step", "/default/0"),
        (with_steps(json!([{"route": {}}])), "missing_field", "/default/0/route"),
        (with_steps(json!([{"goto": {"label": "x"}}])), "unknown_label", "/default/0/goto/label"),
        (
            with_steps(json!([{"label": "x", "wait": {"seconds": 1}}, {"label": "x", "wait": {"seconds": 1}}])),
            "duplicate_label",
            "/default/1/label",
        ),
        (with_steps(json!([{"request": {}}])), "missing_field", "/default/0/request"),
        (with_steps(json!([{"request": {"url": "crm.example"}}])), "bad_url", "/default/0/request/url"),
        (with_steps(json!([{"wait": {}}])), "missing_field", "/default/0/wait"),
        (with_steps(json!([{"wait": {"until": "tomorrow"}}])), "not_an_instant", "/default/0/wait/until"),
        (with_steps(json!([{"finish": {"outcome": "done"}}])), "out_of_range", "/default/0/finish/outcome"),
        (with_steps(json!([{"set": {"priority": "high"}}])), "wrong_type", "/default/0/set/priority"),
        (with_steps(json!([{"set": {"attributes": {"a.b": 1}}}])), "out_of_range", "/default/0/set/attributes/a.b"),
        (with_steps(json!([{"branch": []}])), "empty_steps", "/default/0/branch"),
        (
            with_steps(json!([{"branch": [{"when": {"=": []}, "steps": [route()]}]}])),
            "unknown_operator",
            "/default/0/branch/0/when/=",
        ),
    ];
    for (document, code, pointer) in cases {
        let told = told(&document);
        assert!(told.contains(&(code, pointer.to_owned())), "{code} at {pointer}: {told:?}");
        assert!(Document::parse(&document).is_err(), "{code} at {pointer}");
    }
}

#[test]
fn branches_are_nested_so_deep_and_no_deeper() {
    let mut steps = json!([{"route": {"queue": "support"}}]);
    for _ in 0..crate::limit::BRANCH_DEPTH_MAX {
        steps = json!([{"branch": [{"when": {"var": "item.x"}, "steps": steps}]}]);
    }
    assert!(Document::parse(&with_steps(steps.clone())).is_ok());
    let findings = Document::parse(&with_steps(json!([{"branch": [{"steps": steps}]}]))).expect_err("too deep");
    assert_eq!(findings[0].code, "too_deep");
}

#[test]
fn faults_of_a_route_are_told_where_they_stand() {
    let cases = [
        (json!({"offers": 51}), "out_of_range", "/offers"),
        (json!({"timeout_s": 0}), "out_of_range", "/timeout_s"),
        (json!({"timeout_s": "20"}), "wrong_type", "/timeout_s"),
        (json!({"timeuot_s": 20}), "unknown_field", "/timeuot_s"),
        (json!({"known_worker_only": true}), "prefer_missing", "/known_worker_only"),
        (json!({"prefer_wait_s": 5}), "prefer_missing", "/prefer_wait_s"),
        (json!({"prefer": 7}), "wrong_type", "/prefer"),
        (json!({"prefer": "eve"}), "unknown_worker", "/prefer"),
        (json!({"order_by": [{"value": 1, "direction": "down"}]}), "out_of_range", "/order_by/0/direction"),
        (json!({"order_by": vec![json!({"value": 1}); 6]}), "too_many", "/order_by"),
        (json!({"skip_if": {"var": "sys.queue.wating"}}), "unknown_fact", "/skip_if/var"),
        (json!({"workers": {"<": [{"var": "sys.age_s"}, 9]}}), "fact_changes_with_time", "/workers/</0/var"),
        (json!({"queue": "suport"}), "unknown_queue", "/queue"),
        (json!({"queue": "abandoned"}), "queue_without_workers", "/queue"),
    ];
    for (fields, code, pointer) in cases {
        assert_eq!(of_route(fields.clone()), [(code, pointer.to_owned())], "{fields}");
    }
}

#[test]
fn what_can_match_nobody_is_told() {
    let of_workers = |workers: Value| of_route(json!({ "workers": workers }));
    let at = |code, pointer: &str| vec![(code, format!("/workers{pointer}"))];
    let misspelt = json!({"in": [{"var": "item.language"}, {"var": "worker.langauges"}]});
    assert_eq!(of_workers(misspelt.clone()), at("attribute_unknown", "/in/1"));
    let findings =
        Document::check(&with_steps(json!([{"route": {"queue": "support", "workers": misspelt}}])), &account());
    assert!(findings[0].message.contains("did you mean `worker.languages`?"), "{findings:?}");

    let types = [
        json!({"==": [{"var": "worker.level"}, "3"]}),
        json!({">": [{"var": "worker.nick"}, 3]}),
        json!({"in": [7, {"var": "worker.languages"}]}),
        json!({"in": [{"var": "worker.level"}, ["1", "2"]]}),
        json!({"in": [{"var": "item.language"}, {"var": "worker.level"}]}),
    ];
    for workers in types {
        let found = of_workers(workers.clone());
        assert!(found.contains(&("attribute_type", "/workers".to_owned())), "{workers}: {found:?}");
    }
    assert_eq!(of_workers(json!(false)), at("matches_nobody", ""));
    assert_eq!(of_workers(json!({">": [{"var": "worker.level"}, 9]})), at("matches_nobody", ""));
    let partly = json!({"and": [{"==": [{"var": "item.a"}, 1]}, {">": [{"var": "worker.level"}, 9]}]});
    assert_eq!(of_workers(partly), at("matches_nobody", ""));
    assert_eq!(of_workers(json!({"==": [{"var": "sys.channel"}, "voce"]})), at("unknown_channel", ""));
    let busy = json!({"or": [{"==": [{"var": "sys.worker.activity"}, "Avialable"]}, {"var": "item.any"}]});
    assert_eq!(of_workers(busy), at("unknown_activity", "/or/0"));
    for sound in [
        json!({"in": [{"var": "item.language"}, {"var": "worker.languages"}]}),
        json!({">=": [{"var": "worker.level"}, {"var": "item.level"}]}),
        json!({"in": ["b", {"var": "worker.nick"}]}),
        json!({"!=": [{"var": "worker.level"}, null]}),
    ] {
        assert_eq!(of_workers(sound.clone()), [], "{sound}");
    }
}

#[test]
fn comparisons_with_objects_are_told() {
    let compared = |operator: &str, path: &str| json!({operator: [{"var": "worker.site"}, {"var": path}]});
    let of_workers = |workers: Value| of_route(json!({ "workers": workers }));
    for operator in ["==", "!=", "<", "in"] {
        assert_eq!(of_workers(compared(operator, "item")), [("object_compared", "/workers".to_owned())], "{operator}");
        assert_eq!(of_workers(compared(operator, "item.customer")), [], "{operator}: nothing says what it is");
    }
    let likely = |path: &str, when: Value| {
        let steps = json!([{"route": {"queue": "support", "workers": compared("in", path)}}]);
        let rules = json!([{"name": "a", "when": when, "steps": steps}]);
        let found = told(&json!({"rules": rules, "default": [{"route": {"queue": "everyone"}}]}));
        found == [("object_likely", "/rules/0/steps/0/route/workers".to_owned())]
    };
    let reads = |path: &str| json!({"==": [{"var": path}, "gold"]});
    assert!(likely("item.customer", reads("item.customer.tier")));
    assert!(likely("item.people", reads("item.people.0.name")) && likely("item.people.0", reads("item.people.0.name")));
    assert!(!likely("item.people", reads("item.people.0")), "a list of texts may be searched");
    let any = |body: Value| json!({"some": [{"var": "item.people"}, body]});
    assert!(likely("item.people", any(reads("name"))));
    assert!(!likely("item.people", any(reads(""))) && !likely("item.people", any(reads("item.name"))));
    let inner = any(json!({"some": [{"var": "item.skills"}, reads("name")]}));
    assert!(!likely("item.people", inner.clone()) && likely("item.skills", inner));
}

#[test]
fn objects_of_workers_are_told() {
    let mut directory = account();
    let skilled = json!({"home": {"city": "Ulm"}, "skills": [{"name": "voice"}], "site": "Ulm", "languages": ["de"]});
    directory.add_worker("cleo", "Available", &skilled);
    let codes = |workers: Value| -> Vec<&str> {
        let document = with_steps(json!([{"route": {"queue": "support", "workers": workers}}]));
        Document::check(&document, &directory).into_iter().map(|finding| finding.code).collect()
    };
    let with_item = |operator: &str, path: &str| json!({operator: [{"var": "item.x"}, {"var": path}]});
    assert_eq!(codes(with_item("==", "worker.home")), ["attribute_type"]);
    assert_eq!(codes(with_item("in", "worker.home")), ["attribute_type"]);
    assert_eq!(codes(with_item("in", "worker.skills")), ["attribute_type"]);
    assert_eq!(codes(json!({"in": [{"var": "worker.home"}, {"var": "item.x"}]})), ["attribute_type"]);
    for sound in
        [with_item("==", "worker.home.city"), with_item("in", "worker.languages"), with_item("in", "worker.site")]
    {
        assert_eq!(codes(sound.clone()), [""; 0], "{sound}");
    }
}

#[test]
fn schedules_must_exist() {
    let document = json!({
        "rules": [{"name": "open", "when": {"var": "sys.schedule.berln"}, "steps": [{"route": {"queue": "support"}}]}],
        "default": [{"route": {"queue": "everyone"}}]});
    assert_eq!(told(&document), [("unknown_schedule", "/rules/0/when".to_owned())]);
}

#[test]
fn an_account_without_workers_is_told_of_once() {
    let mut directory = OfflineDirectory::default();
    directory.add_queue("support", json!(true));
    let workers = json!({"==": [{"var": "worker.a"}, {"var": "worker.b"}]});
    let document = with_steps(json!([{"route": {"queue": "support", "workers": workers}}]));
    let codes: Vec<_> = Document::check(&document, &directory).into_iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["no_workers"]);
}

#[test]
fn rules_that_take_nothing_are_told_of() {
    let rule =
        |name: &str, when: Value| json!({"name": name, "when": when, "steps": [{"route": {"queue": "support"}}]});
    let (x, never) = (json!({"var": "item.x"}), json!({"==": [1, 2]}));
    let rules = json!({"rules": [rule("a", x.clone()), rule("b", x), rule("c", never)]});
    assert_eq!(
        told(&rules),
        [
            ("unreachable_rule", "/rules/1".to_owned()),
            ("rule_never_matches", "/rules/2/when".to_owned()),
            ("no_default", String::new()),
        ]
    );
    let rules = json!({"rules": [rule("all", json!(true)), rule("late", json!({"var": "item.x"}))],
                       "default": [{"route": {"queue": "everyone"}}]});
    assert_eq!(
        told(&rules),
        [("unreachable_rule", "/rules/1".to_owned()), ("unreachable_rule", "/default".to_owned())]
    );
}

#[test]
fn ways_that_lead_nowhere_are_told_of() {
    let (route, patient) =
        (json!({"route": {"queue": "support"}}), json!({"route": {"queue": "support", "timeout_s": 9}}));
    let (set, wait) = (json!({"set": {"priority": 1}}), json!({"wait": {"seconds": 5}}));
    let finish = json!({"finish": {"outcome": "complete"}});
    let labelled = |step: &Value| {
        let mut step = step.clone();
        step["label"] = json!("again");
        step
    };
    let goto = json!({"goto": {"label": "again"}});
    let branch = |when: Value, step: &Value| json!({"branch": [{"when": when, "steps": [step]}]});
    let cases = [
        (json!([route, set, finish]), vec![("unreachable_step", "/default/1")]),
        (json!([finish, route]), vec![("unreachable_step", "/default/1")]),
        (json!([patient]), vec![("last_route_times_out", "/default/0/route/timeout_s")]),
        (json!([patient, set]), vec![("steps_run_out", "/default/1")]),
        (json!([labelled(&set), goto, route]), vec![("loop_never_waits", "/default/1")]),
        (json!([labelled(&wait), goto, route]), vec![]),
        (json!([labelled(&patient), goto, finish]), vec![]),
        (json!([goto, set, labelled(&route)]), vec![("unreachable_step", "/default/1")]),
        (json!([branch(json!({"var": "item.x"}), &route)]), vec![("steps_run_out", "/default/0")]),
        (json!([branch(json!(false), &route), route]), vec![("constant_condition", "/default/0/branch/0/when")]),
        (json!([branch(json!(true), &route), route]), vec![("unreachable_step", "/default/1")]),
        (json!([branch(json!({"var": "item.x"}), &finish), route]), vec![]),
    ];
    for (steps, expected) in cases {
        let expected: Vec<_> = expected.into_iter().map(|(code, pointer)| (code, pointer.to_owned())).collect();
        assert_eq!(told(&with_steps(steps.clone())), expected, "{steps}");
    }
}

#[test]
fn errors_come_first_and_the_list_is_bounded() {
    let wrong: Vec<Value> = (0..99).map(|_| json!({"route": {"queue": "nowhere", "x": 1}})).collect();
    let findings = Document::check(&with_steps(json!(wrong)), &account());
    assert_eq!(findings.len(), crate::limit::FINDINGS_MAX);
    assert_eq!(findings.last().map(|last| (last.code, last.severity)), Some(("too_many_findings", Severity::Error)));
    assert!(findings.windows(2).all(|pair| pair[0].severity <= pair[1].severity));
}

/// The examples in the manual pages of the steps are documents that can be read.
#[test]
fn the_examples_of_the_steps_are_read() {
    let pages = [
        include_str!("step/route.rs"),
        include_str!("step/set.rs"),
        include_str!("step/branch.rs"),
        include_str!("step/wait.rs"),
        include_str!("step/goto.rs"),
        include_str!("step/finish.rs"),
    ];
    for page in pages {
        let lines = page.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
        let example: Vec<&str> =
            lines.skip_while(|line| *line != "```json").skip(1).take_while(|line| *line != "```").collect();
        let step: Value = serde_json::from_str(&example.join("\n")).expect("the example is JSON");
        let again = json!({"label": "again", "wait": {"seconds": 1}});
        if let Err(findings) = Document::parse(&with_steps(json!([again, step]))) {
            panic!("{step}: {findings:?}");
        }
    }
}

/// The manual lists every kind of finding, with the words of the catalogue.
#[test]
fn the_manual_lists_every_finding() {
    let manual = include_str!("../../../../docs/workflows.md");
    for code in CODES {
        let severity = if code.severity == Severity::Error { "error" } else { "warning" };
        let row = format!("| `{}` | {severity} | {} |", code.name, code.means);
        assert!(manual.contains(&row), "docs/workflows.md lacks the row\n{row}");
    }
}

#[test]
fn a_document_that_reads_too_many_attributes_is_told_so_once() {
    let names: Vec<String> = (0..300).map(|number| format!("a{number}")).collect();
    let mut directory = OfflineDirectory::default();
    directory.add_queue("support", json!(true));
    let held: serde_json::Map<String, Value> = names.iter().map(|name| (name.clone(), json!(1))).collect();
    directory.add_worker("ada", "Available", &Value::Object(held));
    let read: Vec<Value> = names.iter().map(|name| json!({"var": format!("worker.{name}")})).collect();
    let document = with_steps(json!([{"route": {"queue": "support", "workers": {"or": read}}}]));
    let codes: Vec<_> = Document::check(&document, &directory).into_iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["attributes_unchecked"]);
}

proptest::proptest! {
    /// Whatever stands in a document, reading and checking it ends, and what passes the check can be read.
    #[test]
    fn no_document_is_too_strange(seed: u64) {
        let mut state = seed;
        let document = strange(&mut state, 0);
        let refused = Document::check(&document, &account()).iter().any(|found| found.severity == Severity::Error);
        let references = ["unknown_queue", "unknown_schedule"];
        match Document::parse(&document) {
            Ok(_) => {}
            Err(findings) => assert!(refused && !references.contains(&findings[0].code), "{document}"),
        }
    }
}

/// A value made of the words of documents, put together without sense.
fn strange(state: &mut u64, depth: usize) -> Value {
    const WORDS: [&str; 24] = [
        "rules",
        "default",
        "name",
        "when",
        "steps",
        "route",
        "queue",
        "support",
        "workers",
        "set",
        "priority",
        "branch",
        "goto",
        "label",
        "count",
        "finish",
        "outcome",
        "complete",
        "wait",
        "seconds",
        "until",
        "var",
        "worker.level",
        "and",
    ];
    let mut next = |below: usize| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) as usize % below
    };
    let kind = if depth == 0 {
        0
    } else if depth > 6 {
        2 + next(4)
    } else {
        next(6)
    };
    let size = next(4);
    match kind {
        0 => {
            let names: Vec<&str> = (0..size + 1).map(|_| WORDS[next(WORDS.len())]).collect();
            Value::Object(names.into_iter().map(|name| (name.to_owned(), strange(state, depth + 1))).collect())
        }
        1 => Value::Array((0..size).map(|_| strange(state, depth + 1)).collect()),
        2 => json!(WORDS[next(WORDS.len())]),
        3 => json!(next(100)),
        4 => json!(next(2) == 0),
        _ => Value::Null,
    }
}
