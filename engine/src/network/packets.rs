//! The packets that begin a conversation, as the firewall tells of them: what sandboxes reach for past the resolver and the
//! engine, and which rule decided.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::libc;

use super::log::Way;
use super::netlink::{Message, Socket};

const SUBSYSTEM: u16 = 4;
const CONFIGURE: u16 = SUBSYSTEM << 8 | 1;
const PACKET: u16 = SUBSYSTEM << 8;

/// What is told of a packet: its headers.
const HEADERS: u32 = 80;

/// What the firewall decided about a packet, by the words its rules say it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It passed.
    Passed,
    /// It was for the machine, another sandbox, or what nobody reaches.
    Unreachable,
    /// It was for a network that is closed to sandboxes.
    Closed,
    /// It was for nothing that is on a list.
    Unlisted,
    /// It was one too many.
    TooMany,
}

impl Reason {
    /// The word in rules.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Unreachable => "unreachable",
            Self::Closed => "closed",
            Self::Unlisted => "unlisted",
            Self::TooMany => "many",
        }
    }

    fn read(word: &[u8]) -> Option<Self> {
        let all = [Self::Passed, Self::Unreachable, Self::Closed, Self::Unlisted, Self::TooMany];
        all.into_iter().find(|reason| word.strip_suffix(b"\0") == Some(reason.word().as_bytes()))
    }
}

/// A packet that was told of.
#[derive(Debug, PartialEq, Eq)]
pub struct Packet {
    /// The number of the link it came from.
    pub link: u32,
    /// What became of it.
    pub reason: Reason,
    /// Its protocol.
    pub way: Way,
    /// Where it was to go.
    pub address: IpAddr,
    /// The port there.
    pub port: Option<u16>,
}

/// Asks for what the rules of a group tell.
pub fn listen(group: u16) -> io::Result<Socket> {
    const COMMAND: u16 = 1;
    const BIND: u8 = 1;
    const MODE: u16 = 2;
    const COPY: u8 = 2;
    let socket = Socket::open(libc::NETLINK_NETFILTER)?;
    let [high, low] = group.to_be_bytes();
    let configure = || Message::new(CONFIGURE, 0, &[0, 0, high, low]);
    socket.request(vec![configure().put(COMMAND, &[BIND])])?;
    let mode = [&HEADERS.to_be_bytes()[..], &[COPY, 0]].concat();
    socket.request(vec![configure().put(MODE, &mode)])?;
    Ok(socket)
}

/// Waits for some packets; none after a while.
pub fn next(socket: &Socket) -> io::Result<Vec<Packet>> {
    let mut packets = Vec::new();
    socket.hear(|kind, body| {
        if kind == PACKET {
            packets.extend(read(body));
        }
    })?;
    Ok(packets)
}

fn read(body: &[u8]) -> Option<Packet> {
    const INPUT: u16 = 4;
    const PAYLOAD: u16 = 9;
    const PREFIX: u16 = 10;
    let (mut link, mut reason, mut end) = (None, None, None);
    let mut rest = body.get(4..)?;
    while let Some(header) = rest.get(..4) {
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let data = rest.get(4..length)?;
        match u16::from_ne_bytes([header[2], header[3]]) {
            INPUT => link = Some(u32::from_be_bytes(data.try_into().ok()?)),
            PREFIX => reason = Reason::read(data),
            PAYLOAD => end = destination(data),
            _ => {}
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    let (way, address, port) = end?;
    Some(Packet { link: link?, reason: reason?, way, address, port })
}

/// The protocol of a packet and where it is to go.
fn destination(packet: &[u8]) -> Option<(Way, IpAddr, Option<u16>)> {
    let (protocol, address, headers) = match packet.first()? >> 4 {
        4 => {
            let address = Ipv4Addr::from(<[u8; 4]>::try_from(packet.get(16..20)?).ok()?);
            (packet[9], IpAddr::V4(address), usize::from(packet[0] & 15) * 4)
        }
        6 => {
            let address = Ipv6Addr::from(<[u8; 16]>::try_from(packet.get(24..40)?).ok()?);
            (packet[6], IpAddr::V6(address), 40)
        }
        _ => return None,
    };
    let way = match i32::from(protocol) {
        libc::IPPROTO_TCP => Way::Tcp,
        libc::IPPROTO_UDP => Way::Udp,
        libc::IPPROTO_ICMP | libc::IPPROTO_ICMPV6 => Way::Icmp,
        _ => Way::Other,
    };
    let port = packet.get(headers + 2..headers + 4).map(|port| u16::from_be_bytes([port[0], port[1]]));
    Some((way, address, port.filter(|_| matches!(way, Way::Tcp | Way::Udp))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_read_as_far_as_they_go() {
        let syn = [&[0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 198, 18, 0, 1, 198, 51, 100, 1][..], &[0x80, 0, 1, 187]]
            .concat();
        assert_eq!(destination(&syn), Some((Way::Tcp, "198.51.100.1".parse().unwrap(), Some(443))));
        assert_eq!(destination(&syn[..22]), Some((Way::Tcp, "198.51.100.1".parse().unwrap(), None)));
        assert_eq!(destination(&syn[..19]), None);
        let attribute = |kind: u16, data: &[u8]| {
            let length = u16::try_from(4 + data.len()).unwrap();
            let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), data].concat();
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes
        };
        let body =
            [vec![2, 0, 0, 1], attribute(4, &7u32.to_be_bytes()), attribute(10, b"closed\0"), attribute(9, &syn)];
        let packet = read(&body.concat()).unwrap();
        assert_eq!((packet.link, packet.reason), (7, Reason::Closed));
        assert_eq!(read(&body[..3].concat()), None);
    }
}
