//! The listener: who may connect, how often, and for how long.

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use russh::server::{Config, Handle, run_stream};
use russh::{Disconnect, MethodKind, MethodSet, SshId};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use super::attempts::Attempts;
use super::connection::{Admission, Connection, Listed, obstacle};
use super::incoming::{Channels, Held, ROOM};
use super::paced::{Pace, Paced};
use crate::clock;
use crate::engine::Engine;
use crate::store::Store;

/// Connections at once, and those among them whose client has not said who it is.
const MAX_CONNECTIONS: usize = 1024;
const MAX_STRANGERS: usize = 64;

/// How long a client may take to say who it is.
const ADMISSION_LIMIT: Duration = Duration::from_secs(30);

/// How long every refused token takes.
const REFUSAL: Duration = Duration::from_secs(1);

/// How long a client that was told to go may stay.
const GOODBYE: Duration = Duration::from_secs(3);

/// How often a silent client is asked whether it is still there, and how often in vain.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const KEEP_ALIVES: usize = 4;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 128;

/// The name of the setting that has the last port.
const PORT_SETTING: &str = "ssh-port";

/// Listens there; with port 0 on the last one, so that `known_hosts` stays right, or on any when that is taken.
pub fn listen(address: SocketAddr, store: &dyn Store) -> Result<TcpListener> {
    if address.port() == 0
        && let Some(last) = store.setting(PORT_SETTING)?.and_then(|last| last.parse().ok())
        && let Ok(listener) = bind(SocketAddr::new(address.ip(), last))
    {
        return Ok(listener);
    }
    let listener =
        bind(address).with_context(|| format!("listening on {address} for SSH: --ssh-port chooses another port"))?;
    store.set(PORT_SETTING, &listener.local_addr()?.port().to_string())?;
    Ok(listener)
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// A client as its connection begins.
#[derive(Clone)]
pub struct Client {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The client's address.
    pub address: SocketAddr,
    /// Our own.
    pub local: SocketAddr,
    /// Wrong tokens by address.
    pub attempts: Arc<Attempts>,
}

fn config(engine: &Engine) -> Config {
    Config {
        server_id: SshId::Standard(Cow::Owned(format!("SSH-2.0-Daytona_{}", engine.identity.version))),
        // What is named when a token is refused. Every method is taken: the token alone decides.
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        auth_rejection_time: REFUSAL,
        auth_rejection_time_initial: Some(REFUSAL),
        keys: vec![engine.ssh.key.private()],
        window_size: ROOM,
        max_auth_attempts: 3,
        inactivity_timeout: None,
        keepalive_interval: Some(KEEP_ALIVE),
        keepalive_max: KEEP_ALIVES,
        nodelay: true,
        ..Config::default()
    }
}

/// Serves clients until dropped.
pub async fn serve(engine: Arc<Engine>, listener: TcpListener) {
    let config = Arc::new(config(&engine));
    let attempts = Arc::new(Attempts::default());
    let held = Held::default();
    let (places, strangers) = (Arc::new(Semaphore::new(MAX_CONNECTIONS)), Arc::new(Semaphore::new(MAX_STRANGERS)));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((mut stream, address)) = listener.accept().await else {
            // No more descriptors, mostly: others may be closed meanwhile.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let place = Arc::clone(&places).try_acquire_owned();
        let stranger = Arc::clone(&strangers).try_acquire_owned();
        let calm = attempts.may_try(address.ip(), Instant::now());
        let (Ok(place), Ok(stranger), true, Ok(local)) = (place, stranger, calm, stream.local_addr()) else {
            // RFC 4253 section 4.2: lines before the version are for people.
            let _ =
                timeout(REFUSAL, stream.write_all(b"Too many connections or wrong tokens: try again later\r\n")).await;
            continue;
        };
        let client = Client { engine: Arc::clone(&engine), address, local, attempts: Arc::clone(&attempts) };
        let channels = (Pace::default(), held.clone());
        connections.spawn(converse(Arc::clone(&config), stream, client, channels, (place, stranger)));
    }
}

async fn converse(
    config: Arc<Config>,
    stream: TcpStream,
    client: Client,
    (pace, held): (Pace, Held),
    (_place, stranger): (OwnedSemaphorePermit, OwnedSemaphorePermit),
) {
    let _ = stream.set_nodelay(true);
    let engine = Arc::clone(&client.engine);
    let _open = engine.activity.open();
    let (admission, admitted) = oneshot::channel();
    let connection = Connection::new(client, stranger, Channels::new(pace.clone(), held), admission);
    let begun = Instant::now();
    let running = timeout(ADMISSION_LIMIT, run_stream(config, Paced::new(stream, pace.clone()), connection)).await;
    let Ok(Ok(mut session)) = running else { return };
    let handle = session.handle();
    let left = ADMISSION_LIMIT.saturating_sub(begun.elapsed());
    let admission = tokio::select! {
        // Dropped with the connection.
        admission = timeout(left, admitted) => admission,
        _ = &mut session => return,
    };
    match admission {
        Ok(Ok(admission)) => {
            tokio::select! {
                reason = reason_to_end(&engine, &admission) => say_goodbye(&handle, reason, &mut session).await,
                _ = &mut session => {}
            }
        }
        Ok(Err(_)) => {}
        Err(_) => say_goodbye(&handle, "no token was given in time".to_owned(), &mut session).await,
    }
    pace.end();
}

/// Waits until an admitted client has to go, and says why.
async fn reason_to_end(engine: &Engine, Admission { entry, access }: &Admission) -> String {
    let sandbox_id = entry.with_record(|record| record.id.clone());
    let (number, told) = engine.ssh.live.add(&sandbox_id, &access.id);
    let _listed = Listed { live: &engine.ssh.live, number };
    tracing::info!(sandbox = sandbox_id, access = access.id, "an SSH connection began");
    if let Some(obstacle) = obstacle(entry) {
        return obstacle;
    }
    // It may have been revoked after it was found and before it was listed.
    engine.ssh.live.follow(&entry.record());
    let reason = tokio::select! {
        Ok(reason) = told => reason,
        () = clock::sleep(Duration::from_millis(access.left())) => {
            format!("SSH access to sandbox {sandbox_id} has expired")
        }
    };
    tracing::info!(sandbox = sandbox_id, access = access.id, reason, "an SSH connection is ended");
    reason
}

async fn say_goodbye(handle: &Handle, reason: String, session: &mut (impl Future + Unpin)) {
    let goodbye = async {
        let _ = handle.disconnect(Disconnect::ByApplication, reason, String::new()).await;
        session.await
    };
    // A client that does not go is cut off.
    let _ = timeout(GOODBYE, goodbye).await;
}
