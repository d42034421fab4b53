//! The table inside a sandbox's network that leads its connections to the engine.
//!
//! Nobody inside is an administrator of that network, so nobody there can change it. It does not have to hold: what goes
//! another way is dropped by the firewall of the machine.

use std::io;

use nix::libc;

use super::cidr::Cidr;
use super::netlink::Socket;
use super::nftables::*;

const TABLE: &str = "daytona";
const CHAIN: &str = "out";

/// Where packets of a sandbox's own programs come by, and the place of translations there.
const OUTPUT: u32 = 3;
const TRANSLATION: i32 = -100;

/// The ports of HTTP and HTTPS.
pub const WEB: [u16; 2] = [80, 443];

/// Which new connections are led to the engine. Those that stay inside never are.
#[derive(Debug)]
pub struct Led<'a> {
    /// All to the ports of HTTP and HTTPS, wherever they go.
    pub web: bool,
    /// All others, but for those to `direct`.
    pub others: bool,
    /// Networks that are reached whatever the name.
    pub direct: &'a [Cidr],
}

/// Leads connections to `port`.
pub fn set(socket: &Socket, port: u16, led: &Led<'_>) -> io::Result<()> {
    let make = || nft(NEW_TABLE, libc::NLM_F_CREATE).put_text(1, TABLE);
    // To remove what may not be there, make it first.
    let mut messages = vec![make(), nft(DELETE_TABLE, 0).put_text(1, TABLE), make()];
    messages.push(chain(TABLE, CHAIN, Some(("nat", OUTPUT, TRANSLATION))));
    let mut add = |parts: Part, verdict| messages.push(rule(TABLE, CHAIN, &parts, verdict));
    add([meta(OUT_NAME, FIRST), compare(FIRST, 0, b"lo\0")].concat(), Some(Verdict::Accept));
    let is_tcp = || [meta(PROTOCOL, FIRST), compare(FIRST, 0, &[libc::IPPROTO_TCP as u8])].concat();
    for web in WEB.iter().filter(|_| led.web) {
        add([is_tcp(), destination_port(FIRST), compare(FIRST, 0, &web.to_be_bytes()), redirect(port)].concat(), None);
    }
    for (first, last) in led.direct.iter().filter_map(|network| network.v4()) {
        let is_in = between(FIRST, &first.octets(), &last.octets());
        add([of_family(0), address(DESTINATION, 0, FIRST), is_in].concat(), Some(Verdict::Accept));
    }
    if led.others {
        add([is_tcp(), redirect(port)].concat(), None);
    }
    socket.commit(batch(messages))
}

/// Connections go their own way again.
pub fn remove(socket: &Socket) -> io::Result<()> {
    socket.commit(batch(vec![
        nft(NEW_TABLE, libc::NLM_F_CREATE).put_text(1, TABLE),
        nft(DELETE_TABLE, 0).put_text(1, TABLE),
    ]))
}
