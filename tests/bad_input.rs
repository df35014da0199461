//! What a caller gets wrong is a typed error of the call, before a byte of it is sent.

mod session_common;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use integration_tests::hostile::bytes::connect_response;
use session_common::connected;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use zk_session::{
    Acl, AddWatchMode, Cause, Client, ConnectStringError, CreateMode, Error, Invalid, MultiOp, ReadOp,
};

/// Grants a session to each connection, and counts the requests that follow but for pings; answers none.
async fn counting_server() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counter = Arc::clone(&counter);
            tokio::spawn(async move {
                read_frame(&mut stream).await?;
                stream.write_all(&connect_response(0, 30_000, 5, &[7; 16])).await.ok()?;
                loop {
                    let frame = read_frame(&mut stream).await?;
                    if !frame.starts_with(&(-2i32).to_be_bytes()) {
                        counter.fetch_add(1, Ordering::Relaxed);
                    }
                }
                #[expect(unreachable_code, reason = "the type of the block")]
                Some(())
            });
        }
    });
    (addr, requests)
}

async fn read_frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let len = stream.read_u32().await.ok()?;
    let mut frame = vec![0; usize::try_from(len).unwrap()];
    stream.read_exact(&mut frame).await.ok()?;
    Some(frame)
}

const BAD_PATHS: [&str; 12] =
    ["", "a", "a/b", "/a/", "//", "/a//b", "/.", "/..", "/./a", "/a/../b", "/a\0b", "/\u{1}"];

#[tokio::test]
async fn bad_paths_acls_modes_and_sizes_are_refused_by_the_call_and_nothing_is_sent() {
    let (addr, requests) = counting_server().await;
    let client = connected(Client::builder(&addr.to_string()).unwrap()).await;
    let open = Acl::open();
    let persistent = CreateMode::PERSISTENT;
    for path in BAD_PATHS {
        let errors = [
            client.exists(path).await.map(drop),
            client.exists_and_watch(path).await.map(drop),
            client.get_data(path).await.map(drop),
            client.get_data_and_watch(path).await.map(drop),
            client.get_children(path).await.map(drop),
            client.get_children_and_watch(path).await.map(drop),
            client.set_data(path, "x", None).await.map(drop),
            client.delete(path, None).await,
            client.delete_recursive(path).await,
            client.create(path, "", persistent, &open).await.map(drop),
            client.create_with_parents(path, "", persistent, &open).await.map(drop),
            client.create_container(path, "", &open).await.map(drop),
            client
                .create_ttl(path, "", CreateMode::PERSISTENT_WITH_TTL, &open, Duration::from_secs(1))
                .await
                .map(drop),
            client.get_acl(path).await.map(drop),
            client.set_acl(path, &open, None).await.map(drop),
            client.get_ephemerals(path).await.map(drop),
            client.get_all_children_number(path).await.map(drop),
            client.add_watch(path, AddWatchMode::PERSISTENT).await.map(drop),
            client.sync(path).await.map(drop),
            client.multi(vec![MultiOp::check("/good", None), MultiOp::delete(path, None)]).await.map(drop),
            client.multi_read(vec![ReadOp::get_data("/good"), ReadOp::get_children(path)]).await.map(drop),
        ];
        for (call, error) in errors.into_iter().enumerate() {
            assert!(
                matches!(error, Err(Error::Invalid(Invalid::Path { .. }))),
                "{path:?}, call {call}: {error:?}"
            );
        }
    }
    for error in [
        client.create("/a", "", persistent, &[]).await.map(drop),
        client.create_with_parents("/a/b", "", persistent, &[]).await.map(drop),
        client.set_acl("/a", &[], None).await.map(drop),
        client.multi(vec![MultiOp::create("/a", "", persistent, &[])]).await.map(drop),
    ] {
        assert_eq!(error, Err(Error::Invalid(Invalid::EmptyAcl)));
    }
    for mode in [CreateMode::CONTAINER, CreateMode::PERSISTENT_WITH_TTL] {
        let error = client.create("/a", "", mode, &open).await;
        assert_eq!(error, Err(Error::Invalid(Invalid::Mode(mode))));
    }
    for ttl in [Duration::ZERO, Duration::from_millis(1 << 40), Duration::MAX] {
        let error = client.create_ttl("/a", "", CreateMode::PERSISTENT_WITH_TTL, &open, ttl).await;
        assert_eq!(error, Err(Error::Invalid(Invalid::TimeToLive(ttl))));
    }
    let large = vec![0; 1 << 20];
    for error in [
        client.set_data("/a", large.clone(), None).await.map(drop),
        client.multi(vec![MultiOp::set_data("/a", large, None)]).await.map(drop),
        client.exists(&format!("/{}", "x".repeat(1 << 20))).await.map(drop),
    ] {
        assert!(matches!(error, Err(Error::Invalid(Invalid::TooLarge { .. }))), "{error:?}");
    }
    assert!(client.delete_recursive("/").await.unwrap_err().to_string().contains("root"));

    // The counter counts: one good call is one request, and it comes after all that was refused.
    let unanswered = client.with_timeout(Duration::from_millis(300)).exists("/good").await;
    assert_eq!(unanswered, Err(Error::Unknown(Cause::Deadline)));
    assert_eq!(requests.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn limits_of_time_beyond_reason_neither_panic_nor_send() {
    let (addr, requests) = counting_server().await;
    let client = connected(Client::builder(&addr.to_string()).unwrap()).await;
    let none = client.with_timeout(Duration::ZERO);
    assert_eq!(none.exists("/a").await, Err(Error::NotSent(Cause::Deadline)));
    assert_eq!(requests.load(Ordering::Relaxed), 0);
    let ever = client.with_timeout(Duration::MAX);
    let call = tokio::time::timeout(Duration::from_millis(100), ever.exists("/a")).await;
    assert!(call.is_err(), "it waits: {call:?}");
    let soon = client.with_timeout(Duration::from_millis(100)).exists("/a").await;
    assert_eq!(soon, Err(Error::Unknown(Cause::Deadline)), "the task that owns the session is alive");
    // Settings that no server grants are what the protocol can carry at most and at least.
    for timeout in [Duration::ZERO, Duration::MAX] {
        let builder = Client::builder(&addr.to_string()).unwrap();
        let client =
            connected(builder.session_timeout(timeout).read_timeout(Duration::MAX).hedge_after(timeout))
                .await;
        assert_eq!(client.status().session.unwrap().negotiated_timeout, Duration::from_secs(30));
        let soon = client.with_timeout(Duration::from_millis(100)).exists("/a").await;
        assert_eq!(soon, Err(Error::Unknown(Cause::Deadline)), "the task is alive");
    }
}

#[test]
fn bad_connect_strings_are_typed_errors_without_a_runtime_or_a_server() {
    type Expected = fn(&ConnectStringError) -> bool;
    let cases: [(&str, Expected); 9] = [
        ("", |error| matches!(error, ConnectStringError::Empty(_))),
        (" , ,", |error| matches!(error, ConnectStringError::Empty(_))),
        ("/chroot", |error| matches!(error, ConnectStringError::Empty(_))),
        ("zk1:0", |error| matches!(error, ConnectStringError::Port { .. })),
        ("zk1:65536", |error| matches!(error, ConnectStringError::Port { .. })),
        ("zk1,zk2:port", |error| matches!(error, ConnectStringError::Port { .. })),
        ("zk1:2181/a/", |error| matches!(error, ConnectStringError::Chroot(_))),
        ("zk1:2181/../a", |error| matches!(error, ConnectStringError::Chroot(_))),
        ("zk 1", |_| true),
    ];
    for (text, expected) in cases {
        let error = Client::builder(text).expect_err(text);
        assert!(expected(&error), "{text:?}: {error:?}");
        assert!(!error.to_string().is_empty());
    }
}
