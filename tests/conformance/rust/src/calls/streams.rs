//! Streams, read or written to their end as a case says.

use daytona::model::Blob;
use daytona::stream::building::{SandboxBuild, SnapshotBuild};
use daytona::stream::directory::DirectoryTransfer;
use daytona::stream::forward::PortForward;
use daytona::stream::interpreter::InterpreterStream;
use daytona::stream::log_demux::LogChannel;
use daytona::stream::logs::LogStream;
use daytona::stream::terminal::Terminal;
use daytona::stream::transfer::{FileReader, FileWriter};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Called, Failure, Request, value};
use crate::case::Reading;
use crate::matching::Outcome;

/// A stream that an operation has opened.
pub(super) trait ToItsEnd {
    /// What flows through it, as cases compare it; nothing of a detached one.
    async fn to_its_end(self, request: &Request) -> Called;
}

impl ToItsEnd for LogStream {
    async fn to_its_end(mut self, request: &Request) -> Called {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        if request.detach {
            return value(Value::Null);
        }
        while let Some(chunk) = self.next().await? {
            match chunk.channel {
                LogChannel::Stdout => stdout.extend_from_slice(&chunk.data),
                LogChannel::Stderr => stderr.extend_from_slice(&chunk.data),
            }
        }
        if request.read == Some(Reading::Again) && self.next().await?.is_some() {
            return Err(Failure::Case("there is output after the end".to_owned()));
        }
        if request.read == Some(Reading::Lines) {
            // Programs in Rust take text apart themselves.
            let output = text(&[stdout, stderr].concat());
            return value(json!({ "lines": output.lines().collect::<Vec<_>>() }));
        }
        value(json!({ "stdout": text(&stdout), "stderr": text(&stderr) }))
    }
}

impl ToItsEnd for InterpreterStream {
    async fn to_its_end(self, request: &Request) -> Called {
        match request.detach {
            true => value(Value::Null),
            false => value(self.collect().await?),
        }
    }
}

impl ToItsEnd for Terminal {
    async fn to_its_end(mut self, request: &Request) -> Called {
        for input in &request.input {
            self.write(input.clone()).await?;
        }
        if request.detach {
            self.disconnect().await;
            return value(Value::Null);
        }
        if request.read == Some(Reading::Closed) {
            self.disconnect().await;
            return value(self.write("late").await?);
        }
        let mut output = Vec::new();
        while let Some(piece) = self.next().await? {
            output.extend_from_slice(&piece);
        }
        if request.read == Some(Reading::Again) && self.next().await?.is_some() {
            return Err(Failure::Case("there is output after the end".to_owned()));
        }
        if request.read == Some(Reading::Ended) {
            return value(self.write("late").await?);
        }
        let result = self.wait().await?;
        value(json!({ "output": text(&output), "exitCode": result.exit_code, "error": result.error }))
    }
}

impl ToItsEnd for FileReader {
    async fn to_its_end(mut self, request: &Request) -> Called {
        let size = self.size();
        if request.detach {
            return value(Value::Null);
        }
        let mut content = Vec::new();
        while let Some(piece) = self.next().await? {
            content.extend_from_slice(&piece);
        }
        let Outcome { value, blobs } = value(Blob::from(content))?;
        Ok(Outcome { value: json!({ "content": value, "size": size }), blobs })
    }
}

impl ToItsEnd for FileWriter {
    async fn to_its_end(mut self, request: &Request) -> Called {
        if request.detach {
            return value(Value::Null);
        }
        for piece in &request.pieces {
            self.write(piece.clone()).await?;
        }
        value(self.finish().await?)
    }
}

impl ToItsEnd for DirectoryTransfer {
    async fn to_its_end(self, request: &Request) -> Called {
        match request.detach {
            true => value(Value::Null),
            false => value(self.finish().await?),
        }
    }
}

impl ToItsEnd for SandboxBuild {
    async fn to_its_end(mut self, request: &Request) -> Called {
        if request.detach {
            return value(Value::Null);
        }
        let mut lines = Vec::new();
        while let Some(line) = self.next().await? {
            lines.push(line.text);
        }
        value(json!({ "lines": lines, "sandbox": self.finish().await? }))
    }
}

impl ToItsEnd for SnapshotBuild {
    async fn to_its_end(mut self, request: &Request) -> Called {
        if request.detach {
            return value(Value::Null);
        }
        let mut lines = Vec::new();
        while let Some(line) = self.next().await? {
            lines.push(line.text);
        }
        value(json!({ "lines": lines, "snapshot": self.finish().await? }))
    }
}

impl ToItsEnd for PortForward {
    async fn to_its_end(self, request: &Request) -> Called {
        if request.detach {
            return value(Value::Null);
        }
        let output =
            exchange(&self, &request.input).await.map_err(|e| daytona::Error::invalid_argument(e.to_string()))?;
        value(json!({ "localPort": self.local_port(), "httpOnly": self.http_only(), "output": output }))
    }
}

/// What comes back on a connection to a forwarded port, whose writing side is closed after the input.
async fn exchange(forward: &PortForward, input: &[String]) -> std::io::Result<String> {
    let port = forward.local_port();
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
    for text in input {
        connection.write_all(text.as_bytes()).await?;
    }
    connection.shutdown().await?;
    let mut output = String::new();
    connection.read_to_string(&mut output).await?;
    Ok(output)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
