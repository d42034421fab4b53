//! The rules of one sandbox, as its resolver and its connections are checked against them.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::gate::Gate;
use super::log::{Attempt, Log, Rule, Way};
use super::packets::{Packet, Reason};
use super::pins::Pins;
use super::reach::Reach;

/// Shared by everything that decides for a sandbox.
#[derive(Debug)]
pub struct Policy {
    reach: Mutex<Arc<Reach>>,
    gate: Arc<Gate>,
    /// Whether it has IPv6.
    pub v6: bool,
    /// What it was told about names.
    pub pins: Pins,
    /// What it tried.
    pub log: Log,
}

impl Policy {
    /// Everything is allowed until a reach is set.
    pub fn new(gate: Arc<Gate>, v6: bool) -> Self {
        Self { reach: Mutex::default(), gate, v6, pins: Pins::default(), log: Log::default() }
    }

    /// What the sandbox may reach now.
    pub fn reach(&self) -> Arc<Reach> {
        Arc::clone(&self.reach.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Everything that is decided from now on follows this.
    pub fn set(&self, reach: Reach) {
        *self.reach.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(reach);
    }

    /// Decides whether a name is resolved.
    pub fn resolve(&self, name: &str) -> bool {
        let reach = self.reach();
        let (allowed, rule) = match &*reach {
            Reach::All => (true, Rule::Default),
            Reach::Nothing => (false, Rule::NetworkBlockAll),
            Reach::Only { .. } if reach.names(name) => (true, Rule::DomainAllowList),
            Reach::Only { .. } if reach.is_by_name() => (reach.resolves_all(), Rule::DomainAllowList),
            Reach::Only { .. } => (reach.resolves_all(), Rule::NetworkAllowList),
        };
        let name = Some(name.to_owned());
        self.log.note(Attempt { protocol: Way::Dns, name, address: None, port: None, allowed, rule });
        allowed
    }

    /// Decides whether a connection that carries a name may go to an address.
    pub fn connect(&self, way: Way, name: &str, address: IpAddr, port: u16) -> bool {
        let reach = self.reach();
        let verdict = if *reach == Reach::Nothing {
            Err(Rule::NetworkBlockAll)
        } else if !reach.names(name) {
            Err(Rule::DomainAllowList)
        } else if !self.pins.have(name, address) {
            Err(Rule::OtherAddress)
        } else {
            self.gate.check(address)
        };
        let (allowed, rule) = match verdict {
            Ok(()) => (true, Rule::DomainAllowList),
            Err(rule) => (false, rule),
        };
        let name = Some(name.to_owned());
        self.log.note(Attempt { protocol: way, name, address: Some(address), port: Some(port), allowed, rule });
        allowed
    }

    /// Notes what the firewall decided about a packet.
    pub fn note(&self, packet: &Packet) {
        let reach = self.reach();
        let rule = match (packet.reason, &*reach) {
            (Reason::Unreachable, _) => Rule::Unreachable,
            (Reason::Closed, _) => Rule::PrivateNetwork,
            (Reason::TooMany, _) => Rule::TooMany,
            (Reason::Passed | Reason::Unlisted, Reach::All) => Rule::Default,
            (Reason::Passed | Reason::Unlisted, Reach::Nothing) => Rule::NetworkBlockAll,
            (Reason::Unlisted, reach) if reach.is_by_name() => Rule::DomainAllowList,
            (Reason::Passed | Reason::Unlisted, Reach::Only { .. }) => Rule::NetworkAllowList,
        };
        self.log.note(Attempt {
            protocol: packet.way,
            name: self.pins.name_of(packet.address),
            address: Some(packet.address),
            port: packet.port,
            allowed: packet.reason == Reason::Passed,
            rule,
        });
    }

    /// Notes a connection that never got as far as a name.
    pub fn refuse(&self, rule: Rule, address: IpAddr, port: u16) {
        let name = self.pins.name_of(address);
        let (address, port) = (Some(address), Some(port));
        self.log.note(Attempt { protocol: Way::Tcp, name, address, port, allowed: false, rule });
    }
}
