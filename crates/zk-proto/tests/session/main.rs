//! The state machine stepped with a virtual clock: no sleeping, no sockets.
//!
//! What the session promises, sentence by sentence, and the test that shows it: that it happens at the limit, and does not
//! happen just before it. Names without a place are tests of this directory; `src::` are unit tests of this crate, `zk-session::`
//! of that one, `tests::` integration tests against real and hostile servers.
//!
//! # Liveness
//!
//! | promise | shown by |
//! |---|---|
//! | the read timeout is a setting of its own | `liveness::a_silent_server_is_left_one_read_timeout_after_its_last_byte` |
//! | without a setting: a third of the negotiated timeout | `liveness::without_a_setting_the_read_timeout_is_a_third_of_what_was_granted` |
//! | it changes while connected | `liveness::the_read_timeout_changes_while_connected_without_holding_the_past_against_the_server` |
//! | a ping every half read timeout | `liveness::a_ping_goes_out_at_half_the_read_timeout_and_not_before` |
//! | … on a fixed schedule, whatever else is sent or received | `liveness::pings_go_out_on_schedule_whatever_the_traffic` |
//! | … or more often, by an option | `liveness::pings_can_be_more_frequent_and_never_rarer_than_half_the_read_timeout` |
//! | dead one read timeout after the last byte received while anything is unanswered | `liveness::a_silent_server_is_left_one_read_timeout_after_its_last_byte`, `liveness::the_read_timeout_counts_from_the_last_byte_whatever_it_belongs_to` |
//! | not dead while everything is answered | `liveness::a_link_that_answers_its_pings_is_never_left` |
//! | sending proves nothing | `liveness::a_client_that_writes_every_second_notices_a_silent_server_just_the_same` |
//! | bytes of a large reply are progress, with a cap | `liveness::a_large_reply_that_trickles_counts_as_life_but_not_for_ever`, `liveness::a_frame_that_trickles_has_the_session_timeout_and_not_a_moment_more`, `liveness::a_server_that_talks_but_never_answers_is_left_after_a_session_timeout` |
//! | a frozen process gives the server time to answer | `liveness::a_frozen_process_does_not_take_its_own_silence_for_the_servers` |
//!
//! # Suspicion
//!
//! | promise | shown by |
//! |---|---|
//! | after `hedge_after`: the smaller of a quarter of the read timeout and 500 ms, or as set | `suspicion::hedge_after_is_half_a_second_or_a_quarter_of_a_shorter_read_timeout_or_what_was_set` |
//! | never less than eight smoothed round trips | `suspicion::an_idle_link_is_suspected_by_its_ping_and_slow_round_trips_are_allowed_for` |
//! | only with something unanswered, be it a ping | same, `suspicion::an_idle_link_without_anything_unanswered_is_not_suspected` |
//! | the server is probed, a spare dialled, nothing sent on it; silent until `move_after`: the session moves | `suspicion::a_silent_server_that_answers_no_probe_is_left_for_the_spare_after_twice_hedge_after` |
//! | `move_after` as set | `suspicion::move_after_can_be_set_and_is_never_less_than_hedge_after` |
//! | a spare that comes late, or not at all | `suspicion::a_spare_that_is_ready_late_is_used_at_once`, `suspicion::a_spare_that_cannot_be_had_is_tried_for_again_after_another_hedge_after` |
//! | probe answered: stay, and probe again | `suspicion::a_server_that_answers_the_probe_is_waited_for_and_the_read_timeout_is_the_last_word`; an old answer does not count: `suspicion::the_answer_to_the_probe_of_an_earlier_connection_keeps_nobody` |
//! | the read timeout is the last word | `suspicion::a_server_that_answers_probes_is_left_at_the_read_timeout_and_not_before` |
//! | link answered: the spare is dropped | `suspicion::a_link_that_speaks_again_drops_the_spare` |
//! | link broken: the spare is used at once | `suspicion::a_link_that_breaks_while_it_is_suspected_goes_to_the_spare_at_once` |
//! | a spare that is silent too: the one that is left is asked, after a share of a budget | `suspicion::a_spare_that_is_silent_too_has_its_share_of_a_budget_and_the_next_is_neither_of_the_two` |
//! | a pause shorter than `move_after` moves nobody | `suspicion::a_pause_shorter_than_move_after_moves_nobody_and_leaves_nothing_behind` |
//! | it can be turned off | `suspicion::suspicion_can_be_turned_off_and_needs_a_second_server`, `suspicion::a_session_that_is_closing_looks_for_no_other_server`, `suspicion::a_spare_is_not_used_once_the_list_of_servers_has_changed` |
//!
//! # Connecting
//!
//! | promise | shown by |
//! |---|---|
//! | an attempt takes at most the connect timeout, and what is left of the session over twice the hosts | `handshake::an_attempt_may_take_the_connect_timeout_and_at_most_its_share_of_what_is_left_of_the_session` |
//! | resolve, TCP, TLS and the answer share that budget | `handshake::the_answer_has_what_is_left_of_the_budget_in_which_the_connection_was_made`, `handshake::servers_that_accept_and_stay_silent_cost_one_budget_together_and_the_last_one_has_its_own` |
//! | with suspicion no answer is waited for longer than `move_after` while others are left | `suspicion::a_connect_timeout_of_seconds_is_not_spent_on_one_silent_server_while_others_are_left` |
//! | attempts race with a stagger | `zk-session::race::dead_ones_cost_a_stagger_each_and_not_their_budget` |
//! | shuffled; the server just lost goes last | `src::hosts::orders_differ_between_seeds`, `reconnect::the_lost_server_goes_last`, `reconnect::two_servers_take_turns_however_often_they_fail` |
//! | one connect request at a time | `handshake::only_one_connect_request_is_ever_outstanding` |
//! | the first round after a healthy connection at once, later ones with jitter up to 1 s | `reconnect::the_first_round_starts_at_once_and_later_ones_after_pauses_that_grow_to_a_second`, `reconnect::a_connection_is_healthy_after_a_second_and_not_before`, `reconnect::the_next_server_of_a_round_is_asked_without_a_pause` |
//! | never a hot loop | `reconnect::a_server_that_drops_every_connection_at_once_makes_no_hot_loop` |
//! | names are resolved for every attempt; one that does not resolve is a host that is down | `tests::pains::a_name_that_does_not_resolve_keeps_nobody_from_the_hosts_that_do`; the driver's, not the state machine's |
//! | one socket for a session, beside spares | `tests::peers_failures::servers_that_hang_up_are_asked_again_in_moderation_one_connection_at_a_time` |
//! | servers, TLS material and credentials are replaced while running | `hosts::another_list_of_servers_moves_the_session_only_if_it_must`, `tests::tls::a_live_session_moves_to_new_settings`, `auth::an_identity_added_while_connected_stays_if_it_is_accepted` |
//! | nothing but the connect request is written before its answer | `handshake::nothing_but_the_connect_request_is_written_before_its_answer` |
//! | then identities, then watches, then `Connected`, then requests | `auth::identities_then_watches_then_connected_then_requests`, `auth::sasl_comes_before_everything_else` |
//! | a timeout ≤ 0 is an expiry | `handshake::a_timeout_of_zero_or_less_is_an_expiry_of_what_was_asked_for`, `expiry::expiry_by_a_refusal_begins_the_next_generation` |
//! | another session id is an expiry | `expiry::another_session_id_is_an_expiry_even_if_the_server_does_not_say_so` |
//! | a read-only server is refused unless asked for | `handshake::a_read_only_server_is_refused_unless_asked_for` |
//! | … and left when one with a quorum is found | `read_only::others_are_asked_ever_more_seldom_and_the_first_with_a_quorum_is_moved_to`, `read_only::a_session_of_a_read_only_server_is_replaced_without_an_expiry_and_keeps_its_watches` |
//! | construction blocks on nothing | `handshake::a_session_wants_its_servers_from_the_moment_it_exists_and_waits_for_nobody` |
//!
//! # Requests
//!
//! | promise | shown by |
//! |---|---|
//! | replies are matched in order and by xid; a mismatch drops the connection | `requests::replies_find_their_requests_and_carry_the_time_they_were_sent`, `requests::a_reply_out_of_order_drops_the_connection_and_leaves_the_request_unknown`, `requests::unasked_pongs_and_replies_are_refused` |
//! | xids run 1..=`i32::MAX` and begin again at 1 | `src::xid::wraps_to_one_and_never_goes_negative` |
//! | reserved xids repeat | `watches::a_restoration_that_is_cut_short_begins_again_from_the_same_zxid` (−8), `auth::identities_then_watches_then_connected_then_requests` (−4) |
//! | the order on the wire is that of the calls | `requests::requests_go_out_in_the_order_of_the_calls_also_those_that_waited` |
//! | what ends early leaves its place until the reply | `requests::a_deadline_ends_the_request_and_not_the_connection` |
//! | a dropped call, too | `tests::operations::dropped_calls_leave_the_replies_of_the_others_in_order` |
//! | without a connection: fails at once, or waits until its deadline | `requests::a_request_that_waits_for_a_connection_ends_at_its_deadline_and_not_before` |
//! | sent: ends at its deadline as unknown | `requests::a_sent_request_ends_at_its_deadline_and_not_before`, `requests::what_was_sent_is_unknown_and_what_was_not_is_not_sent` |
//! | too large, or too many, are refused before writing | `requests::overload_and_oversize_are_refused_before_anything_is_sent`, `requests::bytes_that_wait_are_bounded_too_but_a_single_request_always_fits` |
//! | the zxid is the highest of all replies and of no event | `reconnect::the_newest_zxid_is_the_highest_of_all_replies_and_of_no_event` |
//!
//! # Watches
//!
//! | promise | shown by |
//! |---|---|
//! | restored in batches of at most 128 KiB | `watches::a_batch_of_watches_takes_128_kib_and_not_a_byte_more`, `src::set_watches::batches_are_bounded_complete_and_carry_one_zxid` |
//! | all with the zxid from before the first | `watches::a_restoration_that_is_cut_short_begins_again_from_the_same_zxid` |
//! | a change during the gap is told once | `watches::watches_are_restored_before_connected_is_announced_and_fire_once` |
//! | persistent ones are told to look again, one-shot ones are not | `watches::persistent_watches_are_restored_told_to_look_again_and_removed_when_given_up`, `watches::identical_watches_share_one_registration_and_all_are_told` |
//! | armed when the reply is processed; an event before it is not lost | `watches::an_event_that_overtakes_the_answer_is_not_lost`, `watches::an_early_event_beside_a_recursive_watch_is_not_taken_for_its_own`, `watches::a_watch_whose_request_was_given_up_is_not_armed` |
//! | given up: unregistered; identical ones share a registration | `watches::persistent_watches_are_restored_told_to_look_again_and_removed_when_given_up`, `watches::a_watch_that_somebody_else_is_about_to_leave_is_not_removed`, `watches::identical_watches_share_one_registration_and_all_are_told` |
//! | servers without the op codes get the older request or a re-read | `restore::a_server_that_does_not_know_set_watches_is_read_instead`, `restore::a_server_that_closes_on_set_watches_is_believed_the_second_time`, `restore::persistent_watches_end_where_no_server_knows_them`, `restore::remove_watches_is_not_sent_twice_to_servers_that_do_not_know_it`, `tests::old_servers::watches_survive_a_reconnect_and_a_dropped_watcher_harms_nobody` |
//! | queues are bounded, overflow means look again | `zk-session::persistent_watcher::events_that_nobody_reads_become_one_resync` |
//!
//! # Expiry, and the lease
//!
//! The lease counts from what was passed on before a committed write, not from the write: see `src/quorum_proof.rs`.
//!
//! | promise | shown by |
//! |---|---|
//! | lost when no server spoke for the negotiated timeout | `expiry::a_session_is_lost_one_negotiated_timeout_after_the_last_byte_and_not_before` |
//! | … and still resumed | `expiry::a_session_is_lost_when_no_server_spoke_for_the_negotiated_timeout_and_may_come_back`, `expiry::a_lost_session_that_comes_back_has_its_watches_and_its_waiting_requests` |
//! | servers that are behind what was seen are found out, never before the session is lost | `wiped::a_wiped_ensemble_is_found_out_and_a_new_session_begun`, `wiped::servers_without_a_quorum_are_asked_both_ways_and_the_session_goes_on_from_what_it_has_seen`, `wiped::an_ensemble_restored_from_a_backup_that_knows_the_session_ends_it_all_the_same` |
//! | pings and reads prove nothing, committed writes do | `lease::what_a_follower_can_answer_alone_proves_nothing_and_what_was_committed_does`, `lease::a_write_that_was_refused_proves_nothing` |
//! | what they prove is what was said half a tick before them | `lease::the_quorum_proof_is_what_was_passed_on_before_a_committed_write`, `lease::a_message_counts_once_it_was_answered_for_half_a_tick_and_not_before`, `lease::half_a_tick_counts_from_the_answer_since_the_message_may_have_arrived_just_before_it` |
//! | another connection begins with its connect request | `lease::on_another_connection_the_proof_begins_with_its_connect_request_and_never_goes_back` |
//! | the proof ends with the session | `lease::a_session_that_is_over_proves_nothing`, `expiry::another_session_id_is_an_expiry_even_if_the_server_does_not_say_so` |
//! | the clock goes on while the machine sleeps | `tests::clock::time_asleep_counts` |
//! | `dcs-zk` renews the lease with a write per loop, fences with the `czxid`, and refuses to lead in too short a session | `tests::dcs_lease::join_lead_renew_and_release`, `tests::dcs_lease::a_session_too_short_for_the_loop_is_refused_to_lead` |
//! | the key outlives the lease, whatever is cut off | `tests::dcs_lease::the_key_outlives_the_lease_when_a_follower_is_cut_off_with_its_clients` |
//! | the negotiated timeout is public | `handshake::the_first_connection_asks_for_a_new_session_and_announces_it` |
//!
//! # Errors
//!
//! | promise | shown by |
//! |---|---|
//! | an unknown code is a value | `requests::every_error_code_is_a_value_and_only_three_are_about_the_connection`, `requests::session_moved_and_expired_as_answers_change_the_connection` |
//! | a change of state carries cause, server, elapsed time and session id | `expiry::every_change_of_state_says_from_what_to_what_why_where_and_after_how_long` |
//! | garbage before the session is granted is refused, and the next server tried | `handshake::hostile_connect_responses_are_refused_and_the_next_server_is_tried` |
//! | … and what speaks TLS or HTTP is named | `tests::bad_servers::a_port_that_speaks_something_else_is_named_as_what_it_is` |
//! | "nobody can say" is told from "a server said so" | `tests::dcs_lease::without_servers_every_call_ends_in_time_as_unavailable_and_the_lease_ends_by_itself`, `tests::dcs_lease::one_of_two_gets_the_key_and_the_other_is_told` |
//! | an ambiguous create is resolved by its owner | `tests::pains::a_lock_that_was_created_although_its_reply_was_lost_is_acquired_in_the_same_call` |
//! | password and credentials are shown nowhere | `secrets::the_session_password_is_in_no_debug_output`, `secrets::nothing_of_what_is_on_its_way_out_is_shown` |

mod auth;
mod close;
mod expiry;
mod handshake;
mod harness;
mod hosts;
mod lease;
mod liveness;
mod read_only;
mod reading;
mod reconnect;
mod requests;
mod restore;
mod sasl;
mod secrets;
mod suspicion;
mod vitals;
mod watches;
mod wiped;
