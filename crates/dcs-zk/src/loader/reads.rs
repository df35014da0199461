//! Several reads that belong to one moment.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::future::{join_all, try_join};
use zk_session::{Client, Error, ErrorCode, ReadOp, ReadResult, Rejected, Stat};

/// What a read gave, by itself.
pub(super) type Answer = Result<ReadResult, Rejected>;

/// Makes the reads, so that their answers are all true at one moment; `None` if they were not, and have to be made again.
///
/// Servers before 3.6 do not know `multiRead`. There everything is read twice in one flight: what is the same both times was
/// so in between. Reads that are `excused` may differ there: their answers are the later ones.
pub(super) async fn at_one_moment(
    client: &Client,
    ops: &[ReadOp],
    no_multi_read: &AtomicBool,
    excused: impl Fn(&ReadOp) -> bool,
) -> Result<Option<Vec<Answer>>, Error> {
    if !no_multi_read.load(Ordering::Relaxed) {
        match client.multi_read(ops.to_vec()).await {
            Err(error) if error.code() == Some(ErrorCode::UNIMPLEMENTED) => {
                tracing::info!("the server does not know multiRead: reading twice instead");
                no_multi_read.store(true, Ordering::Relaxed);
            }
            answers => return answers.map(Some),
        }
    }
    let (first, second) = try_join(pipelined(client, ops), pipelined(client, ops)).await?;
    let pairs = ops.iter().zip(first.iter().zip(&second));
    let same =
        pairs.into_iter().all(|(op, (first, second))| first.version() == second.version() || excused(op));
    Ok(same.then(|| second.into_iter().map(|read| read.answer).collect()))
}

/// A read by itself, with what tells whether anything has changed.
struct Read {
    answer: Answer,
    stat: Option<Stat>,
}

impl Read {
    fn version(&self) -> (Option<Stat>, Option<ErrorCode>) {
        (self.stat, self.answer.as_ref().err().map(|rejected| rejected.code))
    }
}

/// One request for each read, all sent before the first is answered.
fn pipelined(
    client: &Client,
    ops: &[ReadOp],
) -> impl Future<Output = Result<Vec<Read>, Error>> + Send + use<> {
    let reads: Vec<_> = ops.iter().map(|op| one(client, op)).collect();
    async move { join_all(reads).await.into_iter().collect() }
}

fn one(client: &Client, op: &ReadOp) -> impl Future<Output = Result<Read, Error>> + Send + use<> {
    let (data, children) = match op {
        ReadOp::GetChildren { path } => (None, Some(client.get_children(path))),
        op => (Some(client.get_data(op.path())), None),
    };
    async move {
        let read = match (data, children) {
            (Some(data), _) => {
                data.await.map(|(data, stat): (Bytes, Stat)| (ReadResult::GetData { data, stat }, stat))
            }
            (None, Some(children)) => {
                children.await.map(|(children, stat)| (ReadResult::GetChildren { children }, stat))
            }
            (None, None) => return Err(Error::Closed),
        };
        match read {
            Ok((result, stat)) => Ok(Read { answer: Ok(result), stat: Some(stat) }),
            Err(Error::Rejected(rejected)) if !is_about_the_request(&rejected) => {
                Ok(Read { answer: Err(rejected), stat: None })
            }
            Err(error) => Err(error),
        }
    }
}

/// Codes that do not speak of the znode.
fn is_about_the_request(rejected: &Rejected) -> bool {
    !matches!(rejected.code, ErrorCode::NO_NODE | ErrorCode::NO_AUTH)
}
