//! Running the test file of a workflow: each case is played on an engine of its own, with the declared account in it,
//! and compared with what the case expects.

use super::document::case::{Case, Expected, ExpectedStep, TestFile};
use super::*;
use crate::id::IdSource;
use crate::signing::SigningSecret;
use crate::time::Timestamp;
use serde_json::Value;

/// Declared workers became idle so many seconds apart, the first first.
const IDLE_APART_S: i64 = 60;

/// How one case went.
#[derive(Debug, Clone)]
pub struct CaseResult {
    pub name: String,
    /// One sentence for each thing that differs; none when the case holds.
    pub differences: Vec<String>,
    pub rehearsal: Rehearsal,
}

/// Plays every case of a test file that has been checked.
///
/// # Errors
/// What is wrong with the declared account or the document, with pointers into the file or the document.
pub fn run_cases(document: &Value, file: &TestFile) -> Result<Vec<CaseResult>, Rejection> {
    file.cases.iter().map(|case| run_case(document, file, case)).collect()
}

fn run_case(document: &Value, file: &TestFile, case: &Case) -> Result<CaseResult, Rejection> {
    let engine = declared(file, case)?;
    let mut run = engine.dry_run_view(case.at).check(document, std::slice::from_ref(&case.item))?;
    match run.samples.pop() {
        Some(rehearsal) => {
            let differences = differences(&case.expect, &rehearsal);
            Ok(CaseResult { name: case.name.clone(), differences, rehearsal })
        }
        None => Err(Rejection::Document { findings: run.findings }),
    }
}

/// An engine with the account that a file declares, as it is in one case.
fn declared(file: &TestFile, case: &Case) -> Result<Engine, Rejection> {
    let workers = i64::try_from(file.workers.len()).unwrap_or(i64::MAX);
    let mut now = case.at.plus_millis(-(workers + 1).saturating_mul(IDLE_APART_S * 1_000));
    let (account, records) = found_account("test", now, &mut IdSource::new(1), SigningSecret::new("test".to_owned()));
    let engine = Engine::recover(account, 0, 2, now, records);
    let mut engine = engine.map_err(|error| Rejection::Invalid {
        pointer: String::new(),
        code: "unreadable",
        message: error.to_string(),
    })?;
    configure(&mut engine, now, file)?;
    for worker in &file.workers {
        now = now.plus_millis(IDLE_APART_S * 1_000);
        let activity = case.activities.get(&worker.name).unwrap_or(&worker.activity);
        let new = NewWorker {
            name: worker.name.clone(),
            attributes: worker.attributes.clone(),
            activity: Some(Reference(activity.clone())),
            capacity: worker.capacity.clone(),
            connection_required: false,
        };
        carry_out(&mut engine, now, Command::CreateWorker(new))?;
    }
    load(&mut engine, case);
    Ok(engine)
}

fn configure(engine: &mut Engine, now: Timestamp, file: &TestFile) -> Result<(), Rejection> {
    for activity in &file.activities {
        let (name, available) = (activity.name.clone(), activity.available);
        carry_out(engine, now, Command::CreateActivity { name, available })?;
    }
    for channel in &file.channels {
        let (name, default_capacity) = (channel.name.clone(), channel.default_capacity);
        carry_out(engine, now, Command::CreateChannel { name, default_capacity })?;
    }
    for queue in &file.queues {
        let (name, workers, order) = (queue.name.clone(), queue.workers.clone(), queue.order);
        // The file's check has refused what is out of range; the cast holds the rest at its ends.
        let priority_per_minute_milli = (queue.priority_per_minute * 1_000.0).round() as u32;
        carry_out(engine, now, Command::CreateQueue { name, workers, order, priority_per_minute_milli })?;
    }
    for schedule in &file.schedules {
        let (name, hours) = (schedule.name.clone(), schedule.hours());
        carry_out(engine, now, Command::CreateSchedule { name, hours })?;
    }
    let settings = SettingsChange { exclusions: Some(file.exclusions.clone()), ..SettingsChange::default() };
    carry_out(engine, now, Command::UpdateAccount { name: None, settings: Some(settings), expected: None })
}

fn carry_out(engine: &mut Engine, now: Timestamp, command: Command) -> Result<(), Rejection> {
    engine.handle(now, &Actor::System, command, &mut Vec::new()).map(|_| ())
}

/// Lets workers hold what the case says, as if they had accepted it.
fn load(engine: &mut Engine, case: &Case) {
    for (worker, load) in &case.load {
        let id = engine.resolve_worker(&Reference(worker.clone()), "");
        let Some(slot) = id.ok().and_then(|id| engine.floor.slot(id)) else { continue };
        for (channel, count) in load {
            let Some(number) = engine.config.channel_number(channel) else { continue };
            engine.floor.change(slot, |seat| {
                if let Some(load) = seat.load.get_mut(number as usize) {
                    *load += count;
                }
                seat.held += count;
            });
        }
    }
}

fn differences(expected: &Expected, found: &Rehearsal) -> Vec<String> {
    let mut told = Vec::new();
    let mut compare = |what: &str, expected: &dyn std::fmt::Display, found: &dyn std::fmt::Display| {
        let (expected, found) = (expected.to_string(), found.to_string());
        if expected != found {
            told.push(format!("{what}: {expected} was expected, and it is {found}"));
        }
    };
    let named = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
    compare("rule", &named(&expected.rule), &named(&found.rule));
    let rests: Vec<&RehearsedStep> = found.steps.iter().filter(|step| step.rests).collect();
    for place in 0..expected.steps.len().max(rests.len()) {
        let (expected, found) = (expected.steps.get(place), rests.get(place));
        let found = found.map_or_else(|| "no step".to_owned(), |step| found_step(step, expected));
        compare(&format!("step {}", place + 1), &expected.map_or_else(|| "no step".to_owned(), expected_step), &found);
    }
    compare("state", &state(expected.state), &state(found.state));
    if expected.reason.is_some() || found.state != ItemState::Pending {
        compare("reason", &named(&expected.reason), &named(&found.reason));
    }
    if let Some(priority) = expected.priority {
        compare("priority", &priority, &found.priority);
    }
    for (name, value) in expected.attributes.iter().filter_map(Value::as_object).flatten() {
        compare(&format!("attribute {name}"), value, found.attributes.get(name).unwrap_or(&Value::Null));
    }
    // Nobody was asked, whether the case expects that or not: the predicate is wrong, or the item is.
    for step in rests {
        if let Some(why) = step.detail.as_ref().and_then(|detail| detail["matches_nobody"].as_str()) {
            told.push(format!("{}: its `workers` fails for this item, so nobody matches: {why}", step.step));
        }
    }
    for step in &found.unanswered {
        told.push(format!("{step}: the case gives no answer to this request; nobody is asked in a test"));
    }
    for step in &found.unasked {
        told.push(format!("{step}: an answer is given to it, and it asked nothing"));
    }
    if !found.complete {
        told.push("the item was not followed to its end: it rests too often".to_owned());
    }
    told
}

fn state(state: ItemState) -> Value {
    serde_json::to_value(state).unwrap_or(Value::Null)
}

fn expected_step(step: &ExpectedStep) -> String {
    described(f64::from(step.after_s), &step.step, step.queue.as_deref(), &step.workers)
}

/// A step in the words of the expectation: by its label when the case names that.
fn found_step(step: &RehearsedStep, expected: Option<&ExpectedStep>) -> String {
    let by_label = step.label.as_deref().filter(|label| expected.is_some_and(|expected| expected.step == *label));
    let workers: Vec<String> = step.workers.iter().map(|worker| worker.name.clone()).collect();
    described(step.after_s.round(), by_label.unwrap_or(&step.step), step.queue_name.as_deref(), &workers)
}

fn described(after_s: f64, step: &str, queue: Option<&str>, workers: &[String]) -> String {
    match queue {
        Some(queue) if workers.is_empty() => format!("{step} after {after_s} s, in {queue} for nobody"),
        Some(queue) => format!("{step} after {after_s} s, in {queue} for {}", workers.join(", ")),
        None => format!("{step} after {after_s} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file(expect: Value) -> TestFile {
        let file = json!({
            "queues": [{"name": "support"}],
            "workers": [{"name": "ada"}, {"name": "bob"}],
            "cases": [{"name": "one", "at": "2026-03-02T09:00:00Z", "item": {"timeout_s": 600}, "expect": expect}],
        });
        TestFile::read(&file.to_string()).expect("a test file")
    }

    fn differences_of(steps: Value, expect: Value) -> Vec<String> {
        let document = json!({ "rules": [], "default": steps });
        run_cases(&document, &file(expect)).expect("runs").remove(0).differences
    }

    #[test]
    fn what_differs_is_told() {
        let steps = || {
            json!([{"label": "first", "route": {"queue": "support", "timeout_s": 20}},
                              {"set": {"priority": 7}},
                              {"finish": {"outcome": "complete", "reason": "enough"}}])
        };
        let step = |after_s: u32, workers: Value| json!({"after_s": after_s, "step": "first", "queue": "support", "workers": workers});
        let sound = json!({"rule": "default", "steps": [step(0, json!(["ada", "bob"]))], "state": "completed",
                           "reason": "enough", "priority": 7});
        assert_eq!(differences_of(steps(), sound.clone()), [""; 0]);
        let wrong = json!({"rule": null, "steps": [step(3, json!(["bob"])), step(9, json!([]))], "state": "canceled",
                           "priority": 8, "attributes": {"x": 1}});
        assert_eq!(
            differences_of(steps(), wrong),
            [
                "rule: none was expected, and it is default",
                "step 1: first after 3 s, in support for bob was expected, and it is first after 0 s, in support for ada, bob",
                "step 2: first after 9 s, in support for nobody was expected, and it is no step",
                "state: \"canceled\" was expected, and it is \"completed\"",
                "reason: none was expected, and it is enough",
                "priority: 8 was expected, and it is 7",
                "attribute x: 1 was expected, and it is null",
            ]
        );
    }

    #[test]
    fn a_predicate_that_fails_is_no_nobody_to_expect() {
        let steps =
            json!([{"route": {"queue": "support", "workers": {"==": [{"var": "worker.a"}, {"var": "item.a"}]}}}]);
        let expect = json!({"rule": "default", "steps": [{"after_s": 0, "step": "/default/0", "queue": "support"}]});
        let mut file = file(expect);
        let mut differences = |attributes: Value| {
            file.cases[0].item.attributes = attributes;
            run_cases(&json!({ "default": steps }), &file).expect("runs").remove(0).differences
        };
        assert_eq!(differences(json!({"a": "x"})), [""; 0]);
        let told = differences(json!({"a": {"b": 1}}));
        assert!(told.len() == 1 && told[0].starts_with("/default/0: its `workers` fails for this item"), "{told:?}");
    }

    #[test]
    fn the_end_of_waiting_for_somebody_is_a_step_of_its_own() {
        let steps = json!([{"route": {"queue": "support", "prefer": "bob", "prefer_wait_s": 30}}]);
        let step = |after_s: u32, workers: Value| json!({"after_s": after_s, "step": "/default/0", "queue": "support", "workers": workers});
        let expect = json!({"rule": "default", "steps": [step(0, json!(["bob"])), step(30, json!(["bob", "ada"]))]});
        assert_eq!(differences_of(steps, expect), [""; 0]);
    }

    #[test]
    fn requests_are_answered_by_the_case_alone() {
        let steps = json!([
            {"label": "ask", "request": {"url": "https://crm.example/who"}},
            {"goto": {"label": "ask", "count": 2}},
            {"finish": {"outcome": "complete", "reason": "asked"}},
        ]);
        let expect = json!({"rule": "default", "state": "completed", "reason": "asked", "attributes": {"round": 2}});
        let mut file = file(expect);
        let mut told = |answers: Value| {
            file.cases[0].item.answers = serde_json::from_value(answers).expect("answers");
            run_cases(&json!({ "default": steps }), &file).expect("runs").remove(0).differences
        };
        let answer = |step: &str, round: u32| json!({"step": step, "after_s": 1, "answer": {"round": round}});
        assert_eq!(told(json!([answer("ask", 1), answer("/default/0", 2)])), [""; 0], "the last again and again");
        let unasked = told(json!([answer("ask", 2), answer("aks", 3)]));
        assert_eq!(unasked, ["aks: an answer is given to it, and it asked nothing"]);
        let unanswered = told(json!([]));
        let missing = "/default/0: the case gives no answer to this request; nobody is asked in a test";
        assert_eq!(unanswered, ["attribute round: 2 was expected, and it is null", missing, missing, missing]);
        // What would take longer than a request may counts as lost.
        let late = json!([{"step": "ask", "after_s": 600, "answer": {"round": 2}}]);
        assert_eq!(told(late), ["attribute round: 2 was expected, and it is null"]);
    }

    #[test]
    fn an_item_that_waits_too_long_dies() {
        let steps = json!([{"wait": {"seconds": 500}}, {"wait": {"seconds": 500}}, {"route": {"queue": "support"}}]);
        let rests = json!([{"after_s": 0, "step": "/default/0"}, {"after_s": 500, "step": "/default/1"}]);
        let expect = json!({"rule": "default", "steps": rests, "state": "canceled", "reason": "item_timeout"});
        assert_eq!(differences_of(steps, expect), [""; 0]);
    }

    #[test]
    fn a_dry_run_touches_nothing_and_refuses_what_is_no_item() {
        fn sendable<T: Send + Sync>(it: T) -> T {
            it
        }
        let file = file(json!({"rule": "default"}));
        let engine = declared(&file, &file.cases[0]).expect("declared");
        let before = (engine.sequence(), engine.next_deadline());
        let view = sendable(engine.dry_run_view(file.cases[0].at));
        let document = json!({"default": [{"route": {"queue": "support"}}]});
        let mut sample = file.cases[0].item.clone();
        let samples = [sample.clone(), sample.clone()];
        let run = view.check(&document, &samples).expect("runs");
        let names =
            |rehearsal: &Rehearsal| rehearsal.steps[0].workers.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        assert!(run.findings.is_empty() && run.samples.iter().all(|it| names(it) == ["ada", "bob"]), "{run:?}");
        assert_eq!((engine.sequence(), engine.next_deadline()), before);

        sample.channel = "smoke".to_owned();
        let refused = view.check(&document, &[samples[0].clone(), sample]).expect_err("no such channel");
        assert!(matches!(refused, Rejection::Invalid { pointer, .. } if pointer == "/samples/1/channel"));
        let run = view.check(&json!({"default": [{"route": {"queue": "nowhere"}}]}), &samples).expect("runs");
        assert!(run.findings[0].code == "unknown_queue" && run.samples.is_empty());
    }
}
