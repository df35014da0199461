//! Acknowledged writes: none lost, none twice, versions that count them.

use fault_schedules::checker::Rule;

use crate::story::{Story, add, added, create, delete, ephemeral, fenced, node, session, set, set_if};

/// `/a`, created at 10.
fn with_node() -> Story {
    let mut story = Story::default();
    story.wrote("a", 10..20, create("/a", "a0"), 10, 0);
    story
}

#[test]
fn an_acknowledged_create_that_is_gone() {
    with_node().end(&[]).breaks(Rule::Lost);
    let mut story = Story::default();
    story.added("a", 10..20, add("v"), 0, 10).end(&[]).breaks(Rule::Lost);
}

#[test]
fn an_ephemeral_node_that_is_gone_while_its_session_lives() {
    let mut story = Story::default();
    story.wrote("a", 10..20, ephemeral("/e", "e0"), 10, 0).wrote("a", 20..30, ephemeral("/f", "f0"), 11, 0);
    let mut alive = node("/f", "f0", 11, 11, 0);
    alive.owner = session("a");
    story.end(&[alive]).breaks(Rule::Lost);
}

#[test]
fn a_delete_from_before_explains_nothing() {
    let mut story = with_node();
    story.wrote_untold("a", 20..30, delete("/a")).wrote("a", 40..50, create("/a", "a1"), 12, 0).end(&[]);
    story.breaks(Rule::Lost);
}

#[test]
fn an_acknowledged_set_that_was_never_made() {
    let mut story = with_node();
    story.unknown("b", 20..25, set("/a", "b1")).wrote("a", 30..40, set("/a", "a1"), 15, 2);
    story.end(&[node("/a", "b1", 10, 14, 1)]).breaks(Rule::Lost);
}

#[test]
fn an_acknowledged_create_where_another_node_is() {
    let mut story = with_node();
    story.unknown("b", 20..30, create("/a", "b0")).end(&[node("/a", "b0", 14, 14, 0)]);
    let verdict = story.check();
    assert!(verdict.violations.iter().any(|violation| violation.rule == Rule::Lost), "{verdict:#?}");
}

#[test]
fn a_fenced_write_that_was_never_made() {
    let mut story = Story::default();
    story.wrote("a", 10..20, create("/c", "c0"), 10, 0).wrote_untold("a", 20..30, fenced("/c", "c1", 5));
    story.wrote("b", 40..50, set("/c", "c2"), 14, 3).wrote_untold("a", 60..70, fenced("/c", "c3", 5));
    story.end(&[node("/c", "c2", 10, 14, 3)]).breaks(Rule::Lost);
}

#[test]
fn an_acknowledged_delete_that_was_never_made() {
    let mut story = with_node();
    story.wrote_untold("a", 21..30, delete("/a")).end(&[node("/a", "a0", 10, 10, 0)]).breaks(Rule::Lost);
}

#[test]
fn a_create_that_made_two_nodes() {
    let mut story = Story::default();
    story.added("a", 10..20, add("v"), 1, 11).end(&[added(0, "v", 10), added(1, "v", 11)]);
    story.breaks(Rule::WrittenTwice);
    let mut unknown = Story::default();
    unknown.unknown("a", 10..20, add("v")).end(&[added(0, "v", 10), added(1, "v", 11)]);
    unknown.breaks(Rule::WrittenTwice);
}

#[test]
fn a_set_that_was_made_twice() {
    let mut story = with_node();
    story.unknown("a", 20..30, set("/a", "a1")).unknown("b", 20..30, set("/a", "b1"));
    story.read("b", 40..50, "/a", Some(("a1", 12, 1))).end(&[node("/a", "a1", 10, 13, 2)]);
    story.breaks(Rule::WrittenTwice);
}

#[test]
fn more_deletes_than_there_were_nodes() {
    let mut story = with_node();
    story.wrote_untold("a", 20..30, delete("/a")).wrote_untold("b", 20..30, delete("/a")).end(&[]);
    story.breaks(Rule::WrittenTwice);
}

#[test]
fn two_sets_that_gave_the_same_version() {
    let mut story = with_node();
    story.wrote("a", 20..30, set("/a", "a1"), 11, 1).wrote("b", 20..30, set("/a", "b1"), 12, 1);
    // The third keeps the count at the end right.
    story.unknown("b", 40..50, set("/a", "b2")).end(&[node("/a", "b2", 10, 13, 2)]);
    story.breaks(Rule::VersionRepeated);
}

#[test]
fn two_fenced_sets_that_gave_the_same_version() {
    let mut story = with_node();
    for (value, times) in [("x", 20..30), ("y", 40..50)] {
        let op = story.invoke("a", times.start, fenced("/a", value, 5));
        let outcome = fault_schedules::history::Outcome::Written {
            path: "/a".to_owned(),
            zxid: None,
            version: Some(1),
            session: session("a"),
        };
        story.tell(times.end, "a", fault_schedules::history::Event::Ok { op, outcome });
    }
    story.end(&[node("/a", "y", 10, 13, 2)]).breaks(Rule::VersionRepeated);
}

#[test]
fn versions_that_go_back() {
    let mut story = with_node();
    story.wrote("a", 20..30, set("/a", "a1"), 11, 2).wrote("b", 20..30, set("/a", "b1"), 12, 1);
    story.unknown("b", 40..50, set("/a", "b2")).end(&[node("/a", "b2", 10, 13, 3)]);
    story.breaks(Rule::VersionOrder);
}

#[test]
fn more_sets_than_anybody_asked_for() {
    let mut story = with_node();
    story.wrote("a", 20..30, set("/a", "a1"), 11, 1).unknown("b", 20..30, set("/a", "b1"));
    story.wrote("a", 40..50, set("/a", "a2"), 14, 4).end(&[node("/a", "a2", 10, 14, 4)]);
    story.breaks(Rule::VersionCount);
}

#[test]
fn fewer_sets_than_were_acknowledged() {
    let mut story = with_node();
    // The answer tells no version, and what it stored is overwritten: only the count shows that it was never made.
    story.wrote_untold("a", 20..30, set("/a", "a1")).wrote("a", 40..50, set("/a", "a2"), 14, 1);
    story.end(&[node("/a", "a2", 10, 14, 1)]).breaks(Rule::VersionCount);
}

#[test]
fn a_condition_that_was_not_kept() {
    let mut story = with_node();
    story.unknown("b", 20..30, set("/a", "b1")).wrote("a", 40..50, set_if("/a", "a1", 0), 12, 2);
    story.end(&[node("/a", "a1", 10, 12, 2)]).breaks(Rule::WrongVersion);
    let mut unanswered = with_node();
    unanswered.unknown("b", 20..30, set("/a", "b1")).unknown("a", 40..50, set_if("/a", "a1", 0));
    unanswered.end(&[node("/a", "a1", 10, 12, 2)]).breaks(Rule::WrongVersion);
}

#[test]
fn a_created_node_with_another_version_than_0() {
    let mut story = Story::default();
    story.wrote("a", 10..20, create("/a", "a0"), 10, 1);
    story.unknown("b", 20..30, set("/a", "b1")).unknown("b", 30..40, set("/a", "b2"));
    story.end(&[node("/a", "b2", 10, 12, 2)]).breaks(Rule::WrongVersion);
}

#[test]
fn answers_that_contradict_each_other() {
    let mut value = with_node();
    value.wrote("a", 20..30, set("/a", "a1"), 12, 1).unknown("b", 20..30, set("/a", "b1"));
    value.end(&[node("/a", "b1", 10, 12, 1)]).breaks(Rule::Contradiction);

    let mut version = with_node();
    version.wrote("a", 20..30, set("/a", "a1"), 12, 1).unknown("b", 20..30, set("/a", "b1"));
    version.end(&[node("/a", "a1", 10, 12, 2)]).breaks(Rule::Contradiction);

    let mut zxid = with_node();
    zxid.wrote("b", 12..20, create("/b", "b0"), 10, 0);
    zxid.end(&[node("/a", "a0", 10, 10, 0), node("/b", "b0", 10, 10, 0)]).breaks(Rule::Contradiction);
}
