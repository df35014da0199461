//! What ends with a session.

use fault_schedules::{checker::Rule, history::FinalNode};

use crate::story::{Story, create, ephemeral, node, session};

fn owned(owner: i64) -> FinalNode {
    FinalNode { owner, ..node("/e", "e0", 10, 10, 0) }
}

#[test]
fn an_ephemeral_node_that_outlives_its_session() {
    let mut story = Story::default();
    story.wrote("a", 10..20, ephemeral("/e", "e0"), 10, 0).session_ended("a", 50);
    story.end(&[owned(session("a"))]).breaks(Rule::EphemeralOutlived);
}

#[test]
fn an_ephemeral_node_of_another_session() {
    let mut story = Story::default();
    story.wrote("a", 10..20, ephemeral("/e", "e0"), 10, 0);
    story.end(&[owned(session("b"))]).breaks(Rule::WrongOwner);
}

#[test]
fn a_lasting_node_with_an_owner() {
    let mut story = Story::default();
    story.wrote("a", 10..20, create("/e", "e0"), 10, 0);
    story.end(&[owned(session("a"))]).breaks(Rule::WrongOwner);
}

#[test]
fn a_leader_key_of_another_session() {
    let mut story = Story::default();
    story.lease("a", 10..20, 10).end(&[owned(session("b"))]).breaks(Rule::WrongOwner);
}

#[test]
fn an_answer_in_a_session_that_has_ended() {
    let mut story = Story::default();
    story.session_ended("a", 5).wrote("a", 10..20, create("/e", "e0"), 10, 0);
    story.end(&[node("/e", "e0", 10, 10, 0)]).breaks(Rule::AnsweredAfterEnd);
}

#[test]
fn a_belief_that_outlives_its_session() {
    let mut story = Story::default();
    story.lease("a", 10..50, 5).session_ended("a", 49).end(&[]).breaks(Rule::BeliefOutlived);
    let mut in_time = Story::default();
    in_time.lease("a", 10..50, 5).session_ended("a", 50).end(&[]).is_good();
    let mut ceased = Story::default();
    ceased.lease("a", 10..50, 5).ceased("a", 48, 5).session_ended("a", 49).end(&[]).is_good();
}
