//! Leaving a silent server early, with Patroni's times (ttl 30 s, loop_wait 10 s), and not leaving a slow quorum.

#[path = "session_common/follower.rs"]
mod follower;
mod session_common;

use std::time::{Duration, Instant};

use follower::on_a_follower;
use integration_tests::wait::eventually;
use zk_session::{Acl, Client, ClientBuilder, CreateMode, State};
use zk_testkit::Ensemble;

const SECOND: Duration = Duration::from_secs(1);

async fn ensemble() -> Ensemble {
    Ensemble::builder()
        .servers(3)
        .max_session_timeout(60 * SECOND)
        // A quorum may be slow for long without falling apart.
        .property("syncLimit", "300")
        .start()
        .await
        .unwrap()
}

fn patroni_times(ensemble: &Ensemble) -> ClientBuilder {
    Client::builder(&ensemble.connect_string())
        .unwrap()
        .session_timeout(30 * SECOND)
        .read_timeout(8 * SECOND)
        .connect_timeout(5 * SECOND)
        .request_timeout(20 * SECOND)
}

/// Freezes the server of the client and returns how long it takes until a request is answered again.
async fn freeze_and_time(
    ensemble: &Ensemble,
    client: &Client,
    server: usize,
    pause: Option<Duration>,
) -> Duration {
    let session = client.status().session.unwrap().session_id;
    client.exists("/").await.unwrap();
    ensemble.freeze(server).unwrap();
    let start = Instant::now();
    let recovered = match pause {
        None => loop {
            if client.exists("/").await.is_ok() {
                break start.elapsed();
            }
        },
        // An application that keeps on sending must not hide the silence.
        Some(pause) => loop {
            let (client, sent) = (client.clone(), Instant::now());
            let answered = tokio::spawn(async move { client.exists("/").await.map(|_| Instant::now()) });
            tokio::time::sleep(pause).await;
            if answered.is_finished()
                && let Ok(Ok(at)) = answered.await
            {
                break at.max(sent) - start;
            }
        },
    };
    assert_eq!(client.status().session.unwrap().session_id, session, "moved, not expired");
    ensemble.thaw(server).unwrap();
    recovered
}

#[tokio::test]
async fn a_frozen_server_is_left_within_one_and_a_half_seconds() {
    let ensemble = ensemble().await;
    let (client, server) = on_a_follower(&ensemble, || patroni_times(&ensemble)).await;
    let took = freeze_and_time(&ensemble, &client, server, None).await;
    println!("silent server left after {took:?}");
    assert!(took < Duration::from_millis(1_500), "{took:?}");
}

#[tokio::test]
async fn also_while_the_application_goes_on_sending() {
    let ensemble = ensemble().await;
    let (client, server) = on_a_follower(&ensemble, || patroni_times(&ensemble)).await;
    let took = freeze_and_time(&ensemble, &client, server, Some(SECOND / 10)).await;
    println!("silent server left after {took:?}, sending every 100 ms");
    assert!(took < Duration::from_millis(1_500), "{took:?}");
}

#[tokio::test]
async fn without_suspicion_the_read_timeout_is_the_only_word() {
    let ensemble = ensemble().await;
    let builder = || patroni_times(&ensemble).read_timeout(3 * SECOND).suspicion(false);
    let (client, server) = on_a_follower(&ensemble, builder).await;
    let took = freeze_and_time(&ensemble, &client, server, None).await;
    println!("silent server left after {took:?}, without suspicion and a read timeout of 3 s");
    assert!((2 * SECOND..4 * SECOND).contains(&took), "{took:?}");
}

#[tokio::test]
async fn a_slow_quorum_moves_nobody_and_makes_no_write_unknown() {
    let ensemble = ensemble().await;
    let client = patroni_times(&ensemble).build();
    client.create("/x", "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    let session = client.status().session.unwrap().session_id;
    let server = eventually(10 * SECOND, "the client's server", || ensemble.server_of_session(session)).await;
    let others: Vec<usize> = (0..3).filter(|other| *other != server).collect();
    let mut status = client.watch_status();
    status.mark_unchanged();
    for other in &others {
        ensemble.freeze(*other).unwrap();
    }
    let write = tokio::spawn({
        let client = client.clone();
        async move { client.set_data("/x", "late", Some(0)).await }
    });
    // Several times the silence after which a session moves from a server that is dead. This is the time the fault lasts,
    // not a wait for a condition.
    tokio::time::sleep(3 * SECOND).await;
    assert!(!write.is_finished(), "no quorum, no answer");
    for other in &others {
        ensemble.thaw(*other).unwrap();
    }
    assert_eq!(write.await.unwrap().unwrap().version, 1, "answered on the connection it was sent on");
    assert!(!status.has_changed().unwrap(), "{:?}", status.borrow());
    assert_eq!(client.status().state, State::Connected);
}
