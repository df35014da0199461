//! A socket that the runtime watches, or that is polled.
//!
//! Where replies trickle in while hundreds of requests are under way, each of them wakes the runtime, and that costs more than
//! all the rest of a request. A socket that is polled is not watched: nothing wakes anybody when bytes arrive, and the driver
//! looks when its timer says so. Network cards do the same under load (NAPI).
//!
//! ```text
//!              Polling::start, unless a write waits for room
//!   watched ──────────────────────────────────────────────▶ polled ─┐
//!      ▲                                                     │  ▲   │ nothing there: closed, reads wait
//!      └─────────────────────────────────────────────────────┘  └───┘ Polling::look: open, reads look
//!        Polling::stop, or a write finds no room
//! ```

use std::{
    fmt,
    io::{self, IoSlice, Read, Write},
    mem,
    net::{Shutdown, TcpStream as StdStream},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    task::coop::poll_proceed,
};

const WATCHED: u8 = 0;
const OPEN: u8 = 1;
const CLOSED: u8 = 2;

/// Whether a socket is polled, as its owner says. What it says holds from the next read on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Polling(Arc<AtomicU8>);

impl Polling {
    /// The socket is polled: reads find what has arrived, and when nothing is there they wait for [`look`](Self::look). Whoever
    /// reads is not woken: it must have something else that does.
    pub(crate) fn start(&self) {
        let _ = self.0.compare_exchange(WATCHED, OPEN, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// If it is polled, the next read looks again.
    pub(crate) fn look(&self) {
        let _ = self.0.compare_exchange(CLOSED, OPEN, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The runtime watches it again.
    pub(crate) fn stop(&self) {
        self.0.store(WATCHED, Ordering::Relaxed);
    }
}

/// A connection whose [`Polling`] tells how arrivals are noticed.
pub(crate) struct Socket {
    stream: Stream,
    polling: Polling,
    /// A write waits for room: the runtime must watch.
    write_waits: bool,
}

enum Stream {
    Watched(TcpStream),
    Polled(StdStream),
    /// Taken out to become the other, which failed.
    Broken,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream: Stream::Watched(stream), polling: Polling::default(), write_waits: false }
    }

    /// To say whether it is polled.
    pub(crate) fn polling(&self) -> Polling {
        self.polling.clone()
    }

    fn watch(&mut self) -> io::Result<&mut TcpStream> {
        self.stream = match mem::replace(&mut self.stream, Stream::Broken) {
            Stream::Polled(stream) => Stream::Watched(TcpStream::from_std(stream)?),
            other => other,
        };
        match &mut self.stream {
            Stream::Watched(stream) => Ok(stream),
            Stream::Polled(_) | Stream::Broken => Err(broken()),
        }
    }

    /// Writes, and has the runtime watch if there is no room.
    fn write_with(
        &mut self,
        direct: impl Fn(&mut StdStream) -> io::Result<usize>,
        watched: impl FnOnce(Pin<&mut TcpStream>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Stream::Polled(stream) = &mut self.stream {
            match retry(|| direct(stream)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                wrote => return Poll::Ready(wrote),
            }
        }
        let wrote = watched(Pin::new(self.watch()?));
        self.write_waits = wrote.is_pending();
        wrote
    }

    fn unwatch(&mut self) -> io::Result<&mut StdStream> {
        self.stream = match mem::replace(&mut self.stream, Stream::Broken) {
            Stream::Watched(stream) => Stream::Polled(stream.into_std()?),
            other => other,
        };
        match &mut self.stream {
            Stream::Polled(stream) => Ok(stream),
            Stream::Watched(_) | Stream::Broken => Err(broken()),
        }
    }
}

fn broken() -> io::Error {
    io::Error::other("the runtime could not take the connection back")
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("polling", &self.polling).finish_non_exhaustive()
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mode = self.polling.0.load(Ordering::Relaxed);
        if mode == WATCHED || self.write_waits {
            return Pin::new(self.watch()?).poll_read(cx, buf);
        }
        let stream = self.unwatch()?;
        if mode == CLOSED {
            return Poll::Pending;
        }
        let progress = ready!(poll_proceed(cx));
        match retry(|| stream.read(buf.initialize_unfilled())) {
            Ok(count) => {
                progress.made_progress();
                buf.advance(count);
                Poll::Ready(Ok(()))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.polling.0.store(CLOSED, Ordering::Relaxed);
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write_with(|stream| stream.write(buf), |stream| stream.poll_write(cx, buf))
    }

    /// TLS writes what belongs together in one go: a server that refuses the first of it has read the rest, and what it says is
    /// not lost to a reset.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write_with(|stream| stream.write_vectored(bufs), |stream| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// A TCP socket holds nothing back that a flush would get out.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Watched(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Polled(stream) => Poll::Ready(stream.shutdown(Shutdown::Write)),
            Stream::Broken => Poll::Ready(Err(broken())),
        }
    }
}

/// The call again as long as a signal interrupts it.
fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            ended => return ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::AtomicUsize,
        task::{Wake, Waker},
        time::Duration,
    };

    use futures_util::FutureExt;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        time::{sleep, timeout},
    };

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    async fn pair() -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Socket::new(near), listener.accept().await.unwrap().0)
    }

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Polls a read once: the bytes that it finds.
    fn read_now(socket: &mut Socket, wakes: &Arc<Wakes>) -> Poll<Vec<u8>> {
        let waker = Waker::from(Arc::clone(wakes));
        let mut bytes = [0; 16];
        let mut buf = ReadBuf::new(&mut bytes);
        let read = Pin::new(socket).poll_read(&mut Context::from_waker(&waker), &mut buf);
        read.map(|read| {
            read.unwrap();
            buf.filled().to_vec()
        })
    }

    /// A pair whose near side is polled.
    async fn polled_pair(wakes: &Arc<Wakes>) -> (Socket, TcpStream) {
        let (mut socket, far) = pair().await;
        socket.polling().start();
        assert_eq!(read_now(&mut socket, wakes), Poll::Pending);
        (socket, far)
    }

    async fn woken(wakes: &Wakes) {
        let woken = async {
            while wakes.0.load(Ordering::Relaxed) == 0 {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(LIMIT, woken).await.expect("it is watched");
    }

    /// What a polled socket finds, if somebody looks now and then.
    async fn found(socket: &mut Socket, wakes: &Arc<Wakes>) -> Vec<u8> {
        let look = async {
            loop {
                socket.polling().look();
                if let Poll::Ready(bytes) = read_now(socket, wakes) {
                    return bytes;
                }
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(LIMIT, look).await.expect("it arrives")
    }

    #[tokio::test]
    async fn a_polled_socket_wakes_nobody_and_finds_what_has_arrived() {
        let wakes = Arc::default();
        let (mut socket, mut far) = polled_pair(&wakes).await;
        let polling = socket.polling();
        for word in ["one", "two"] {
            far.write_all(word.as_bytes()).await.unwrap();
            // The runtime has had the time to notice, were it watching.
            sleep(Duration::from_millis(20)).await;
            polling.start();
            assert_eq!(read_now(&mut socket, &wakes), Poll::Pending, "nobody has said to look");
            assert_eq!(found(&mut socket, &wakes).await, word.as_bytes());
            assert_eq!(read_now(&mut socket, &wakes), Poll::Pending, "no more is there");
            assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
        }
        polling.stop();
        assert_eq!(read_now(&mut socket, &wakes), Poll::Pending);
        far.write_all(b"three").await.unwrap();
        woken(&wakes).await;
        assert_eq!(read_now(&mut socket, &wakes), Poll::Ready(b"three".to_vec()));
    }

    #[tokio::test]
    async fn what_arrived_while_nobody_looked_is_told_when_it_is_watched_again() {
        let (mut socket, mut far) = polled_pair(&Arc::default()).await;
        far.write_all(b"early").await.unwrap();
        socket.polling().stop();
        let mut bytes = [0; 5];
        timeout(LIMIT, socket.read_exact(&mut bytes)).await.expect("told").unwrap();
        assert_eq!(&bytes, b"early");
    }

    #[tokio::test]
    async fn a_polled_socket_sees_the_end_of_the_connection() {
        let (mut socket, far) = polled_pair(&Arc::default()).await;
        drop(far);
        assert_eq!(found(&mut socket, &Arc::default()).await, b"");
    }

    /// Nobody would say when there is room again.
    #[tokio::test]
    async fn a_socket_is_watched_while_a_write_waits_for_room() {
        let wakes = Arc::default();
        let (mut socket, mut far) = polled_pair(&wakes).await;
        let mut sent = 0;
        while let Some(wrote) = socket.write(&[7; 64 * 1024]).now_or_never() {
            sent += wrote.unwrap();
        }
        assert_eq!(read_now(&mut socket, &wakes), Poll::Pending);
        far.write_all(b"x").await.unwrap();
        woken(&wakes).await;
        assert_eq!(read_now(&mut socket, &wakes), Poll::Ready(b"x".to_vec()));

        let mut last = vec![7; 64 * 1024];
        let (wrote, read) = tokio::join!(
            timeout(LIMIT, socket.write_all(&last)),
            timeout(LIMIT, async {
                for _ in 0..sent / last.len() {
                    far.read_exact(&mut vec![0; 64 * 1024]).await.unwrap();
                }
            }),
        );
        wrote.expect("there was room").unwrap();
        read.expect("all was sent");
        far.read_exact(&mut last[..sent % (64 * 1024)]).await.unwrap();
        assert_eq!(read_now(&mut socket, &wakes), Poll::Pending);
        let before = wakes.0.load(Ordering::Relaxed);
        far.write_all(b"y").await.unwrap();
        assert_eq!(found(&mut socket, &wakes).await, b"y");
        assert_eq!(wakes.0.load(Ordering::Relaxed), before, "it is polled again");
    }

    #[tokio::test]
    async fn what_belongs_together_is_written_in_one_go() {
        for polled in [false, true] {
            let (mut socket, mut far) =
                if polled { polled_pair(&Arc::default()).await } else { pair().await };
            assert!(socket.is_write_vectored(), "or TLS would not ask for it");
            let parts = [IoSlice::new(b"the one, "), IoSlice::new(b"the other")];
            assert_eq!(socket.write_vectored(&parts).await.unwrap(), 18);
            let mut all = [0; 18];
            far.read_exact(&mut all).await.unwrap();
            assert_eq!(&all, b"the one, the other");
        }
    }

    #[tokio::test]
    async fn a_polled_socket_that_never_runs_dry_lets_others_run() {
        let (mut socket, mut far) = pair().await;
        socket.polling().start();
        far.write_all(&[7; 4096]).await.unwrap();
        let turns = Arc::new(AtomicUsize::new(0));
        let other = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move {
                loop {
                    turns.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            }
        });
        for _ in 0..4096 {
            socket.read_u8().await.unwrap();
        }
        other.abort();
        assert!(turns.load(Ordering::Relaxed) > 0);
    }
}
