//! Event channels and subscriptions: what takes effect at which sequence, what reports do, and that any run of commands
//! keeps what must hold.

use crate::event::Event;
use crate::event_channel::*;
use crate::id::*;
use crate::limit::SIGNING_SECRETS_MAX;
use crate::time::Timestamp;
use crate::work::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const DAY_S: u32 = 86_400;

struct Bench {
    engine: Engine,
    now: Timestamp,
    /// What a store would hold.
    founded: Vec<Record>,
    channels: BTreeMap<EventChannelId, EventChannel>,
    subscriptions: BTreeMap<SubscriptionId, Subscription>,
    events: Vec<Event>,
    secrets: u32,
}

impl Bench {
    fn new() -> Self {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let (account, founded) =
            found_account("test", now, &mut IdSource::new(1), SigningSecret::new("test".to_owned()));
        let engine = Engine::recover(account, 0, 2, now, founded.clone()).expect("a new account recovers");
        let (channels, subscriptions, events) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        Self { engine, now, founded, channels, subscriptions, events, secrets: 0 }
    }

    fn try_run(&mut self, command: Command) -> Result<Reply, Rejection> {
        let (mut out, before) = (Vec::new(), self.engine.sequence());
        let reply = self.engine.handle(self.now, &Actor::System, command, &mut out);
        if reply.is_err() {
            assert!(out.is_empty() && self.engine.sequence() == before, "a refused command does nothing");
        }
        for output in out {
            match output {
                Output::Put(Record::EventChannel(it)) => drop(self.channels.insert(it.id, it)),
                Output::Put(Record::Subscription(it)) => drop(self.subscriptions.insert(it.id, it)),
                Output::Delete(Gone::EventChannel(id)) => assert!(self.channels.remove(&id).is_some()),
                Output::Delete(Gone::Subscription(id)) => assert!(self.subscriptions.remove(&id).is_some()),
                Output::Event(event) => self.events.push(event),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(self.engine.invariants(self.now), []);
        reply
    }

    fn run(&mut self, command: Command) -> Reply {
        self.try_run(command).expect("accepted")
    }

    fn refused(&mut self, command: Command) -> String {
        match self.try_run(command).expect_err("refused") {
            Rejection::Invalid { pointer, code, .. } => format!("{pointer} {code}"),
            Rejection::Conflict { code, .. } => code.to_owned(),
            other => format!("{other:?}"),
        }
    }

    fn channel(&mut self, name: &str) -> EventChannelId {
        let (name, state) = (name.to_owned(), EventChannelState::Active);
        let new = NewEventChannel { name, rules: ChannelRules::default(), state };
        match resource(self.run(Command::CreateEventChannel(new))) {
            Record::EventChannel(it) => it.id,
            other => panic!("{other:?}"),
        }
    }

    fn change(&mut self, id: EventChannelId, change: EventChannelChange) -> Result<Reply, Rejection> {
        self.try_run(Command::UpdateEventChannel { id, change, expected: None })
    }

    fn secret(&mut self) -> SigningSecret {
        self.secrets += 1;
        SigningSecret::new(format!("whsec_{}", self.secrets))
    }

    fn webhook(&mut self, channel: &str, from: StartFrom) -> Result<SubscriptionId, Rejection> {
        let new = NewSubscription {
            event_channel: Reference(channel.to_owned()),
            target: SubscriptionTarget::Webhook { url: "https://crm.example/".to_owned() },
            secret: Some(self.secret()),
            from,
            state: SubscriptionState::Active,
        };
        match resource(self.try_run(Command::CreateSubscription(new))?) {
            Record::Subscription(it) => Ok(it.id),
            other => panic!("{other:?}"),
        }
    }

    fn update(&mut self, id: SubscriptionId, change: SubscriptionChange) -> Reply {
        self.run(Command::UpdateSubscription { id, change, expected: None })
    }

    fn set_state(&mut self, id: SubscriptionId, state: SubscriptionState) {
        self.update(id, SubscriptionChange { state: Some(state), ..SubscriptionChange::default() });
    }

    fn rotate(&mut self, id: SubscriptionId, overlap_s: u32) -> Result<Reply, Rejection> {
        let secret = self.secret();
        self.try_run(Command::RotateSubscriptionSecret { id, secret, overlap_s, expected: None })
    }

    fn report(&mut self, id: SubscriptionId, starts: u32, health: SubscriptionHealth) {
        assert!(matches!(self.run(Command::ReportSubscription { id, starts, health }), Reply::Done));
    }

    fn last_event(&self) -> (&'static str, Value) {
        let event = self.events.last().expect("there is one");
        (event.event_type, serde_json::from_str(event.data.get()).expect("JSON"))
    }

    /// Which secrets sign now, by number.
    fn signing(&self, id: SubscriptionId) -> Vec<String> {
        let subscription = self.engine.subscription(id).expect("it is there");
        let number = |it: &SigningSecret| it.text.trim_start_matches("whsec_").to_owned();
        subscription.signing_secrets(self.now).map(number).collect()
    }

    /// The engine made anew from what is stored has the very same.
    fn is_recovered(&self) {
        let mut records = self.founded.clone();
        // Each before what it names, to show that the order does not matter.
        records.extend(self.subscriptions.values().cloned().map(Record::Subscription));
        records.extend(self.channels.values().cloned().map(Record::EventChannel));
        let account = self.engine.account().clone();
        let again = Engine::recover(account, self.engine.sequence(), 3, self.now, records).expect("it recovers");
        assert!(again.event_channels().eq(self.engine.event_channels()));
        assert!(again.subscriptions().eq(self.engine.subscriptions()));
        assert_eq!(again.invariants(self.now), []);
    }
}

fn resource(reply: Reply) -> Record {
    match reply {
        Reply::Resource(record) => *record,
        other => panic!("{other:?}"),
    }
}

fn failing() -> SubscriptionHealth {
    SubscriptionHealth::Failing { error: "é".repeat(1_000) }
}

#[test]
fn a_channels_rules_hold_from_a_known_sequence_on_and_those_before_are_told() {
    let mut bench = Bench::new();
    let id = bench.channel("all");
    assert_eq!(bench.channels[&id].effective_after, 1, "the event of its creation");
    bench.channel("other");
    let narrow = EventChannelChange {
        types: Some(vec!["work_item.*".to_owned()]),
        throttle: Some(Some(Throttle { events_per_s: 5 })),
        ..EventChannelChange::default()
    };
    bench.change(id, narrow).expect("sound");
    let (event, data) = bench.last_event();
    assert_eq!((event, &data["resource"]["effective_after"]), ("event_channel.updated", &json!(3)));
    assert_eq!(bench.channels[&id].effective_after, bench.events[2].sequence);
    let before = json!({
        "types": [], "filter": null, "fields": null, "throttle": null, "batch": null, "retention_s": null,
        "state": "active",
    });
    assert_eq!(data["detail"]["before"], before);
    let paused = EventChannelChange { state: Some(EventChannelState::Paused), ..EventChannelChange::default() };
    bench.change(id, paused).expect("sound");
    let before = &bench.last_event().1["detail"]["before"];
    assert_eq!((&before["types"], &before["throttle"]), (&json!(["work_item.*"]), &json!({"events_per_s": 5})));
    let lifted = EventChannelChange { throttle: Some(None), ..EventChannelChange::default() };
    bench.change(id, lifted).expect("sound");
    let channel = &bench.channels[&id];
    assert_eq!((channel.rules.throttle, channel.rules.types.len()), (None, 1), "only what was named is taken away");
    assert_eq!(bench.last_event().1["detail"]["before"]["state"], "paused");
    bench.is_recovered();
}

#[test]
fn rules_that_are_wrong_change_nothing_and_are_told_all_at_once() {
    let mut bench = Bench::new();
    let id = bench.channel("all");
    bench.channel("other");
    let change = EventChannelChange {
        types: Some(vec!["nothing.at_all".to_owned()]),
        retention_s: Some(Some(0)),
        ..EventChannelChange::default()
    };
    let Err(Rejection::Document { findings }) = bench.change(id, change) else { panic!("it is refused") };
    let pointers: Vec<_> = findings.iter().map(|finding| finding.pointer.as_str()).collect();
    assert_eq!(pointers, ["/types/0", "/retention_s"]);
    let taken = EventChannelChange { name: Some("other".to_owned()), ..EventChannelChange::default() };
    assert!(matches!(bench.change(id, taken), Err(Rejection::Conflict { code: "name_taken", .. })));
}

#[test]
fn a_channel_stays_while_there_are_subscriptions_to_it() {
    let mut bench = Bench::new();
    let id = bench.channel("all");
    let first = bench.webhook("all", StartFrom::Now).expect("sound");
    let delete = Command::DeleteEventChannel { id, expected: None };
    assert_eq!(bench.refused(delete.clone()), "event_channel_in_use");
    bench.run(Command::DeleteSubscription { id: first, expected: None });
    bench.run(delete);
    assert!(matches!(bench.webhook("all", StartFrom::Now), Err(Rejection::Invalid { .. })));
    bench.channel("all");
    bench.is_recovered();
}

#[test]
fn now_is_the_sequence_of_the_very_event_and_a_start_anew_is_counted() {
    let mut bench = Bench::new();
    bench.channel("all");
    let id = bench.webhook("all", StartFrom::Now).expect("sound");
    let event = bench.events.last().expect("there is one").sequence;
    assert_eq!((bench.subscriptions[&id].start_after, bench.subscriptions[&id].starts), (event, 1));
    assert_eq!(bench.last_event().1["resource"]["from"], json!(event));
    let old = bench.webhook("all", StartFrom::After(0)).expect("sound");
    assert_eq!(bench.subscriptions[&old].start_after, 0);
    let last = bench.engine.sequence();
    bench.webhook("all", StartFrom::After(last)).expect("the last event is there");
    let ahead = bench.webhook("all", StartFrom::After(last + 2));
    assert!(matches!(ahead, Err(Rejection::Invalid { pointer, .. }) if pointer == "/from"));
    let again = SubscriptionChange { from: Some(StartFrom::Now), ..SubscriptionChange::default() };
    bench.update(old, again);
    let subscription = &bench.subscriptions[&old];
    assert_eq!((subscription.start_after, subscription.starts), (bench.engine.sequence(), 2));
    bench.set_state(old, SubscriptionState::Paused);
    assert_eq!(bench.subscriptions[&old].starts, 2, "a pause begins nowhere else");
    bench.is_recovered();
}

#[test]
fn each_report_is_told_once_and_an_overtaken_one_not_at_all() {
    let mut bench = Bench::new();
    bench.channel("all");
    let id = bench.webhook("all", StartFrom::Now).expect("sound");
    bench.report(id, 1, SubscriptionHealth::Recovered);
    bench.report(id, 2, failing());
    assert_eq!(bench.last_event().0, "subscription.created");
    bench.report(id, 1, failing());
    let since = bench.now;
    assert_eq!(bench.subscriptions[&id].failing_since, Some(since));
    assert_eq!(bench.last_event().1["detail"]["error"], json!("é".repeat(500)));
    bench.now = bench.now.plus_seconds(60);
    let told = bench.events.len();
    bench.report(id, 1, failing());
    assert_eq!((bench.events.len(), bench.subscriptions[&id].failing_since), (told, Some(since)));
    bench.report(id, 1, SubscriptionHealth::Recovered);
    assert_eq!(bench.last_event(), ("subscription.recovered", bench.last_event().1));
    assert_eq!(bench.last_event().1["detail"]["failing_since"], json!(since));
    bench.report(id, 1, failing());
    bench.report(id, 1, SubscriptionHealth::Disabled { reason: "five days".to_owned() });
    assert_eq!(bench.last_event().0, "subscription.disabled");
    let told = bench.events.len();
    for health in [failing(), SubscriptionHealth::Recovered, SubscriptionHealth::Disabled { reason: String::new() }] {
        bench.report(id, 1, health);
    }
    assert_eq!(bench.events.len(), told, "it is switched off already");
    let subscription = &bench.subscriptions[&id];
    assert_eq!(subscription.disabled_reason.as_deref(), Some("five days"));
    bench.is_recovered();
    bench.set_state(id, SubscriptionState::Active);
    let subscription = &bench.subscriptions[&id];
    assert_eq!((subscription.failing_since, &subscription.disabled_reason), (None, &None));
    bench.run(Command::DeleteSubscription { id, expected: None });
    bench.report(id, 1, failing());
    assert_eq!(bench.last_event().0, "subscription.deleted");
}

#[test]
fn a_new_receiver_or_a_pause_forgets_that_the_old_one_failed() {
    let mut bench = Bench::new();
    bench.channel("all");
    let id = bench.webhook("all", StartFrom::Now).expect("sound");
    bench.report(id, 1, failing());
    bench.update(id, SubscriptionChange::default());
    let url = Some("https://crm.example/".to_owned());
    bench.update(id, SubscriptionChange { url, ..SubscriptionChange::default() });
    assert!(bench.subscriptions[&id].failing_since.is_some(), "it is the same");
    let url = Some("https://new.example/".to_owned());
    bench.update(id, SubscriptionChange { url, ..SubscriptionChange::default() });
    assert_eq!(bench.subscriptions[&id].failing_since, None);
    bench.report(id, 1, failing());
    bench.set_state(id, SubscriptionState::Paused);
    assert_eq!(bench.subscriptions[&id].failing_since, None);
    bench.report(id, 1, failing());
    assert_eq!(bench.subscriptions[&id].failing_since, None, "a paused one is not tried");
}

#[test]
fn replaced_secrets_sign_until_their_time_is_over() {
    let mut bench = Bench::new();
    bench.channel("all");
    let id = bench.webhook("all", StartFrom::Now).expect("sound");
    bench.rotate(id, 2 * DAY_S).expect("sound");
    assert_eq!(bench.signing(id), ["2", "1"]);
    bench.now = bench.now.plus_seconds(DAY_S);
    bench.rotate(id, 7 * DAY_S).expect("sound");
    assert_eq!(bench.signing(id), ["3", "2", "1"]);
    assert!(matches!(bench.rotate(id, DAY_S), Err(Rejection::Conflict { code: "too_many_secrets", .. })));
    bench.now = bench.now.plus_seconds(DAY_S);
    assert_eq!(bench.signing(id), ["3", "2"], "the first ends when it was to end");
    bench.rotate(id, DAY_S).expect("the first is dropped");
    assert_eq!(
        (bench.signing(id), bench.subscriptions[&id].secrets.len()),
        (vec!["5".into(), "3".into(), "2".into()], 3)
    );
    bench.is_recovered();
    bench.now = bench.now.plus_seconds(DAY_S);
    assert_eq!(bench.signing(id), ["5"], "a shorter overlap holds for all that came before");
    bench.rotate(id, DAY_S).expect("sound");
    bench.rotate(id, 0).expect("sound");
    assert_eq!((bench.signing(id), bench.subscriptions[&id].secrets.len()), (vec!["7".to_owned()], 1));
    let secret = SigningSecret::new("whsec_7".to_owned());
    let again = Command::RotateSubscriptionSecret { id, secret, overlap_s: 60, expected: None };
    assert_eq!(bench.refused(again), "secret_in_use");
    assert!(matches!(bench.rotate(id, 7 * DAY_S + 1), Err(Rejection::Invalid { .. })));
}

#[test]
fn nothing_of_a_secret_is_printed_or_told() {
    let mut bench = Bench::new();
    bench.channel("all");
    let secret = SigningSecret::new("whsec_hidden".to_owned());
    let target = SubscriptionTarget::Webhook { url: "https://crm.example/".to_owned() };
    let (event_channel, state) = (Reference("all".to_owned()), SubscriptionState::Active);
    let new = NewSubscription { event_channel, target, secret: Some(secret.clone()), from: StartFrom::Now, state };
    let command = Command::CreateSubscription(new);
    assert!(!format!("{command:?}").contains("hidden"));
    let reply = bench.run(command);
    let id = *bench.subscriptions.last_key_value().expect("it is made").0;
    bench.rotate(id, 60).expect("sound");
    let rotate = Command::RotateSubscriptionSecret { id, secret, overlap_s: 0, expected: None };
    assert!(!format!("{rotate:?} {reply:?} {:?} {:?}", bench.engine, bench.subscriptions).contains("hidden"));
    for event in &bench.events {
        assert!(!event.data.get().contains("whsec_"), "{}", event.event_type);
    }
}

#[test]
fn a_kind_has_what_is_its_own() {
    let mut bench = Bench::new();
    bench.channel("all");
    let stream = |stream: &str, length_max| SubscriptionTarget::RedisStream { stream: stream.to_owned(), length_max };
    let new = |target, secret| {
        let (event_channel, state) = (Reference("all".to_owned()), SubscriptionState::Active);
        Command::CreateSubscription(NewSubscription { event_channel, target, secret, from: StartFrom::Now, state })
    };
    let secret = || Some(SigningSecret::new("whsec_x".to_owned()));
    let webhook = SubscriptionTarget::Webhook { url: "https://crm.example/".to_owned() };
    assert_eq!(bench.refused(new(webhook, None)), "/secret missing_field");
    assert_eq!(bench.refused(new(SubscriptionTarget::Webhook { url: "ftp://x".to_owned() }, secret())), "/url bad_url");
    assert_eq!(bench.refused(new(stream("events", 10), secret())), "/secret other_kind");
    for key in ["", "a\nb", &"x".repeat(201)] {
        assert_eq!(bench.refused(new(stream(key, 10), None)), "/stream bad_key");
    }
    for length in [0, 1_000_001] {
        assert_eq!(bench.refused(new(stream("events", length), None)), "/length_max out_of_range");
    }
    bench.run(new(stream("events", 10), None));
    let id = *bench.subscriptions.last_key_value().expect("it is made").0;
    assert!(matches!(bench.rotate(id, 0), Err(Rejection::Conflict { code: "other_kind", .. })));
    let update = |change| Command::UpdateSubscription { id, change, expected: None };
    let url = Some("https://crm.example/".to_owned());
    assert_eq!(bench.refused(update(SubscriptionChange { url, ..Default::default() })), "/url other_kind");
    let state = Some(SubscriptionState::Disabled);
    assert_eq!(bench.refused(update(SubscriptionChange { state, ..Default::default() })), "/state not_settable");
    bench.run(update(SubscriptionChange { length_max: Some(20), ..Default::default() }));
    assert_eq!(bench.subscriptions[&id].target, stream("events", 20));
    bench.is_recovered();
}

#[test]
fn a_subscription_to_a_channel_that_is_not_there_is_not_recovered() {
    let mut bench = Bench::new();
    bench.channel("all");
    bench.webhook("all", StartFrom::Now).expect("sound");
    let records = bench.subscriptions.values().cloned().map(Record::Subscription);
    let records = bench.founded.iter().cloned().chain(records);
    let refused = Engine::recover(bench.engine.account().clone(), 2, 3, bench.now, records);
    assert!(matches!(refused, Err(RecoveryError::Dangling { resource: "subscription", .. })));
}

/// Numbers below a bound, the same in every run of a seed.
struct Dice(IdSource);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        (self.0.next(Timestamp::from_millis(0)) % bound as u128) as usize
    }

    fn pick<T: Copy>(&mut self, of: &BTreeMap<T, impl Sized>) -> Option<T> {
        let keys: Vec<T> = of.keys().copied().collect();
        (!keys.is_empty()).then(|| keys[self.below(keys.len())])
    }
}

fn random_command(bench: &mut Bench, dice: &mut Dice) -> Option<Command> {
    let name = ["all", "calls", "chats"][dice.below(3)].to_owned();
    let state = if dice.below(2) == 0 { SubscriptionState::Active } else { SubscriptionState::Paused };
    let from = if dice.below(2) == 0 { StartFrom::Now } else { StartFrom::After(dice.below(400) as u64) };
    let overlap_s = [0, 60, DAY_S][dice.below(3)];
    let health = [failing(), SubscriptionHealth::Recovered, SubscriptionHealth::Disabled { reason: "r".to_owned() }];
    let (channel, subscription) = (dice.pick(&bench.channels), dice.pick(&bench.subscriptions));
    Some(match dice.below(9) {
        0 => {
            let rules = ChannelRules::default();
            Command::CreateEventChannel(NewEventChannel { name, rules, state: EventChannelState::Active })
        }
        1 => {
            let retention_s = Some((dice.below(2) == 0).then_some(60));
            let name = (dice.below(2) == 0).then_some(name);
            let change = EventChannelChange { name, retention_s, ..EventChannelChange::default() };
            Command::UpdateEventChannel { id: channel?, change, expected: None }
        }
        2 => Command::DeleteEventChannel { id: channel?, expected: None },
        3 | 4 => {
            let redis = dice.below(3) == 0;
            let stream = SubscriptionTarget::RedisStream { stream: name.clone(), length_max: 10 };
            let webhook = SubscriptionTarget::Webhook { url: format!("https://{name}.example/") };
            let (target, secret) = if redis { (stream, None) } else { (webhook, Some(bench.secret())) };
            let event_channel = Reference(name);
            Command::CreateSubscription(NewSubscription { event_channel, target, secret, from, state })
        }
        5 => {
            let url = (dice.below(2) == 0).then(|| format!("https://{name}.example/"));
            let (state, from) = ((dice.below(2) == 0).then_some(state), (dice.below(2) == 0).then_some(from));
            let change = SubscriptionChange { url, state, from, ..SubscriptionChange::default() };
            Command::UpdateSubscription { id: subscription?, change, expected: None }
        }
        6 => Command::DeleteSubscription { id: subscription?, expected: None },
        7 => {
            let (id, secret) = (subscription?, bench.secret());
            Command::RotateSubscriptionSecret { id, secret, overlap_s, expected: None }
        }
        _ => {
            let (id, starts) = (subscription?, 1 + dice.below(2) as u32);
            Command::ReportSubscription { id, starts, health: health[dice.below(3)].clone() }
        }
    })
}

#[test]
fn any_run_of_commands_keeps_what_must_hold_and_is_recovered() {
    for seed in 0..20 {
        let (mut bench, mut dice) = (Bench::new(), Dice(IdSource::new(seed)));
        for _ in 0..300 {
            bench.now = bench.now.plus_seconds(dice.below(40_000) as u32);
            if let Some(command) = random_command(&mut bench, &mut dice) {
                // Refusals are part of it; what holds is asked after each.
                drop(bench.try_run(command));
            }
            assert!(bench.subscriptions.values().all(|it| it.secrets.len() <= SIGNING_SECRETS_MAX));
        }
        let sequences: Vec<u64> = bench.events.iter().map(|event| event.sequence).collect();
        assert!(sequences.iter().copied().eq(1..=bench.engine.sequence()), "seed {seed}");
        assert!(sequences.len() > 50, "seed {seed} did too little: {}", sequences.len());
        bench.is_recovered();
    }
}
