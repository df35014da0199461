//! `multi` against a real server: all or nothing, and what failed.

mod session_common;

use session_common::{client, one_server, session_id};
use zk_session::{Acl, Client, CreateMode, Error, ErrorCode, Invalid, MultiOp, MultiResult, Rejected};

fn create(path: &str, data: &'static str) -> MultiOp {
    MultiOp::create(path, data, CreateMode::PERSISTENT, &Acl::open())
}

async fn children(client: &Client) -> Vec<String> {
    let mut names = client.get_children("/").await.unwrap().0;
    names.retain(|name| name != "zookeeper");
    names.sort();
    names
}

#[tokio::test]
async fn results_are_typed_and_in_the_order_of_the_operations() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    client.create("/old", "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    let ops = vec![
        MultiOp::check("/old", Some(0)),
        create("/new", "one"),
        MultiOp::set_data("/new", "two", Some(0)),
        MultiOp::create("/n-", "", CreateMode::EPHEMERAL_SEQUENTIAL, &Acl::open()),
        MultiOp::delete("/old", Some(0)),
    ];
    let results = client.multi(ops).await.unwrap();
    let [
        MultiResult::Check,
        MultiResult::Create { path: new, .. },
        MultiResult::SetData { stat: set },
        MultiResult::Create { path: numbered, .. },
        MultiResult::Delete,
    ] = results.as_slice()
    else {
        panic!("{results:?}")
    };
    assert_eq!((new.as_str(), numbered.as_str()), ("/new", "/n-0000000002"));
    let ephemeral = client.exists(numbered).await.unwrap().unwrap();
    assert_eq!(ephemeral.ephemeral_owner, session_id(&client));
    assert_eq!(set.version, 1);
    assert_eq!((set.czxid, ephemeral.czxid), (set.mzxid, set.mzxid), "one transaction");
    assert_eq!(children(&client).await, ["n-0000000002", "new"]);
    assert_eq!(client.get_data("/new").await.unwrap(), ("two".into(), *set));
}

#[tokio::test]
async fn all_or_nothing_and_the_failed_operation_is_named() {
    let ensemble = one_server().await;
    let plain = client(&ensemble).await;
    plain.create("/x", "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    let client = Client::builder(&format!("{}/x", ensemble.connect_string())).unwrap().build();
    client.create("/a", "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    let good =
        || vec![create("/b", ""), MultiOp::set_data("/a", "changed", None), MultiOp::delete("/a", None)];
    let bad = [
        (MultiOp::check("/a", Some(7)), ErrorCode::BAD_VERSION, "/a"),
        (MultiOp::check("/none", None), ErrorCode::NO_NODE, "/none"),
        (create("/a", ""), ErrorCode::NODE_EXISTS, "/a"),
        (create("/none/below", ""), ErrorCode::NO_NODE, "/none/below"),
        (MultiOp::set_data("/a", "", Some(1)), ErrorCode::BAD_VERSION, "/a"),
        (MultiOp::delete("/none", None), ErrorCode::NO_NODE, "/none"),
    ];
    for (op, code, path) in bad {
        // As the first, in the middle, and as the last one that can fail. (Two sets of one node: only the first fails.)
        let places = if matches!(op, MultiOp::SetData { .. }) { 0..2 } else { 0..3 };
        for index in places {
            let mut ops = good();
            ops.insert(index, op.clone());
            let rejected = match client.multi(ops).await {
                Err(Error::Rejected(rejected)) => rejected,
                other => panic!("{op:?} at {index} gave {other:?}"),
            };
            let Rejected { code: got, path: named, op_index, .. } = rejected;
            assert_eq!((got, named.as_str(), op_index), (code, path, Some(index)), "{op:?} at {index}");
            assert_eq!(children(&client).await, ["a"], "{op:?} at {index}");
            assert_eq!(client.get_data("/a").await.unwrap().1.version, 0);
        }
    }
    let error = client.multi(vec![create("/a", "")]).await.unwrap_err();
    assert_eq!(error.to_string(), "/a: node exists (operation 0 of the multi)");
    assert!(!error.is_retriable() && !error.is_ambiguous());
}

#[tokio::test]
async fn checks_guard_a_write() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    client.create("/guard", "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    client.create("/value", "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    let guarded = |version| vec![MultiOp::check("/guard", version), MultiOp::set_data("/value", "x", None)];
    // Somebody else moves the guard on; 0 must not have become a wildcard.
    client.multi(guarded(Some(0))).await.unwrap();
    client.set_data("/guard", "", None).await.unwrap();
    let error = client.multi(guarded(Some(0))).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::BAD_VERSION));
    client.multi(guarded(Some(1))).await.unwrap();
    client.multi(guarded(None)).await.unwrap();
    assert_eq!(client.get_data("/value").await.unwrap().1.version, 3);
    // A check alone changes nothing, and tells.
    assert_eq!(client.multi(vec![MultiOp::check("/guard", Some(1))]).await.unwrap(), [MultiResult::Check]);
}

#[tokio::test]
async fn an_empty_multi_and_one_that_is_wrong() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    assert_eq!(client.multi(vec![]).await.unwrap(), []);
    let no_acl = MultiOp::create("/a", "", CreateMode::PERSISTENT, &[]);
    for (op, why) in [
        (no_acl, Invalid::EmptyAcl),
        (
            MultiOp::create("/a", "", CreateMode::PERSISTENT_WITH_TTL, &Acl::open()),
            Invalid::Mode(CreateMode::PERSISTENT_WITH_TTL),
        ),
    ] {
        let error = client.multi(vec![create("/b", ""), op]).await.unwrap_err();
        assert_eq!(error, Error::Invalid(why));
    }
    let error = client.multi(vec![create("/b", ""), MultiOp::delete("a/", None)]).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(Invalid::Path { .. })));
    assert!(children(&client).await.is_empty(), "nothing was sent");
    let many = client.multi((0..500).map(|n| create(&format!("/{n}"), "")).collect()).await.unwrap();
    assert_eq!(many.len(), 500);
}
