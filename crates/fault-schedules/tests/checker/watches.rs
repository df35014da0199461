//! Watchers: no event lost in silence, none made up.

use fault_schedules::{
    checker::Rule,
    history::Change::{Changed, Created, Deleted},
};

use crate::story::{Story, add, added, create, delete, node, set};

const FIRST: &str = "/d/q-0000000000";

/// A watcher from the beginning, and one node that it is told of.
fn watched() -> Story {
    let mut story = Story::default();
    story.resynced("w", 1, &[]).added("a", 10..20, add("v"), 0, 10).seen("w", 21, FIRST, Created);
    story
}

#[test]
fn a_view_that_misses_a_node() {
    watched().view("w", 90, &[]).end(&[added(0, "v", 10)]).breaks(Rule::ViewDiffers);
}

#[test]
fn a_view_with_a_node_too_many() {
    let mut story = watched();
    story.view("w", 90, &[(FIRST, 10), ("/d/x", 7)]).end(&[added(0, "v", 10)]).breaks(Rule::ViewDiffers);
}

#[test]
fn a_view_of_an_older_state() {
    let mut story = watched();
    story.wrote("a", 30..40, set(FIRST, "v1"), 12, 1).seen("w", 41, FIRST, Changed);
    story.view("w", 90, &[(FIRST, 10)]).end(&[node(FIRST, "v1", 10, 12, 1)]).breaks(Rule::ViewDiffers);
}

#[test]
fn a_create_that_a_watcher_is_not_told_of() {
    let mut story = watched();
    story.added("a", 30..40, add("w"), 1, 11);
    story.view("w", 90, &[(FIRST, 10), ("/d/q-0000000001", 11)]);
    story.end(&[added(0, "v", 10), added(1, "w", 11)]).breaks(Rule::EventMissed);
}

#[test]
fn a_resync_that_does_not_hold_what_was_missed() {
    let mut story = watched();
    story.added("a", 30..40, add("w"), 1, 11).resynced("w", 50, &[(FIRST, 10)]);
    story.view("w", 90, &[(FIRST, 10), ("/d/q-0000000001", 11)]);
    story.end(&[added(0, "v", 10), added(1, "w", 11)]).breaks(Rule::EventMissed);
}

#[test]
fn a_delete_from_before_the_create_explains_nothing() {
    let mut story = watched();
    story.unknown("b", 30..31, delete("/d/q-0000000001")).resynced("w", 50, &[(FIRST, 10)]);
    story.added("a", 60..70, add("w"), 1, 12).view("w", 90, &[(FIRST, 10), ("/d/q-0000000001", 12)]);
    story.end(&[added(0, "v", 10), added(1, "w", 12)]).breaks(Rule::EventMissed);
}

#[test]
fn changes_that_a_watcher_is_not_told_of() {
    let mut changed = watched();
    changed.wrote("a", 30..40, set(FIRST, "v1"), 12, 1).view("w", 90, &[(FIRST, 12)]);
    changed.end(&[node(FIRST, "v1", 10, 12, 1)]).breaks(Rule::EventMissed);
    let mut deleted = watched();
    deleted.wrote_untold("a", 30..40, delete(FIRST)).view("w", 90, &[]).end(&[]).breaks(Rule::EventMissed);
    let mut created = watched();
    created.wrote("a", 30..40, create("/d/x", "x0"), 12, 0).view("w", 90, &[(FIRST, 10), ("/d/x", 12)]);
    created.end(&[added(0, "v", 10), node("/d/x", "x0", 12, 12, 0)]).breaks(Rule::EventMissed);
}

#[test]
fn events_of_what_nobody_did() {
    let view = |story: &mut Story| {
        story.view("w", 90, &[(FIRST, 10)]).end(&[added(0, "v", 10)]).breaks(Rule::EventFromNowhere);
    };
    view(watched().seen("w", 30, "/d/q-0000000001", Created));
    view(watched().seen("w", 30, FIRST, Created));
    view(watched().seen("w", 30, FIRST, Changed));
    view(watched().seen("w", 30, FIRST, Deleted));
    view(watched().resynced("w", 30, &[(FIRST, 10), ("/d/q-0000000001", 11)]));
    view(watched().failed("b", 30..40, create("/d/x", "x0")).seen("w", 50, "/d/x", Created));
}

#[test]
fn an_event_before_its_cause() {
    let mut story = Story::default();
    story.resynced("w", 1, &[]).seen("w", 9, FIRST, Created).added("a", 10..20, add("v"), 0, 10);
    story.view("w", 90, &[(FIRST, 10)]).end(&[added(0, "v", 10)]).breaks(Rule::EventFromNowhere);
}

#[test]
fn more_strange_nodes_than_creates_without_an_answer() {
    let mut story = watched();
    story.unknown("b", 30..40, add("w")).seen("w", 50, "/d/q-0000000001", Created);
    story.clone().view("w", 90, &[(FIRST, 10)]).end(&[added(0, "v", 10)]).is_good();
    story.seen("w", 51, "/d/q-0000000002", Created);
    story.view("w", 90, &[(FIRST, 10)]).end(&[added(0, "v", 10)]).breaks(Rule::EventFromNowhere);
}
