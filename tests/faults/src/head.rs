//! Heads of HTTP/1 messages: just enough to match and rewrite them.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// The largest head that is read.
const LIMIT: usize = 64 * 1024;

/// The head of a request or response.
#[derive(Debug)]
pub(crate) struct Head {
    /// `GET /path HTTP/1.1` or `HTTP/1.1 200 OK`.
    pub(crate) first_line: String,
    /// Names and values in order.
    pub(crate) headers: Vec<(String, String)>,
}

impl Head {
    /// Reads a head and returns it with what came behind it; nothing when the connection ends first.
    pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<(Self, Vec<u8>)>> {
        let mut bytes = Vec::new();
        loop {
            if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
                let rest = bytes.split_off(end + 4);
                return Ok(Some((Self::parse(&bytes[..end]), rest)));
            }
            if bytes.len() > LIMIT {
                return Err(io::Error::other("the head is too long"));
            }
            if from.read_buf(&mut bytes).await? == 0 {
                return Ok(None);
            }
        }
    }

    fn parse(bytes: &[u8]) -> Self {
        let text: String = bytes.iter().map(|b| char::from(*b)).collect();
        let mut lines = text.split("\r\n");
        let first_line = lines.next().unwrap_or_default().to_owned();
        let headers = lines.filter_map(|line| line.split_once(':'));
        Self { first_line, headers: headers.map(|(n, v)| (n.to_owned(), v.trim().to_owned())).collect() }
    }

    /// Method and path of a request.
    pub(crate) fn target(&self) -> (&str, &str) {
        let mut words = self.first_line.split(' ');
        (words.next().unwrap_or_default(), words.next().unwrap_or_default())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
    }

    /// Whether the connection becomes something else than HTTP.
    pub(crate) fn is_upgrade(&self) -> bool {
        self.get("upgrade").is_some()
    }

    /// The head as bytes, its end included.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.first_line);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        // Parsed as one character a byte, and written the same way.
        text.chars().map(|c| c as u8).collect()
    }
}
