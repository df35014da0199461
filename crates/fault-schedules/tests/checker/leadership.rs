//! Never two believers, tokens that grow, fenced writes.

use fault_schedules::checker::Rule;

use crate::story::{Story, fenced, node};

#[test]
fn two_that_believe_at_a_time() {
    let mut story = Story::default();
    story.lease("a", 10..50, 5).lease("a", 30..70, 5).lease("b", 60..90, 9).end(&[]);
    story.breaks(Rule::TwoBelievers);
    let totals = story.check().totals;
    assert_eq!((totals.two_believers, totals.two_believers_nanos), (1, 10));
    assert_eq!((totals.lease_grants, totals.lease_renewals, totals.leaders), (2, 1, 2));
}

#[test]
fn a_long_belief_hides_no_other() {
    let mut story = Story::default();
    // That of c overlaps with b, behind a later and shorter one of b itself.
    story.lease("b", 10..100, 5).lease("b", 20..30, 5).lease("c", 90..120, 9).end(&[]);
    story.breaks(Rule::TwoBelievers);
}

#[test]
fn the_second_longest_belief_counts_when_the_longest_is_ones_own() {
    let mut story = Story::default();
    story.lease("a", 10..50, 5).lease("b", 40..200, 6).lease("a", 45..48, 5).end(&[]);
    story.breaks(Rule::TwoBelievers);
}

#[test]
fn an_earlier_renewal_that_lasts_longer_counts() {
    let mut story = Story::default();
    story.lease("a", 10..80, 5).lease("a", 20..40, 5).lease("b", 60..90, 9).end(&[]);
    story.breaks(Rule::TwoBelievers);
}

#[test]
fn a_leader_that_ceased_too_late() {
    let mut story = Story::default();
    story.lease("a", 10..70, 5).ceased("a", 61, 5).lease("b", 60..90, 9).end(&[]);
    story.breaks(Rule::TwoBelievers);
}

#[test]
fn a_belief_that_is_taken_up_after_it_ceased_counts() {
    let mut story = Story::default();
    story.lease("a", 10..70, 5).ceased("a", 20, 5).lease("a", 30..70, 5).lease("b", 60..90, 9).end(&[]);
    story.breaks(Rule::TwoBelievers);
}

#[test]
fn a_token_that_changes_within_a_reign() {
    let mut story = Story::default();
    story.lease("a", 10..50, 5).lease("a", 40..80, 6).end(&[]);
    story.breaks(Rule::TokenChanged);
}

#[test]
fn a_token_of_two_processes() {
    let mut story = Story::default();
    story.lease("a", 10..50, 5).lease("b", 60..80, 5).end(&[]);
    story.breaks(Rule::TokenChanged);
}

#[test]
fn a_later_leader_with_a_smaller_token() {
    let mut story = Story::default();
    story.lease("a", 10..50, 9).lease("b", 60..80, 5).end(&[]);
    story.breaks(Rule::TokenOrder);
}

#[test]
fn a_former_leader_that_believes_again() {
    let mut story = Story::default();
    story.lease("a", 10..50, 5).lease("b", 60..80, 9).lease("a", 90..95, 5).end(&[]);
    story.breaks(Rule::TokenOrder);
}

#[test]
fn a_fenced_write_that_is_asked_for_after_a_later_leader() {
    let mut story = Story::default();
    story.lease("a", 10..50, 5).lease("b", 60..90, 9).wrote_untold("a", 61..70, fenced("/c", "x", 5));
    story.end(&[node("/c", "x", 8, 8, 0)]);
    story.breaks(Rule::FormerLeaderWrote);
}

#[test]
fn a_fenced_write_that_is_asked_for_after_one_of_a_later_leader() {
    let mut story = Story::default();
    story.wrote_untold("b", 10..20, fenced("/c", "y", 9)).wrote_untold("a", 30..40, fenced("/d", "x", 5));
    story.end(&[node("/c", "y", 12, 12, 0), node("/d", "x", 8, 8, 0)]);
    story.breaks(Rule::FormerLeaderWrote);
}

#[test]
fn a_fenced_write_that_lands_behind_a_later_leader_key() {
    let mut story = Story::default();
    story.lease("a", 10..50, 5).lease("b", 60..90, 9).wrote_untold("a", 40..70, fenced("/c", "x", 5));
    story.end(&[node("/c", "x", 7, 11, 1)]);
    story.breaks(Rule::FormerLeaderWrote);
}

#[test]
fn a_fenced_write_without_an_answer_that_lands_too_late() {
    let mut story = Story::default();
    story.lease("a", 10..50, 5).lease("b", 60..90, 9).unknown("a", 40..50, fenced("/c", "x", 5));
    story.end(&[node("/c", "x", 7, 11, 1)]);
    story.breaks(Rule::FormerLeaderWrote);
}
