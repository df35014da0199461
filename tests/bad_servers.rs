//! Servers that misbehave, next to an honest one: each request fails typed and in time, and the client ends up working with
//! the honest server. The cases are a table, `src/hostile/cases.rs`; what they cost in memory is measured in
//! `hostile_memory.rs`.

mod session_common;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use integration_tests::{
    gate::Gate,
    hostile::{
        Ask, Bad, Case, Expected, Stage,
        Step::{Hold, Pause, ReadConnect, ReadRequest, Reply, ReplyFromTheFuture, Write},
        bytes::{data, granted},
        cases,
        ours::{Honest, ask, client_of, trial, works_with_the_honest_one},
    },
    wait::eventually,
};
use session_common::{connected, session_id};
use zk_session::{Acl, Client, CreateMode, Error, State, WhenDisconnected};

/// The time that a request is given.
const DEADLINE: Duration = Duration::from_millis(400);

/// When it must have failed.
const LATEST: Duration = Duration::from_secs(1);

/// Plays the cases of a stage: the loud ones one after another, the others all at once.
async fn play(stage: Stage) {
    let honest = Honest::start().await;
    let cases = cases().into_iter().filter(|case| case.stage == stage);
    let (loud, quiet): (Vec<Case>, Vec<Case>) = cases.partition(Case::is_loud);
    let mut judged = join_all(quiet.iter().map(|case| judge(case, &honest))).await;
    for case in &loud {
        judged.push(judge(case, &honest).await);
    }
    let wrong: Vec<String> = judged.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is wrong with how a case ends, if anything is.
async fn judge(case: &Case, honest: &Honest) -> Option<String> {
    let name = case.name;
    let trial = trial(case, honest, DEADLINE).await;
    let mut wrong = None;
    if !case.expected.fits(&trial.outcome) || trial.outcome.is_err() && trial.took > LATEST {
        wrong = Some(format!("{name}: {:?} after {:?}", trial.outcome, trial.took));
    }
    if case.expected == Expected::NotSent {
        let failing = trial.client.with_when_disconnected(WhenDisconnected::Fail);
        let error = ask(&failing, Ask::GetData).await.unwrap_err();
        assert!(matches!(error, Error::NotSent(_)), "{name}: {error:?}");
    }
    trial.works_again(name).await;
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_the_session_is_granted() {
    play(Stage::BeforeTheSession).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_session_is_granted() {
    play(Stage::InTheSession).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_client_of_tls_shakes_hands() {
    play(Stage::Tls).await;
}

#[tokio::test]
async fn a_repeated_reply_ends_the_connection_and_not_the_request_before() {
    let honest = Honest::start().await;
    let gate = Gate::to(honest.plain(), false).await;
    let twice = vec![Reply(0, 0, data()), Reply(0, 0, data())];
    let bad =
        Bad::start([vec![ReadConnect, Write(granted()), ReadRequest], twice, vec![Hold]].concat()).await;
    let client = client_of(&bad, &gate);
    assert_eq!(client.get_data("/").await.unwrap().0, "data");
    eventually(Duration::from_secs(1), "the repetition is noticed", async || {
        (client.status().state != State::Connected).then_some(())
    })
    .await;
    works_with_the_honest_one(&client, &gate, "repeated").await;
}

#[tokio::test]
async fn a_zxid_from_the_future_does_not_shut_the_client_out_for_ever() {
    let honest = Honest::start().await;
    let gate = Gate::to(honest.plain(), false).await;
    let script = vec![ReadConnect, Write(granted()), ReadRequest, ReplyFromTheFuture(data()), Hold];
    let bad = Bad::start(script).await;
    let client = client_of(&bad, &gate);
    assert_eq!(client.get_data("/").await.unwrap().0, "data");
    drop(bad);
    // Honest servers refuse whoever claims to have seen more than they have.
    works_with_the_honest_one(&client, &gate, "from the future").await;
    assert_eq!(session_common::generation(&client), 2);
}

#[tokio::test]
async fn a_port_that_speaks_something_else_is_named_as_what_it_is() {
    for (bytes, word) in [
        (vec![0x15, 3, 3, 0, 2, 2, 70], "TLS alert"),
        (vec![0x16, 3, 1, 0, 0], "TLS handshake"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "HTTP"),
    ] {
        let bad = Bad::start(vec![ReadConnect, Write(bytes), Hold]).await;
        let builder = Client::builder(&bad.addr.to_string()).unwrap();
        let error =
            builder.request_timeout(Duration::from_millis(200)).build().connected().await.unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[tokio::test]
async fn another_session_than_the_one_asked_for_is_an_expiry() {
    // Grants its own session to whoever asks, as ClickHouse Keeper does.
    let honest = Honest::start().await;
    let first = Gate::to(honest.plain(), true).await;
    let bad = Bad::start(vec![ReadConnect, Write(granted()), Hold]).await;
    let hosts = format!("{},{}", first.addr(), bad.addr);
    // The order of the hosts is drawn anew by each client: until one begins at the honest server.
    let client = loop {
        let client =
            connected(Client::builder(&hosts).unwrap().session_timeout(Duration::from_secs(2))).await;
        if session_id(&client) != 0x5eed {
            break client;
        }
    };
    client.create("/mine", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    let (_, _, watcher) = client.get_data_and_watch("/honest").await.unwrap();
    assert!(client.status().lease_until(Duration::ZERO).is_some());
    first.shut();
    let told = tokio::time::timeout(Duration::from_secs(2), watcher).await.unwrap();
    assert_eq!(told, zk_session::WatchEvent::SessionLost);
    session_common::state(&client, State::Connected, Duration::from_secs(2)).await;
    assert_eq!((session_id(&client), session_common::generation(&client)), (0x5eed, 2));
    assert_eq!(client.status().lease_until(Duration::ZERO), None);
}

/// It answers each create as one that it does not know, and late: what is asked instead has what is left of the time.
#[tokio::test]
async fn a_create_that_is_asked_in_another_way_keeps_its_deadline() {
    let late = vec![ReadConnect, Write(granted()), ReadRequest, Pause(DEADLINE), Reply(0, -6, vec![]), Hold];
    let bad = Bad::start(late).await;
    let client = Client::builder(&bad.addr.to_string())
        .unwrap()
        .read_timeout(Duration::from_secs(5))
        .request_timeout(DEADLINE * 3 / 2)
        .build();
    client.with_timeout(Duration::from_secs(5)).connected().await.unwrap();
    let started = Instant::now();
    let error = client.create("/a", "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap_err();
    assert_eq!(error.kind(), zk_session::ErrorKind::Unknown, "{error} after {:?}", started.elapsed());
}
