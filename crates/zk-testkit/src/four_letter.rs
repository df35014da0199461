//! ZooKeeper's four-letter words: one word in, text out, connection closed.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::TestkitError;

/// A server that is alive on loopback answers in milliseconds; a frozen one never does.
const DEADLINE: Duration = Duration::from_secs(2);
/// More than `cons` or `wchp` of any test gives.
const LONGEST_ANSWER: u64 = 64 * 1024 * 1024;

/// Sends a four-letter word, such as `srvr`, to a client port and returns the whole answer.
///
/// Gives up after 2 seconds.
///
/// # Errors
/// [`TestkitError::FourLetterWord`] when the server cannot be reached, closes in between, or stays silent.
///
/// # Cancel safety
/// Safe: the words asked here change nothing, except those that reset statistics.
pub async fn four_letter_word(addr: SocketAddr, word: &str) -> Result<String, TestkitError> {
    ask(addr, word, DEADLINE).await
}

/// [`four_letter_word`] with another deadline.
pub(crate) async fn ask(addr: SocketAddr, word: &str, deadline: Duration) -> Result<String, TestkitError> {
    let exchange = async {
        let mut stream = TcpStream::connect(addr).await?;
        stream.write_all(word.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(LONGEST_ANSWER).read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    let result = timeout(deadline, exchange).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    result.map_err(|source| TestkitError::FourLetterWord { word: word.to_owned(), addr, source })
}
