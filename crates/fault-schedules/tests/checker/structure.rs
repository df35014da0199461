//! Records that make no sense, and histories that show nothing.

use fault_schedules::{
    checker::{Requirements, Rule, Totals, check},
    history::{Event, Outcome},
};

use crate::story::{Story, add, added, create, node, session, set};

/// One create of `/a` as call 1 of process a.
fn with_node() -> Story {
    let mut story = Story::default();
    story.wrote("a", 10..20, create("/a", "a0"), 10, 0).end(&[node("/a", "a0", 10, 10, 0)]);
    story
}

#[test]
fn calls_that_begin_or_end_wrongly() {
    let no = |op| Event::Failed { op, error: "no".to_owned() };
    with_node().tell(30, "a", no(7)).breaks(Rule::Malformed);
    with_node().tell(20, "b", no(1)).breaks(Rule::Malformed);
    with_node()
        .tell(30, "a", Event::Invoke { op: 1, call: set("/a", "a1") })
        .tell(40, "a", Event::Invoke { op: 2, call: set("/a", "a2") })
        .breaks(Rule::Malformed);
    let mut early = with_node();
    let op = early.invoke("b", 30, set("/a", "a1"));
    early.tell(29, "b", no(op)).breaks(Rule::Malformed);
    let mut unordered = with_node();
    unordered.failed("a", 5..6, set("/a", "a1")).breaks(Rule::Malformed);
    let mut late = with_node();
    late.failed("b", 100_001..100_002, set("/a", "a1")).breaks(Rule::Malformed);
}

#[test]
fn two_endings() {
    let mut story = with_node();
    story.unknown("b", 30..40, set("/a", "b1"));
    story.tell(41, "b", Event::Unknown { op: 1, error: "again".to_owned() }).breaks(Rule::Malformed);
}

#[test]
fn answers_that_fit_no_such_call() {
    let read = Outcome::Value { node: None, session: session("b") };
    let elsewhere =
        Outcome::Written { path: "/b".to_owned(), zxid: Some(12), version: Some(1), session: session("b") };
    for (call, outcome) in
        [(set("/a", "a1"), read), (set("/a", "a1"), elsewhere.clone()), (add("v"), elsewhere)]
    {
        let mut story = with_node();
        let op = story.invoke("b", 30, call);
        story.tell(40, "b", Event::Ok { op, outcome }).breaks(Rule::Malformed);
    }
}

#[test]
fn a_value_that_two_calls_store() {
    with_node()
        .failed("b", 30..40, set("/a", "b1"))
        .failed("b", 50..60, set("/a", "b1"))
        .breaks(Rule::Malformed);
}

#[test]
fn an_end_that_is_missing_or_comes_twice() {
    Story::default().breaks(Rule::Malformed);
    Story::default().end(&[]).end(&[]).breaks(Rule::Malformed);
    Story::default().end(&[]).view("w", 1, &[]).view("w", 2, &[]).breaks(Rule::Malformed);
}

#[test]
fn faults_that_begin_or_end_wrongly() {
    let begins = || Event::FaultBegins { fault: 1, what: "freeze".to_owned() };
    let ends = || Event::FaultEnds { fault: 1, landed: true };
    Story::default().tell(1, "run", begins()).end(&[]).breaks(Rule::Malformed);
    Story::default().tell(1, "run", ends()).end(&[]).breaks(Rule::Malformed);
    Story::default().tell(2, "run", begins()).tell(1, "run", ends()).end(&[]).breaks(Rule::Malformed);
    let mut twice = Story::default();
    twice.tell(1, "run", begins()).tell(1, "run", begins()).tell(2, "run", ends()).end(&[]);
    twice.breaks(Rule::Malformed);
    let mut ends_twice = Story::default();
    ends_twice.tell(1, "run", begins()).tell(2, "run", ends()).tell(3, "run", ends()).end(&[]);
    ends_twice.breaks(Rule::Malformed);
    let mut good = Story::default();
    let totals = good.tell(1, "run", begins()).tell(2, "run", ends()).end(&[]).is_good().totals;
    assert_eq!((totals.faults_begun, totals.faults_landed), (1, 1));
}

#[test]
fn each_requirement_is_asked_for() {
    // What is required is named as in the totals, so that each can be asked for by name.
    let names = serde_json::to_value(Requirements::default()).expect("it is a map");
    for name in names.as_object().expect("it is a map").keys() {
        let required: Requirements =
            serde_json::from_value(serde_json::json!({ name: 1_000 })).expect("it is one of them");
        let mut story = Story::default();
        story.added("a", 10..20, add("v"), 0, 10).end(&[added(0, "v", 10)]);
        let verdict = check(&story.records, &required);
        let broken: Vec<_> =
            verdict.violations.iter().map(|one| (one.rule, one.sentence.contains(name.as_str()))).collect();
        assert_eq!(broken, [(Rule::TooLittle, true)], "{name}");
    }
    let enough = Requirements { acknowledged_writes: 1, ..Requirements::default() };
    assert!(check(&with_node().records, &enough).is_good());
}

#[test]
fn totals_add_up() {
    let one = with_node().is_good().totals;
    let sum: Totals = [one, one, Totals::default()].into_iter().sum();
    assert_eq!((sum.runs, sum.acknowledged_writes, sum.final_nodes), (2, 2, 2));
    let read: Totals = serde_json::from_str("{\"runs\":3}").expect("what is missing is 0");
    assert_eq!(read, Totals { runs: 3, ..Totals::default() });
}
