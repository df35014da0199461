//! Several operations in one request, as the suites of other clients check them.

use zk_session::{Acl, CreateMode, Error, ErrorCode, EventType, MultiOp, Permissions, ReadOp, ReadResult};

use crate::{
    harness::{PERSISTENT, below, create, event, fired, is_quiet},
    session_common::{client, one_server},
};

#[tokio::test]
async fn a_multi_sees_what_it_has_done_so_far() {
    let ensemble = one_server().await;
    let plain = client(&ensemble).await;
    create(&plain, "/x").await;
    let client = below(&ensemble, "/x").await;
    let make = |path: &str| MultiOp::create(path, "", PERSISTENT, &Acl::open());
    let set = |data: &'static str, version| MultiOp::set_data("/m", data, Some(version));
    let delete = |path: &str| MultiOp::delete(path, Some(0));

    let nested =
        vec![make("/m"), make("/m/a"), make("/m/a/1"), delete("/m/a/1"), delete("/m/a"), delete("/m")];
    assert_eq!(client.multi(nested).await.unwrap().len(), 6);
    for (ops, code) in [
        (vec![make("/m"), set("X", 0), set("Y", 0)], ErrorCode::BAD_VERSION),
        (vec![make("/m"), delete("/m"), set("Y", 0)], ErrorCode::NO_NODE),
        (
            vec![make("/m"), MultiOp::check("/m", Some(0)), MultiOp::delete("/m", Some(1))],
            ErrorCode::BAD_VERSION,
        ),
    ] {
        match client.multi(ops).await {
            Err(Error::Rejected(rejected)) => {
                assert_eq!((rejected.code, rejected.path.as_str(), rejected.op_index), (code, "/m", Some(2)));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(client.exists("/m").await.unwrap(), None);
    }
    client.multi(vec![make("/m"), set("X", 0), set("Y", 1)]).await.unwrap();
    assert_eq!(plain.get_data("/x/m").await.unwrap().0, "Y", "below the chroot");
    assert_eq!(plain.exists("/m").await.unwrap(), None, "and not beside it");
}

#[tokio::test]
async fn a_multi_that_fails_leaves_nothing_behind_and_wakes_nobody() {
    let ensemble = one_server().await;
    let plain = client(&ensemble).await;
    create(&plain, "/foo").await;
    let owner = client(&ensemble).await;
    owner.create("/foo/bar", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();

    // Refused while there is a child, done once it is gone: the refusal has left no trace.
    let delete = || vec![MultiOp::delete("/foo", None)];
    assert_eq!(plain.multi(delete()).await.unwrap_err().code(), Some(ErrorCode::NOT_EMPTY));
    let (_, gone) = plain.exists_and_watch("/foo/bar").await.unwrap();
    owner.close().await;
    assert_eq!(fired(gone).await, event(EventType::NODE_DELETED, "/foo/bar"));
    plain.multi(delete()).await.unwrap();
    assert_eq!(plain.exists("/foo").await.unwrap(), None);

    let make = || MultiOp::create("/t", "", PERSISTENT, &Acl::open());
    let (_, _, mut children) = plain.get_children_and_watch("/").await.unwrap();
    let error = plain.multi(vec![make(), MultiOp::delete("/none", None)]).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NO_NODE));
    assert!(is_quiet(&plain, &mut children).await);
    // One that succeeds wakes, even if nothing is left of it.
    plain.multi(vec![make(), MultiOp::delete("/t", None)]).await.unwrap();
    assert_eq!(fired(children).await, event(EventType::NODE_CHILDREN_CHANGED, "/"));
}

#[tokio::test]
async fn reads_in_one_request_that_are_not_allowed_hide_nothing_of_the_others() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    create(&client, "/open").await;
    create(&client, "/open/bar").await;
    let write_only = [Acl::new(Permissions::WRITE, "world", "anyone")];
    client.create("/shut", "", PERSISTENT, &write_only).await.unwrap();
    let bar = Ok(ReadResult::GetChildren { children: vec!["bar".to_owned()] });
    for paths in [&["/open", "/shut"][..], &["/shut", "/open"], &["/open", "/open"], &["/shut"]] {
        let ops = paths.iter().copied().map(ReadOp::get_children).collect();
        let results = client.multi_read(ops).await.unwrap();
        assert_eq!(results.len(), paths.len());
        for (path, result) in paths.iter().zip(results) {
            if *path == "/open" {
                assert_eq!(result, bar);
            } else {
                assert_eq!(result.unwrap_err().code, ErrorCode::NO_AUTH);
            }
        }
    }
}
