//! What the run itself asks of ZooKeeper, past every proxy.

use std::time::{Duration, Instant};

use zk_session::{Acl, Client, CreateMode};
use zk_testkit::Ensemble;

use super::{RunError, processes::History, world::PATIENCE};
use crate::{
    history::{Call, Event, FinalNode, Outcome},
    roles::{COMING_AND_GOING, DIRECTORY, EPHEMERALS, FENCED, QUEUE, SHARED},
    tree,
};

const POLL: Duration = Duration::from_millis(50);

fn client(ensemble: &Ensemble) -> Client {
    let builder = Client::builder(&ensemble.connect_string());
    // Addresses that the kit itself has written.
    builder
        .map(|builder| builder.request_timeout(PATIENCE).build())
        .unwrap_or_else(|error| unreachable!("{error}"))
}

/// Makes the directories and the nodes that all processes write to.
pub(super) async fn prepare(ensemble: &Ensemble, history: &History) -> Result<(), RunError> {
    let client = client(ensemble);
    let acl = Acl::open();
    let failed = |error| RunError::Client("the run's directory", error);
    client.create(DIRECTORY, "", CreateMode::PERSISTENT, &acl).await.map_err(failed)?;
    let above = FENCED.rsplit_once('/').map_or("/", |(above, _)| above);
    client.create_with_parents(above, "", CreateMode::PERSISTENT, &acl).await.map_err(failed)?;
    let nodes = [QUEUE, EPHEMERALS, COMING_AND_GOING].into_iter().chain(SHARED).chain([FENCED]);
    for (op, path) in (0..).zip(nodes) {
        let value = format!("run:{op}");
        let (path, session) =
            (path.to_owned(), client.status().session.map_or(0, |session| session.session_id));
        let call =
            Call::Create { path: path.clone(), value: value.clone(), sequential: false, ephemeral: false };
        history.run_tells(Event::Invoke { op, call });
        let (_, stat) = client.create(&path, value, CreateMode::PERSISTENT, &acl).await.map_err(failed)?;
        let (zxid, version) = (Some(stat.czxid), Some(stat.version));
        history.run_tells(Event::Ok { op, outcome: Outcome::Written { path, zxid, version, session } });
    }
    client.close().await;
    Ok(())
}

/// Waits until the ephemeral nodes of all sessions are gone. If some stay, they are in the history's end.
pub(super) async fn wait_for_ephemerals(ensemble: &Ensemble, limit: Duration) -> Result<(), RunError> {
    let client = client(ensemble);
    let failed = |error| RunError::Client("the ephemeral nodes", error);
    let began = Instant::now();
    while began.elapsed() < limit {
        client.sync(EPHEMERALS).await.map_err(failed)?;
        if client.get_children(EPHEMERALS).await.map_err(failed)?.0.is_empty() {
            break;
        }
        tokio::time::sleep(POLL).await;
    }
    client.close().await;
    Ok(())
}

/// What there is at the end.
pub(super) async fn everything(ensemble: &Ensemble) -> Result<Vec<FinalNode>, RunError> {
    let client = client(ensemble);
    let failed = |error| RunError::Client("what there is at the end", error);
    client.sync("/").await.map_err(failed)?;
    let mut paths: Vec<String> = vec![FENCED.to_owned()];
    paths.extend(tree::stats(&client, DIRECTORY).await.map_err(failed)?.into_iter().map(|(path, _)| path));
    let mut nodes = Vec::new();
    for path in paths {
        let read = tree::present(client.get_data(&path).await).map_err(failed)?;
        let Some((data, stat)) = read else { continue };
        nodes.push(FinalNode {
            path,
            value: String::from_utf8_lossy(&data).into_owned(),
            czxid: stat.czxid,
            mzxid: stat.mzxid,
            version: stat.version,
            owner: stat.ephemeral_owner,
        });
    }
    client.close().await;
    Ok(nodes)
}
