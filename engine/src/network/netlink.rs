//! Messages to the kernel's network configuration, and the socket they travel through.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::libc;

/// Long enough for a loaded machine; an answer that never comes must not stop the engine for ever.
const PATIENCE: libc::timeval = libc::timeval { tv_sec: 10, tv_usec: 0 };

/// The length of a message's own header.
const HEADER: usize = 16;

const NESTED: u16 = 0x8000;

/// One message, built from front to back.
#[derive(Clone, Debug)]
pub struct Message(Vec<u8>);

impl Message {
    /// Begins a message of a kind, with what its family puts before the attributes.
    pub fn new(kind: u16, flags: i32, family_header: &[u8]) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&((flags | libc::NLM_F_REQUEST) as u16).to_ne_bytes());
        bytes.extend_from_slice(family_header);
        let mut message = Self(bytes);
        message.pad();
        message
    }

    /// Begins attributes without a message around them.
    pub fn attributes() -> Self {
        Self(Vec::new())
    }

    /// The attributes as they travel.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn pad(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    /// Adds an attribute.
    #[must_use]
    pub fn put(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(4 + value.len()).expect("attributes are short");
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.pad();
        self
    }

    /// Adds a number in network order.
    #[must_use]
    pub fn put_u32(self, kind: u16, value: u32) -> Self {
        self.put(kind, &value.to_be_bytes())
    }

    /// Adds a string with the zero at its end.
    #[must_use]
    pub fn put_text(self, kind: u16, text: &str) -> Self {
        self.put(kind, &[text.as_bytes(), b"\0"].concat())
    }

    /// Adds an attribute that consists of attributes.
    #[must_use]
    pub fn nest(mut self, kind: u16, inner: impl FnOnce(Self) -> Self) -> Self {
        let start = self.0.len();
        self.0.extend_from_slice(&[0; 4]);
        let mut message = inner(self);
        let length = u16::try_from(message.0.len() - start).expect("attributes are short");
        message.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        message.0[start + 2..start + 4].copy_from_slice(&(kind | NESTED).to_ne_bytes());
        message
    }

    /// Adds bytes as they are: a header inside an attribute.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn finish(&mut self, sequence: u32, acknowledged: bool) {
        let length = u32::try_from(self.0.len()).expect("messages are short");
        self.0[0..4].copy_from_slice(&length.to_ne_bytes());
        if acknowledged {
            self.0[6] |= libc::NLM_F_ACK as u8;
        }
        self.0[8..12].copy_from_slice(&sequence.to_ne_bytes());
    }
}

/// A socket to one part of the kernel, in the network namespace of the thread that opened it.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    /// The number of the next message. Held by whoever waits for an answer, which nobody else may read.
    sequence: Mutex<u32>,
}

impl Socket {
    /// Opens a socket of a netlink protocol.
    pub fn open(protocol: i32) -> io::Result<Self> {
        // SAFETY: the call takes integers; the result is a descriptor that only we own.
        let fd = unsafe {
            let fd = libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, protocol);
            OwnedFd::from_raw_fd(Errno::result(fd)?)
        };
        let (patience, length) = (PATIENCE, size_of::<libc::timeval>() as libc::socklen_t);
        // SAFETY: the kernel reads one timeval.
        Errno::result(unsafe {
            libc::setsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVTIMEO, (&raw const patience).cast(), length)
        })?;
        Ok(Self { fd, sequence: Mutex::new(1) })
    }

    /// Has the kernel tell of what changes, by the numbers of its groups.
    pub fn subscribe(&self, groups: &[u32]) -> io::Result<()> {
        for group in groups {
            let (fd, length) = (self.fd.as_raw_fd(), size_of::<u32>() as libc::socklen_t);
            let (level, option) = (libc::SOL_NETLINK, libc::NETLINK_ADD_MEMBERSHIP);
            // SAFETY: the kernel reads one number.
            Errno::result(unsafe { libc::setsockopt(fd, level, option, (&raw const *group).cast(), length) })?;
        }
        Ok(())
    }

    fn turn(&self) -> MutexGuard<'_, u32> {
        self.sequence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends messages, of which the kernel carries out one after the other; fails with the first that fails.
    pub fn request(&self, mut messages: Vec<Message>) -> io::Result<()> {
        let mut turn = self.turn();
        let first = *turn;
        for message in &mut messages {
            message.finish(next(&mut turn), true);
        }
        let last = turn.wrapping_sub(1);
        self.send(&messages)?;
        let mut failed = None;
        loop {
            for (sequence, outcome) in acknowledgements(&self.receive()?, first) {
                if let Err(error) = outcome {
                    failed.get_or_insert(error);
                }
                if sequence == last {
                    return failed.map_or(Ok(()), Err);
                }
            }
        }
    }

    /// Sends messages that are carried out all or none; the first and the last are the batch's own.
    pub fn commit(&self, mut messages: Vec<Message>) -> io::Result<()> {
        let mut turn = self.turn();
        let (first, count) = (*turn, messages.len());
        let mut awaited = 0;
        for (index, message) in messages.iter_mut().enumerate() {
            let sequence = next(&mut turn);
            let is_last = index + 2 == count;
            if is_last {
                awaited = sequence;
            }
            message.finish(sequence, is_last);
        }
        self.send(&messages)?;
        loop {
            for (sequence, outcome) in acknowledgements(&self.receive()?, first) {
                outcome?;
                if sequence == awaited {
                    return Ok(());
                }
            }
        }
    }

    /// Sends one message and gives each part of the answer, after the messages' headers, to `each`.
    pub fn dump(&self, message: Message, each: impl FnMut(&[u8])) -> io::Result<()> {
        self.exchange(message, false, each)
    }

    /// The same for a question with a single answer.
    pub fn ask(&self, message: Message, each: impl FnMut(&[u8])) -> io::Result<()> {
        // The acknowledgement is the answer's end.
        self.exchange(message, true, each)
    }

    fn exchange(&self, mut message: Message, acknowledged: bool, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        let mut turn = self.turn();
        let asked = next(&mut turn);
        message.finish(asked, acknowledged);
        self.send(&[message])?;
        loop {
            let bytes = self.receive()?;
            // What comes late belongs to a question that was given up.
            for Part { kind, body, .. } in parts(&bytes).into_iter().filter(|part| part.sequence == asked) {
                match i32::from(kind) {
                    libc::NLMSG_DONE => return Ok(()),
                    libc::NLMSG_ERROR => return error_of(body),
                    _ => each(body),
                }
            }
        }
    }

    /// Waits for what the kernel tells without being asked, and gives the kind and body of each message to `each`. Returns
    /// without any after a while.
    pub fn hear(&self, mut each: impl FnMut(u16, &[u8])) -> io::Result<()> {
        // What was told while nobody read fast enough is lost.
        match self.receive() {
            Ok(bytes) => parts(&bytes).into_iter().for_each(|part| each(part.kind, part.body)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn send(&self, messages: &[Message]) -> io::Result<()> {
        let bytes: Vec<u8> = messages.iter().flat_map(|message| message.0.iter().copied()).collect();
        // SAFETY: the buffer is readable for its length.
        Errno::result(unsafe { libc::send(self.fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) })?;
        Ok(())
    }

    fn receive(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; 64 << 10];
        loop {
            // SAFETY: the buffer is writable for its length.
            let read = unsafe { libc::recv(self.fd.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len(), 0) };
            match Errno::result(read) {
                Ok(length) => {
                    bytes.truncate(length as usize);
                    return Ok(bytes);
                }
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn next(sequence: &mut u32) -> u32 {
    let number = *sequence;
    *sequence = sequence.wrapping_add(1);
    number
}

/// One message of an answer.
struct Part<'a> {
    kind: u16,
    /// The number of the message that it answers.
    sequence: u32,
    body: &'a [u8],
}

/// The messages in an answer.
fn parts(mut bytes: &[u8]) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    while let Some(header) = bytes.get(..HEADER) {
        let number = |at: usize| u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let length = number(0) as usize;
        let Some(body) = bytes.get(HEADER..length) else { break };
        parts.push(Part { kind: u16::from_ne_bytes([header[4], header[5]]), sequence: number(8), body });
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    parts
}

/// Sequence number and outcome of the acknowledgements in an answer, but for those of messages that were sent before `first`:
/// what failed as a whole is told more than once, and an answer may come when nobody waits any more.
fn acknowledgements(bytes: &[u8], first: u32) -> Vec<(u32, io::Result<()>)> {
    let errors = parts(bytes).into_iter().filter(|part| i32::from(part.kind) == libc::NLMSG_ERROR);
    errors
        // Numbers begin again some day: later ones are those in the half behind the first.
        .filter(|part| part.sequence.wrapping_sub(first) <= u32::MAX / 2)
        .map(|part| (part.sequence, error_of(part.body)))
        .collect()
}

fn error_of(body: &[u8]) -> io::Result<()> {
    let code = body.get(..4).and_then(|code| code.try_into().ok()).map_or(0, i32::from_ne_bytes);
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(-code)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(kind: i32, sequence: u32, body: &[u8]) -> Vec<u8> {
        let mut message = Message::new(u16::try_from(kind).unwrap(), 0, body);
        message.finish(sequence, false);
        message.0
    }

    /// A socket to nobody, and the other end.
    fn pair() -> (Socket, std::os::unix::net::UnixDatagram) {
        let (ours, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
        (Socket { fd: ours.into(), sequence: Mutex::new(u32::MAX) }, theirs)
    }

    #[test]
    fn answers_to_a_question_that_was_given_up_are_not_taken_for_those_to_the_next() {
        let (socket, kernel) = pair();
        for late in
            [answer(20, 7, b"late"), answer(libc::NLMSG_DONE, 7, &[0; 4]), answer(libc::NLMSG_ERROR, 7, &[0xff; 20])]
        {
            kernel.send(&late).unwrap();
        }
        kernel.send(&answer(20, u32::MAX, b"this")).unwrap();
        kernel.send(&answer(libc::NLMSG_DONE, u32::MAX, &[0; 4])).unwrap();
        let mut heard = Vec::new();
        socket.dump(Message::new(18, 0, &[]), |part| heard.push(part.to_vec())).unwrap();
        assert_eq!(heard, [b"this"]);

        // Numbers have begun again.
        kernel.send(&answer(libc::NLMSG_ERROR, u32::MAX, &[0xff; 20])).unwrap();
        kernel.send(&answer(libc::NLMSG_ERROR, 0, &[0; 20])).unwrap();
        socket.request(vec![Message::new(16, 0, &[])]).unwrap();
        kernel.send(&answer(libc::NLMSG_ERROR, 1, &(-libc::EPERM).to_ne_bytes().repeat(5))).unwrap();
        let refused = socket.request(vec![Message::new(16, 0, &[])]).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::EPERM));
    }
}
