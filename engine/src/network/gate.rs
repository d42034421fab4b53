//! Which addresses the engine connects to in the place of a sandbox: the same that the firewall lets sandboxes reach.

use std::io;
use std::net::IpAddr;

use nix::libc;

use super::cidr::Cidr;
use super::firewall::{CLOSED, NEVER};
use super::log::Rule;
use super::netlink::{Message, Socket};

/// The addresses of a machine that sandboxes reach.
#[derive(Debug)]
pub struct Gate {
    never: Vec<Cidr>,
    closed: Vec<Cidr>,
    opened: Vec<Cidr>,
    routes: Socket,
}

impl Gate {
    /// `opened` is what the operator opened. To be called in the machine's network.
    pub fn new(opened: &[Cidr]) -> io::Result<Self> {
        let parsed = |list: &[&str]| list.iter().map(|text| text.parse().expect("a network")).collect();
        let routes = Socket::open(libc::NETLINK_ROUTE)?;
        Ok(Self { never: parsed(&NEVER), closed: parsed(&CLOSED), opened: opened.to_vec(), routes })
    }

    /// Fails with the rule that keeps sandboxes from an address.
    pub fn check(&self, address: IpAddr) -> Result<(), Rule> {
        let is_in = |list: &[Cidr]| list.iter().any(|network| network.contains(address));
        if is_in(&self.never) || !self.leads_out(address) {
            return Err(Rule::Unreachable);
        }
        if is_in(&self.closed) && !is_in(&self.opened) {
            return Err(Rule::PrivateNetwork);
        }
        Ok(())
    }

    /// Whether the machine would send packets for an address to somebody else.
    fn leads_out(&self, address: IpAddr) -> bool {
        const DESTINATION: u16 = 1;
        const KIND: usize = 7;
        let (family, bytes) = match address {
            IpAddr::V4(address) => (libc::AF_INET as u8, address.octets().to_vec()),
            IpAddr::V6(address) => (libc::AF_INET6 as u8, address.octets().to_vec()),
        };
        let header = [&[family, bytes.len() as u8 * 8][..], &[0; 10]].concat();
        let mut leads_out = false;
        let question = Message::new(libc::RTM_GETROUTE, 0, &header).put(DESTINATION, &bytes);
        let asked = self.routes.ask(question, |route| {
            leads_out = route.get(KIND) == Some(&libc::RTN_UNICAST);
        });
        asked.is_ok() && leads_out
    }
}
