//! A delete of a node and everything below it.

use std::future::Future;

use futures_util::{StreamExt, TryStreamExt, stream};
use zk_jute::ErrorCode;

use crate::{
    client::Client,
    error::{Error, Invalid},
};

/// Requests under way at once.
const AT_ONCE: usize = 64;

impl Client {
    /// Deletes a node and everything below it. Others may create and delete nodes there at the same time: what appears
    /// before the end is deleted, too. A node that is not there is no error.
    ///
    /// This is not one transaction: others see a shrinking tree. The whole may take as long as one call; after an error
    /// some of the tree is gone, and the call can be repeated.
    ///
    /// Protocol: `delete` and `getChildren2`.
    ///
    /// # Errors
    ///
    /// `Rejected` with `NO_AUTH`; `Invalid` for the root of the server's tree; and the others of [`Error`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops after the requests that are under way.
    pub fn delete_recursive(&self, path: &str) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let deadline = self.deadline();
        let checked = self.chroot().on_server(path).and_then(|on_server| match &*on_server {
            "/" => Err(Invalid::Path { path: on_server.into_owned(), reason: "the root cannot be deleted" }),
            _ => Ok(()),
        });
        let (client, path) = (self.clone(), path.to_owned());
        async move {
            checked?;
            // Levels of the tree. A node that cannot be deleted because it has children stays in its level while they,
            // the next level, are deleted. A list and not a recursion: the depth is the server's word.
            let mut levels = vec![vec![path]];
            while let Some(level) = levels.pop() {
                let client = client.with_deadline(deadline);
                let full: Vec<String> = client.delete_all(level).await?;
                if full.is_empty() {
                    continue;
                }
                let children = client.children_of_all(&full).await?;
                levels.push(full);
                levels.push(children);
            }
            Ok(())
        }
    }

    /// Deletes the nodes and returns those that have children.
    async fn delete_all(&self, paths: Vec<String>) -> Result<Vec<String>, Error> {
        let deletes = stream::iter(paths).map(|path| {
            let delete = self.delete(&path, None);
            async move {
                match delete.await {
                    Err(error) if error.code() == Some(ErrorCode::NOT_EMPTY) => Ok(Some(path)),
                    Err(error) if error.code() != Some(ErrorCode::NO_NODE) => Err(error),
                    _ => Ok(None),
                }
            }
        });
        deletes.buffered(AT_ONCE).try_filter_map(|full| async move { Ok(full) }).try_collect().await
    }

    /// The paths of the nodes' children; none for nodes that are gone.
    async fn children_of_all(&self, paths: &[String]) -> Result<Vec<String>, Error> {
        let lists = stream::iter(paths.to_vec()).map(|path| {
            let list = self.get_children(&path);
            async move {
                let parent = path.trim_end_matches('/');
                match list.await {
                    Ok((names, _)) => Ok(names.iter().map(|name| format!("{parent}/{name}")).collect()),
                    Err(error) if error.code() == Some(ErrorCode::NO_NODE) => Ok(Vec::new()),
                    Err(error) => Err(error),
                }
            }
        });
        let lists: Vec<Vec<String>> = lists.buffered(AT_ONCE).try_collect().await?;
        Ok(lists.into_iter().flatten().collect())
    }
}
