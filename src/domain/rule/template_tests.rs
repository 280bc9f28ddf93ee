//! Filling, by example and against evaluating the whole.

use super::*;
use crate::rule::RuleError;
use proptest::prelude::*;

fn rest(rule: Value, item: Value) -> Value {
    let facts = json!({"item": item, "sys": {"channel": "voice", "priority": 5}});
    Template::compile(&rule).and_then(|template| template.fill(&facts)).expect("fills")
}

#[test]
fn only_what_reads_the_worker_is_left() {
    let rule = json!({"and": [
        {"==": [{"var": "sys.channel"}, "voice"]},
        {"in": [{"var": "item.language"}, {"var": "worker.languages"}]},
    ]});
    let left = rest(rule, json!({"language": "de"}));
    assert_eq!(left, json!({"in": ["de", {"var": "worker.languages"}]}));
    assert_eq!(rest(json!({"and": [{"var": "item.x"}, {"var": "worker.y"}]}), json!({})), json!(null));
    assert_eq!(rest(json!({"or": [{"var": "item.x"}, {"var": "worker.y"}]}), json!({"x": 1})), json!(1));
    let rule = json!({"if": [{"var": "item.x"}, {"var": "worker.y"}, {"var": "worker.z"}]});
    assert_eq!(rest(rule.clone(), json!({"x": {"a": 1}})), json!({"var": "worker.y"}));
    assert_eq!(rest(rule, json!({})), json!({"var": "worker.z"}));
}

#[test]
fn items_of_elements_are_filled_in_too() {
    let rule = json!({"some": [{"var": "worker.skills"}, {">=": [{"var": "level"}, {"var": "item.least"}]}]});
    let left = rest(rule, json!({"least": 3}));
    assert_eq!(left, json!({"some": [{"var": "worker.skills"}, {">=": [{"var": "level"}, 3]}]}));
    let rule = json!({"all": [{"var": "item.skills"}, {"in": [{"var": ""}, {"var": "worker.skills"}]}]});
    let left = rest(rule, json!({"skills": ["a", "b"]}));
    assert_eq!(left, json!({"all": [["a", "b"], {"in": [{"var": ""}, {"var": "worker.skills"}]}]}));
}

#[test]
fn values_that_order_workers_are_kept() {
    let rule = json!({"or": [{"var": "worker.skill"}, {"var": "item.usual"}]});
    assert_eq!(rest(rule.clone(), json!({"usual": 0})), json!({"or": [{"var": "worker.skill"}, 0]}));
    assert_eq!(truth_form(rest(rule, json!({"usual": 0}))), json!({"var": "worker.skill"}));
    assert_eq!(truth_form(json!({"and": [{"var": "worker.x"}, "gold"]})), json!({"var": "worker.x"}));
}

#[test]
fn facts_that_are_absent_are_missed_where_they_would_be() {
    let rule = json!({"if": [{"missing": ["item.language"]}, true, {"var": "worker.x"}]});
    assert_eq!(rest(rule.clone(), json!({})), json!(true));
    assert_eq!(rest(rule, json!({"language": "de"})), json!({"var": "worker.x"}));
    let rule = json!({"!": [{"missing": ["item.a", "worker.b"]}]});
    assert_eq!(rest(rule.clone(), json!({"a": 1})), json!({"!": [{"merge": [[], {"missing": ["worker.b"]}]}]}));
    let rule = json!({"==": [{"var": ["item.a", {"var": "worker.b"}]}, 1]});
    assert_eq!(rest(rule.clone(), json!({"a": 1})), json!(true));
    assert_eq!(rest(rule, json!({})), json!({"==": [{"var": "worker.b"}, 1]}));
}

#[test]
fn null_is_absent_inside_elements_only() {
    let read = json!({"==": [{"var": ["item.a", {"var": "worker.b"}]}, 1]});
    assert_eq!(rest(read.clone(), json!({"a": null})), json!(false));
    let known = json!({"some": [[1], {"==": [{"var": ["item.a", 1]}, {"var": "worker.b"}]}]});
    assert_eq!(rest(known, json!({"a": null})), json!({"some": [[1], {"==": [1, {"var": "worker.b"}]}]}));
    let inside = rest(json!({"some": [[1], read]}), json!({"a": null}));
    assert_eq!(inside, json!({"some": [[1], {"==": [{"var": "worker.b"}, 1]}]}));
}

#[test]
fn objects_of_the_item_are_refused_only_where_they_are_compared() {
    let rule = json!({"in": [{"var": "worker.id"}, {"var": "item.people"}]});
    let template = Template::compile(&rule).expect("compiles");
    assert!(template.fill(&json!({"item": {"people": [{"id": 1}]}})).is_err());
    let rule = json!({"and": [{"var": "worker.x"}, {"var": "item.customer"}]});
    assert_eq!(
        rest(rule.clone(), json!({"customer": {"var": "worker.y"}})),
        json!({"and": [{"var": "worker.x"}, [true]]})
    );
    assert_eq!(rest(rule, json!({"customer": {}})), json!({"and": [{"var": "worker.x"}, []]}));
}

#[test]
fn what_no_worker_can_satisfy_is_told_with_the_part_to_blame() {
    let fault = |rule: &Value, item: Value| {
        Template::compile(rule).expect("compiles").fault(&json!({ "item": item, "sys": {"channel": "voice"} }))
    };
    let compared = |operator: &str| json!({operator: [{"var": "worker.id"}, {"var": "item.people"}]});
    let people = || json!({"people": [{"id": 1}]});
    let told = Some(format!("`item.people`: {HOLDS_OBJECT}"));
    for operator in ["in", "==", "===", "!=", "!==", "<", "<=", ">", ">="] {
        let rule = compared(operator);
        assert_eq!(fault(&rule, people()), told, "{rule}");
        assert_eq!(fault(&rule, json!({"people": ["ann"]})), None, "{rule}");
        let after = json!({"and": [{"var": "worker.senior"}, rule]});
        assert_eq!(fault(&after, people()), told, "whoever gets there fails, and nobody else matches: {after}");
        let first = json!({"or": [rule, {"var": "worker.senior"}]});
        assert_eq!(fault(&first, people()), told, "{first}");
        let last = json!({"or": [{"var": "worker.senior"}, rule]});
        assert_eq!(fault(&last, people()), None, "a senior matches: {last}");
    }
    let listed = json!({"in": [{"var": "worker.id"}, [{"var": "item.agent"}, {"var": "worker.deputy"}]]});
    assert_eq!(fault(&listed, json!({"agent": {"id": 1}})), Some(format!("`item.agent`: {HOLDS_OBJECT}")));
    let sum = json!({"<": [{"var": "worker.level"}, {"+": [{"var": "item.level"}, 1]}]});
    assert_eq!(fault(&sum, json!({"level": 2})), None);
    assert!(fault(&sum, json!({"level": "senior"})).is_some());
}

fn attribute() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (-2i64..4).prop_map(Value::from),
        prop::sample::select(vec!["a", "b", "", "3", "worker.x"]).prop_map(Value::from),
    ];
    let object = prop::collection::btree_map(prop::sample::select(vec!["x", "var", "y"]), scalar.clone(), 0..2);
    let object = object.prop_map(|fields| json!(fields));
    prop_oneof![
        6 => scalar.clone(),
        2 => prop::collection::vec(prop_oneof![5 => scalar, 1 => object.clone()], 0..3).prop_map(Value::from),
        1 => object,
    ]
}

fn attributes() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(prop::sample::select(vec!["x", "y", "z"]), attribute(), 0..4).prop_map(|of| json!(of))
}

fn path() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "item.x",
        "item.y",
        "item.z",
        "worker.x",
        "worker.y",
        "worker.z",
        "sys.channel",
        "sys.worker.name",
        "item.x.0",
        "worker.y.x",
    ])
}

fn literal() -> impl Strategy<Value = Value> {
    attribute().prop_filter("an object is no literal", |value| !holds_object(value))
}

fn rule() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => literal(),
        4 => path().prop_map(|path| json!({"var": path})),
        1 => prop::collection::vec(path(), 1..3).prop_map(|paths| json!({"missing": paths})),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let element = prop_oneof![Just(json!({"var": ""})), Just(json!({"var": "x"})), inner.clone(),];
        let body = (prop::sample::select(vec!["==", "<", "in", "or"]), element, inner.clone())
            .prop_map(|(operator, left, right)| json!({operator: [left, right]}));
        let two = prop::sample::select(vec!["==", "===", "!=", "<", ">=", "in", "+", "-", "*", "cat", "max", "merge"]);
        prop_oneof![
            (two, inner.clone(), inner.clone()).prop_map(|(operator, a, b)| json!({operator: [a, b]})),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| json!({"<": [a, b, c]})),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|rules| json!({"and": rules})),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|rules| json!({"or": rules})),
            prop::collection::vec(inner.clone(), 2..6).prop_map(|rules| json!({"if": rules})),
            inner.clone().prop_map(|rule| json!({"!": [rule]})),
            inner.clone().prop_map(|rule| json!({"!!": [rule]})),
            (path(), inner.clone()).prop_map(|(path, default)| json!({"var": [path, default]})),
            prop::collection::vec(inner.clone(), 1..3).prop_map(Value::from),
            (prop::sample::select(vec!["all", "some", "none", "filter", "map"]), inner, body)
                .prop_map(|(operator, list, body)| json!({operator: [list, body]})),
        ]
    })
}

/// Outcomes are told apart by truth, by their place in an order and by failing, and by no more.
fn told(outcome: Result<Value, RuleError>) -> Option<(bool, Value)> {
    let value = outcome.ok()?;
    let ordered = if value.is_array() || value.is_object() { Value::Null } else { value.clone() };
    Some((is_true(&value), ordered))
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn the_rest_over_the_worker_is_the_whole_over_both(rule in rule(), item in attributes(), worker in attributes()) {
        let Ok(template) = Template::compile(&rule) else { return Err(TestCaseError::reject("does not compile")) };
        let of_item = json!({"item": item, "sys": {"channel": "voice"}});
        let of_worker = json!({"worker": worker, "sys": {"worker": {"name": "n"}}});
        let both = json!({"item": item, "worker": worker, "sys": {"channel": "voice", "worker": {"name": "n"}}});
        let whole = told(Expression::compile(&rule).and_then(|rule| rule.evaluate(&both)));
        let filled = template.fill(&of_item);
        let written = filled.as_ref().map_or_else(|error| error.message.clone(), ToString::to_string);
        prop_assume!(!written.contains(HOLDS_OBJECT));
        if let Some(why) = template.fault(&of_item) {
            prop_assert!(whole.as_ref().is_none_or(|(truth, _)| !truth), "{} is said to match nobody: {}", rule, why);
        }
        if let Ok(rest) = &filled {
            let again = template.fill(&of_item).map(|rest| rest.to_string());
            prop_assert_eq!(again.ok(), Some(rest.to_string()));
            let reduced = Expression::compile(&truth_form(rest.clone())).and_then(|rest| rest.truthy(&of_worker));
            prop_assert_eq!(reduced.ok(), whole.as_ref().map(|whole| whole.0), "{} left {}", rule, rest);
        }
        let told = told(filled.and_then(|rest| Expression::compile(&rest)?.evaluate(&of_worker)));
        prop_assert_eq!(told, whole, "{} left {}", rule, written);
    }
}
