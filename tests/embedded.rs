//! The same tests on another server: what the files below say of a real ZooKeeper is asked of the embedded one.
//!
//! The files are compiled a second time here, as they stand. They ask `zk_testkit` for their servers, and in this binary that name
//! is this crate: [`Ensemble`] is the embedded server, wherever it can play the part.
//!
//! On real servers alone run ten of them: they need what an embedded server does not have, start real ones here, too, and say so
//! on their output.
//! * **Several servers** of which one is killed, frozen or elected; an embedded ensemble has no elections:
//!   `auth::a_digest_opens_what_its_acl_protects_on_every_connection`,
//!   `persistent_watches::after_a_reconnect_it_is_told_to_look_again_and_sees_what_follows`,
//!   `session_life::the_session_outlives_a_freeze_of_everything_shorter_than_itself`,
//!   `watches::a_change_while_disconnected_is_told_once_after_the_reconnect`,
//!   `watches::thousands_of_watches_survive_the_loss_of_their_server`; and, for the contention between servers that write through one
//!   leader, `more_operations::many_make_and_delete_one_tree_at_the_same_time`,
//!   `more_operations::missing_parents_are_made_and_others_may_interfere`.
//! * **`reconfig`**, which embedded servers have switched off: `more_operations::the_members_of_the_ensemble_are_read_and_changed`.
//! * **SASL**, which they do not have: `auth::sasl_digest_md5_on_every_connection`,
//!   `auth::sasl_with_a_wrong_password_is_told_and_a_right_one_gets_in`.

#![expect(clippy::duplicate_mod, reason = "each file brings what it shares with the others")]

extern crate self as zk_testkit;
extern crate zk_testkit as real_testkit;

#[path = "embedded/ensemble.rs"]
mod ensemble;

#[path = "auth.rs"]
mod auth;
#[path = "more_operations.rs"]
mod more_operations;
#[path = "multi.rs"]
mod multi;
#[path = "operations.rs"]
mod operations;
#[path = "persistent_watches.rs"]
mod persistent_watches;
#[path = "session_life.rs"]
mod session_life;
#[path = "watches.rs"]
mod watches;

pub(crate) use ensemble::Ensemble;
pub(crate) use real_testkit::four_letter_word;
