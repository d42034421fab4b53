//! The name that a TLS client asks for, read in its first message and never decrypted.
//!
//! Servers must not read another name than this does, so whatever is unusual is [`Hello::Unreadable`].

/// What the first bytes of a connection say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hello {
    /// More bytes are needed.
    Incomplete,
    /// The server's name, in lower case.
    Name(String),
    /// No server is named.
    NoName,
    /// The name is encrypted (ECH); the one that can be read does not count.
    Hidden,
    /// It is no message of a client, or one that servers could read in two ways.
    Unreadable,
}

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const LONGEST_RECORD: usize = 16 << 10;
/// Keys and tickets take most of it.
const LONGEST_HELLO: usize = 64 << 10;
/// Records that a message may be split into. All of them are read again when another arrives, at the engine's expense.
const MOST_RECORDS: usize = 256;

const SERVER_NAME: u16 = 0;
const ENCRYPTED_HELLO: u16 = 0xfe0d;
const ENCRYPTED_NAME: u16 = 0xffce;

/// Reads the records at the start of `bytes` up to the end of the message.
pub fn read(bytes: &[u8]) -> Hello {
    let mut message = Vec::new();
    let mut records = bytes;
    for _ in 0..=MOST_RECORDS {
        if let Some(hello) = read_message(&message) {
            return hello;
        }
        let Some((header, rest)) = records.split_first_chunk::<5>() else {
            let is_handshake = records.first().is_none_or(|kind| *kind == HANDSHAKE);
            return if is_handshake { Hello::Incomplete } else { Hello::Unreadable };
        };
        let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
        if header[0] != HANDSHAKE || header[1] != 3 || length == 0 || length > LONGEST_RECORD {
            return Hello::Unreadable;
        }
        message.extend_from_slice(&rest[..length.min(rest.len())]);
        if rest.len() < length {
            return read_message(&message).unwrap_or(Hello::Incomplete);
        }
        records = &rest[length..];
    }
    Hello::Unreadable
}

/// Whether a server could take the record at the start for such a message, unreadable as it may be.
pub fn could_be_one(record: &[u8]) -> bool {
    matches!(record.get(5..11), Some([CLIENT_HELLO, 0, _, _, 3, _]))
}

/// `None` as long as the message is not complete.
fn read_message(message: &[u8]) -> Option<Hello> {
    let is_hello = |index: usize, byte: u8| message.get(index).is_none_or(|found| *found == byte);
    if !is_hello(0, CLIENT_HELLO) || !is_hello(1, 0) || !is_hello(4, 3) {
        return Some(Hello::Unreadable);
    }
    let length = usize::from(u16::from_be_bytes([*message.get(2)?, *message.get(3)?]));
    if length > LONGEST_HELLO {
        return Some(Hello::Unreadable);
    }
    let body = message.get(4..4 + length)?;
    // What follows in the same record would be another message.
    Some(if message.len() == 4 + length { read_body(body).unwrap_or(Hello::Unreadable) } else { Hello::Unreadable })
}

/// `None` where it does not add up.
fn read_body(body: &[u8]) -> Option<Hello> {
    const VERSION_AND_RANDOM: usize = 34;
    let mut rest = Reader(body.get(VERSION_AND_RANDOM..)?);
    rest.short()?;
    rest.long()?;
    rest.short()?;
    if rest.0.is_empty() {
        return Some(Hello::NoName);
    }
    let mut extensions = Reader(rest.long()?);
    if !rest.0.is_empty() {
        return None;
    }
    let (mut name, mut is_hidden) = (None, false);
    while !extensions.0.is_empty() {
        let kind = extensions.number()?;
        let data = extensions.long()?;
        match kind {
            SERVER_NAME if name.is_some() => return None,
            SERVER_NAME => name = Some(server_name(data)?),
            ENCRYPTED_HELLO | ENCRYPTED_NAME => is_hidden = true,
            _ => {}
        }
    }
    Some(match name {
        _ if is_hidden => Hello::Hidden,
        Some(name) => Hello::Name(name),
        None => Hello::NoName,
    })
}

/// The one name of the list.
fn server_name(data: &[u8]) -> Option<String> {
    const HOST: u8 = 0;
    let mut outer = Reader(data);
    let mut list = Reader(outer.long()?);
    let (kind, rest) = list.0.split_first()?;
    list.0 = rest;
    let name = list.long()?;
    let is_name = name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    let is_one = *kind == HOST && outer.0.is_empty() && list.0.is_empty() && is_name && !name.is_empty();
    is_one.then(|| String::from_utf8_lossy(name).to_ascii_lowercase())
}

/// Bytes with their lengths before them.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn short(&mut self) -> Option<&'a [u8]> {
        let count = self.take(1)?[0];
        self.take(usize::from(count))
    }

    fn long(&mut self) -> Option<&'a [u8]> {
        let count = self.number()?;
        self.take(usize::from(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(bytes: &[u8]) -> Vec<u8> {
        [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
    }

    fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &long(data)].concat()
    }

    fn named(name: &str) -> Vec<u8> {
        extension(SERVER_NAME, &long(&[&[0][..], &long(name.as_bytes())].concat()))
    }

    fn message(extensions: &[u8]) -> Vec<u8> {
        let body = [&[3, 3][..], &[7; 32], &[0], &long(&[0x13, 1]), &[1, 0], &long(extensions)].concat();
        [&[CLIENT_HELLO, 0][..], &long(&body)].concat()
    }

    fn records(message: &[u8], size: usize) -> Vec<u8> {
        message.chunks(size).flat_map(|part| [&[HANDSHAKE, 3, 1][..], &long(part)].concat()).collect()
    }

    #[test]
    fn names_are_found_at_every_split() {
        let message = message(&[extension(10, b"groups"), named("Some.Example")].concat());
        for size in [1, 2, 7, 4096] {
            let bytes = records(&message, size);
            for end in 0..bytes.len() {
                assert_eq!(read(&bytes[..end]), Hello::Incomplete, "{size} {end}");
            }
            assert_eq!(read(&bytes), Hello::Name("some.example".to_owned()));
        }
    }

    #[test]
    fn a_message_in_countless_records_is_not_read() {
        let message = message(&[extension(10, &[0; 2 * MOST_RECORDS]), named("some.example")].concat());
        assert_eq!(read(&records(&message, 1)), Hello::Unreadable);
        assert_eq!(read(&records(&message, 8)), Hello::Name("some.example".to_owned()));
    }

    #[test]
    fn what_hides_a_name_or_could_be_read_in_two_ways_has_none() {
        let hello = |extensions: &[Vec<u8>]| read(&records(&message(&extensions.concat()), 4096));
        assert_eq!(hello(&[extension(10, b"")]), Hello::NoName);
        assert_eq!(hello(&[named("a.example"), extension(ENCRYPTED_HELLO, b"x")]), Hello::Hidden);
        let two = extension(SERVER_NAME, &long(b"\0\0\x01a\0\0\x01b"));
        for extensions in [vec![named("a"), named("b")], vec![two], vec![named("")], vec![named("a\0b")]] {
            assert_eq!(hello(&extensions), Hello::Unreadable, "{extensions:?}");
        }
        let mut more = message(&named("a"));
        more.push(1);
        assert_eq!(read(&records(&more, 4096)), Hello::Unreadable);
        for bytes in
            [&b"GET / HTTP/1.1"[..], &[22, 3, 1, 0, 0], &[22, 3, 1, 0xff, 0xff], &[22, 3, 3, 0, 40, 1, 0, 0, 9, 8]]
        {
            assert_eq!(read(bytes), Hello::Unreadable, "{bytes:?}");
        }
    }
}
