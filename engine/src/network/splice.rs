//! The connections of a sandbox that has a list of domains, or secrets: they arrive here, show the name they are for, and are
//! passed on if it is allowed.
//!
//! What is encrypted stays so: of TLS only the client's first message is read ([`client_hello`](super::client_hello)), unless
//! the name is that of a host that gets secrets ([`interception`](super::interception)); of HTTP every request
//! ([`web`](super::web)). Nothing else carries a name, so nothing else passes but to addresses that are allowed as such.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::socket::{getsockopt, setsockopt, sockopt};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::client_hello::{self, Hello};
use super::interception;
use super::log::{Rule, Way};
use super::policy::{Guard, Policy};
use super::reach::Reach;
use super::redirection::WEB;
use super::web;

/// How long a client may take to say whom it wants, and a server to be reached.
const PATIENCE: Duration = Duration::from_secs(15);

/// Connections of one sandbox at a time.
const MOST: usize = 512;

/// Connections of all sandboxes at a time: they take no more than a quarter of the files that the engine may open.
static MOST_OF_ALL: LazyLock<usize> = LazyLock::new(|| {
    let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(now, _)| now);
    usize::try_from(files / 8).unwrap_or(usize::MAX)
});
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// A record, and a little more.
const UPSTREAM_BUFFER: usize = 20 << 10;

/// The first byte of a connection of TLS.
const HANDSHAKE: u8 = 22;

/// Sockets made in a sandbox's network, which nobody can connect to yet.
#[derive(Debug)]
pub struct Unbound([OwnedFd; 2]);

impl Unbound {
    /// Makes them in the network of this thread.
    pub fn new() -> io::Result<Self> {
        let make = |family| {
            let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
            // SAFETY: the call takes integers; the result is a descriptor that only we own.
            Ok::<_, io::Error>(unsafe { OwnedFd::from_raw_fd(Errno::result(libc::socket(family, kind, 0))?) })
        };
        Ok(Self([make(libc::AF_INET)?, make(libc::AF_INET6)?]))
    }

    /// Listens at one port of both loopback addresses.
    fn listen(self) -> io::Result<(u16, [std::net::TcpListener; 2])> {
        use nix::sys::socket::{Backlog, SockaddrIn, SockaddrIn6, bind, getsockname, listen};
        let [v4, v6] = self.0;
        setsockopt(&v6, sockopt::Ipv6V6Only, &true)?;
        bind(v4.as_raw_fd(), &SockaddrIn::from(std::net::SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)))?;
        let port = getsockname::<SockaddrIn>(v4.as_raw_fd())?.port();
        bind(v6.as_raw_fd(), &SockaddrIn6::from(std::net::SocketAddrV6::new(Ipv6Addr::LOCALHOST, port, 0, 0)))?;
        let backlog = Backlog::new(128).map_err(io::Error::from)?;
        listen(&v4, backlog)?;
        listen(&v6, backlog)?;
        Ok((port, [v4.into(), v6.into()]))
    }
}

/// Passes connections on until dropped.
#[derive(Debug)]
pub struct Splice {
    /// Where connections arrive.
    pub port: u16,
    connections: Arc<Connections>,
    _tasks: JoinSet<()>,
}

impl Splice {
    /// Starts. Needs the runtime.
    pub fn start(sockets: Unbound, policy: &Arc<Policy>) -> io::Result<Self> {
        let (port, listeners) = sockets.listen()?;
        let connections = Arc::new(Connections::default());
        let mut tasks = JoinSet::new();
        for listener in listeners {
            let listener = TcpListener::from_std(listener)?;
            tasks.spawn(accept(listener, port, Arc::clone(policy), Arc::clone(&connections)));
        }
        Ok(Self { port, connections, _tasks: tasks })
    }

    /// The sandbox's ends of those connections that a reach still allows.
    pub fn allowed(&self, reach: &Reach) -> BTreeSet<SocketAddr> {
        let open = self.connections.lock();
        let is_allowed =
            |names: &BTreeSet<String>| *reach != Reach::Nothing && names.iter().all(|name| reach.names(name));
        let all = *reach == Reach::All;
        open.iter().filter(|(_, names)| all || is_allowed(names)).map(|(client, _)| *client).collect()
    }
}

/// The sandbox's ends of open connections, with the names they were allowed for.
#[derive(Debug, Default)]
pub struct Connections(Mutex<HashMap<SocketAddr, BTreeSet<String>>>);

impl Connections {
    fn lock(&self) -> MutexGuard<'_, HashMap<SocketAddr, BTreeSet<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` when there are too many.
    fn open(self: &Arc<Self>, client: SocketAddr) -> Option<Open> {
        let mut open = self.lock();
        if open.len() >= MOST {
            return None;
        }
        if OPEN.fetch_add(1, Ordering::Relaxed) >= *MOST_OF_ALL {
            OPEN.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        open.insert(client, BTreeSet::new());
        Some(Open { connections: Arc::clone(self), client })
    }
}

/// An open connection; forgotten when dropped.
#[derive(Debug)]
struct Open {
    connections: Arc<Connections>,
    client: SocketAddr,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connections.lock().remove(&self.client);
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One connection on its way: whose it is and where it goes.
#[derive(Debug)]
pub struct Passage {
    policy: Arc<Policy>,
    open: Open,
    /// Where the sandbox wanted to connect to.
    target: SocketAddr,
}

impl Passage {
    /// Decides whether the connection may carry a name. The name is kept first, so that a change of the rules finds it
    /// whenever it comes.
    pub fn allows(&self, way: Way, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        if let Some(names) = self.open.connections.lock().get_mut(&self.open.client) {
            names.insert(name.clone());
        }
        self.policy.connect(way, &name, self.target.ip(), self.target.port())
    }

    /// Notes that the connection carries no name that could be allowed.
    pub fn refuse(&self, rule: Rule) {
        self.policy.refuse(rule, self.target.ip(), self.target.port());
    }

    /// Decides whether the connection may go on although it carries no name. That is kept as a name that no list has.
    pub fn allows_without_name(&self) -> bool {
        if let Some(names) = self.open.connections.lock().get_mut(&self.open.client) {
            names.insert(String::new());
        }
        self.policy.connect_without_name(self.target.ip(), self.target.port()).unwrap_or(false)
    }

    /// Whether only a name can let it through.
    fn needs_name(&self) -> bool {
        !self.policy.reach().allows(self.target.ip())
    }

    /// The secrets of its sandbox, if there can be any.
    pub fn guard(&self) -> Option<Arc<Guard>> {
        self.policy.guard()
    }

    /// The port it is for.
    pub fn port(&self) -> u16 {
        self.target.port()
    }

    /// Whether the address was found under this name.
    pub fn was_resolved(&self, name: &str) -> bool {
        self.policy.pins.have(name, self.target.ip())
    }

    /// Whether it has carried a name.
    pub fn has_name(&self) -> bool {
        self.open.connections.lock().get(&self.open.client).is_some_and(|names| !names.is_empty())
    }

    /// Connects to where the sandbox wanted to.
    pub async fn connect(&self) -> io::Result<TcpStream> {
        let stream = timeout(PATIENCE, TcpStream::connect(self.target)).await??;
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

async fn accept(listener: TcpListener, port: u16, policy: Arc<Policy>, connections: Arc<Connections>) {
    let mut passing = JoinSet::new();
    loop {
        let Ok((stream, client)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        while passing.try_join_next().is_some() {}
        // Without a target somebody inside connected here himself.
        let target = original_target(&stream).ok().filter(|target| !target.ip().is_loopback() || target.port() != port);
        let Some(target) = target else {
            reset(&stream);
            continue;
        };
        let Some(open) = connections.open(client) else {
            policy.refuse(Rule::TooMany, target.ip(), target.port());
            reset(&stream);
            continue;
        };
        let passage = Passage { policy: Arc::clone(&policy), open, target };
        passing.spawn(pass(stream, passage));
    }
}

async fn pass(stream: TcpStream, passage: Passage) {
    let _ = stream.set_nodelay(true);
    let mut first = [0];
    // Requests are read at their own port; elsewhere only to see whom they are for.
    let reads_requests = passage.port() == WEB[0] || passage.needs_name();
    match timeout(PATIENCE, stream.peek(&mut first)).await {
        Ok(Ok(1)) if first[0] == HANDSHAKE => pass_tls(stream, passage).await,
        Ok(Ok(1)) if first[0].is_ascii_alphabetic() && reads_requests => web::pass(stream, passage).await,
        // It ended by itself, without a word.
        Ok(Ok(0) | Err(_)) => {}
        // Or the server speaks first.
        _ => pass_without_name(stream, Vec::new(), &passage, Rule::NoName).await,
    }
}

async fn pass_tls(mut client: TcpStream, passage: Passage) {
    let mut bytes = Vec::with_capacity(2048);
    let hello = timeout(PATIENCE, read_hello(&mut client, &mut bytes)).await;
    let rule = match hello {
        Ok(Ok(Hello::Name(name))) if passage.allows(Way::Tls, &name) => {
            if let Some(guard) = passage.guard()
                && passage.port() == WEB[1]
                && guard.secrets.are_for(&name)
            {
                return interception::pass(client, bytes, name, passage, Arc::clone(&guard.interceptor)).await;
            }
            match passage.connect().await {
                Ok(server) => return copy_tls(client, server, bytes, &name).await,
                Err(_) => return reset(&client),
            }
        }
        Ok(Ok(Hello::Name(_)) | Err(_)) => return reset(&client),
        Ok(Ok(Hello::Hidden)) => Rule::HiddenName,
        Ok(Ok(_)) | Err(_) => Rule::NoName,
    };
    pass_without_name(client, bytes, &passage, rule).await;
}

/// Passes on a connection to an address that is allowed whatever the name; `rule` refuses others. `read` was read of it.
async fn pass_without_name(mut client: TcpStream, read: Vec<u8>, passage: &Passage, rule: Rule) {
    if passage.needs_name() {
        passage.refuse(rule);
    } else if passage.allows_without_name()
        && let Ok(mut server) = passage.connect().await
        && server.write_all(&read).await.is_ok()
    {
        drop(read);
        if tokio::io::copy_bidirectional(&mut client, &mut server).await.is_ok() {
            return;
        }
        reset(&server);
    }
    reset(&client);
}

/// Reads records until the first message is complete, or cannot be one, and not a byte more.
async fn read_hello(client: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<Hello> {
    loop {
        read_record(client, bytes).await?;
        match client_hello::read(bytes) {
            Hello::Incomplete => {}
            hello => return Ok(hello),
        }
    }
}

/// Appends one record to `bytes`.
async fn read_record(from: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> io::Result<()> {
    const HEADER: usize = 5;
    const LONGEST: usize = 17 << 10;
    let start = bytes.len();
    bytes.resize(start + HEADER, 0);
    from.read_exact(&mut bytes[start..]).await?;
    let length = usize::from(u16::from_be_bytes([bytes[start + 3], bytes[start + 4]]));
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    bytes.resize(start + HEADER + length, 0);
    from.read_exact(&mut bytes[start + HEADER..]).await?;
    Ok(())
}

/// Passes everything on, both ways, until both ends are closed.
async fn copy_tls(mut client: TcpStream, mut server: TcpStream, hello: Vec<u8>, name: &str) {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let up = async {
        to_server.write_all(&hello).await?;
        drop(hello);
        copy_records(&mut BufReader::with_capacity(UPSTREAM_BUFFER, &mut from_client), &mut to_server, name).await?;
        to_server.shutdown().await
    };
    let down = async {
        tokio::io::copy(&mut from_server, &mut to_client).await?;
        to_client.shutdown().await
    };
    if tokio::try_join!(up, down).is_err() {
        reset(&client);
        reset(&server);
    }
}

/// Passes a client's records on to their end. A server may ask for the first message again, even after data; another one must
/// not carry another name.
async fn copy_records(
    from: &mut (impl AsyncBufRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    name: &str,
) -> io::Result<()> {
    let mut record = Vec::new();
    while !from.fill_buf().await?.is_empty() {
        let start = record.len();
        read_record(from, &mut record).await?;
        if record[start] == HANDSHAKE {
            match client_hello::read(&record) {
                Hello::Incomplete => continue,
                Hello::Name(again) if again == name => {}
                // Another message of the handshake, or an encrypted one.
                Hello::Unreadable if !client_hello::could_be_one(&record) => {}
                _ => return Err(io::ErrorKind::PermissionDenied.into()),
            }
        } else if start > 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        to.write_all(&record).await?;
        record.clear();
    }
    Ok(())
}

/// Where a connection was to go before it was led here.
fn original_target(stream: &TcpStream) -> io::Result<SocketAddr> {
    if stream.local_addr()?.is_ipv4() {
        let found = getsockopt(stream, sockopt::OriginalDst)?;
        let address = Ipv4Addr::from_bits(u32::from_be(found.sin_addr.s_addr));
        return Ok(SocketAddr::new(IpAddr::V4(address), u16::from_be(found.sin_port)));
    }
    let found = getsockopt(stream, sockopt::Ip6tOriginalDst)?;
    Ok(SocketAddr::new(IpAddr::V6(Ipv6Addr::from(found.sin6_addr.s6_addr)), u16::from_be(found.sin6_port)))
}

/// Has the connection end with a reset, so that its client does not take the end for an answer.
pub fn reset(stream: &impl AsFd) {
    let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
    let _ = setsockopt(stream, sockopt::Linger, &at_once);
}
