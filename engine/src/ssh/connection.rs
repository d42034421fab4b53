//! What a client asks for on one connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use daytona_toolbox::raw::program::{Description, Run, TerminalSize};
use russh::keys::ssh_key;
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelOpenFailure, ChannelWriteHalf, Pty, Sig};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};

use super::access::{self, SshAccess};
use super::incoming::Channels;
use super::program::{self, Program, Request};
use super::server::Client;
use super::{forwarding, live};
use crate::backend::toolbox::Way;
use crate::sandboxes::registry::{Entry, OpenRequest};
use crate::sandboxes::sandbox::State;

/// Ports that a connection listens on at once.
const MAX_PORTS: usize = 32;

/// Variables that a client may set for a program, and their size together, in bytes.
const MAX_VARIABLES: usize = 256;
const MAX_VARIABLE_BYTES: usize = 128 << 10;

/// Columns or rows of a terminal.
const MAX_SIZE: u32 = 1000;

/// A connection.
pub struct Connection {
    client: Client,
    /// A place among those who have not said who they are.
    stranger: Option<OwnedSemaphorePermit>,
    admitted: Option<Admitted>,
    /// Told when the client may stay.
    admission: Option<oneshot::Sender<Admission>>,
    channels: Channels,
    sessions: HashMap<ChannelId, Prepared>,
    ports: HashMap<u32, AbortHandle>,
    tasks: JoinSet<()>,
}

/// The sandbox that a client may enter.
struct Admitted {
    entry: Arc<Entry>,
    access: SshAccess,
    way: Way,
    /// The connection is activity of the sandbox as long as it stands.
    _activity: OpenRequest,
}

/// What a server has to know about a client that may stay.
pub struct Admission {
    /// The sandbox.
    pub entry: Arc<Entry>,
    /// The access.
    pub access: SshAccess,
}

/// A channel for a program.
struct Prepared {
    channel: Option<ChannelWriteHalf<Msg>>,
    envs: std::collections::BTreeMap<String, String>,
    terminal: Option<TerminalSize>,
    requests: Option<mpsc::Sender<Request>>,
}

impl Connection {
    /// A client that has not said who it is.
    pub fn new(
        client: Client,
        stranger: OwnedSemaphorePermit,
        channels: Channels,
        admission: oneshot::Sender<Admission>,
    ) -> Self {
        Self {
            client,
            stranger: Some(stranger),
            admitted: None,
            admission: Some(admission),
            channels,
            sessions: HashMap::new(),
            ports: HashMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Whoever knows the token may enter; the user's name is the token.
    fn admit(&mut self, token: &str) -> Auth {
        let engine = &self.client.engine;
        let now = Instant::now();
        let found = access::find(engine, token).filter(|_| self.client.attempts.may_try(self.client.address.ip(), now));
        let Some((entry, access)) = found else {
            self.client.attempts.failed(self.client.address.ip(), now);
            return Auth::reject();
        };
        let way = entry.with_record(|record| Way::to(&engine.backend, &record.id));
        let activity = entry.open_request();
        self.admitted = Some(Admitted { entry, access, way, _activity: activity });
        Auth::Accept
    }

    fn spawn(&mut self, work: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        while self.tasks.try_join_next().is_some() {}
        self.tasks.spawn(work)
    }

    fn start(&mut self, id: ChannelId, run: Run, session: &mut Session) -> Result<(), russh::Error> {
        let way = self.admitted.as_ref().map(|admitted| admitted.way.clone());
        let prepared = self.sessions.get_mut(&id);
        let channel = prepared.and_then(|prepared| Some((prepared.channel.take()?, prepared)));
        let (Some(way), Some((channel, prepared)), Some(ends)) = (way, channel, self.channels.take(id)) else {
            return session.channel_failure(id);
        };
        let (requests, waiting) = mpsc::channel(program::MAX_REQUESTS);
        prepared.requests = Some(requests);
        let mut envs = std::mem::take(&mut prepared.envs);
        let (client, server) = (self.client.address, self.client.local);
        let connection = format!("{} {} {} {}", client.ip(), client.port(), server.ip(), server.port());
        envs.insert("SSH_CONNECTION".to_owned(), connection);
        envs.insert("SSH_CLIENT".to_owned(), format!("{} {} {}", client.ip(), client.port(), server.port()));
        let description = Description { run, envs, terminal: prepared.terminal };
        let handle = session.handle();
        session.channel_success(id)?;
        let (arriving, closed) = ends;
        self.spawn(Program { way, description, channel, handle, arriving, closed, requests: waiting }.run());
        Ok(())
    }

    fn request(&mut self, id: ChannelId, request: Request) {
        if let Some(requests) = self.sessions.get(&id).and_then(|prepared| prepared.requests.as_ref()) {
            // A program that is not there yet, or a flood: both can do without.
            let _ = requests.try_send(request);
        }
    }
}

fn terminal_size(cols: u32, rows: u32) -> TerminalSize {
    let within = |size: u32, default: u16| match size {
        // A client without a terminal of its own says 0.
        0 => default,
        size => u16::try_from(size.min(MAX_SIZE)).unwrap_or(default),
    };
    TerminalSize { cols: within(cols, 80), rows: within(rows, 24) }
}

fn is_variable(name: &str, value: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !value.contains('\0')
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_none(&mut self, user: &str) -> Result<Auth, Self::Error> {
        Ok(self.admit(user))
    }

    async fn auth_password(&mut self, user: &str, _password: &str) -> Result<Auth, Self::Error> {
        Ok(self.admit(user))
    }

    async fn auth_publickey(&mut self, user: &str, _key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        Ok(self.admit(user))
    }

    async fn auth_openssh_certificate(
        &mut self,
        user: &str,
        _certificate: &ssh_key::Certificate,
    ) -> Result<Auth, Self::Error> {
        Ok(self.admit(user))
    }

    async fn auth_succeeded(&mut self, _session: &mut Session) -> Result<(), Self::Error> {
        self.stranger = None;
        if let (Some(admitted), Some(admission)) = (&self.admitted, self.admission.take()) {
            let (entry, access) = (Arc::clone(&admitted.entry), admitted.access.clone());
            let _ = admission.send(Admission { entry, access });
        }
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if !self.channels.has_room() {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        let id = channel.id();
        // Without its reader the library hands bytes to `data` alone.
        let (_, channel) = channel.split();
        self.channels.open(id);
        let prepared = Prepared { channel: Some(channel), envs: Default::default(), terminal: None, requests: None };
        self.sessions.insert(id, prepared);
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(admitted) = self.admitted.as_ref().filter(|_| self.channels.has_room()) else {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        };
        let (way, channels) = (admitted.way.clone(), self.channels.clone());
        let (_, channel) = channel.split();
        channels.open(channel.id());
        self.spawn(forwarding::connect(way, host.to_owned(), port, channel, reply, channels));
        Ok(())
    }

    async fn channel_open_confirmation(
        &mut self,
        id: ChannelId,
        _max_packet_size: u32,
        _window_size: u32,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        // Only connections to forwarded ports are opened from here.
        self.channels.open(id);
        Ok(())
    }

    async fn tcpip_forward(
        &mut self,
        address: &str,
        port: &mut u32,
        session: &mut Session,
    ) -> Result<bool, Self::Error> {
        self.ports.retain(|_, task| !task.is_finished());
        let Some(admitted) = self.admitted.as_ref().filter(|_| self.ports.len() < MAX_PORTS) else {
            return Ok(false);
        };
        let way = admitted.way.clone();
        let (link, listening) = match forwarding::listen(&way, *port).await {
            Ok(listening) => listening,
            Err(error) => {
                tracing::debug!(%error, "a port could not be forwarded");
                return Ok(false);
            }
        };
        *port = listening.into();
        let (handle, channels) = (session.handle(), self.channels.clone());
        let work = forwarding::bring(way, link, address.to_owned(), listening, handle, channels);
        let task = self.spawn(work);
        self.ports.insert(*port, task);
        Ok(true)
    }

    async fn cancel_tcpip_forward(
        &mut self,
        _address: &str,
        port: u32,
        _session: &mut Session,
    ) -> Result<bool, Self::Error> {
        let task = self.ports.remove(&port);
        Ok(task.inspect(AbortHandle::abort).is_some())
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        if !self.channels.arrived(id, data) {
            session.extended_data(id, 1, "daytona: too much was sent that nobody reads\r\n".as_bytes().to_vec())?;
            session.close(id)?;
            self.sessions.remove(&id);
            self.channels.close(id);
        }
        Ok(())
    }

    fn adjust_window(&mut self, id: ChannelId, granted: u32) -> u32 {
        self.channels.room(id, granted)
    }

    async fn channel_eof(&mut self, id: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        self.channels.ended(id);
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        self.sessions.remove(&id);
        self.channels.close(id);
        Ok(())
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        term: &str,
        cols: u32,
        rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(prepared) = self.sessions.get_mut(&id).filter(|prepared| prepared.requests.is_none()) else {
            return session.channel_failure(id);
        };
        prepared.terminal = Some(terminal_size(cols, rows));
        if !term.is_empty() && !term.contains('\0') {
            prepared.envs.insert("TERM".to_owned(), term.to_owned());
        }
        session.channel_success(id)
    }

    async fn env_request(
        &mut self,
        id: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let room = |prepared: &&mut Prepared| {
            let used: usize = prepared.envs.iter().map(|(name, value)| name.len() + value.len()).sum();
            prepared.envs.len() < MAX_VARIABLES && used + name.len() + value.len() <= MAX_VARIABLE_BYTES
        };
        match self.sessions.get_mut(&id).filter(room).filter(|_| is_variable(name, value)) {
            Some(prepared) => {
                prepared.envs.insert(name.to_owned(), value.to_owned());
                session.channel_success(id)
            }
            None => session.channel_failure(id),
        }
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        self.start(id, Run::Shell, session)
    }

    async fn exec_request(&mut self, id: ChannelId, command: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        self.start(id, Run::Command(command.to_vec()), session)
    }

    async fn subsystem_request(&mut self, id: ChannelId, name: &str, session: &mut Session) -> Result<(), Self::Error> {
        match name {
            "sftp" => self.start(id, Run::Sftp, session),
            _ => session.channel_failure(id),
        }
    }

    async fn window_change_request(
        &mut self,
        id: ChannelId,
        cols: u32,
        rows: u32,
        _width: u32,
        _height: u32,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.request(id, Request::Resize(terminal_size(cols, rows)));
        Ok(())
    }

    async fn signal(&mut self, id: ChannelId, signal: Sig, _session: &mut Session) -> Result<(), Self::Error> {
        self.request(id, Request::Signal(program::signal_name(signal)));
        Ok(())
    }

    async fn x11_request(
        &mut self,
        id: ChannelId,
        _single_connection: bool,
        _protocol: &str,
        _cookie: &str,
        _screen: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(id)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.channels.close_all();
    }
}

/// Why a client that has the right token cannot enter its sandbox now; `None` when it can.
pub fn obstacle(entry: &Entry) -> Option<String> {
    entry.with_record(|record| match record.state {
        State::Started => None,
        state => Some(format!("sandbox {} is {}: start it first", record.id, state.name())),
    })
}

/// Takes a connection off the list when dropped.
pub struct Listed<'a> {
    /// The list.
    pub live: &'a live::Live,
    /// Its number.
    pub number: u64,
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.live.remove(self.number);
    }
}
