//! `zookeeper-client`, kezhuw's, with the times of this workspace's client where it has such settings. It has no limit of time
//! for a request.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use tokio::time::timeout;
use zookeeper_client::{
    Acls, AddWatchMode, Client, Connector, CreateMode, Error as ZkError, PersistentWatcher, TlsOptions,
};

use super::{Again, Ending, HANGS, NEW_CLIENT, RECOVERS, Task, hear, ready, say};

pub(super) async fn run(task: &Task) -> Result<(), Box<dyn Error>> {
    // Both of rustls's providers are in this program, and it takes none of itself then.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let warm = connect(task, &task.honest.to_string(), HANGS).await?;
    warm.get_data("/honest").await?;
    drop(warm);
    ready()?;

    let quick = Duration::from_millis(400);
    let mut client = None;
    if task.in_the_session {
        client = Some(timeout(HANGS, connect(task, &task.hosts(), quick)).await??);
    }
    let started = Instant::now();
    let outcome = timeout(HANGS, async {
        let client = match &mut client {
            Some(client) => client,
            none => none.insert(connect(task, &task.hosts(), quick).await?),
        };
        // On a task of its own, which may panic.
        let (client, what) = (client.clone(), task.ask.clone());
        Ok::<_, ZkError>(tokio::spawn(async move { ask(&client, &what).await }).await)
    })
    .await;
    let took = started.elapsed();
    let (ending, _watcher) = match outcome {
        Ok(Ok(Ok(Ok(watcher)))) => (Ending::new("answer", "", took), watcher),
        Ok(Ok(Err(panic))) => (Ending::new("panics", panic, took), None),
        Ok(Ok(Ok(Err(error))) | Err(error)) => (Ending::new("error", error, took), None),
        Err(_) => (Ending::new("hangs", "", took), None),
    };
    say(&ending)?;
    hear::<serde_json::Value>()?;

    let works = match client {
        Some(client) => timeout(RECOVERS, works(&client)).await.unwrap_or(false),
        // Nobody has a client whose connect failed: connecting again is what one does.
        None => return say(&Again::new(if anew(task).await { "yes" } else { "no" })),
    };
    if works {
        return say(&Again::new("yes"));
    }
    say(&Again::new(if anew(task).await { "new client" } else { "no" }))
}

async fn connect(task: &Task, hosts: &str, limit: Duration) -> Result<Client, ZkError> {
    let connector: Connector =
        Client::connector().with_session_timeout(Duration::from_secs(2)).with_connection_timeout(limit);
    match &task.tls {
        Some([ca, certificate, key]) => {
            let tls = TlsOptions::new().with_pem_ca(ca)?.with_pem_identity(certificate, key)?;
            connector.with_tls(tls).secure_connect(hosts).await
        }
        None => connector.connect(hosts).await,
    }
}

async fn ask(client: &Client, what: &str) -> Result<Option<PersistentWatcher>, ZkError> {
    match what {
        "get-data" => drop(client.get_data("/").await?),
        "two-reads" => drop(tokio::try_join!(client.get_data("/"), client.get_data("/"))?),
        "get-children" => drop(client.get_children("/").await?),
        "multi" => {
            let mut multi = client.new_multi_writer();
            multi.add_check_version("/", -1)?;
            multi.add_check_version("/", -1)?;
            multi.commit().await?;
        }
        "create" => {
            let options = CreateMode::Persistent.with_acls(Acls::anyone_all());
            client.create("/n", b"", &options).await?;
        }
        "multi-create" => {
            let mut multi = client.new_multi_writer();
            multi.add_create("/n", b"", &CreateMode::Persistent.with_acls(Acls::anyone_all()))?;
            multi.commit().await?;
        }
        _ => {
            let watcher = client.watch("/", AddWatchMode::PersistentRecursive).await?;
            client.get_data("/").await?;
            return Ok(Some(watcher));
        }
    }
    Ok(None)
}

/// Asks until it is answered, or told that it will never be.
async fn works(client: &Client) -> bool {
    loop {
        match client.get_data("/honest").await {
            Ok((data, _)) if data == b"yes" => return true,
            Err(ZkError::SessionExpired | ZkError::ClientClosed | ZkError::NoHosts) => return false,
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn anew(task: &Task) -> bool {
    let tries = async {
        loop {
            if let Ok(client) = connect(task, &task.hosts(), NEW_CLIENT).await
                && works(&client).await
            {
                return true;
            }
        }
    };
    timeout(NEW_CLIENT, tries).await.unwrap_or(false)
}
