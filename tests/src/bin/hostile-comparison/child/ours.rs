//! This workspace's client.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use integration_tests::hostile::{
    Expected, cases,
    ours::{ask, client_for, settings, tls_options},
};
use tokio::time::timeout;

use super::{Again, Ending, HANGS, NEW_CLIENT, RECOVERS, Task, hear, ready, say};

/// The time that a request is given, but where an answer is due.
const DEADLINE: Duration = Duration::from_millis(400);

pub(super) async fn run(task: &Task) -> Result<(), Box<dyn Error>> {
    let cases = cases();
    let case = cases.iter().find(|case| case.name == task.case).ok_or("no such case")?;
    let tls = || task.tls.as_ref().map(tls_options);
    let warm = settings(&task.honest.to_string()).connect_timeout(HANGS);
    let warm = if let Some(tls) = tls() { warm.tls(tls) } else { warm }.build();
    warm.with_timeout(HANGS).get_data("/honest").await?;
    warm.close().await;
    ready()?;

    let client = client_for(case, task.bad, task.gate, tls());
    if task.in_the_session {
        client.with_timeout(HANGS).connected().await?;
    }
    let started = Instant::now();
    let limit = if case.expected == Expected::Answer { HANGS } else { DEADLINE };
    let outcome = timeout(HANGS, ask(&client.with_timeout(limit), case.ask)).await;
    let took = started.elapsed();
    // A watch lives as long as its watcher.
    let (ending, _watcher) = match outcome {
        Ok(Ok(watcher)) => (Ending::new("answer", "", took), watcher),
        Ok(Err(error)) => (Ending::new("error", error, took), None),
        Err(_) => (Ending::new("hangs", "", took), None),
    };
    say(&ending)?;
    hear::<serde_json::Value>()?;

    let started = Instant::now();
    let patient = client.with_timeout(Duration::from_secs(1));
    while started.elapsed() < RECOVERS {
        if patient.get_data("/honest").await.is_ok_and(|(data, _)| data == "yes") {
            return say(&Again::new("yes"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let new = client_for(case, task.bad, task.gate, tls());
    let works = new.with_timeout(NEW_CLIENT).get_data("/honest").await.is_ok();
    say(&Again::new(if works { "new client" } else { "no" }))
}
