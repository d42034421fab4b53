//! The resolver of a sandbox: asks the machine's own for the names that the sandbox's rules let it resolve.
//!
//! It listens inside the sandbox, on sockets that the engine made there, and so needs no address of the machine that a
//! sandbox could reach. Where every name is resolved, messages pass as they are; else nothing of a message but its question
//! leaves the machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::dns::{self, AAAA, HEADER, Question, REFUSED, SERVER_FAILURE, SERVICE_BINDINGS};
use super::policy::Policy;

/// Where a sandbox asks; the same place as on machines with systemd's resolver.
pub const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53)), 53);

/// How long one of the machine's resolvers may take before the next is asked.
const PATIENCE: Duration = Duration::from_secs(3);

/// Questions of one sandbox that are asked at the same time.
const AT_ONCE: usize = 64;

/// The longest message over UDP that anybody sends.
const LONGEST: usize = 4096;

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
    _tasks: JoinSet<()>,
}

impl Resolver {
    /// Starts answering. Needs the runtime.
    pub fn start(sockets: Sockets, policy: &Arc<Policy>) -> io::Result<Self> {
        let asked = Arc::new(Semaphore::new(AT_ONCE));
        let datagrams = Arc::new(UdpSocket::from_std(sockets.datagrams)?);
        let streams = TcpListener::from_std(sockets.streams)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(answer_datagrams(datagrams, Arc::clone(policy), Arc::clone(&asked)));
        tasks.spawn(answer_streams(streams, Arc::clone(policy), asked));
        Ok(Self { _tasks: tasks })
    }
}

/// How a question is asked of the machine's resolvers.
#[derive(Clone, Copy)]
enum By {
    Datagram,
    Stream,
}

/// What the machine's resolvers are asked, and what else an answer is made of.
struct Asked {
    question: Option<Question>,
    /// As it leaves.
    message: Vec<u8>,
}

/// The question as the machine's resolvers are asked, or the answer that is given without them.
fn decide(policy: &Policy, message: &[u8]) -> Result<Asked, Vec<u8>> {
    let passes_all = policy.reach().resolves_all();
    let question = match Question::read(message) {
        Some(question) => question,
        // Whatever is asked, it is no way around a list.
        None if passes_all => return Ok(Asked { question: None, message: message.to_vec() }),
        None => return Err(dns::error(message, REFUSED)),
    };
    if !policy.resolve(&question.name) {
        return Err(dns::error(message, REFUSED));
    }
    if policy.reach().is_by_name() && (!question.is_plain() || question.kind == AAAA && !policy.v6) {
        return Err(dns::nothing(message));
    }
    // A host's own ways past the engine: another protocol, and an encrypted name.
    if SERVICE_BINDINGS.contains(&question.kind) && policy.has_secrets_for(&question.name) {
        return Err(dns::nothing(message));
    }
    let leaving = if passes_all { message.to_vec() } else { question.alone(message) };
    Ok(Asked { question: Some(question), message: leaving })
}

/// Answers one message.
async fn answer(policy: &Policy, message: &[u8], by: By) -> Vec<u8> {
    let asked = match decide(policy, message) {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    let answer = match by {
        By::Datagram => ask(&asked.message).await,
        By::Stream => ask_by_stream(&asked.message).await,
    };
    let Some(mut answer) = answer else { return dns::error(message, SERVER_FAILURE) };
    if let Some(question) = &asked.question {
        for (address, seconds) in dns::addresses(&answer) {
            policy.pins.add(&question.name, address, seconds);
        }
        question.restore(message, &mut answer);
    }
    answer
}

async fn answer_datagrams(socket: Arc<UdpSocket>, policy: Arc<Policy>, asked: Arc<Semaphore>) {
    // Questions end with the resolver.
    let mut questions = JoinSet::new();
    let mut buffer = vec![0; LONGEST];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        while questions.try_join_next().is_some() {}
        // More than that are dropped, as by any busy resolver.
        let Ok(place) = Arc::clone(&asked).try_acquire_owned() else { continue };
        let (socket, policy, message) = (Arc::clone(&socket), Arc::clone(&policy), buffer[..length].to_vec());
        questions.spawn(async move {
            let answer = answer(&policy, &message, By::Datagram).await;
            // Answers that cannot be sent are lost, as with any resolver: who asked asks again.
            let _ = socket.send_to(&answer, from).await;
            drop(place);
        });
    }
}

async fn answer_streams(listener: TcpListener, policy: Arc<Policy>, asked: Arc<Semaphore>) {
    let mut conversations = JoinSet::new();
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        while conversations.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(&asked).try_acquire_owned() else { continue };
        let policy = Arc::clone(&policy);
        conversations.spawn(async move {
            let _place = place;
            while let Ok(Ok(message)) = tokio::time::timeout(PATIENCE, read_message(&mut stream)).await {
                let answer = answer(&policy, &message, By::Stream).await;
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
