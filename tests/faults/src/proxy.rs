//! The proxy.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::head::Head;
use crate::record::{Record, Recorded};
use crate::script::{Answer, Cut, Drop, Fault, Rule, Script};

/// Pause between pieces, so that each is read for itself.
const PIECE_PAUSE: Duration = Duration::from_millis(1);

/// What ends a WebSocket in order: code 1000, no reason, not masked.
const CLOSE_FRAME: &[u8] = &[0x88, 2, 0x03, 0xe8];

/// A request the proxy saw.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The fault that met it, in words.
    pub fault: Option<String>,
}

/// A running proxy. Dropping it breaks all connections.
pub struct Proxy {
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    upstream: SocketAddr,
    address: SocketAddr,
    script: Mutex<Script>,
    seen: Mutex<Vec<Seen>>,
    watcher: Option<mpsc::UnboundedSender<Seen>>,
    record: Option<Record>,
}

impl Proxy {
    /// Starts a proxy on a free port in front of `upstream` (`http://host:port`, a path is ignored).
    ///
    /// # Errors
    /// When the URL is not usable or no port is free.
    pub async fn start(upstream: &str, rules: Vec<Rule>) -> io::Result<Self> {
        Self::start_with(upstream, rules, None, None).await
    }

    /// Starts a proxy that breaks nothing and keeps every request as it came, body included
    /// ([`recorded`](Self::recorded)).
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub async fn start_recording(upstream: &str) -> io::Result<Self> {
        Self::start_with(upstream, Vec::new(), None, Some(Record::default())).await
    }

    /// The same, telling `watcher` of every request.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub async fn start_watched(
        upstream: &str,
        rules: Vec<Rule>,
        watcher: Option<mpsc::UnboundedSender<Seen>>,
    ) -> io::Result<Self> {
        Self::start_with(upstream, rules, watcher, None).await
    }

    async fn start_with(
        upstream: &str,
        rules: Vec<Rule>,
        watcher: Option<mpsc::UnboundedSender<Seen>>,
        record: Option<Record>,
    ) -> io::Result<Self> {
        let place = upstream.strip_prefix("http://").ok_or_else(|| io::Error::other("the upstream is not http://…"))?;
        let place = place.split('/').next().unwrap_or(place);
        let upstream = tokio::net::lookup_host(place).await?.next();
        let upstream = upstream.ok_or_else(|| io::Error::other(format!("{place} has no address")))?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let shared = Arc::new(Shared {
            upstream,
            address: listener.local_addr()?,
            script: Mutex::new(Script::new(rules)),
            seen: Mutex::default(),
            watcher,
            record,
        });
        let accepting = tokio::spawn(accept(shared.clone(), listener));
        Ok(Self { shared, accepting })
    }

    /// URL of the proxy, without trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// Replaces the rules.
    pub fn script(&self, rules: Vec<Rule>) {
        *lock(&self.shared.script) = Script::new(rules);
    }

    /// The requests recorded since they were last forgotten, oldest first; the youngest may still be arriving.
    pub fn recorded(&self) -> Vec<Recorded> {
        self.shared.record.as_ref().map(Record::all).unwrap_or_default()
    }

    /// Forgets the requests recorded so far.
    pub fn forget(&self) {
        if let Some(record) = &self.shared.record {
            record.clear();
        }
    }

    /// The requests seen so far whose path contains `path`.
    pub fn seen(&self, path: &str) -> Vec<Seen> {
        lock(&self.shared.seen).iter().filter(|seen| seen.path.contains(path)).cloned().collect()
    }
}

impl std::ops::Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    // Ends all connections with it.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                let shared = shared.clone();
                connections.spawn(async move {
                    // A broken connection is what this program is for.
                    let _ = shared.serve(client).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

impl Shared {
    async fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let Some((mut request, rest)) = Head::read(&mut client).await? else { return Ok(()) };
        let (method, path) = request.target();
        let fault = lock(&self.script).take(method, path);
        let seen =
            Seen { method: method.to_owned(), path: path.to_owned(), fault: fault.as_ref().map(Fault::describe) };
        if let Some(watcher) = &self.watcher {
            // Nobody watches any more: nothing to tell.
            let _ = watcher.send(seen.clone());
        }
        lock(&self.seen).push(seen);
        match &fault {
            Some(Fault::Drop(Drop::Before)) => return reset(&client),
            Some(Fault::Answer(answer)) => return send(client, &request, rest.len(), answer).await,
            Some(Fault::Delay(seconds)) => tokio::time::sleep(Duration::from_secs_f64(*seconds)).await,
            _ => {}
        }
        let upgrade = request.is_upgrade();
        let mut sent = self.record.as_ref().map(|record| record.begin(&request, &rest));
        if !upgrade {
            // One request a connection, so that every request meets the script.
            request.set("Connection", "close");
        }
        let mut upstream = TcpStream::connect(self.upstream).await?;
        upstream.set_nodelay(true)?;
        upstream.write_all(&request.to_bytes()).await?;
        upstream.write_all(&rest).await?;
        let (mut from_client, to_client) = client.into_split();
        let (from_upstream, mut to_upstream) = upstream.into_split();
        let there = async {
            match &mut sent {
                None => tokio::io::copy(&mut from_client, &mut to_upstream).await.map(drop),
                Some(sent) => sent.copy(&mut from_client, &mut to_upstream).await,
            }
        };
        let orphan = matches!(fault, Some(Fault::Orphan(true)));
        let mut back = std::pin::pin!(self.pass_answer(from_upstream, to_client, fault, upgrade));
        // Whichever side ends first ends the other: a client that hangs up gives its request up.
        tokio::select! {
            result = there => if orphan { back.await } else { result },
            result = &mut back => result,
        }
    }

    async fn pass_answer(
        &self,
        mut upstream: OwnedReadHalf,
        mut client: OwnedWriteHalf,
        fault: Option<Fault>,
        upgrade: bool,
    ) -> io::Result<()> {
        let Some((mut answer, mut body)) = Head::read(&mut upstream).await? else { return reset(client.as_ref()) };
        if matches!(fault, Some(Fault::Drop(Drop::After))) {
            return reset(client.as_ref());
        }
        let json = answer.get("content-type").is_some_and(|t| t.starts_with("application/json"));
        if json && !upgrade && answer.get("content-length").is_some() {
            upstream.read_to_end(&mut body).await?;
            body = self.rename(&body);
            answer.set("Content-Length", body.len().to_string());
        }
        client.write_all(&answer.to_bytes()).await?;
        let mut passed = 0;
        loop {
            if !body.is_empty() {
                match &fault {
                    Some(Fault::Cut(Cut { after, politely })) if passed + body.len() >= *after => {
                        client.write_all(&body[..after - passed]).await?;
                        return if *politely { client.shutdown().await } else { reset(client.as_ref()) };
                    }
                    Some(Fault::Split(size)) => {
                        for piece in body.chunks((*size).max(1)) {
                            client.write_all(piece).await?;
                            tokio::time::sleep(PIECE_PAUSE).await;
                        }
                    }
                    Some(Fault::Linger(seconds)) if upgrade && body.ends_with(CLOSE_FRAME) => {
                        client.write_all(&body[..body.len() - CLOSE_FRAME.len()]).await?;
                        tokio::time::sleep(Duration::from_secs_f64(*seconds)).await;
                        client.write_all(CLOSE_FRAME).await?;
                    }
                    _ => client.write_all(&body).await?,
                }
                passed += body.len();
            }
            body.clear();
            if upstream.read_buf(&mut body).await? == 0 {
                return client.shutdown().await;
            }
        }
    }

    /// The body with the upstream's address replaced by the proxy's.
    fn rename(&self, body: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(body);
        text.replace(&format!("//{}", self.upstream), &format!("//{}", self.address)).into_bytes()
    }
}

/// Answers, once the request has been read: a client that is still sending would miss the answer.
async fn send(mut client: TcpStream, request: &Head, read: usize, answer: &Answer) -> io::Result<()> {
    let mut head = Head { first_line: format!("HTTP/1.1 {} Scripted", answer.status), headers: Vec::new() };
    for (name, value) in &answer.headers {
        head.set(name, value);
    }
    head.set("Content-Length", answer.body.len().to_string());
    head.set("Connection", "close");
    let length: usize = request.get("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
    let left = length.saturating_sub(read) as u64;
    tokio::io::copy(&mut (&mut client).take(left), &mut tokio::io::sink()).await?;
    client.write_all(&head.to_bytes()).await?;
    client.write_all(answer.body.as_bytes()).await?;
    client.shutdown().await?;
    // Closed with a streamed body unread, the connection would be reset and the answer lost.
    tokio::io::copy(&mut client, &mut tokio::io::sink()).await.map(drop)
}

/// Makes the close of the connection a reset.
fn reset(client: &TcpStream) -> io::Result<()> {
    client.set_zero_linger()
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
