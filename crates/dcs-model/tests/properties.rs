//! What holds for any value and any bytes.

use dcs_model::json::{
    Limits, Object, Value, deep_compare, parse_bool, parse_int, slot_name_from_member_name,
};
use dcs_model::{
    Cluster, ClusterConfig, Failover, Failsafe, HistoryLine, Leader, Member, MemberData, ScheduledAt, Status,
    StatusUpdate, SyncState, TimelineHistory,
};
use jiff::Timestamp;
use jiff::tz::Offset;
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::{Duration, Instant};

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("NaN is not equal to itself", |float| !float.is_nan()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::Array),
            vec((any::<String>(), inner), 0..6).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn any_object() -> impl Strategy<Value = Object> {
    vec((any::<String>(), any_value()), 0..6).prop_map(|pairs| pairs.into_iter().collect())
}

/// Bytes that often get past the first character of a parser.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let nearly_json = vec(
        prop_oneof![
            Just("{"),
            Just("}"),
            Just("["),
            Just("]"),
            Just(","),
            Just(":"),
            Just("\""),
            Just("\\u"),
            Just("d83d"),
            Just("\"leader\""),
            Just("\"quorum\""),
            Just("\"scheduled_at\""),
            Just("\"tags\""),
            Just("\"conn_url\""),
            Just("\"optime\""),
            Just("\"slots\""),
            Just("1"),
            Just("-"),
            Just("e9"),
            Just("NaN"),
            Just("null"),
            Just("postgres://"),
            Just("%"),
            Just("é"),
            Just("2026-11-22T10:00Z"),
            Just(" "),
        ],
        0..24,
    );
    prop_oneof![vec(any::<u8>(), 0..64), nearly_json.prop_map(|parts| parts.concat().into_bytes())]
}

/// Reads bytes as every kind of znode and asks for everything that is derived from them.
fn read_everything(bytes: &[u8]) {
    let member = Member::from_node(1, "a", 2, bytes);
    let cluster = Cluster {
        initialize: Some(Cluster::initialize_from_node(bytes)),
        config: Some(ClusterConfig::from_node(1, bytes, 2)),
        leader: Some(Leader::from_node(1, 2, bytes, std::slice::from_ref(&member))),
        status: Status::from_nodes(Some(bytes), None),
        failover: Some(Failover::from_node(1, bytes)),
        sync: SyncState::from_node(Some(1), Some(bytes)),
        history: Some(TimelineHistory::from_node(1, bytes)),
        failsafe: Failsafe::from_node(bytes),
        members: vec![member.clone(), Member { name: "b".into(), ..member.clone() }],
        workers: [(1, Cluster::empty())].into(),
    };
    let _ = serde_json::to_string(&cluster).unwrap();
    let _ = (
        cluster.is_empty(),
        cluster.is_unlocked(),
        cluster.timeline(),
        cluster.min_version(),
        cluster.slots(),
    );
    let _ =
        (cluster.needs_leader_optime(), cluster.clone_candidates("a").count(), cluster.get_member("z", true));
    let text = String::from_utf8_lossy(bytes);
    let _ = (cluster.sync.voters(), cluster.sync.members(), cluster.sync.matches(Some(&text), true));
    let _ = (
        cluster.sync.leader_matches(Some(&text)),
        slot_name_from_member_name(&text),
        ScheduledAt::parse(&text),
    );
    let _ = (member.conn_url(), member.conn_kwargs(Some(&member.data)), member.get_endpoint_url(Some(&text)));
    let _ = (
        member.patroni_version(),
        member.lsn(),
        member.nofailover(),
        member.failover_priority(),
        member.nostream(),
    );
    let _ = cluster.history.iter().flat_map(TimelineHistory::entries).count();
    let _ = StatusUpdate::optime(1).merge(&cluster.status.to_value());
    if let Ok(value) = Value::from_slice(bytes) {
        let _ = (value.to_int(), parse_int(&value), parse_bool(&value), serde_json::Value::from(&value));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read(bytes in any_bytes()) {
        read_everything(&bytes);
    }

    #[test]
    fn what_is_written_is_read(value in any_value()) {
        let json = value.to_json();
        prop_assert!(json.is_ascii());
        let read = Value::parse(&json).unwrap();
        prop_assert_eq!(&read, &value);
        prop_assert_eq!(read.to_json(), json);
    }

    #[test]
    fn an_object_is_the_same_as_itself_in_any_order(object in any_object()) {
        let mut pairs: Vec<_> = object.clone().into_iter().collect();
        pairs.reverse();
        let turned: Object = pairs.into_iter().collect();
        prop_assert!(deep_compare(&object, &turned) && deep_compare(&turned, &object));
        let mut more = object.clone();
        more.insert("one more key", Value::Null);
        prop_assert!(object.contains_key("one more key") || !deep_compare(&object, &more));
    }

    #[test]
    fn member_data_survives(object in any_object()) {
        let data = MemberData::from(object).state("running");
        let member = Member::from_node(0, "a", 1, data.to_json().as_bytes());
        prop_assert_eq!(&member.data, data.as_object());
        prop_assert!(data.same_as(&member.data) && member.is_running());
    }

    #[test]
    fn sync_state_survives(leader in "[a-z]{1,8}", mut standbys in vec("[a-z0-9-]{1,8}", 0..5), quorum in 0i64..9) {
        let value = SyncState::value(Some(&leader), &standbys, Some(quorum));
        let state = SyncState::from_node(Some(1), Some(value.to_json().as_bytes()));
        prop_assert_eq!(&state, &SyncState::from_value(Some(1), &value));
        standbys.sort();
        prop_assert_eq!(state.voters(), standbys.iter().map(String::as_str).collect::<Vec<_>>());
        prop_assert!(state.leader_matches(Some(&leader)) && state.matches(Some(&leader.to_uppercase()), true));
        prop_assert_eq!(state.quorum, quorum);
    }

    #[test]
    fn failover_survives(
        leader in any::<String>(), candidate in any::<String>(),
        micros in 0i64..4_000_000_000_000_000, minutes in -1439i32..1440, scheduled: bool,
    ) {
        let offset = Offset::from_seconds(minutes * 60).unwrap();
        let at = scheduled.then(|| ScheduledAt::new(Timestamp::from_microsecond(micros).unwrap(), offset));
        let json = Failover::value(Some(&leader), Some(&candidate), at).to_json();
        let read = Failover::from_node(1, json.as_bytes());
        prop_assert_eq!(read.leader.unwrap_or_default(), leader);
        prop_assert_eq!(read.candidate.unwrap_or_default(), candidate);
        prop_assert_eq!(read.scheduled_at, at);
        prop_assert_eq!(at.and_then(|at| at.timestamp()).map(Timestamp::as_microsecond), scheduled.then_some(micros));
    }

    #[test]
    fn history_survives(timelines in vec((any::<i32>(), any::<i64>(), any::<String>(), any::<Option<String>>()), 0..5)) {
        let lines: Vec<HistoryLine> = timelines
            .into_iter()
            .map(|(timeline, lsn, reason, timestamp)| HistoryLine {
                timeline: timeline.into(), lsn, reason, timestamp, new_leader: None,
            })
            .collect();
        let history = TimelineHistory::from_node(1, TimelineHistory::encode(&lines).as_bytes());
        prop_assert_eq!(history.entries().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn limits_are_never_passed(bytes in any_bytes(), max_len in 0usize..40, max_depth in 0usize..4) {
        fn depth(value: &Value) -> usize {
            match value {
                Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
                Value::Object(object) => 1 + object.iter().map(|(_, value)| depth(value)).max().unwrap_or_default(),
                _ => 0,
            }
        }
        if let Ok(value) = Value::from_slice_with(&bytes, Limits { max_len, max_depth }) {
            prop_assert!(bytes.len() <= max_len && depth(&value) <= max_depth);
            prop_assert_eq!(Value::from_slice(&bytes).map(|value| value.to_json()), Ok(value.to_json()));
        }
    }
}

/// The deepest document that is read, through everything that recurses, on a stack of one megabyte.
#[test]
fn the_deepest_document_fits_a_small_stack() {
    let deepest = Limits::default().max_depth;
    let work = move || {
        for (open, close) in [("[", "]"), ("{\"tags\":", "}")] {
            let inner = if close == "}" { "1" } else { "" };
            let text = format!("{}{inner}{}", open.repeat(deepest), close.repeat(deepest));
            let value = Value::parse(&text).unwrap();
            assert_eq!(value.clone(), value);
            assert_eq!(value.to_json(), text);
            assert!(!format!("{value:?}").is_empty() && !value.to_python_str().is_empty());
            read_everything(text.as_bytes());
            let object: Object = [("a", value)].into_iter().collect();
            assert!(deep_compare(&object, &object.clone()));
        }
    };
    let stack = std::thread::Builder::new().stack_size(1 << 20);
    stack.spawn(work).unwrap().join().unwrap();
}

/// Documents half as big as a znode can be, made to be slow.
#[test]
fn big_documents_take_time_in_proportion() {
    let size = 1 << 19;
    let keys: Vec<String> = (0..size / 16).map(|i| format!("\"k{i}\":1")).collect();
    let documents = [
        format!("[{}1]", "1,".repeat(size / 2)),
        format!("{{{}}}", keys.join(",")),
        format!("\"{}\"", "\\u00e9".repeat(size / 6)),
        format!("\"{}\"", "\\ud800".repeat(size / 6)),
        format!("0.{}", "1".repeat(size)),
        "[".repeat(size),
        "\"\\".repeat(size / 2),
        format!("{{\"leader\":\"a\",\"sync_standby\":\"{}\"}}", "b,".repeat(size / 2)),
        format!("postgres://h/?{}", "a=%41&".repeat(size / 6)),
        ":".repeat(size),
    ];
    for document in documents {
        let start = Instant::now();
        read_everything(document.as_bytes());
        // A quarter of a second each; what is quadratic takes hours.
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", document.get(..20));
    }
}
