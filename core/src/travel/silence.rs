//! Noticing that the other side of a connection is gone.
//!
//! The kernel would try for a quarter of an hour, and its own limit (`TCP_USER_TIMEOUT`) also ends connections to a peer that
//! only does not read for a while. This looks at what the kernel knows: a peer that is there acknowledges what it gets, and
//! answers the probes of one that waits for it to read.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nix::sys::socket::getsockopt;
use nix::{getsockopt_impl, libc, sockopt_impl};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

sockopt_impl!(TcpInfo, GetOnly, libc::IPPROTO_TCP, libc::TCP_INFO, libc::tcp_info);

/// Looks at a connection within the time that its peer has.
const LOOKS: u32 = 2;

/// Probes without an answer. The last one may just have been sent.
const PROBES: u8 = 2;

/// Watches one connection.
pub(super) struct Silence {
    limit: Duration,
    next: Pin<Box<Sleep>>,
    /// How often in a row something was waiting for the peer.
    waited: u32,
}

impl Silence {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, next: Box::pin(sleep(limit / LOOKS)), waited: 0 }
    }

    /// The error of a connection whose peer is gone.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, stream: &TcpStream) -> Poll<io::Error> {
        loop {
            ready!(self.next.as_mut().poll(cx));
            self.next.as_mut().reset(Instant::now() + self.limit / LOOKS);
            // Without an answer there is nothing to conclude.
            let Ok(info) = getsockopt(stream, TcpInfo) else { continue };
            let waits = info.tcpi_unacked > 0 || info.tcpi_probes >= PROBES;
            self.waited = if waits { self.waited + 1 } else { 0 };
            let silent = Duration::from_millis(info.tcpi_last_ack_recv.into());
            if self.waited > LOOKS && silent >= self.limit {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use http::Uri;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tower_service::Service;

    use super::super::tcp::{Quiet, Tcp};
    use super::*;

    const LIMIT: Duration = Duration::from_millis(300);

    async fn connected() -> (TokioIo<Quiet>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target: Uri = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let mut tcp = Tcp::new(Duration::from_secs(30)).silent_for(LIMIT);
        poll_fn(|cx| tcp.poll_ready(cx)).await.unwrap();
        let client = TokioIo::new(tcp.call(target).await.unwrap());
        (client, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn a_peer_that_is_slow_to_read_gets_everything() {
        const SIZE: usize = 16 << 20;
        let (mut client, mut server) = connected().await;
        let writing = tokio::spawn(async move {
            client.write_all(&vec![7; SIZE]).await?;
            client.shutdown().await
        });
        // It reads nothing for much longer than one that is gone has.
        tokio::time::sleep(10 * LIMIT).await;
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        writing.await.unwrap().unwrap();
        assert_eq!(received.len(), SIZE);
    }

    #[tokio::test]
    async fn a_peer_that_is_gone_is_an_error_for_who_reads_and_who_writes() {
        for reads in [true, false] {
            let (mut client, server) = connected().await;
            deafen(&server);
            let used = async {
                client.write_all(b"request").await?;
                if reads {
                    return client.read_u8().await.map(drop);
                }
                loop {
                    client.write_all(&[7; 1 << 16]).await?;
                }
            };
            let error = tokio::time::timeout(Duration::from_secs(60), used).await.unwrap().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
        }
    }

    /// Drops whatever arrives for a socket, as if its machine were gone.
    fn deafen(socket: &TcpStream) {
        use std::os::fd::AsRawFd;

        let mut nothing = [libc::sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: 0 }];
        let program = libc::sock_fprog { len: 1, filter: nothing.as_mut_ptr() };
        // SAFETY: the program is complete and lives until it has been copied.
        let set = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ATTACH_FILTER,
                (&raw const program).cast(),
                size_of::<libc::sock_fprog>() as libc::socklen_t,
            )
        };
        assert_eq!(set, 0, "{}", io::Error::last_os_error());
    }
}
