//! Shells, commands and SFTP: one program of the sandbox on one channel.

use anyhow::{Result, bail};
use daytona_toolbox::raw::frames;
use daytona_toolbox::raw::program::{self as wire, Description, End, TerminalSize};
use russh::server::{Handle, Msg};
use russh::{ChannelId, ChannelWriteHalf, Sig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Mutex, Semaphore, mpsc};

use super::incoming::{Arriving, Closed};
use super::link;
use crate::backend::toolbox::Way;

/// The exit status of what could not be started, as `ssh` itself has it.
const NOT_STARTED: u32 = 255;

/// Standard error in SSH's numbers.
const STDERR: u32 = 1;

/// Requests of a client about a program that are not carried out yet; more are dropped.
pub const MAX_REQUESTS: usize = 64;

/// What a client asks of a program that runs.
pub enum Request {
    /// Another size of its terminal.
    Resize(TerminalSize),
    /// A signal by its name without `SIG`.
    Signal(String),
}

/// A program to be, and its channel.
pub struct Program {
    /// The way to the toolbox.
    pub way: Way,
    /// The program.
    pub description: Description,
    /// The channel.
    pub channel: ChannelWriteHalf<Msg>,
    /// Its connection.
    pub handle: Handle,
    /// Its input.
    pub arriving: Arriving,
    /// The end of the channel.
    pub closed: Closed,
    /// Its requests.
    pub requests: mpsc::Receiver<Request>,
}

impl Program {
    /// Runs it to its end, or until the client closes the channel, which hangs it up.
    pub async fn run(self) {
        let Self { way, description, channel, handle, mut arriving, mut closed, mut requests } = self;
        let id = channel.id();
        let work = async {
            let (link, _) = link::open(&way, "/raw/program").await?;
            let (mut reader, mut writer) = tokio::io::split(link);
            frames::write(&mut writer, wire::DESCRIPTION, &serde_json::to_vec(&description)?).await?;
            let (writer, room) = (Mutex::new(writer), Semaphore::new(wire::INPUT_ROOM));
            let both = async { tokio::join!(feed(&mut arriving, &writer, &room), ask(&mut requests, &writer)) };
            tokio::select! {
                end = show(&mut reader, &channel, &room) => end,
                // Only because the connection to the sandbox broke.
                (failed, ()) = both => failed,
            }
        };
        let ended = tokio::select! {
            ended = work => ended,
            () = closed.wait() => return,
        };
        let finish = async {
            match ended {
                Ok(end) => tell(&handle, id, end).await,
                Err(error) => {
                    let message = format!("daytona: {}\r\n", crate::errors::in_words(&error));
                    let _ = channel.extended_data_bytes(STDERR, message.into_bytes()).await;
                    let _ = handle.exit_status_request(id, NOT_STARTED).await;
                }
            }
            let _ = channel.eof().await;
            let _ = channel.close().await;
        };
        tokio::select! {
            () = finish => {}
            () = closed.wait() => {}
        }
    }
}

async fn tell(handle: &Handle, id: ChannelId, end: End) {
    let _ = match end.signal {
        Some(name) => {
            let signal = signal(&name);
            handle.exit_signal_request(id, signal, end.core, String::new(), String::new()).await
        }
        None => handle.exit_status_request(id, end.code.unwrap_or(0).cast_unsigned()).await,
    };
}

fn signal(name: &str) -> Sig {
    match name {
        "ABRT" => Sig::ABRT,
        "ALRM" => Sig::ALRM,
        "FPE" => Sig::FPE,
        "HUP" => Sig::HUP,
        "ILL" => Sig::ILL,
        "INT" => Sig::INT,
        "KILL" => Sig::KILL,
        "PIPE" => Sig::PIPE,
        "QUIT" => Sig::QUIT,
        "SEGV" => Sig::SEGV,
        "TERM" => Sig::TERM,
        "USR1" => Sig::USR1,
        // RFC 4254 section 6.10: names of one's own have a domain.
        other => Sig::Custom(format!("{other}@daytona.io")),
    }
}

/// The name of a client's signal without `SIG`.
pub fn signal_name(signal: Sig) -> String {
    match signal {
        Sig::Custom(name) => name,
        Sig::ABRT => "ABRT".to_owned(),
        Sig::ALRM => "ALRM".to_owned(),
        Sig::FPE => "FPE".to_owned(),
        Sig::HUP => "HUP".to_owned(),
        Sig::ILL => "ILL".to_owned(),
        Sig::INT => "INT".to_owned(),
        Sig::KILL => "KILL".to_owned(),
        Sig::PIPE => "PIPE".to_owned(),
        Sig::QUIT => "QUIT".to_owned(),
        Sig::SEGV => "SEGV".to_owned(),
        Sig::TERM => "TERM".to_owned(),
        Sig::USR1 => "USR1".to_owned(),
    }
}

/// Passes on what the program says, until its end.
async fn show(reader: &mut (impl AsyncRead + Unpin), channel: &ChannelWriteHalf<Msg>, room: &Semaphore) -> Result<End> {
    while let Some((kind, content)) = frames::read(reader).await? {
        match kind {
            wire::STARTED => {}
            wire::OUTPUT => channel.data_bytes(content).await?,
            wire::ERRORS => channel.extended_data_bytes(STDERR, content).await?,
            wire::TAKEN => {
                if let Ok(bytes) = <[u8; 4]>::try_from(&content[..]) {
                    // Never more than there was: what is in the sandbox may say anything.
                    let taken = u32::from_be_bytes(bytes) as usize;
                    room.add_permits(taken.min(wire::INPUT_ROOM.saturating_sub(room.available_permits())));
                }
            }
            wire::ENDED => return Ok(serde_json::from_slice(&content)?),
            wire::FAILED => bail!("{}", String::from_utf8_lossy(&content)),
            _ => bail!("the sandbox said something that is not understood"),
        }
    }
    bail!("the sandbox ended the program's connection")
}

/// Gives the program its input as it takes it. Never ends: the program may go on after its input.
async fn feed(arriving: &mut Arriving, writer: &Mutex<impl AsyncWrite + Unpin>, room: &Semaphore) -> Result<End> {
    while let Some(taken) = arriving.next().await {
        let length = u32::try_from(taken.bytes.len().min(wire::INPUT_ROOM)).unwrap_or(u32::MAX);
        if let Ok(permits) = room.acquire_many(length).await {
            permits.forget();
        }
        frames::write(&mut *writer.lock().await, wire::INPUT, &taken.bytes).await?;
    }
    frames::write(&mut *writer.lock().await, wire::INPUT_END, &[]).await?;
    std::future::pending().await
}

/// Passes on what the client asks for.
async fn ask(requests: &mut mpsc::Receiver<Request>, writer: &Mutex<impl AsyncWrite + Unpin>) {
    while let Some(request) = requests.recv().await {
        let mut writer = writer.lock().await;
        let written = match request {
            Request::Resize(TerminalSize { cols, rows }) => {
                let size = [cols.to_be_bytes(), rows.to_be_bytes()].concat();
                frames::write(&mut *writer, wire::RESIZE, &size).await
            }
            Request::Signal(name) => frames::write(&mut *writer, wire::SIGNAL, name.as_bytes()).await,
        };
        if written.is_err() {
            return;
        }
    }
}
