//! The data operations against a real server.

mod session_common;

use std::{
    future::Future,
    time::{Duration, Instant},
};

use integration_tests::wait::eventually;
use session_common::{client, one_server, server_of, session_id, state};
use zk_session::{
    Acl, Cause, Client, CreateMode, Error, ErrorCode, ErrorKind, Invalid, State, WhenDisconnected,
};

const PLAIN_MODES: [CreateMode; 4] = [
    CreateMode::PERSISTENT,
    CreateMode::EPHEMERAL,
    CreateMode::PERSISTENT_SEQUENTIAL,
    CreateMode::EPHEMERAL_SEQUENTIAL,
];

/// A client of a port on which nothing listens.
fn client_of_nothing() -> Client {
    Client::builder("127.0.0.1:1").unwrap().request_timeout(Duration::from_secs(5)).build()
}

#[tokio::test]
async fn create_read_write_delete() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    let (path, created) = client.create("/a", "one", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    assert_eq!((path.as_str(), created.version), ("/a", 0));
    let (data, stat) = client.get_data("/a").await.unwrap();
    assert_eq!((data.as_ref(), stat), (b"one".as_ref(), created));
    let error = client.set_data("/a", "two", Some(7)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected(ErrorCode::BAD_VERSION));
    assert_eq!(error.to_string(), "/a: bad version");
    assert_eq!(client.set_data("/a", "two", Some(0)).await.unwrap().version, 1);
    let error = client.set_data("/a", "three", Some(0)).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::BAD_VERSION), "0 is a condition, not a wildcard");
    assert_eq!(client.set_data("/a", "", None).await.unwrap().version, 2);
    assert_eq!(client.get_data("/a").await.unwrap().0, "");
    let (mut children, root) = client.get_children("/").await.unwrap();
    children.sort();
    assert_eq!((children, root.num_children), (vec!["a".to_owned(), "zookeeper".to_owned()], 2));
    client.sync("/").await.unwrap();
    for version in [0, 1] {
        let error = client.delete("/a", Some(version)).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::BAD_VERSION));
    }
    client.delete("/a", Some(2)).await.unwrap();
    assert_eq!(client.exists("/a").await.unwrap(), None);
    assert_eq!(client.get_data("/a").await.unwrap_err().code(), Some(ErrorCode::NO_NODE));
    assert_eq!(client.delete("/a", None).await.unwrap_err().code(), Some(ErrorCode::NO_NODE));
    client.close().await;
    let started = Instant::now();
    assert_eq!(client.exists("/a").await.unwrap_err(), Error::Closed);
    assert!(started.elapsed() < Duration::from_millis(100));
}

#[tokio::test]
async fn create_modes() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    let acl = Acl::open();
    client.create("/s", "", CreateMode::PERSISTENT, &acl).await.unwrap();
    let mut number = 0;
    for mode in PLAIN_MODES {
        let (path, stat) = client.create("/s/n-", "x", mode, &acl).await.unwrap();
        let sequential =
            [CreateMode::PERSISTENT_SEQUENTIAL, CreateMode::EPHEMERAL_SEQUENTIAL].contains(&mode);
        let ephemeral = [CreateMode::EPHEMERAL, CreateMode::EPHEMERAL_SEQUENTIAL].contains(&mode);
        let expected = if sequential { format!("/s/n-{number:010}") } else { "/s/n-".to_owned() };
        assert_eq!(path, expected, "{mode}");
        assert_eq!(stat.ephemeral_owner, if ephemeral { session_id(&client) } else { 0 }, "{mode}");
        assert_eq!(client.exists(&path).await.unwrap(), Some(stat));
        number += 1;
        if !sequential {
            let again = client.create("/s/n-", "x", mode, &acl).await.unwrap_err();
            assert_eq!(again.code(), Some(ErrorCode::NODE_EXISTS));
            client.delete(&path, None).await.unwrap();
        }
    }
    let (path, _) = client.create("/s/", "", CreateMode::EPHEMERAL_SEQUENTIAL, &acl).await.unwrap();
    assert_eq!(path, format!("/s/{number:010}"), "a name that is the number alone");
    let below = client.create(&format!("{path}/x"), "", CreateMode::PERSISTENT, &acl).await.unwrap_err();
    assert_eq!(below.code(), Some(ErrorCode::NO_CHILDREN_FOR_EPHEMERALS));
    for mode in
        [CreateMode::CONTAINER, CreateMode::PERSISTENT_WITH_TTL, CreateMode::PERSISTENT_SEQUENTIAL_WITH_TTL]
    {
        let error = client.create("/c", "", mode, &acl).await.unwrap_err();
        assert_eq!(error, Error::Invalid(Invalid::Mode(mode)));
    }
}

#[tokio::test]
async fn the_chroot_is_put_on_and_taken_off() {
    let ensemble = one_server().await;
    let plain = client(&ensemble).await;
    let acl = Acl::open();
    plain.create_with_parents("/x/y", "root", CreateMode::PERSISTENT, &acl).await.unwrap();
    let below = Client::builder(&format!("{}/x/y", ensemble.connect_string())).unwrap().build();
    let (path, _) = below.create("/a-", "1", CreateMode::PERSISTENT_SEQUENTIAL, &acl).await.unwrap();
    assert_eq!(path, "/a-0000000000");
    assert_eq!(below.get_data("/").await.unwrap().0, "root");
    assert_eq!(below.get_children("/").await.unwrap().0, ["a-0000000000"]);
    assert_eq!(plain.get_data("/x/y/a-0000000000").await.unwrap().0, "1");
    let error = below.get_data("/x/y").await.unwrap_err();
    assert_eq!(error.to_string(), "/x/y: no node", "as the caller named it");
}

#[tokio::test]
async fn what_is_wrong_is_refused_without_a_server() {
    let client = client_of_nothing();
    let acl = Acl::open();
    let started = Instant::now();
    for path in ["", "a", "/a/", "//", "/a//b", "/./a", "/a/..", "/a\0", "/\u{7f}"] {
        assert!(matches!(client.exists(path).await, Err(Error::Invalid(Invalid::Path { .. }))), "{path:?}");
        assert!(matches!(client.get_data(path).await, Err(Error::Invalid(_))));
        assert!(matches!(client.set_data(path, "", None).await, Err(Error::Invalid(_))));
        assert!(matches!(client.delete(path, None).await, Err(Error::Invalid(_))));
        assert!(matches!(client.get_children_and_watch(path).await, Err(Error::Invalid(_))));
        for mode in PLAIN_MODES.into_iter().filter(|_| path != "/a/" && path != "//") {
            assert!(matches!(client.create(path, "", mode, &acl).await, Err(Error::Invalid(_))));
        }
    }
    let no_acl = client.create("/a", "", CreateMode::PERSISTENT, &[]).await;
    assert_eq!(no_acl, Err(Error::Invalid(Invalid::EmptyAcl)));
    let large = client.set_data("/a", vec![0; 1 << 20], None).await;
    assert!(matches!(large, Err(Error::Invalid(Invalid::TooLarge { .. }))), "{large:?}");
    assert!(started.elapsed() < Duration::from_millis(500), "none of it waits for a connection");
}

#[tokio::test]
async fn the_largest_request_is_taken_and_one_byte_more_is_refused() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    client.create("/big", "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    // Header 8, path 4 + 4, length of the data 4, version 4.
    let most = 0xf_ffff - 24;
    assert_eq!(client.set_data("/big", vec![7; most], None).await.unwrap().version, 1);
    assert_eq!(client.get_data("/big").await.unwrap().0.len(), most);
    let error = client.set_data("/big", vec![7; most + 1], None).await.unwrap_err();
    assert_eq!(error, Error::Invalid(Invalid::TooLarge { len: 0x10_0000, limit: 0xf_ffff }));
    assert_eq!(client.exists("/big").await.unwrap().unwrap().version, 1, "nothing was sent");
}

#[tokio::test]
async fn servers_that_cannot_be_reached_are_named_with_the_reason() {
    let started = Instant::now();
    let refused = client_of_nothing().with_timeout(Duration::from_millis(300)).connected().await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "not sent: no server can be reached: 127.0.0.1:1: connection refused",
        "{refused:?}"
    );
    assert!(refused.is_retriable() && !refused.is_ambiguous());
    let unknown = Client::builder("no-such-host.invalid:2181").unwrap().build();
    let error = unknown.with_timeout(Duration::from_millis(1_500)).exists("/").await.unwrap_err();
    assert!(matches!(error, Error::NotSent(_)), "{error:?}");
    let cause = unknown.status().cause.unwrap().to_string();
    assert!(cause.starts_with("no server can be reached: no-such-host.invalid:2181: "), "{cause}");
    let failing = unknown.with_when_disconnected(WhenDisconnected::Fail);
    let at_once = Instant::now();
    let error = failing.exists("/").await.unwrap_err();
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
    assert!(at_once.elapsed() < Duration::from_millis(50));
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn requests_are_sent_in_the_order_of_the_calls() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    let acl = Acl::open();
    let calls: Vec<_> = (0..200)
        .map(|_| Box::pin(client.create("/n-", "", CreateMode::PERSISTENT_SEQUENTIAL, &acl)))
        .collect();
    for (number, call) in calls.into_iter().enumerate().rev() {
        assert_eq!(call.await.unwrap().0, format!("/n-{number:010}"));
    }
    // A write and a read that follows it see each other without waiting.
    let write = client.set_data("/n-0000000000", "mine", None);
    let read = client.get_data("/n-0000000000");
    assert_eq!(read.await.unwrap().0, "mine");
    write.await.unwrap();
}

#[tokio::test]
async fn dropped_calls_leave_the_replies_of_the_others_in_order() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    for n in 0..100 {
        let data = n.to_string();
        client.create(&format!("/{n}"), data, CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    }
    let mut kept = Vec::new();
    for n in 0..10_000 {
        let mut call = Box::pin(client.get_data(&format!("/{}", n % 100)));
        match n % 4 {
            // Never polled, polled once, kept.
            0 => drop(call),
            1 => {
                poll_once(&mut call).await;
                drop(call);
            }
            _ => kept.push((n, call)),
        }
    }
    let id = session_id(&client);
    assert_eq!(kept.len(), 5_000);
    for (n, call) in kept {
        assert_eq!(call.await.unwrap().0, (n % 100).to_string());
    }
    assert_eq!((client.status().state, session_id(&client)), (State::Connected, id));
}

/// Polls a future once.
async fn poll_once<F: Future + Unpin>(future: &mut F) {
    std::future::poll_fn(|context| {
        let _ = std::pin::Pin::new(&mut *future).poll(context);
        std::task::Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn a_deadline_is_kept_while_the_server_is_frozen() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    let (_, stat) = client.create("/a", "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    assert_eq!(stat.version, 0);
    let id = session_id(&client);
    ensemble.freeze(0).unwrap();
    for millis in [50, 300] {
        let started = Instant::now();
        let limited = client.with_timeout(Duration::from_millis(millis));
        let error = limited.set_data("/a", "x", None).await.unwrap_err();
        let took = started.elapsed();
        assert_eq!(error, Error::Unknown(Cause::Deadline));
        assert!(error.is_ambiguous() && !error.is_retriable());
        assert!(
            took >= Duration::from_millis(millis) && took < Duration::from_millis(millis + 200),
            "{took:?}"
        );
    }
    ensemble.thaw(0).unwrap();
    // The two that were given up have been carried out, and their late replies belong to nobody.
    assert_eq!(client.get_data("/a").await.unwrap().1.version, 2);
    assert_eq!(session_id(&client), id);
}

#[tokio::test]
async fn without_a_connection_a_call_fails_at_once_or_waits_as_it_was_told() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    let id = session_id(&client);
    ensemble.stop(0).await.unwrap();
    state(&client, State::Connecting, Duration::from_secs(2)).await;

    let started = Instant::now();
    let failing = client.with_when_disconnected(WhenDisconnected::Fail);
    let error = failing.exists("/").await.unwrap_err();
    assert!(matches!(error, Error::NotSent(_)), "{error:?}");
    assert!(started.elapsed() < Duration::from_millis(50));

    let started = Instant::now();
    let error = client.with_timeout(Duration::from_millis(300)).exists("/").await.unwrap_err();
    assert_eq!(error, Error::NotSent(Cause::Deadline));
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_millis(500), "{took:?}");

    let waiting = tokio::spawn(client.with_timeout(Duration::from_secs(8)).exists("/"));
    ensemble.start_server(0).unwrap();
    assert!(waiting.await.unwrap().unwrap().is_some());
    assert_eq!(session_id(&client), id, "the session was kept");
    assert!(failing.exists("/").await.is_ok());
}

#[tokio::test]
async fn a_client_can_be_built_while_every_server_is_down() {
    let ensemble = one_server().await;
    ensemble.stop(0).await.unwrap();
    let started = Instant::now();
    let client = session_common::builder(&ensemble).build();
    assert!(started.elapsed() < Duration::from_millis(50), "building does not wait");
    eventually(Duration::from_secs(2), "the reason is known", async || client.status().cause).await;
    ensemble.start_server(0).unwrap();
    assert!(client.exists("/").await.unwrap().is_some());
    assert_eq!(server_of(&ensemble, &client).await, 0);
}
