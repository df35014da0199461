//! Histories: what several sessions do, one step after the other.

use proptest::{collection::vec, option, prelude::*, sample::select};
use zk_jute::{CreateMode, OpCode, Permissions};

/// How many sessions a history has.
pub(crate) const SESSIONS: usize = 3;

/// One step of a session.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) session: usize,
    pub(crate) action: Action,
}

#[derive(Debug, Clone)]
pub(crate) enum Action {
    Write(Write),
    SetAcl {
        path: &'static str,
        acl: AclChoice,
        version: i32,
    },
    Multi(Vec<Write>),
    MultiWithRead(Write, &'static str),
    MultiRead(Vec<(bool, &'static str)>),
    MultiReadWithWrite(&'static str, Write),
    GetData {
        path: &'static str,
        watch: bool,
    },
    Exists {
        path: &'static str,
        watch: bool,
    },
    GetChildren {
        path: &'static str,
        watch: bool,
    },
    GetChildren2 {
        path: &'static str,
        watch: bool,
    },
    GetAcl {
        path: &'static str,
    },
    Sync {
        path: &'static str,
    },
    GetEphemerals {
        path: &'static str,
    },
    CountChildren {
        path: &'static str,
    },
    WhoAmI,
    AddWatch {
        path: &'static str,
        mode: i32,
    },
    RemoveWatches {
        path: &'static str,
        kind: i32,
    },
    CheckWatches {
        path: &'static str,
        kind: i32,
    },
    SetWatches {
        since: i64,
        data: Vec<&'static str>,
        exist: Vec<&'static str>,
        child: Vec<&'static str>,
    },
    SetWatches2 {
        since: i64,
        data: Vec<&'static str>,
        persistent: Vec<&'static str>,
        recursive: Vec<&'static str>,
    },
    Auth {
        scheme: &'static str,
        credentials: &'static str,
    },
    /// Cuts the connection and takes the session up again on another one.
    Reconnect,
    /// The same with a wrong password: the session is not taken up, and a new one is begun.
    ReconnectWrongly,
    /// Connects again without cutting the old connection first.
    Steal,
    /// Ends the session and begins a new one.
    Close,
    /// A request that is nothing.
    Nonsense(Nonsense),
    /// Several writes and reads that are sent in one go.
    Burst(Vec<Action>),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Nonsense {
    UnknownOp(i32),
    /// A body that is cut short.
    CutShort(OpCode),
    Reconfig,
    Sasl,
    DeleteContainer,
}

/// A write that may also stand in a multi.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    Create {
        op: OpCode,
        path: &'static str,
        data: Option<&'static [u8]>,
        acl: AclChoice,
        flags: i32,
        ttl: i64,
    },
    Delete {
        path: &'static str,
        version: i32,
    },
    SetData {
        path: &'static str,
        data: Option<&'static [u8]>,
        version: i32,
    },
    Check {
        path: &'static str,
        version: i32,
    },
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum AclChoice {
    Open,
    ReadOnly,
    Creator,
    Other(Permissions, &'static str, &'static str),
    /// World may read, somebody else may do everything.
    Mixed(&'static str),
    Twice,
    Empty,
}

/// Under the history's own znode. The last ones are not paths.
const PATHS: [&str; 18] = [
    "",
    "/a",
    "/a",
    "/b",
    "/a/x",
    "/a/x",
    "/a/x/y",
    "/b/x",
    "/c-",
    "/a/c-",
    "/a/c-0000000000",
    "/c-0000000001",
    "/none/x",
    "/ä",
    "/a/",
    "/a//x",
    "/a/../b",
    "/\u{1}",
];

fn path() -> impl Strategy<Value = &'static str> {
    prop_oneof![9 => select(&PATHS[..13]), 1 => select(&PATHS[..])]
}

fn version() -> impl Strategy<Value = i32> {
    prop_oneof![4 => Just(-1), 3 => Just(0), 2 => Just(1), 1 => Just(2), 1 => Just(-2)]
}

fn data() -> impl Strategy<Value = Option<&'static [u8]>> {
    const DATA: [&[u8]; 3] = [b"", b"x", b"some data"];
    prop_oneof![1 => Just(None), 4 => select(&DATA[..]).prop_map(Some)]
}

fn acl() -> impl Strategy<Value = AclChoice> {
    let id = select(&["a:b", "u:W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "u:p", "a", "", ":x", "a:b:"][..]);
    let ip =
        select(&["127.0.0.1", "127.0.0.0/8", "10.0.0.0/8", "127.0.0.1/33", "localhost", "127.0.0.1/0"][..]);
    let perms = (0..32).prop_map(Permissions::new).boxed();
    prop_oneof![
        12 => Just(AclChoice::Open),
        2 => Just(AclChoice::ReadOnly),
        2 => Just(AclChoice::Creator),
        1 => Just(AclChoice::Twice),
        1 => Just(AclChoice::Empty),
        1 => (perms.clone(), id.clone()).prop_map(|(perms, id)| AclChoice::Other(perms, "digest", id)),
        1 => (perms.clone(), ip).prop_map(|(perms, id)| AclChoice::Other(perms, "ip", id)),
        1 => perms.prop_map(|perms| AclChoice::Other(perms, "world", "anyone")),
        1 => Just(AclChoice::Other(Permissions::ALL, "world", "somebody")),
        1 => Just(AclChoice::Other(Permissions::ALL, "nonsense", "x")),
        1 => id.prop_map(AclChoice::Mixed),
    ]
}

fn create() -> impl Strategy<Value = Write> {
    let op = prop_oneof![
        4 => Just(OpCode::CREATE), 4 => Just(OpCode::CREATE2), 1 => Just(OpCode::CREATE_CONTAINER), 1 => Just(OpCode::CREATE_TTL)
    ];
    let flags = prop_oneof![6 => Just(0), 4 => Just(1), 2 => Just(2), 2 => Just(3), 1 => Just(4), 1 => Just(5), 1 => Just(6), 1 => Just(9)];
    let ttl = prop_oneof![Just(-1), Just(0), Just(1_000_000), Just(i64::MAX)];
    (op, path(), data(), acl(), flags, ttl).prop_map(|(op, path, data, acl, flags, ttl)| {
        // Without a time to live where there has to be one, the real server ends.
        let flags = if op == OpCode::CREATE_TTL && CreateMode::new(flags) < CreateMode::PERSISTENT_WITH_TTL {
            5
        } else {
            flags
        };
        Write::Create { op, path, data, acl, flags, ttl }
    })
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        5 => create(),
        3 => (path(), version()).prop_map(|(path, version)| Write::Delete { path, version }),
        3 => (path(), data(), version()).prop_map(|(path, data, version)| Write::SetData { path, data, version }),
        1 => (path(), version()).prop_map(|(path, version)| Write::Check { path, version }),
    ]
}

fn paths() -> impl Strategy<Value = Vec<&'static str>> {
    vec(path(), 0..3)
}

/// Relative to the history's first zxid.
fn since() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), 0..20_i64, Just(1 << 40)]
}

fn nonsense() -> impl Strategy<Value = Nonsense> {
    let ops = [
        OpCode::CREATE,
        OpCode::GET_DATA,
        OpCode::MULTI,
        OpCode::SET_WATCHES,
        OpCode::DELETE,
        OpCode::SYNC,
        OpCode::EXISTS,
    ];
    prop_oneof![
        select(&[0, 10, 23, 200, -1, -20][..]).prop_map(Nonsense::UnknownOp),
        select(ops.to_vec()).prop_map(Nonsense::CutShort),
        Just(Nonsense::Reconfig),
        Just(Nonsense::Sasl),
        Just(Nonsense::DeleteContainer),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    use Action as A;
    let kind = 0..6_i32;
    let schemes = [
        ("digest", "a:b"),
        ("digest", "u:p"),
        ("digest", ""),
        ("digest", "nocolon"),
        ("ip", ""),
        ("world", "anyone"),
        ("nonsense", ""),
    ];
    prop_oneof![
        40 => write().prop_map(A::Write),
        3 => (path(), acl(), version()).prop_map(|(path, acl, version)| A::SetAcl { path, acl, version }),
        14 => vec(write(), 0..5).prop_map(A::Multi),
        1 => (write(), path()).prop_map(|(write, path)| A::MultiWithRead(write, path)),
        3 => vec((any::<bool>(), path()), 0..4).prop_map(A::MultiRead),
        1 => (path(), write()).prop_map(|(path, write)| A::MultiReadWithWrite(path, write)),
        8 => (path(), any::<bool>()).prop_map(|(path, watch)| A::GetData { path, watch }),
        8 => (path(), any::<bool>()).prop_map(|(path, watch)| A::Exists { path, watch }),
        4 => (path(), any::<bool>()).prop_map(|(path, watch)| A::GetChildren { path, watch }),
        8 => (path(), any::<bool>()).prop_map(|(path, watch)| A::GetChildren2 { path, watch }),
        3 => path().prop_map(|path| A::GetAcl { path }),
        1 => path().prop_map(|path| A::Sync { path }),
        2 => path().prop_map(|path| A::GetEphemerals { path }),
        2 => path().prop_map(|path| A::CountChildren { path }),
        1 => Just(A::WhoAmI),
        8 => (path(), 0..3_i32).prop_map(|(path, mode)| A::AddWatch { path, mode }),
        4 => (path(), kind.clone()).prop_map(|(path, kind)| A::RemoveWatches { path, kind }),
        4 => (path(), kind).prop_map(|(path, kind)| A::CheckWatches { path, kind }),
        3 => (since(), paths(), paths(), paths())
            .prop_map(|(since, data, exist, child)| A::SetWatches { since, data, exist, child }),
        3 => (since(), paths(), paths(), paths())
            .prop_map(|(since, data, persistent, recursive)| A::SetWatches2 { since, data, persistent, recursive }),
        3 => select(schemes.to_vec()).prop_map(|(scheme, credentials)| A::Auth { scheme, credentials }),
        3 => Just(A::Reconnect),
        1 => Just(A::ReconnectWrongly),
        1 => Just(A::Steal),
        2 => Just(A::Close),
        2 => nonsense().prop_map(A::Nonsense),
        6 => vec(in_burst(), 2..8).prop_map(A::Burst),
    ]
}

/// What can be sent before the answer to what was sent earlier. No setACL: a real server checks what comes behind it against the
/// old ACL, or against the new one, as it happens.
fn in_burst() -> impl Strategy<Value = Action> {
    use Action as A;
    prop_oneof![
        6 => write().prop_map(A::Write),
        2 => vec(write().prop_map(without_foreign_flags), 0..4).prop_map(A::Multi),
        1 => (path(), any::<bool>()).prop_map(|(path, watch)| A::GetData { path, watch }),
        1 => (path(), any::<bool>()).prop_map(|(path, watch)| A::Exists { path, watch }),
        1 => (path(), any::<bool>()).prop_map(|(path, watch)| A::GetChildren2 { path, watch }),
        1 => (path(), 0..2_i32).prop_map(|(path, mode)| A::AddWatch { path, mode }),
    ]
}

/// A time to live in a create that has none ends a multi of a real server past the place where it takes back what the operations
/// before it would have changed. What comes behind, and only if it comes before that multi has been answered, sees it as done.
fn without_foreign_flags(write: Write) -> Write {
    match write {
        Write::Create { op, path, data, acl, flags, ttl } if op != OpCode::CREATE_TTL && flags > 4 => {
            Write::Create { op, path, data, acl, flags: 0, ttl }
        }
        write => write,
    }
}

fn step() -> impl Strategy<Value = Step> {
    // `option` shrinks to none, which is the first session: histories shrink to a single one.
    let session = option::weighted(0.7, 0..SESSIONS).prop_map(|session| session.unwrap_or(0));
    (session, action()).prop_map(|(session, action)| Step { session, action })
}

/// Znodes that are there from the start, or else most of what is asked for would not be.
fn planted() -> impl Strategy<Value = Vec<Step>> {
    let plant = |path| Write::Create {
        op: OpCode::CREATE2,
        path,
        data: Some(b"planted"),
        acl: AclChoice::Open,
        flags: 0,
        ttl: -1,
    };
    let plant = move |path| Step { session: 0, action: Action::Write(plant(path)) };
    proptest::sample::subsequence(vec!["/a", "/a/x", "/b"], 0..=3)
        .prop_map(move |paths| paths.into_iter().map(plant).collect())
}

pub(crate) fn history() -> impl Strategy<Value = Vec<Step>> {
    (planted(), vec(step(), 1..30)).prop_map(|(planted, steps)| planted.into_iter().chain(steps).collect())
}
