//! The order of writes, and what reads may see.

use fault_schedules::checker::Rule;

use crate::story::{Story, add, added, create, delete, node, set};

/// `/a` and `/b`, created at 10 and 11.
fn with_nodes() -> Story {
    let mut story = Story::default();
    story.wrote("a", 10..20, create("/a", "a0"), 10, 0).wrote("a", 20..30, create("/b", "b0"), 11, 0);
    story
}

#[test]
fn zxids_that_disagree_with_the_clock() {
    let mut story = with_nodes();
    story.wrote("b", 40..50, set("/a", "a1"), 21, 1).wrote("c", 60..70, set("/b", "b1"), 20, 1);
    story.end(&[node("/a", "a1", 10, 21, 1), node("/b", "b1", 11, 20, 1)]).breaks(Rule::RealTime);
}

#[test]
fn zxids_that_disagree_with_what_was_read() {
    let mut story = with_nodes();
    story.unknown("b", 40..45, set("/a", "a1")).read("c", 46..50, "/a", Some(("a1", 21, 1)));
    story.unknown("d", 60..70, set("/b", "b1"));
    story.end(&[node("/a", "a1", 10, 21, 1), node("/b", "b1", 11, 20, 1)]).breaks(Rule::RealTime);
}

#[test]
fn a_zxid_that_was_known_before_it_was_asked_for() {
    let mut story = with_nodes();
    story.wrote("b", 40..50, set("/a", "a1"), 21, 1).unknown("c", 60..70, set("/b", "b1"));
    story.end(&[node("/a", "a1", 10, 21, 1), node("/b", "b1", 11, 21, 1)]).breaks(Rule::RealTime);
}

#[test]
fn a_session_whose_writes_overtake_each_other() {
    let mut story = with_nodes();
    // In flight at the same time, so that the clock does not tell.
    story.wrote("b", 40..60, set("/a", "a1"), 21, 1).wrote("b", 41..61, set("/b", "b1"), 20, 1);
    story.end(&[node("/a", "a1", 10, 21, 1), node("/b", "b1", 11, 20, 1)]).breaks(Rule::SessionWrites);
}

#[test]
fn sequential_nodes_whose_numbers_disagree_with_their_zxids() {
    let mut story = Story::default();
    story.added("a", 10..30, add("v"), 1, 10).added("b", 10..30, add("w"), 0, 11);
    story.end(&[added(1, "v", 10), added(0, "w", 11)]).breaks(Rule::SequenceOrder);
}

#[test]
fn a_session_that_reads_an_older_state() {
    let mut story = with_nodes();
    story.wrote("b", 40..50, set("/a", "a1"), 12, 1);
    story.read("c", 60..61, "/a", Some(("a1", 12, 1))).read("c", 62..63, "/a", Some(("a0", 10, 0)));
    story.end(&[node("/a", "a1", 10, 12, 1), node("/b", "b0", 11, 11, 0)]).breaks(Rule::SessionReads);
}

#[test]
fn a_session_that_does_not_read_its_own_write() {
    let mut story = with_nodes();
    story.wrote("b", 40..50, set("/a", "a1"), 12, 1).read("b", 60..61, "/a", Some(("a0", 10, 0)));
    story.end(&[node("/a", "a1", 10, 12, 1), node("/b", "b0", 11, 11, 0)]).breaks(Rule::SessionReads);
}

#[test]
fn a_session_that_reads_less_than_it_knows_by_another_node() {
    let mut story = with_nodes();
    story.wrote("b", 40..50, set("/a", "a1"), 12, 1).wrote("c", 40..50, set("/b", "b1"), 13, 1);
    story.read("d", 60..61, "/b", Some(("b1", 13, 1))).read("d", 62..63, "/a", Some(("a0", 10, 0)));
    story.end(&[node("/a", "a1", 10, 12, 1), node("/b", "b1", 11, 13, 1)]).breaks(Rule::SessionReads);
}

#[test]
fn a_session_that_misses_a_node_that_it_made() {
    let mut story = with_nodes();
    story.read("a", 40..50, "/a", None);
    story.end(&[node("/a", "a0", 10, 10, 0), node("/b", "b0", 11, 11, 0)]).breaks(Rule::SessionReads);
}

#[test]
fn a_session_that_reads_what_it_has_deleted() {
    let mut story = with_nodes();
    story.wrote_untold("a", 40..50, delete("/a")).read("a", 60..70, "/a", Some(("a0", 10, 0)));
    story.end(&[node("/b", "b0", 11, 11, 0)]).breaks(Rule::SessionReads);
}

#[test]
fn a_session_that_reads_what_it_has_seen_to_be_gone() {
    let mut story = with_nodes();
    story.wrote_untold("a", 40..50, delete("/a"));
    story.read("b", 60..61, "/b", Some(("b0", 11, 0))).read("b", 62..63, "/a", None);
    story.read("b", 64..65, "/a", Some(("a0", 10, 0)));
    story.end(&[node("/b", "b0", 11, 11, 0)]).breaks(Rule::SessionReads);
}

#[test]
fn a_synced_read_that_sees_less_than_was_acknowledged() {
    let mut story = with_nodes();
    story.wrote("b", 40..50, set("/a", "a1"), 12, 1).synced("c", 60..61, "/a", Some(("a0", 10, 0)));
    story.end(&[node("/a", "a1", 10, 12, 1), node("/b", "b0", 11, 11, 0)]).breaks(Rule::SyncedRead);
    let mut absent = with_nodes();
    absent.synced("c", 60..61, "/a", None);
    absent.end(&[node("/a", "a0", 10, 10, 0), node("/b", "b0", 11, 11, 0)]).breaks(Rule::SyncedRead);
}

#[test]
fn a_value_that_nobody_wrote() {
    let nodes = [node("/a", "a0", 10, 10, 0), node("/b", "b0", 11, 11, 0)];
    let mut read = with_nodes();
    read.unknown("c", 40..41, set("/a", "a1")).read("b", 40..50, "/a", Some(("x", 9, 0)));
    let broken = read.end(&nodes).check();
    assert!(broken.violations.iter().any(|one| one.rule == Rule::ValueFromNowhere), "{broken:#?}");

    let mut last = with_nodes();
    last.unknown("c", 40..41, set("/a", "a1")).end(&[node("/a", "x", 10, 12, 1), nodes[1].clone()]);
    last.breaks(Rule::ValueFromNowhere);

    let mut added_by_nobody = Story::default();
    added_by_nobody.added("a", 10..20, add("v"), 0, 10).end(&[added(0, "v", 10), added(1, "x", 11)]);
    added_by_nobody.breaks(Rule::ValueFromNowhere);
}

#[test]
fn a_value_of_another_node() {
    let mut story = with_nodes();
    story.unknown("c", 40..41, set("/b", "b1")).unknown("c", 42..43, set("/a", "a1"));
    story.end(&[node("/a", "b1", 10, 12, 1), node("/b", "b0", 11, 11, 0)]).breaks(Rule::ValueFromNowhere);
}

#[test]
fn a_value_that_is_read_before_it_was_asked_for() {
    let mut story = with_nodes();
    story.read("b", 40..50, "/a", Some(("a1", 12, 1))).wrote("a", 60..70, set("/a", "a1"), 12, 1);
    story.end(&[node("/a", "a1", 10, 12, 1), node("/b", "b0", 11, 11, 0)]).breaks(Rule::ValueFromNowhere);
}

#[test]
fn a_write_that_failed_and_is_there() {
    let mut read = with_nodes();
    read.unknown("c", 30..31, set("/a", "a1")).failed("b", 40..50, set("/a", "x"));
    read.read("c", 60..70, "/a", Some(("x", 12, 1)))
        .end(&[node("/a", "a1", 10, 13, 2), node("/b", "b0", 11, 11, 0)]);
    let broken = read.check();
    assert!(broken.violations.iter().any(|one| one.rule == Rule::FailedWriteSeen), "{broken:#?}");

    let mut last = Story::default();
    last.failed("a", 10..20, add("v")).end(&[added(0, "v", 10)]).breaks(Rule::FailedWriteSeen);
}
