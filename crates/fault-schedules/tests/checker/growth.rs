//! The time that a verdict takes grows with the history, and not with its square.

use std::time::{Duration, Instant};

use fault_schedules::history::Change::Created;

use crate::story::{Story, add, added, create, node, set};

/// A good history of six records for each round.
fn long(rounds: u32) -> Story {
    let mut story = Story::default();
    story.resynced("w", 0, &[]).wrote("a", 1..2, create("/r", "r0"), 1, 0);
    let mut nodes = Vec::new();
    for round in 0..rounds {
        let (at, zxid) = (u64::from(round) * 10 + 10, i64::from(round) * 2 + 2);
        let value = format!("v{round}");
        story.added("a", at..at + 3, add(&value), round, zxid);
        story.seen("w", at + 4, &format!("/d/q-{round:010}"), Created);
        let version = i32::try_from(round + 1).expect("small");
        story.wrote("b", at + 4..at + 5, set("/r", &format!("r{version}")), zxid + 1, version);
        story.lease("a", at..at + 20, 1);
        nodes.push(added(round, &value, zxid));
    }
    let view: Vec<(String, i64)> = nodes.iter().map(|node| (node.path.clone(), node.mzxid)).collect();
    let view: Vec<(&str, i64)> = view.iter().map(|(path, zxid)| (path.as_str(), *zxid)).collect();
    let rounds = i64::from(rounds);
    let last = i32::try_from(rounds).expect("small");
    nodes.push(node("/r", &format!("r{rounds}"), 1, rounds * 2 + 1, last));
    story.view("w", 99_999_998, &view);
    story.tell(99_999_999, "run", fault_schedules::history::Event::Final { nodes });
    story
}

fn time(story: &Story) -> Duration {
    let begin = Instant::now();
    story.is_good();
    begin.elapsed()
}

#[test]
fn ten_times_the_records_take_no_hundred_times_as_long() {
    let (small, large) = (long(3_400), long(34_000));
    assert!(large.records.len() > 200_000);
    // The best of several: the machine has other work to do.
    let best = |story, times| (0..times).map(|_| time(story)).min().expect("some");
    let (small, large) = (best(&small, 5), best(&large, 2));
    assert!(large < small * 40, "{large:?} for ten times of what took {small:?}");
}
