//! Any bytes as any record.

use bytes::Bytes;
use zk_jute::records::*;
use zk_jute::{Decode, Encode, Reader};

/// A function per record and their table; the first byte of an input is an index into it.
macro_rules! records {
    ($($function:ident $record:ident)+) => {
        $(fn $function(bytes: &Bytes) -> bool {
            let mut reader = Reader::new(bytes);
            let Ok(record) = $record::decode(&mut reader) else { return false };
            let read = bytes.len() - reader.remaining();
            assert!(read >= <$record as Decode>::MIN_LEN, "shorter than the shortest");
            // Not always the bytes that were read: a null password is written as an empty one, the error field of a
            // multi's header as what clients write into it.
            let written = record.to_bytes();
            assert_eq!(written.len(), record.encoded_len(), "the length was promised");
            assert_eq!($record::from_bytes(&written).as_ref(), Ok(&record), "what was written is read again");
            true
        })+

        /// The records, in the order of their numbers in the corpus: new ones go to the end.
        pub const RECORDS: &[&str] = &[$(stringify!($record)),+];

        const DECODERS: &[fn(&Bytes) -> bool] = &[$($function),+];
    };
}

records! {
    acl Acl
    add_watch_request AddWatchRequest
    auth_packet AuthPacket
    check_version_request CheckVersionRequest
    check_watches_request CheckWatchesRequest
    client_info ClientInfo
    connect_request ConnectRequest
    connect_response ConnectResponse
    create2_response Create2Response
    create_request CreateRequest
    create_response CreateResponse
    create_ttl_request CreateTTLRequest
    delete_request DeleteRequest
    error_response ErrorResponse
    exists_request ExistsRequest
    exists_response ExistsResponse
    get_acl_request GetACLRequest
    get_acl_response GetACLResponse
    get_all_children_number_request GetAllChildrenNumberRequest
    get_all_children_number_response GetAllChildrenNumberResponse
    get_children2_request GetChildren2Request
    get_children2_response GetChildren2Response
    get_children_request GetChildrenRequest
    get_children_response GetChildrenResponse
    get_data_request GetDataRequest
    get_data_response GetDataResponse
    get_ephemerals_request GetEphemeralsRequest
    get_ephemerals_response GetEphemeralsResponse
    get_sasl_request GetSASLRequest
    id Id
    multi_header MultiHeader
    multi_request MultiRequest
    multi_response MultiResponse
    reconfig_request ReconfigRequest
    remove_watches_request RemoveWatchesRequest
    reply_header ReplyHeader
    request_header RequestHeader
    set_acl_request SetACLRequest
    set_acl_response SetACLResponse
    set_data_request SetDataRequest
    set_data_response SetDataResponse
    set_sasl_request SetSASLRequest
    set_sasl_response SetSASLResponse
    set_watches SetWatches
    set_watches2 SetWatches2
    stat Stat
    sync_request SyncRequest
    sync_response SyncResponse
    watcher_event WatcherEvent
    who_am_i_response WhoAmIResponse
}

/// Decodes everything after the first byte as the record that byte picks, and says which one it was if it was one.
///
/// # Panics
///
/// If a decoded record does not survive being encoded, or its length is not what it said.
pub fn record_decode(input: &[u8]) -> Option<&'static str> {
    let (&number, bytes) = input.split_first()?;
    let number = usize::from(number);
    let decoder = DECODERS.get(number)?;
    decoder(&Bytes::copy_from_slice(bytes)).then(|| RECORDS[number])
}
