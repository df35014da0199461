//! Everything below a znode.

use futures_util::future::join_all;
use zk_session::{Client, Error, ErrorCode, Stat};

/// Requests of one flight.
const FLIGHT: usize = 200;

/// The nodes below a directory with their stats, the directory itself not included. Not of one moment: nodes that come or go
/// meanwhile may be in it or not.
///
/// # Errors
///
/// Those of [`enum@Error`].
pub(crate) async fn stats(client: &Client, directory: &str) -> Result<Vec<(String, Stat)>, Error> {
    let mut found = Vec::new();
    let mut level = vec![directory.to_owned()];
    while !level.is_empty() {
        let mut paths = Vec::new();
        for parents in level.chunks(FLIGHT) {
            let listings = join_all(parents.iter().map(|parent| client.get_children(parent))).await;
            for (parent, listing) in parents.iter().zip(listings) {
                for child in present(listing)?.map(|(names, _)| names).unwrap_or_default() {
                    paths.push(format!("{parent}/{child}"));
                }
            }
        }
        level = Vec::new();
        for paths in paths.chunks(FLIGHT) {
            let stats = join_all(paths.iter().map(|path| client.exists(path))).await;
            for (path, stat) in paths.iter().zip(stats) {
                let Some(stat) = stat? else { continue };
                if stat.num_children > 0 {
                    level.push(path.clone());
                }
                found.push((path.clone(), stat));
            }
        }
    }
    Ok(found)
}

/// What was read, `None` where there is no such node.
pub(crate) fn present<R>(read: Result<R, Error>) -> Result<Option<R>, Error> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.code() == Some(ErrorCode::NO_NODE) => Ok(None),
        Err(error) => Err(error),
    }
}
