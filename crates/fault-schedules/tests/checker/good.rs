//! Histories that look odd, and are good.

use fault_schedules::history::{
    Change::{Created, Deleted},
    Event,
};

use crate::story::{Story, add, added, create, delete, ephemeral, fenced, node, session, set, set_if};

#[test]
fn leaders_that_follow_each_other() {
    let mut story = Story::default();
    story.lease("a", 10..50, 5).lease("a", 30..70, 5);
    // It ends as the next one begins.
    story.ceased("a", 60, 5).lease("b", 60..90, 9);
    // Frozen: it never said that it ceased. Its lease is noticed too late to be believed.
    story.tell(130, "b", Event::Lease { until: 120, token: 9, session: session("b") });
    story.lease("c", 100..140, 12);
    // It stopped believing, and found the key to be its own still.
    story.ceased("c", 110, 12).lease("c", 120..160, 12);
    let totals = story.end(&[]).is_good().totals;
    assert_eq!((totals.lease_grants, totals.lease_renewals), (3, 3));
    assert_eq!((totals.leaders, totals.successions), (3, 2));
}

#[test]
fn a_lease_that_lapsed_and_was_renewed() {
    let mut story = Story::default();
    story.lease("a", 10..50, 5).lease("a", 80..120, 5).lease("b", 130..150, 9).end(&[]).is_good();
}

#[test]
fn fenced_writes_around_a_change_of_leaders() {
    let mut story = Story::default();
    story.lease("a", 10..50, 5).wrote_untold("a", 20..30, fenced("/c", "a1", 5));
    // Refused when the other leads, made or not when nobody was told.
    story.unknown("a", 40..45, fenced("/c", "a2", 5));
    // Asked for before the other led, and made before: only the answer took long.
    story.wrote_untold("a", 49..70, fenced("/c", "a4", 5));
    story.lease("b", 60..90, 9);
    story.failed("a", 61..65, fenced("/c", "a3", 5));
    story.wrote_untold("b", 62..66, fenced("/c", "b1", 9));
    // One that is made again after a lost answer counts twice.
    for version in [3, 4] {
        story.clone().end(&[node("/c", "b1", 6, 11, version)]).is_good();
    }
}

#[test]
fn an_unknown_write_is_there_or_is_not() {
    let mut story = Story::default();
    story.wrote("a", 10..20, create("/a", "a0"), 10, 0).unknown("a", 30..40, set("/a", "a1"));
    story.clone().end(&[node("/a", "a0", 10, 10, 0)]).is_good();
    let seen = story.clone().end(&[node("/a", "a1", 10, 12, 1)]).is_good().totals;
    assert_eq!((seen.unknown_writes, seen.unknown_writes_seen), (1, 1));
    // Overwritten: only the version tells.
    story.wrote("a", 50..60, set("/a", "a2"), 14, 2).end(&[node("/a", "a2", 10, 14, 2)]).is_good();
}

#[test]
fn an_unknown_write_takes_effect_late() {
    let mut story = Story::default();
    story.wrote("a", 10..20, create("/a", "a0"), 10, 0).unknown("a", 30..40, set("/a", "a1"));
    story.wrote("b", 50..60, set("/a", "b1"), 12, 1);
    story.end(&[node("/a", "a1", 10, 13, 2)]).is_good();
}

#[test]
fn a_process_that_was_killed_in_a_call() {
    let mut story = Story::default();
    story.invoke("a", 10, add("v"));
    story.clone().end(&[]).is_good();
    story.end(&[added(0, "v", 10)]).is_good();
}

#[test]
fn an_unknown_delete_may_have_been_made() {
    let mut story = Story::default();
    story.wrote("a", 10..20, create("/a", "a0"), 10, 0).unknown("b", 30..40, delete("/a"));
    story.clone().end(&[]).is_good();
    story.clone().end(&[node("/a", "a0", 10, 10, 0)]).is_good();
    // Made anew, by a create that may only have come after it.
    story.read("b", 50..60, "/a", None).wrote("b", 70..80, create("/a", "b0"), 13, 0);
    story.wrote("b", 90..95, set_if("/a", "b1", 0), 14, 1).end(&[node("/a", "b1", 13, 14, 1)]).is_good();
}

#[test]
fn an_unknown_delete_outlasts_one_that_was_acknowledged() {
    let mut story = Story::default();
    story.wrote("a", 10..20, create("/a", "a0"), 10, 0).unknown("b", 30..40, delete("/a"));
    story.wrote_untold("c", 50..55, delete("/a")).wrote("c", 60..70, create("/a", "c0"), 13, 0);
    story.end(&[]).is_good();
}

#[test]
fn what_is_asked_for_at_the_instant_of_an_answer_is_not_after_it() {
    let mut story = Story::default();
    story.wrote("a", 10..20, create("/a", "a0"), 11, 0).wrote("b", 20..30, create("/b", "b0"), 10, 0);
    story.end(&[node("/a", "a0", 11, 11, 0), node("/b", "b0", 10, 10, 0)]).is_good();
}

#[test]
fn a_server_that_lags() {
    let mut story = Story::default();
    story.wrote("a", 10..20, create("/a", "a0"), 10, 0).wrote("a", 30..40, set("/a", "a1"), 12, 1);
    story.read("b", 50..51, "/a", None).read("b", 52..53, "/a", Some(("a0", 10, 0)));
    story.read("b", 54..55, "/a", Some(("a1", 12, 1))).synced("c", 50..51, "/a", Some(("a1", 12, 1)));
    // Acknowledged while the synced read was under way: it sees it or not.
    story.wrote("a", 56..70, set("/a", "a2"), 13, 2).synced("c", 60..80, "/a", Some(("a1", 12, 1)));
    let totals = story.end(&[node("/a", "a2", 10, 13, 2)]).is_good().totals;
    assert_eq!((totals.reads, totals.synced_reads), (5, 2));
}

#[test]
fn ephemeral_nodes_go_with_their_sessions() {
    let mut ended = Story::default();
    ended.wrote("a", 10..20, ephemeral("/e", "e0"), 10, 0).session_ended("a", 50).end(&[]).is_good();
    // Killed: nobody tells that the session ended.
    let mut killed = Story::default();
    killed.wrote("a", 10..20, ephemeral("/e", "e0"), 10, 0).read("b", 30..40, "/e", None).end(&[]).is_good();
}

#[test]
fn a_watcher_with_gaps() {
    let mut story = Story::default();
    story.wrote("a", 1..2, create("/d/old", "o0"), 5, 0).resynced("w", 3, &[("/d/old", 5)]);
    story.added("a", 10..20, add("u"), 0, 10).added("a", 21..22, add("v"), 1, 11);
    story.wrote_untold("a", 23..24, delete("/d/q-0000000000"));
    // The first came and went in the gap; another is told though it was read already.
    story.resynced("w", 30, &[("/d/old", 5), ("/d/q-0000000001", 11)]).seen(
        "w",
        31,
        "/d/q-0000000001",
        Created,
    );
    story.added("a", 40..50, add("w"), 2, 13).seen("w", 45, "/d/q-0000000002", Created);
    story.wrote_untold("a", 60..70, delete("/d/old")).seen("w", 71, "/d/old", Deleted);
    // Nobody of this history writes there.
    story.seen("w", 72, "/d/scenery", Created);
    story.view("w", 90, &[("/d", 1), ("/d/q-0000000001", 11), ("/d/q-0000000002", 13), ("/d/scenery", 15)]);
    let totals = story
        .end(&[
            node("/d", "", 1, 1, 0),
            added(1, "v", 11),
            added(2, "w", 13),
            node("/d/scenery", "", 15, 15, 0),
        ])
        .is_good()
        .totals;
    assert_eq!((totals.watch_events, totals.resyncs, totals.final_views), (4, 2, 1));
}

#[test]
fn nodes_that_were_there_before() {
    let mut story = Story::default();
    story.read("a", 10..20, "/r", Some(("", 3, 0))).wrote("a", 30..40, set_if("/r", "r1", 0), 10, 1);
    story
        .read("a", 50..60, "/elsewhere", Some(("anything", 4, 7)))
        .end(&[node("/r", "r1", 3, 10, 1)])
        .is_good();
}
