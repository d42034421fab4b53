//! What the resolver reads in messages of DNS, and the answers it gives itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The length of a message's header.
pub const HEADER: usize = 12;

/// Codes of answers.
pub const SERVER_FAILURE: u8 = 2;
pub const REFUSED: u8 = 5;
const NO_ERROR: u8 = 0;

/// Kinds of records.
pub const A: u16 = 1;
pub const AAAA: u16 = 28;
/// Where a service is and how to speak to it; it may hold keys that hide the name of a connection.
const SVCB: u16 = 64;
const HTTPS: u16 = 65;
/// Both.
pub const SERVICE_BINDINGS: [u16; 2] = [SVCB, HTTPS];
const ANY: u16 = 255;

const INTERNET: u16 = 1;
const LONGEST_NAME: usize = 253;

/// The one question of a message.
#[derive(Debug, PartialEq, Eq)]
pub struct Question {
    /// In lower case, without a dot at its end.
    pub name: String,
    /// The kind of records asked for.
    pub kind: u16,
    /// Where the question ends in its message.
    end: usize,
}

impl Question {
    /// Reads a message that asks for one name of the internet; `None` for everything else.
    pub fn read(message: &[u8]) -> Option<Self> {
        let is_question = message.len() > HEADER && message[2] & 0xf8 == 0;
        if !is_question || message[4..6] != [0, 1] {
            return None;
        }
        let (name, end) = read_name(message)?;
        let kind = read_u16(message, end)?;
        (read_u16(message, end + 2)? == INTERNET).then_some(Self { name, kind, end: end + 4 })
    }

    /// Whether the answer says where something is and nothing that hides names of connections.
    pub fn is_plain(&self) -> bool {
        ![SVCB, HTTPS, ANY].contains(&self.kind)
    }

    /// The message with nothing but its question: what else a sandbox put in stays here.
    pub fn alone(&self, message: &[u8]) -> Vec<u8> {
        const RECURSION_DESIRED: u8 = 1;
        let mut question = message[..self.end].to_vec();
        question[HEADER..self.end - 4].make_ascii_lowercase();
        question[2..HEADER].copy_from_slice(&[RECURSION_DESIRED, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        question
    }

    /// An answer to [`alone`](Self::alone) as one to the message itself, which may have its letters in another case.
    pub fn restore(&self, message: &[u8], answer: &mut [u8]) {
        if let Some(question) = answer.get_mut(HEADER..self.end)
            && question.eq_ignore_ascii_case(&message[HEADER..self.end])
        {
            question.copy_from_slice(&message[HEADER..self.end]);
        }
    }
}

/// A name that is written out, in lower case, and where it ends.
fn read_name(message: &[u8]) -> Option<(String, usize)> {
    let mut name = String::new();
    let mut at = HEADER;
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            return (!name.is_empty() && name.len() <= LONGEST_NAME).then_some((name, at));
        }
        let label = message.get(at..at + length).filter(|_| length < 64)?;
        if !label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return None;
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.extend(label.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
        at += length;
    }
}

fn read_u16(message: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(message.get(at..at + 2)?.try_into().ok()?))
}

/// The addresses in an answer, each with the seconds it holds for.
pub fn addresses(answer: &[u8]) -> Vec<(IpAddr, u32)> {
    let mut found = Vec::new();
    let _ = read_addresses(answer, &mut found);
    found
}

/// `None` where the answer ends early; what was found before counts.
fn read_addresses(answer: &[u8], found: &mut Vec<(IpAddr, u32)>) -> Option<()> {
    let (questions, records) = (read_u16(answer, 4)?, read_u16(answer, 6)?);
    let mut at = HEADER;
    for _ in 0..questions {
        at = skip_name(answer, at)? + 4;
    }
    for _ in 0..records {
        at = skip_name(answer, at)?;
        let (kind, class) = (read_u16(answer, at)?, read_u16(answer, at + 2)?);
        let seconds = u32::from_be_bytes(answer.get(at + 4..at + 8)?.try_into().ok()?);
        let length = usize::from(read_u16(answer, at + 8)?);
        let data = answer.get(at + 10..at + 10 + length)?;
        at += 10 + length;
        let address = match (class, kind) {
            (INTERNET, A) => <[u8; 4]>::try_from(data).ok().map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes))),
            (INTERNET, AAAA) => <[u8; 16]>::try_from(data).ok().map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes))),
            _ => None,
        };
        found.extend(address.map(|address| (address, seconds)));
    }
    Some(())
}

fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    const POINTER: u8 = 0xc0;
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            length if length & POINTER == POINTER => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

/// The question as an answer that says why there is none.
pub fn error(question: &[u8], code: u8) -> Vec<u8> {
    let mut answer = question.to_vec();
    if let Some(flags) = answer.get_mut(2..4) {
        flags[0] |= 0x80;
        flags[1] = 0x80 | code;
    }
    answer
}

/// The question as an answer that there are no such records.
pub fn nothing(question: &[u8]) -> Vec<u8> {
    error(question, NO_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &[u8], kind: u8) -> Vec<u8> {
        [&[1, 2, 1, 0x20, 0, 1, 0, 0, 0, 0, 0, 1], name, &[0, kind, 0, 1], b"hidden in an option"].concat()
    }

    #[test]
    fn a_question_travels_alone_and_comes_back_as_it_was() {
        let asked = message(b"\x04SoMe\x07example\0", 1);
        let question = Question::read(&asked).unwrap();
        assert_eq!((question.name.as_str(), question.kind), ("some.example", A));
        let alone = question.alone(&asked);
        assert_eq!(alone, b"\x01\x02\x01\0\0\x01\0\0\0\0\0\0\x04some\x07example\0\0\x01\0\x01");
        let mut answer = [&alone[..], b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc6\x33\x64\x01"].concat();
        answer[7] = 1;
        question.restore(&asked, &mut answer);
        assert_eq!(&answer[HEADER..HEADER + 14], b"\x04SoMe\x07example\0");
        assert_eq!(addresses(&answer), [("198.51.100.1".parse().unwrap(), 60)]);
        assert!(!Question::read(&message(b"\x01a\0", 65)).unwrap().is_plain());
    }

    #[test]
    fn what_is_no_plain_question_is_none() {
        for name in [&b"\0"[..], b"\x05a\0", b"\x03a b\0", b"\xc0\x0c", b"\x02a.\0", b"\x01\xff\0", b""] {
            let mut short = message(name, 1);
            short.truncate(HEADER + name.len() + 3);
            assert_eq!(Question::read(&short), None, "{name:?}");
        }
        let mut two = message(b"\x01a\0", 1);
        two[5] = 2;
        assert_eq!(Question::read(&two), None);
        assert_eq!(addresses(b"\0\0\0\0\0\0\xff\xff"), []);
    }
}
