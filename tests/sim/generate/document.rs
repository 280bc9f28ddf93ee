//! Random workflow documents with every kind of step, all of them acceptable to the check.

use super::configuration::QUEUES;
use crate::random::Dice;
use serde_json::{Value, json};

pub fn workflow(dice: &mut Dice) -> Value {
    let mut document = json!({"name": "random"});
    let conditions = [
        json!({"==": [{"var": "item.tier"}, "gold"]}),
        json!({"==": [{"var": "item.lang"}, "de"]}),
        json!({">": [{"var": "item.need"}, 2]}),
        json!({"==": [{"var": "sys.channel"}, "voice"]}),
    ];
    let rules: Vec<_> = (0..dice.below(3))
        .map(|place| json!({"name": format!("rule{place}"), "when": dice.one(&conditions), "steps": steps(dice, 0)}))
        .collect();
    let without_default = !rules.is_empty() && dice.chance(1, 6);
    if !rules.is_empty() {
        document["rules"] = json!(rules);
    }
    if !without_default {
        document["default"] = json!(steps(dice, 0));
    }
    if dice.chance(3, 4) {
        document["reservation_timeout_s"] = json!(dice.between(1, 30));
    }
    document
}

fn steps(dice: &mut Dice, depth: u32) -> Vec<Value> {
    let mut steps: Vec<_> = (0..dice.between(1, 3)).map(|_| step(dice, depth)).collect();
    if depth == 0 {
        if dice.chance(1, 4) {
            let mut first = route(dice);
            first["route"]["timeout_s"] = json!(dice.between(1, 20));
            first["label"] = json!("again");
            steps.insert(0, first);
            steps.push(json!({"goto": {"label": "again", "count": dice.between(1, 3)}}));
        }
        if dice.chance(2, 3) {
            steps.push(json!({"route": {"queue": "everyone"}}));
        }
    }
    steps
}

fn step(dice: &mut Dice, depth: u32) -> Value {
    match dice.below(16) {
        0 => json!({"set": {"priority": {"+": [{"var": "sys.priority"}, dice.below(9)]}}}),
        1 => json!({"set": {"attributes": {"lang": dice.one(&super::LANGUAGES)}}}),
        2 => json!({"wait": {"seconds": dice.between(1, 20)}}),
        3 if depth == 0 => json!({"branch": [
            {"when": {"==": [{"var": "item.lang"}, "en"]}, "steps": steps(dice, 1)},
            {"when": {"==": [{"var": "item.tier"}, "gold"]}, "steps": steps(dice, 1)},
        ]}),
        4 if dice.chance(1, 4) => json!({"finish": {"outcome": dice.one(&["complete", "cancel"])}}),
        5 | 6 => request(dice),
        _ => route(dice),
    }
}

fn request(dice: &mut Dice) -> Value {
    let mut request = json!({"url": "https://one.example/ask"});
    if dice.chance(1, 2) {
        request["fallback_url"] = json!("https://two.example/ask");
    }
    if dice.chance(1, 2) {
        request["timeout_s"] = json!(dice.between(1, 15));
    }
    if dice.chance(1, 3) {
        request["into"] = json!("told");
    }
    if dice.chance(1, 3) {
        request["send"] = json!({"lang": {"var": "item.lang"}});
    }
    json!({ "request": request })
}

fn route(dice: &mut Dice) -> Value {
    let mut route = json!({"queue": dice.one(&QUEUES)});
    if dice.chance(1, 2) {
        route["workers"] = predicate(dice);
    }
    if dice.chance(1, 3) {
        route["prefer"] = json!({"var": "item.last"});
        if dice.chance(1, 2) {
            route["prefer_wait_s"] = json!(dice.between(1, 20));
        } else if dice.chance(1, 4) {
            route["known_worker_only"] = json!(true);
        }
    }
    if dice.chance(1, 3) {
        let value = dice.one(&[json!({"var": "worker.skill"}), json!({"var": "worker.team"})]);
        route["order_by"] = json!([{"value": value, "direction": dice.one(&["asc", "desc"])}]);
    }
    if dice.chance(1, 5) {
        route["priority"] = json!(dice.below(30));
    }
    if dice.chance(2, 3) {
        route["timeout_s"] = json!(dice.between(1, 40));
    }
    if dice.chance(1, 6) {
        route["skip_if"] = dice.one(&[
            json!({"==": [{"var": "sys.queue.available"}, 0]}),
            json!({"==": [{"var": "sys.queue.eligible"}, 0]}),
            json!({">=": [{"var": "sys.queue.waiting"}, 3]}),
            json!({"===": [{"var": "sys.request.ok"}, false]}),
            json!({"==": [{"var": "sys.request.error"}, "timeout"]}),
        ]);
    }
    if dice.chance(1, 4) {
        route["offers"] = json!(dice.between(2, 3));
    }
    if dice.chance(1, 4) {
        route["reservation_timeout_s"] = json!(dice.between(1, 20));
    }
    json!({ "route": route })
}

fn predicate(dice: &mut Dice) -> Value {
    let language = json!({"in": [{"var": "item.lang"}, {"var": "worker.langs"}]});
    let skill = json!({">=": [{"var": "worker.skill"}, {"var": "item.need"}]});
    let team = json!({"==": [{"var": "worker.team"}, "a"]});
    match dice.below(6) {
        0 => json!({"and": [language, skill]}),
        1 => json!({"or": [team, skill]}),
        2 => json!({"!": [team]}),
        3 => skill,
        _ => language,
    }
}
