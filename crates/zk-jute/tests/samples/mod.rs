//! Arbitrary values of every record, and the list of all records.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use zk_jute::records::*;
use zk_jute::{AddWatchMode, Encode, ErrorCode, EventType, KeeperState, OpCode, Permissions, WatcherType};

/// A value of any shape the wire can carry.
pub(crate) trait Sample: Sized {
    fn values() -> BoxedStrategy<Self>;
}

/// Numbers: the ones at the edges as often as the others.
impl Sample for i32 {
    fn values() -> BoxedStrategy<Self> {
        prop_oneof![Just(0), Just(-1), Just(Self::MIN), Just(Self::MAX), any::<Self>()].boxed()
    }
}

impl Sample for i64 {
    fn values() -> BoxedStrategy<Self> {
        prop_oneof![Just(0), Just(-1), Just(Self::MIN), Just(Self::MAX), any::<Self>()].boxed()
    }
}

impl Sample for bool {
    fn values() -> BoxedStrategy<Self> {
        any::<Self>().boxed()
    }
}

/// Records borrow their text; a test process can afford to leak what it makes up.
impl Sample for &'static str {
    fn values() -> BoxedStrategy<Self> {
        vec(any::<char>(), 0..12)
            .prop_map(|chars| &*Box::leak(String::from_iter(chars).into_boxed_str()))
            .boxed()
    }
}

impl Sample for Option<&'static str> {
    fn values() -> BoxedStrategy<Self> {
        option::of(<&str>::values()).boxed()
    }
}

impl Sample for Bytes {
    fn values() -> BoxedStrategy<Self> {
        vec(any::<u8>(), 0..40).prop_map(Self::from).boxed()
    }
}

impl Sample for Option<Bytes> {
    fn values() -> BoxedStrategy<Self> {
        option::of(Bytes::values()).boxed()
    }
}

impl Sample for Option<bool> {
    fn values() -> BoxedStrategy<Self> {
        option::of(any::<bool>()).boxed()
    }
}

impl<T: Sample + Clone + std::fmt::Debug + 'static> Sample for Vec<T> {
    fn values() -> BoxedStrategy<Self> {
        vec(T::values(), 0..6).boxed()
    }
}

/// Codes: the named ones as often as the others.
macro_rules! sample_codes {
    ($($type:ident)+) => {
        $(impl Sample for $type {
            fn values() -> BoxedStrategy<Self> {
                prop_oneof![proptest::sample::select($type::NAMED), i32::values().prop_map($type::new)].boxed()
            }
        })+
    };
}

sample_codes! { AddWatchMode ErrorCode EventType KeeperState OpCode WatcherType }

impl Sample for Permissions {
    fn values() -> BoxedStrategy<Self> {
        i32::values().prop_map(Self::new).boxed()
    }
}

/// The values of a field; its name only serves the macro below.
fn of_field<T: Sample>(_name: &str) -> BoxedStrategy<T> {
    T::values()
}

/// `Sample` for structs, from the samples of their fields.
macro_rules! sample_records {
    ($($type:ty: $name:ident { $($field:ident),+ })+) => {
        $(impl Sample for $type {
            fn values() -> BoxedStrategy<Self> {
                ($(of_field(stringify!($field)),)+).prop_map(|($($field,)+)| $name { $($field),+ }).boxed()
            }
        })+
    };
}

sample_records! {
    Acl<'static>: Acl { perms, id }
    AddWatchRequest<'static>: AddWatchRequest { path, mode }
    AuthPacket<'static>: AuthPacket { auth_type, scheme, auth }
    CheckVersionRequest<'static>: CheckVersionRequest { path, version }
    CheckWatchesRequest<'static>: CheckWatchesRequest { path, watcher_type }
    ClientInfo<'static>: ClientInfo { auth_scheme, user }
    ConnectRequest: ConnectRequest { protocol_version, last_zxid_seen, timeout, session_id, password, read_only }
    ConnectResponse: ConnectResponse { protocol_version, timeout, session_id, password, read_only }
    Create2Response<'static>: Create2Response { path, stat }
    CreateRequest<'static>: CreateRequest { path, data, acl, flags }
    CreateResponse<'static>: CreateResponse { path }
    CreateTTLRequest<'static>: CreateTTLRequest { path, data, acl, flags, ttl }
    DeleteRequest<'static>: DeleteRequest { path, version }
    ErrorResponse: ErrorResponse { err }
    ExistsRequest<'static>: ExistsRequest { path, watch }
    ExistsResponse: ExistsResponse { stat }
    GetACLRequest<'static>: GetACLRequest { path }
    GetACLResponse<'static>: GetACLResponse { acl, stat }
    GetAllChildrenNumberRequest<'static>: GetAllChildrenNumberRequest { path }
    GetAllChildrenNumberResponse: GetAllChildrenNumberResponse { total_number }
    GetChildren2Request<'static>: GetChildren2Request { path, watch }
    GetChildren2Response<'static>: GetChildren2Response { children, stat }
    GetChildrenRequest<'static>: GetChildrenRequest { path, watch }
    GetChildrenResponse<'static>: GetChildrenResponse { children }
    GetDataRequest<'static>: GetDataRequest { path, watch }
    GetDataResponse: GetDataResponse { data, stat }
    GetEphemeralsRequest<'static>: GetEphemeralsRequest { prefix_path }
    GetEphemeralsResponse<'static>: GetEphemeralsResponse { ephemerals }
    GetSASLRequest: GetSASLRequest { token }
    Id<'static>: Id { scheme, id }
    MultiHeader: MultiHeader { op, done, err }
    MultiRequest<'static>: MultiRequest { ops }
    MultiResponse<'static>: MultiResponse { results }
    ReconfigRequest<'static>: ReconfigRequest { joining_servers, leaving_servers, new_members, cur_config_id }
    RemoveWatchesRequest<'static>: RemoveWatchesRequest { path, watcher_type }
    ReplyHeader: ReplyHeader { xid, zxid, err }
    RequestHeader: RequestHeader { xid, op }
    SetACLRequest<'static>: SetACLRequest { path, acl, version }
    SetACLResponse: SetACLResponse { stat }
    SetDataRequest<'static>: SetDataRequest { path, data, version }
    SetDataResponse: SetDataResponse { stat }
    SetSASLRequest: SetSASLRequest { token }
    SetSASLResponse: SetSASLResponse { token }
    SetWatches<'static>: SetWatches { relative_zxid, data_watches, exist_watches, child_watches }
    SetWatches2<'static>: SetWatches2 {
        relative_zxid, data_watches, exist_watches, child_watches, persistent_watches, persistent_recursive_watches
    }
    Stat: Stat {
        czxid, mzxid, ctime, mtime, version, cversion, aversion, ephemeral_owner, data_length, num_children, pzxid
    }
    SyncRequest<'static>: SyncRequest { path }
    SyncResponse<'static>: SyncResponse { path }
    WatcherEvent<'static>: WatcherEvent { event_type, state, path }
    WhoAmIResponse<'static>: WhoAmIResponse { client_info }
}

impl Sample for MultiOp<'static> {
    fn values() -> BoxedStrategy<Self> {
        prop_oneof![
            Sample::values().prop_map(MultiOp::Create),
            Sample::values().prop_map(MultiOp::Create2),
            Sample::values().prop_map(MultiOp::CreateContainer),
            Sample::values().prop_map(MultiOp::CreateTTL),
            Sample::values().prop_map(MultiOp::Delete),
            Sample::values().prop_map(MultiOp::SetData),
            Sample::values().prop_map(MultiOp::Check),
            Sample::values().prop_map(MultiOp::GetData),
            Sample::values().prop_map(MultiOp::GetChildren),
        ]
        .boxed()
    }
}

impl Sample for MultiResult<'static> {
    fn values() -> BoxedStrategy<Self> {
        let in_header = (OpCode::values(), ErrorCode::values())
            .prop_filter("an error of an op", |(op, err)| *op != OpCode::ERROR && *err != ErrorCode::OK)
            .prop_map(|(op, err)| MultiResult::ErrorInHeader { op, err });
        prop_oneof![
            Sample::values().prop_map(MultiResult::Create),
            Sample::values().prop_map(MultiResult::Create2),
            Just(MultiResult::Delete),
            Sample::values().prop_map(MultiResult::SetData),
            Just(MultiResult::Check),
            Sample::values().prop_map(MultiResult::GetData),
            Sample::values().prop_map(MultiResult::GetChildren),
            Sample::values().prop_map(MultiResult::Error),
            in_header,
        ]
        .boxed()
    }
}

/// Calls `$each!` with the list of all records as `module Record`, with a lifetime if the record borrows.
#[macro_export]
macro_rules! every_record {
    ($each:ident) => {
        $each! {
            acl Acl<'static>
            add_watch_request AddWatchRequest<'static>
            auth_packet AuthPacket<'static>
            check_version_request CheckVersionRequest<'static>
            check_watches_request CheckWatchesRequest<'static>
            client_info ClientInfo<'static>
            connect_request ConnectRequest
            connect_response ConnectResponse
            create2_response Create2Response<'static>
            create_request CreateRequest<'static>
            create_response CreateResponse<'static>
            create_ttl_request CreateTTLRequest<'static>
            delete_request DeleteRequest<'static>
            error_response ErrorResponse
            exists_request ExistsRequest<'static>
            exists_response ExistsResponse
            get_acl_request GetACLRequest<'static>
            get_acl_response GetACLResponse<'static>
            get_all_children_number_request GetAllChildrenNumberRequest<'static>
            get_all_children_number_response GetAllChildrenNumberResponse
            get_children2_request GetChildren2Request<'static>
            get_children2_response GetChildren2Response<'static>
            get_children_request GetChildrenRequest<'static>
            get_children_response GetChildrenResponse<'static>
            get_data_request GetDataRequest<'static>
            get_data_response GetDataResponse
            get_ephemerals_request GetEphemeralsRequest<'static>
            get_ephemerals_response GetEphemeralsResponse<'static>
            get_sasl_request GetSASLRequest
            id Id<'static>
            multi_header MultiHeader
            multi_request MultiRequest<'static>
            multi_response MultiResponse<'static>
            reconfig_request ReconfigRequest<'static>
            remove_watches_request RemoveWatchesRequest<'static>
            reply_header ReplyHeader
            request_header RequestHeader
            set_acl_request SetACLRequest<'static>
            set_acl_response SetACLResponse
            set_data_request SetDataRequest<'static>
            set_data_response SetDataResponse
            set_sasl_request SetSASLRequest
            set_sasl_response SetSASLResponse
            set_watches SetWatches<'static>
            set_watches2 SetWatches2<'static>
            stat Stat
            sync_request SyncRequest<'static>
            sync_response SyncResponse<'static>
            watcher_event WatcherEvent<'static>
            who_am_i_response WhoAmIResponse<'static>
        }
    };
}

/// Bytes that are a little, or not at all, like the encoding of a record.
pub(crate) fn hostile<T: Encode + std::fmt::Debug + 'static>(
    records: BoxedStrategy<T>,
) -> BoxedStrategy<Bytes> {
    let byte = || prop_oneof![Just(0), Just(1), Just(0x7f), Just(0x80), Just(0xff), any::<u8>()];
    let damaged =
        (records, vec((any::<Index>(), byte()), 0..4), vec(byte(), 0..3)).prop_map(|(record, hits, tail)| {
            let mut bytes = record.to_bytes().to_vec();
            for (index, byte) in hits {
                if !bytes.is_empty() {
                    let at = index.index(bytes.len());
                    bytes[at] = byte;
                }
            }
            bytes.extend(tail);
            Bytes::from(bytes)
        });
    prop_oneof![3 => damaged, 1 => vec(byte(), 0..200).prop_map(Bytes::from)].boxed()
}
