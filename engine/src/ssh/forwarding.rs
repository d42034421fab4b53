//! Forwarded connections: `-L` and `-D` to what the sandbox reaches, `-R` from a port of the sandbox's loopback.

use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result};
use daytona_toolbox::raw::frames;
use daytona_toolbox::raw::listen::{self, Arrival};
use russh::server::{ChannelOpenHandle, Handle, Msg};
use russh::{ChannelOpenFailure, ChannelWriteHalf};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::JoinSet;

use super::incoming::{Arriving, Channels, Closed, Opening};
use super::link::{self, Link};
use crate::backend::toolbox::Way;

/// Bytes passed on at once: no more than an SSH packet holds.
const PIECE: usize = 32 << 10;

/// How long a sandbox may take to listen on a port: until then the whole connection waits.
const LISTEN_LIMIT: Duration = Duration::from_secs(5);

/// How long a server inside may take to read what a client sent before it closed its connection.
const HAND_OVER: Duration = Duration::from_secs(10);

/// Connects to a server inside, then accepts the channel and passes bytes on.
pub async fn connect(
    way: Way,
    host: String,
    port: u32,
    channel: ChannelWriteHalf<Msg>,
    reply: ChannelOpenHandle,
    channels: Channels,
) {
    let id = channel.id();
    let path = format!("/raw/connect?host={}&port={port}", encoded(&host));
    match link::open(&way, &path).await {
        Ok((link, _)) => {
            let Some(ends) = channels.take(id) else { return };
            reply.accept().await;
            pass_on(link, channel, ends).await;
        }
        Err(error) => {
            tracing::debug!(%error, "a forwarded connection was not made");
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
        }
    }
    channels.close(id);
}

/// Percent-encodes what is not a plain character of host names.
fn encoded(host: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:".contains(byte);
    host.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Listens on a port inside; returns it.
pub async fn listen(way: &Way, port: u32) -> Result<(Link, u16)> {
    let opened = link::open_within(way, &format!("/raw/listen?port={port}"), LISTEN_LIMIT).await?;
    let (link, headers) = opened;
    let port = headers.get(listen::PORT_HEADER).and_then(|port| port.to_str().ok()?.parse().ok());
    Ok((link, port.context("the sandbox did not name the port")?))
}

/// Brings the connections to a port to the client until the sandbox ends.
pub async fn bring(way: Way, mut link: Link, address: String, port: u16, handle: Handle, channels: Channels) {
    let mut connections = JoinSet::new();
    while let Ok(Some((listen::ARRIVED, content))) = frames::read(&mut link).await {
        while connections.try_join_next().is_some() {}
        let Ok(arrival) = serde_json::from_slice::<Arrival>(&content) else { return };
        // It is closed inside when nobody fetches it.
        let Some(place) = channels.reserve() else { continue };
        let (way, address, handle) = (way.clone(), address.clone(), handle.clone());
        let channels = channels.clone();
        connections.spawn(async move {
            if let Err(error) = bring_one(&way, &address, port, arrival, &handle, (&channels, place)).await {
                tracing::debug!(%error, "a connection to a forwarded port was lost");
            }
        });
    }
}

async fn bring_one(
    way: &Way,
    address: &str,
    port: u16,
    arrival: Arrival,
    handle: &Handle,
    (channels, place): (&Channels, Opening),
) -> Result<()> {
    let (link, _) = link::open(way, &format!("/raw/accepted/{}", arrival.number)).await?;
    let channel = handle
        .channel_open_forwarded_tcpip(address, port.into(), arrival.address, arrival.port.into())
        .await
        .context("the client refused it")?;
    let id = channel.id();
    let (_, channel) = channel.split();
    let ends = channels.take_opened(id).await;
    drop(place);
    let Some(ends) = ends else { return Ok(()) };
    pass_on(link, channel, ends).await;
    channels.close(id);
    Ok(())
}

/// Passes bytes on both ways until both have ended, or the client closes the channel.
async fn pass_on(link: Link, channel: ChannelWriteHalf<Msg>, (mut arriving, mut closed): (Arriving, Closed)) {
    let (mut reader, mut writer) = tokio::io::split(link);
    let mut receiving = pin!(to_sandbox(&mut arriving, &mut writer));
    let mut received = false;
    let both = async {
        let receive = async {
            receiving.as_mut().await;
            received = true;
        };
        tokio::join!(to_client(&mut reader, &channel), receive)
    };
    tokio::select! {
        _ = both => drop(channel.close().await),
        () = closed.wait() => {
            // What the client sent before it closed the channel still arrives.
            if !received {
                let _ = tokio::time::timeout(HAND_OVER, receiving).await;
            }
        }
    }
}

async fn to_client(reader: &mut (impl AsyncRead + Unpin), channel: &ChannelWriteHalf<Msg>) {
    loop {
        let mut piece = bytes::BytesMut::with_capacity(PIECE);
        match reader.read_buf(&mut piece).await {
            Ok(read) if read > 0 => {}
            _ => break,
        }
        if channel.data_bytes(piece).await.is_err() {
            return;
        }
    }
    let _ = channel.eof().await;
}

async fn to_sandbox(arriving: &mut Arriving, writer: &mut (impl AsyncWrite + Unpin)) {
    while let Some(taken) = arriving.next().await {
        if writer.write_all(&taken.bytes).await.is_err() {
            // The server reads no more; what it still says is passed on.
            return;
        }
    }
    let _ = writer.shutdown().await;
}
