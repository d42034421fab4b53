//! The resolver of a sandbox: asks the machine's own, as long as the sandbox may reach anything.
//!
//! It listens inside the sandbox, on sockets that the engine made there, and so needs no address of the machine that a
//! sandbox could reach. Messages pass as they are.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Where a sandbox asks; the same place as on machines with systemd's resolver.
pub const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53)), 53);

/// How long one of the machine's resolvers may take before the next is asked.
const PATIENCE: Duration = Duration::from_secs(3);

/// Questions of one sandbox that are asked at the same time.
const AT_ONCE: usize = 64;

/// The longest message over UDP that anybody sends.
const LONGEST: usize = 4096;

const HEADER: usize = 12;
const SERVER_FAILURE: u8 = 2;
const REFUSED: u8 = 5;

/// The sockets a sandbox asks, made in its network.
#[derive(Debug)]
pub struct Sockets {
    /// For most questions.
    pub datagrams: std::net::UdpSocket,
    /// For long answers.
    pub streams: std::net::TcpListener,
}

impl Sockets {
    /// Listens in the network of this thread.
    pub fn bind() -> io::Result<Self> {
        let (datagrams, streams) = (std::net::UdpSocket::bind(ADDRESS)?, std::net::TcpListener::bind(ADDRESS)?);
        datagrams.set_nonblocking(true)?;
        streams.set_nonblocking(true)?;
        Ok(Self { datagrams, streams })
    }
}

/// Answers until dropped.
#[derive(Debug)]
pub struct Resolver {
    closed: Arc<AtomicBool>,
    _tasks: JoinSet<()>,
}

impl Resolver {
    /// Starts answering. Needs the runtime.
    pub fn start(sockets: Sockets, closed: bool) -> io::Result<Self> {
        let closed = Arc::new(AtomicBool::new(closed));
        let asked = Arc::new(Semaphore::new(AT_ONCE));
        let datagrams = Arc::new(UdpSocket::from_std(sockets.datagrams)?);
        let streams = TcpListener::from_std(sockets.streams)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(answer_datagrams(datagrams, Arc::clone(&closed), Arc::clone(&asked)));
        tasks.spawn(answer_streams(streams, Arc::clone(&closed), asked));
        Ok(Self { closed, _tasks: tasks })
    }

    /// Refuses every question from now on, or no longer does.
    pub fn close(&self, closed: bool) {
        self.closed.store(closed, Ordering::Release);
    }
}

async fn answer_datagrams(socket: Arc<UdpSocket>, closed: Arc<AtomicBool>, asked: Arc<Semaphore>) {
    // Questions end with the resolver.
    let mut questions = JoinSet::new();
    let mut buffer = vec![0; LONGEST];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        while questions.try_join_next().is_some() {}
        let (socket, question) = (Arc::clone(&socket), buffer[..length].to_vec());
        // Answers that cannot be sent are lost, as with any resolver: who asked asks again.
        if closed.load(Ordering::Acquire) {
            let _ = socket.send_to(&error(&question, REFUSED), from).await;
            continue;
        }
        // More than that are dropped, as by any busy resolver.
        let Ok(place) = Arc::clone(&asked).try_acquire_owned() else { continue };
        questions.spawn(async move {
            let answer = ask(&question).await.unwrap_or_else(|| error(&question, SERVER_FAILURE));
            let _ = socket.send_to(&answer, from).await;
            drop(place);
        });
    }
}

async fn answer_streams(listener: TcpListener, closed: Arc<AtomicBool>, asked: Arc<Semaphore>) {
    let mut conversations = JoinSet::new();
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        while conversations.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(&asked).try_acquire_owned() else { continue };
        let closed = Arc::clone(&closed);
        conversations.spawn(async move {
            let _place = place;
            while let Ok(Ok(question)) = tokio::time::timeout(PATIENCE, read_message(&mut stream)).await {
                let answer = match closed.load(Ordering::Acquire) {
                    true => error(&question, REFUSED),
                    false => ask_by_stream(&question).await.unwrap_or_else(|| error(&question, SERVER_FAILURE)),
                };
                if write_message(&mut stream, &answer).await.is_err() {
                    return;
                }
            }
        });
    }
}

async fn read_message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut message = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

async fn write_message(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), message].concat()).await
}

/// The machine's resolvers, as they are now.
fn upstream() -> Vec<SocketAddr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let servers = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let addresses = servers.filter_map(|server| server.trim().parse::<IpAddr>().ok());
    addresses.take(3).map(|address| SocketAddr::new(address, 53)).collect()
}

async fn ask(question: &[u8]) -> Option<Vec<u8>> {
    if !is_question(question) {
        return None;
    }
    for server in upstream() {
        let asked = tokio::time::timeout(PATIENCE, async {
            let local: SocketAddr = if server.is_ipv4() { ([0; 4], 0).into() } else { ([0u16; 8], 0).into() };
            let socket = UdpSocket::bind(local).await?;
            // From nobody else an answer is taken.
            socket.connect(server).await?;
            socket.send(question).await?;
            let mut answer = vec![0; LONGEST];
            loop {
                let length = socket.recv(&mut answer).await?;
                if length >= HEADER && answer[..2] == question[..2] {
                    answer.truncate(length);
                    return io::Result::Ok(answer);
                }
            }
        });
        if let Ok(Ok(answer)) = asked.await {
            return Some(answer);
        }
    }
    None
}

async fn ask_by_stream(question: &[u8]) -> Option<Vec<u8>> {
    if !is_question(question) {
        return None;
    }
    for server in upstream() {
        let asked = tokio::time::timeout(PATIENCE, async {
            let mut stream = TcpStream::connect(server).await?;
            write_message(&mut stream, question).await?;
            read_message(&mut stream).await
        });
        if let Ok(Ok(answer)) = asked.await {
            return Some(answer);
        }
    }
    None
}

fn is_question(message: &[u8]) -> bool {
    message.len() > HEADER && message[2] & 0x80 == 0
}

/// The question as an answer that says why there is none.
fn error(question: &[u8], code: u8) -> Vec<u8> {
    let mut answer = question.to_vec();
    if let Some(flags) = answer.get_mut(2..4) {
        flags[0] |= 0x80;
        flags[1] = 0x80 | code;
    }
    answer
}
