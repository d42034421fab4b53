//! What the entrypoints of sandboxes print, kept as the log of the API (wire.md 8, additions 5.2) until the sandbox is deleted or the
//! engine ends.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use serde_json::{Map, Value, json};

use crate::backend::toolbox;
use crate::clock;
use crate::engine::Engine;
use crate::otlp;
use crate::sandboxes::registry::Entry;
use crate::sandboxes::sandbox::now_millis;
use crate::snapshots::images;

/// How much of a sandbox's log is kept, in bytes and lines; with more, the oldest lines go.
const KEPT_BYTES: usize = 256 << 10;
const KEPT_LINES: usize = 1000;

/// The longest line that a toolbox sends, in bytes. It is told in parts before, but the sandbox is not trusted.
const LONGEST: usize = 128 << 10;

/// Bytes after which reading pauses, and how long: one sandbox that prints without end must not keep the engine busy.
const BURST: usize = 64 << 10;
const PAUSE: Duration = Duration::from_millis(50);

/// The log of one sandbox, oldest line first.
#[derive(Default)]
pub struct Logs(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    lines: VecDeque<Line>,
    bytes: usize,
}

/// A printed line.
#[derive(Debug, Clone)]
pub struct Line {
    /// When it was printed, in milliseconds.
    pub at: i64,
    pub output: Output,
    pub text: String,
}

/// Where a line was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Stdout,
    Stderr,
}

impl Output {
    /// Its name as an attribute.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    /// How severe its lines are taken to be: text and number of OpenTelemetry.
    pub fn severity(self) -> (&'static str, u8) {
        match self {
            Self::Stdout => ("INFO", 9),
            Self::Stderr => ("ERROR", 17),
        }
    }
}

/// Which lines are wanted.
pub struct Wanted<'a> {
    /// The time, in milliseconds.
    pub from: i64,
    pub to: i64,
    /// Severities in any case; none = all.
    pub severities: Vec<&'a str>,
    /// Text that a line contains, in any case.
    pub search: Option<&'a str>,
}

impl Logs {
    fn keep(&self, line: Line) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += line.text.len();
        kept.lines.push_back(line);
        while kept.lines.len() > KEPT_LINES || kept.bytes > KEPT_BYTES {
            let Some(gone) = kept.lines.pop_front() else { return };
            kept.bytes -= gone.text.len();
        }
    }

    /// The lines that are wanted, newest first, as the API shows them.
    pub fn documents(&self, resource: &Map<String, Value>, wanted: &Wanted<'_>) -> Vec<Value> {
        let search = wanted.search.map(str::to_lowercase);
        let is_wanted = |line: &&Line| {
            let (severity, _) = line.output.severity();
            (wanted.from..=wanted.to).contains(&line.at)
                && (wanted.severities.is_empty()
                    || wanted.severities.iter().any(|of| of.eq_ignore_ascii_case(severity)))
                && search.as_ref().is_none_or(|search| line.text.to_lowercase().contains(search))
        };
        let document = |line: &Line| {
            let (text, number) = line.output.severity();
            json!({
                "timestamp": clock::iso(clock::from_millis(line.at)),
                "body": line.text,
                "severityText": text,
                "severityNumber": number,
                "serviceName": resource.get("service.name"),
                "resourceAttributes": resource,
                "logAttributes": {"log.iostream": line.output.name()},
            })
        };
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.lines.iter().rev().filter(is_wanted).map(document).collect()
    }
}

impl Engine {
    /// Keeps what the entrypoint of a sandbox prints until that ends. The default snapshot's prints nothing.
    pub(super) async fn follow_log(self: Arc<Self>, entry: Arc<Entry>) {
        let record = entry.record();
        // The default snapshot's does nothing.
        if record.image.is_none() || images::entrypoint(&record).is_empty() {
            return;
        }
        if let Err(error) = self.read_log(&entry).await {
            tracing::debug!(sandbox = record.id, %error, "the log of an entrypoint ended");
        }
    }

    async fn read_log(&self, entry: &Entry) -> Result<()> {
        let id = entry.with_record(|record| record.id.clone());
        let mut sender = toolbox::open(&*self.backend, &id).await?;
        let request = Request::get("/raw/entrypoint").header(header::HOST, "toolbox").body(Empty::<Bytes>::new())?;
        let response = sender.send(request).await?;
        if response.status() != StatusCode::OK {
            bail!("the toolbox answered {}", response.status());
        }
        let mut body = response.into_body();
        let (mut pending, mut burst) = (Vec::new(), 0);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.context("the sandbox ended")?.into_data() else { continue };
            burst += data.len();
            take_lines(&mut pending, &data, |line| self.take_line(entry, line))?;
            if pending.len() > LONGEST {
                bail!("a line is longer than {LONGEST} bytes");
            }
            if burst > BURST {
                burst = 0;
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    fn take_line(&self, entry: &Entry, line: &[u8]) -> Result<()> {
        let (output, text): (String, String) = serde_json::from_slice(line)?;
        let output = if output == "stderr" { Output::Stderr } else { Output::Stdout };
        let of = |text: &str| {
            let id = entry.with_record(|record| record.id.clone());
            json!({"sandboxId": id, "output": output.name(), "text": text})
        };
        self.testing.recorder.keep("output", || of(&text));
        let line = Line { at: now_millis(), output, text };
        if let Some(target) = self.otlp.target(self, entry) {
            self.otlp.send(target, otlp::Record::Line(line.clone()));
        }
        entry.logs.keep(line);
        Ok(())
    }
}

/// Takes the lines that more bytes end; the beginning of the next one stays. Every byte is looked at once.
fn take_lines(pending: &mut Vec<u8>, data: &[u8], mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let Some(last) = memchr::memrchr(b'\n', data) else {
        pending.extend_from_slice(data);
        return Ok(());
    };
    let mut lines = data[..last].split(|byte| *byte == b'\n');
    pending.extend_from_slice(lines.next().unwrap_or_default());
    take(pending)?;
    pending.clear();
    lines.try_for_each(take)?;
    pending.extend_from_slice(&data[last + 1..]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: i64, output: Output, text: &str) -> Line {
        Line { at, output, text: text.to_owned() }
    }

    #[test]
    fn lines_are_taken_however_they_arrive() {
        for pieces in [&["one\n\ntwo\nthr", "ee", "\n"][..], &["one", "\n", "\ntwo\nthree\n"], &["one\n\ntwo\nthree\n"]]
        {
            let (mut pending, mut taken) = (Vec::new(), Vec::new());
            for piece in pieces {
                take_lines(&mut pending, piece.as_bytes(), |line| {
                    taken.push(String::from_utf8(line.to_vec())?);
                    Ok(())
                })
                .unwrap();
            }
            assert_eq!(taken, ["one", "", "two", "three"], "{pieces:?}");
            assert!(pending.is_empty());
        }
        let mut pending = Vec::new();
        take_lines(&mut pending, b"a\nb", |_| Ok(())).unwrap();
        assert_eq!(pending, b"b");
    }

    #[test]
    fn the_newest_lines_are_kept_and_found() {
        let logs = Logs::default();
        logs.keep(line(1, Output::Stdout, "one"));
        logs.keep(line(2, Output::Stderr, "Two"));
        let found = |wanted: &Wanted<'_>| {
            let documents = logs.documents(&Map::new(), wanted);
            documents.iter().map(|line| line["body"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let all = || Wanted { from: 0, to: 9, severities: Vec::new(), search: None };
        assert_eq!(found(&all()), ["Two", "one"]);
        assert_eq!(found(&Wanted { to: 1, ..all() }), ["one"]);
        assert_eq!(found(&Wanted { severities: vec!["error", "DEBUG"], ..all() }), ["Two"]);
        assert_eq!(found(&Wanted { search: Some("tw"), ..all() }), ["Two"]);
        for number in 0..KEPT_LINES {
            logs.keep(line(3, Output::Stdout, &number.to_string()));
        }
        assert_eq!(found(&all()).len(), KEPT_LINES);
        logs.keep(line(4, Output::Stdout, &"x".repeat(KEPT_BYTES)));
        assert_eq!(found(&all()).len(), 1);
    }
}
