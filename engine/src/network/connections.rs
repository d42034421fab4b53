//! Ending a sandbox's open connections that it may not have any more.
//!
//! The firewall stops their packets; a program that only waits for data would not notice. So the kernel is told to end them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::libc;

use super::netlink::{Message, Socket};

const BY_FAMILY: u16 = 20;
const DESTROY: u16 = 21;

/// The part of a message that identifies a socket: ports, addresses, link, cookie.
const ID_LENGTH: usize = 48;

fn request(kind: u16, flags: i32, family: u8, protocol: u8, id: &[u8]) -> Message {
    let header = [&[family, protocol, 0, 0][..], &u32::MAX.to_ne_bytes(), id].concat();
    Message::new(kind, flags, &header)
}

/// Ends those TCP connections in the network of `socket` whose other end is not `allowed`.
pub fn end_unless(socket: &Socket, allowed: impl Fn(IpAddr) -> bool) -> io::Result<()> {
    let protocol = libc::IPPROTO_TCP as u8;
    for family in [libc::AF_INET as u8, libc::AF_INET6 as u8] {
        let mut doomed = Vec::new();
        socket.dump(request(BY_FAMILY, libc::NLM_F_DUMP, family, protocol, &[0; ID_LENGTH]), |body| {
            if let Some(id) = body.get(4..4 + ID_LENGTH)
                && let Some(peer) = peer(family, id)
                && !allowed(peer)
            {
                doomed.push(id.to_vec());
            }
        })?;
        for id in doomed {
            // One that has ended meanwhile is as good.
            let _ = socket.request(vec![request(DESTROY, 0, family, protocol, &id)]);
        }
    }
    Ok(())
}

/// The other end of a connection; none of a socket that listens or stays inside.
fn peer(family: u8, id: &[u8]) -> Option<IpAddr> {
    let address: [u8; 16] = id.get(20..36)?.try_into().ok()?;
    let peer = if i32::from(family) == libc::AF_INET {
        IpAddr::V4(Ipv4Addr::new(address[0], address[1], address[2], address[3]))
    } else {
        let v6 = Ipv6Addr::from(address);
        v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4)
    };
    (!peer.is_unspecified() && !peer.is_loopback()).then_some(peer)
}
