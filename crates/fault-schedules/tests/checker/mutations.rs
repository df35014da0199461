//! Good histories with one lie in each: always caught.

mod lies;

use std::cell::Cell;

use fault_schedules::checker::{Requirements, Rule, check};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{TestCaseError, TestRunner},
};

use crate::model::{Model, STEPS, step};
use lies::Lie;

/// Tells the lie in many histories. Where it can be told, one of the rules must catch it.
#[track_caller]
fn is_caught(lie: Lie, rules: &[Rule]) {
    let told = Cell::new(0);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let histories = (vec(step(), 150..STEPS), any::<usize>());
    let result = runner.run(&histories, |(steps, dice)| {
        let mut records = Model::history(&steps);
        if lie(&mut records, dice).is_none() {
            return Ok(());
        }
        told.set(told.get() + 1);
        let verdict = check(&records, &Requirements::default());
        if verdict.violations.iter().any(|violation| rules.contains(&violation.rule)) {
            return Ok(());
        }
        Err(TestCaseError::fail(format!("{:#?}\n{records:#?}", verdict.violations)))
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    assert!(told.get() >= 15, "the lie was told in {} histories only", told.get());
}

#[test]
fn a_created_node_that_is_lost() {
    is_caught(lies::lose_created, &[Rule::Lost]);
}

#[test]
fn a_set_that_is_lost() {
    is_caught(lies::lose_set, &[Rule::Lost]);
}

#[test]
fn a_delete_that_is_lost() {
    is_caught(lies::lose_delete, &[Rule::Lost]);
}

#[test]
fn a_create_that_is_made_twice() {
    is_caught(lies::create_twice, &[Rule::WrittenTwice]);
}

#[test]
fn a_create_that_failed_all_the_same() {
    is_caught(lies::fail_create, &[Rule::FailedWriteSeen]);
}

#[test]
fn a_version_that_is_given_twice() {
    let rules = [Rule::VersionRepeated, Rule::WrongVersion, Rule::Contradiction];
    is_caught(lies::repeat_version, &rules);
}

#[test]
fn zxids_that_are_swapped_in_a_sequence() {
    is_caught(lies::swap_in_sequence, &[Rule::SequenceOrder]);
}

#[test]
fn zxids_that_are_swapped_in_a_session() {
    is_caught(lies::swap_in_session, &[Rule::SessionWrites]);
}

#[test]
fn a_read_that_goes_back() {
    is_caught(lies::read_older, &[Rule::SessionReads]);
}

#[test]
fn a_read_of_what_nobody_wrote() {
    is_caught(lies::read_nonsense, &[Rule::ValueFromNowhere, Rule::Contradiction]);
}

#[test]
fn a_lease_that_lasts_too_long() {
    is_caught(lies::extend_lease, &[Rule::TwoBelievers]);
}

#[test]
fn a_fenced_write_with_a_former_token() {
    is_caught(lies::former_token, &[Rule::FormerLeaderWrote]);
}

#[test]
fn an_event_that_is_lost() {
    is_caught(lies::lose_event, &[Rule::EventMissed]);
}

#[test]
fn an_event_that_is_told_twice() {
    is_caught(lies::repeat_event, &[Rule::EventFromNowhere]);
}

#[test]
fn a_node_that_a_view_misses() {
    is_caught(lies::shorten_view, &[Rule::ViewDiffers]);
}

#[test]
fn a_node_of_a_session_that_ended() {
    is_caught(lies::outlive_session, &[Rule::EphemeralOutlived]);
}

#[test]
fn a_call_that_never_began() {
    is_caught(lies::lose_invocation, &[Rule::Malformed]);
}

#[test]
fn a_call_that_ends_twice() {
    is_caught(lies::end_twice, &[Rule::Malformed]);
}
