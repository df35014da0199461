//! What a contender's process says of its calls, read while it is probing.

use tokio::{
    io::{BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
    sync::mpsc,
};

use super::Call;

/// A contender that calls again and again; killed when this is dropped.
#[derive(Debug)]
pub struct Calls {
    calls: mpsc::UnboundedReceiver<Result<Call, String>>,
    // It ends with its standard input.
    _orders: ChildStdin,
    _process: Child,
}

impl Calls {
    /// Reads at once and all the time: a contender whose pipe is full would stand still.
    pub(super) fn new(
        orders: ChildStdin,
        mut answers: Lines<BufReader<ChildStdout>>,
        process: Child,
    ) -> Self {
        let (sender, calls) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = answers.next_line().await {
                let call = serde_json::from_str(&line).map_err(|_| format!("says: {line}"));
                if sender.send(call).is_err() {
                    return;
                }
            }
        });
        Self { calls, _orders: orders, _process: process }
    }

    /// The next call that has ended.
    ///
    /// # Errors
    ///
    /// In words: it has ended, or says something else.
    pub async fn next(&mut self) -> Result<Call, String> {
        self.calls.recv().await.ok_or("has ended")?
    }
}
