//! Ending a sandbox's open connections that it may not have any more.
//!
//! The firewall stops their packets; a program that only waits for data would not notice. So the kernel is told to end them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

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

/// Ends those TCP connections in the network of `socket` that are not `allowed`, by the end inside and the address of the other.
pub fn end_unless(socket: &Socket, allowed: impl Fn(SocketAddr, IpAddr) -> bool) -> io::Result<()> {
    let protocol = libc::IPPROTO_TCP as u8;
    for family in [libc::AF_INET as u8, libc::AF_INET6 as u8] {
        let mut doomed = Vec::new();
        socket.dump(request(BY_FAMILY, libc::NLM_F_DUMP, family, protocol, &[0; ID_LENGTH]), |body| {
            if let Some(id) = body.get(4..4 + ID_LENGTH)
                && let Some((own, peer)) = ends(family, id)
                && !allowed(own, peer)
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

/// The end inside and the address of the other end; none of a socket that listens or stays inside.
fn ends(family: u8, id: &[u8]) -> Option<(SocketAddr, IpAddr)> {
    let port = u16::from_be_bytes([id[0], id[1]]);
    let (own, peer) = (address(family, id.get(4..20)?)?, address(family, id.get(20..36)?)?);
    let stays_inside = peer.is_unspecified() || peer.is_loopback() || own.is_loopback() || peer == own;
    (!stays_inside).then_some((SocketAddr::new(own, port), peer))
}

fn address(family: u8, bytes: &[u8]) -> Option<IpAddr> {
    let bytes: [u8; 16] = bytes.try_into().ok()?;
    if i32::from(family) == libc::AF_INET {
        return Some(IpAddr::V4(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3])));
    }
    let v6 = Ipv6Addr::from(bytes);
    Some(v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4))
}
