//! The records, for the targets that go through all of them.

/// Hands the table of all records, a name for a function and the record's type, to a macro. New ones go to the end: the
/// place is the number that stands for a record in the corpora.
macro_rules! with_records {
    ($macro:ident) => {
        $macro! {
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
    };
}

macro_rules! names {
    ($($function:ident $record:ident)+) => {
        /// The records, in the order of their numbers in the corpora.
        pub const RECORDS: &[&str] = &[$(stringify!($record)),+];
    };
}

with_records!(names);

pub(crate) use with_records;
