//! Multipart bodies byte by byte, so that odd ones can be sent, and a strict reader of bulk downloads.

use std::collections::BTreeMap;

pub const BOUNDARY: &str = "a-boundary-of-the-tests";

/// A form of fields `(name, content)` as bytes; field names ending in `.file` or equal to `file` get a file name.
pub fn form(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, content) in fields {
        let is_file = name.ends_with("file");
        let filename = if is_file { "; filename=\"content\"" } else { "" };
        body.extend_from_slice(
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{filename}\r\n\r\n").as_bytes(),
        );
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

pub fn content_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// One part of a bulk download.
#[derive(Debug)]
pub struct Part {
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Part {
    pub fn disposition(&self) -> &str {
        &self.headers["content-disposition"]
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// Takes a complete multipart body apart; panics when its closing boundary is missing.
pub fn parts(body: &[u8], boundary: &str) -> Vec<Part> {
    let mut rest = body;
    let delimiter = format!("\r\n--{boundary}");
    let mut parts = Vec::new();
    // The first delimiter may lack the line break.
    let start = find(rest, &delimiter.as_bytes()[2..]).expect("a boundary");
    rest = &rest[start + delimiter.len() - 2..];
    while !rest.starts_with(b"--") {
        rest = rest.strip_prefix(b"\r\n").expect("a line break after the boundary");
        let head = find(rest, b"\r\n\r\n").expect("the end of the part's headers");
        let headers = String::from_utf8(rest[..head].to_vec()).expect("headers");
        let headers: BTreeMap<_, _> = headers
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        rest = &rest[head + 4..];
        // A stated length must be right, whatever the content.
        let stated = headers.get("content-length").map(|length| length.parse().expect("a number"));
        let length = stated.unwrap_or_else(|| find(rest, delimiter.as_bytes()).expect("the next boundary"));
        parts.push(Part { headers, body: rest[..length].to_vec() });
        rest = rest[length..].strip_prefix(delimiter.as_bytes()).expect("a boundary after the content");
    }
    parts
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}
