//! The pair of links that joins a sandbox's network to the machine's.
//!
//! Both ends have the same hardware address and do without address resolution, so nobody can be asked or lied to about it:
//! a sandbox has one route, through its link, and the machine one route for each of the sandbox's addresses.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::Path;

use nix::libc;

use super::Addresses;
use super::netlink::{Message, Socket};

/// The name of the link inside.
const INSIDE: &str = "eth0";

/// Its index inside, and that of the loopback.
const INSIDE_INDEX: i32 = 2;
const LOOPBACK_INDEX: i32 = 1;

const HARDWARE_ADDRESS: [u8; 6] = [0x02, 0x64, 0x61, 0x79, 0x74, 0x6f];

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_FD: u16 = 28;
const INFO_KIND: u16 = 1;
const INFO_DATA: u16 = 2;
const VETH_PEER: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_FLAGS: u16 = 8;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;

const CREATE: i32 = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
const UP: u32 = libc::IFF_UP as u32;
const WITHOUT_RESOLUTION: u32 = (libc::IFF_UP | libc::IFF_NOARP) as u32;

fn link_header(index: i32, flags: u32) -> Vec<u8> {
    [&[libc::AF_UNSPEC as u8, 0, 0, 0][..], &index.to_ne_bytes(), &flags.to_ne_bytes(), &flags.to_ne_bytes()].concat()
}

fn set_link(index: i32, flags: u32) -> Message {
    Message::new(libc::RTM_NEWLINK, 0, &link_header(index, flags))
}

fn address(bytes: &[u8]) -> Message {
    let (family, prefix) = family_of(bytes);
    let header = [&[family, prefix, 0, libc::RT_SCOPE_UNIVERSE][..], &INSIDE_INDEX.to_ne_bytes()].concat();
    let message = Message::new(libc::RTM_NEWADDR, CREATE, &header).put(IFA_LOCAL, bytes).put(IFA_ADDRESS, bytes);
    // Nobody else could have it.
    message.put(IFA_FLAGS, &libc::IFA_F_NODAD.to_ne_bytes())
}

fn route(family: u8, prefix: u8, destination: Option<&[u8]>, index: i32) -> Message {
    let header = [
        &[family, prefix, 0, 0, libc::RT_TABLE_MAIN, libc::RTPROT_STATIC, libc::RT_SCOPE_LINK, libc::RTN_UNICAST][..],
        &[0; 4],
    ];
    let message = Message::new(libc::RTM_NEWROUTE, CREATE, &header.concat());
    let message = match destination {
        Some(destination) => message.put(RTA_DST, destination),
        None => message,
    };
    message.put(RTA_OIF, &index.to_ne_bytes())
}

fn family_of(address: &[u8]) -> (u8, u8) {
    if address.len() == 4 { (libc::AF_INET as u8, 32) } else { (libc::AF_INET6 as u8, 128) }
}

/// The names of all links of this thread's network.
pub fn names() -> Vec<String> {
    let Ok(links) = nix::net::if_::if_nameindex() else { return Vec::new() };
    links.iter().map(|link| link.name().to_string_lossy().into_owned()).collect()
}

/// Asks for one number about a link of this thread's network.
fn ask<T>(name: &str, what: libc::Ioctl, read: impl FnOnce(&libc::ifreq) -> T) -> Option<T> {
    let socket = std::net::UdpSocket::bind(("127.0.0.1", 0)).ok()?;
    // SAFETY: a zeroed ifreq is a valid one; the name is cut so that its end stays zero.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (slot, byte) in request.ifr_name[..15].iter_mut().zip(name.bytes()) {
        *slot = byte as libc::c_char;
    }
    // SAFETY: the kernel reads and writes one ifreq.
    nix::errno::Errno::result(unsafe { libc::ioctl(socket.as_raw_fd(), what, &raw mut request) }).ok()?;
    Some(read(&request))
}

/// The longest packet a link takes, in bytes.
pub fn mtu(name: &str) -> Option<u32> {
    // SAFETY: the kernel wrote this field.
    ask(name, libc::SIOCGIFMTU as libc::Ioctl, |found| unsafe { found.ifr_ifru.ifru_mtu })?.try_into().ok()
}

/// Whether a link is up.
pub fn is_up(name: &str) -> bool {
    // SAFETY: the kernel wrote this field.
    let flags = ask(name, libc::SIOCGIFFLAGS as libc::Ioctl, |found| unsafe { found.ifr_ifru.ifru_flags });
    flags.is_some_and(|flags| i32::from(flags) & libc::IFF_UP != 0)
}

/// Raises the loopback of this thread's network.
pub fn raise_loopback() -> io::Result<()> {
    Socket::open(libc::NETLINK_ROUTE)?.request(vec![set_link(LOOPBACK_INDEX, UP)])
}

/// Makes the pair, from the network of a sandbox to be, whose thread this is. `machine` is the machine's network.
pub fn create(name: &str, machine: BorrowedFd<'_>, addresses: &Addresses, mtu: u32) -> io::Result<()> {
    let socket = Socket::open(libc::NETLINK_ROUTE)?;
    let pair = Message::new(libc::RTM_NEWLINK, CREATE, &link_header(INSIDE_INDEX, 0))
        .put_text(IFLA_IFNAME, INSIDE)
        .put(IFLA_ADDRESS, &HARDWARE_ADDRESS)
        .put(IFLA_MTU, &mtu.to_ne_bytes())
        .nest(IFLA_LINKINFO, |info| {
            info.put_text(INFO_KIND, "veth").nest(INFO_DATA, |data| {
                data.nest(VETH_PEER, |peer| {
                    peer.raw(&link_header(0, 0))
                        .put_text(IFLA_IFNAME, name)
                        .put(IFLA_ADDRESS, &HARDWARE_ADDRESS)
                        .put(IFLA_MTU, &mtu.to_ne_bytes())
                        .put(IFLA_NET_NS_FD, &machine.as_raw_fd().to_ne_bytes())
                })
            })
        });
    let mut messages = vec![pair, set_link(LOOPBACK_INDEX, UP), set_link(INSIDE_INDEX, WITHOUT_RESOLUTION)];
    for own in addresses.bytes() {
        messages.push(address(&own));
        messages.push(route(family_of(&own).0, 0, None, INSIDE_INDEX));
    }
    // Nobody inside is an administrator of this network: any program may listen anywhere.
    fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0")?;
    socket.request(messages)
}

/// Raises the machine's end and leads the sandbox's addresses there; the link's number on the machine.
pub fn attach(machine: &Socket, name: &str, addresses: &Addresses) -> io::Result<u32> {
    let index = nix::net::if_::if_nametoindex(name)?.cast_signed();
    let settings = Path::new("/proc/sys/net");
    let set = |family: &str, setting: &str| fs::write(settings.join(family).join("conf").join(name).join(setting), "1");
    set("ipv4", "forwarding")?;
    // Without an address of its own: browsers give up what they load when the machine gets or loses one. A machine without IPv6
    // has no such setting.
    let _ = set("ipv6", "addr_gen_mode");
    if addresses.v6.is_some() {
        // Elsewhere the machine forwards all of IPv6 anyway.
        let _ = set("ipv6", "force_forwarding");
    }
    let mut messages = vec![set_link(index, WITHOUT_RESOLUTION)];
    for own in addresses.bytes() {
        let (family, prefix) = family_of(&own);
        messages.push(route(family, prefix, Some(&own), index));
    }
    machine.request(messages)?;
    Ok(index.cast_unsigned())
}

/// Removes a pair, if it is there, by the machine's end.
pub fn remove(machine: &Socket, name: &str) -> io::Result<()> {
    let Ok(index) = nix::net::if_::if_nametoindex(name) else { return Ok(()) };
    machine.request(vec![Message::new(libc::RTM_DELLINK, 0, &link_header(index.cast_signed(), 0))])
}
