//! The rules of one sandbox, as its resolver and its connections are checked against them.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::gate::Gate;
use super::guarded::Secrets;
use super::interception::Interceptor;
use super::log::{Attempt, Log, Rule, Way};
use super::packets::{Packet, Reason};
use super::pins::Pins;
use super::reach::Reach;

/// What a sandbox has that started with secrets.
#[derive(Debug, Clone)]
pub struct Guard {
    /// The secrets as they are now; none any more once all are taken away.
    pub secrets: Secrets,
    /// Puts them in.
    pub interceptor: Arc<Interceptor>,
}

/// Shared by everything that decides for a sandbox.
#[derive(Debug)]
pub struct Policy {
    reach: Mutex<Arc<Reach>>,
    guard: Mutex<Option<Arc<Guard>>>,
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
        Self { reach: Mutex::default(), guard: Mutex::default(), gate, v6, pins: Pins::default(), log: Log::default() }
    }

    /// What the sandbox may reach now.
    pub fn reach(&self) -> Arc<Reach> {
        Arc::clone(&self.reach.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Everything that is decided from now on follows this.
    pub fn set(&self, reach: Reach) {
        *self.reach.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(reach);
    }

    /// Its secrets, if it started with any.
    pub fn guard(&self) -> Option<Arc<Guard>> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every request from now on gets these secrets.
    pub fn set_guard(&self, guard: Guard) {
        *self.guard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(guard));
    }

    /// Whether one of its secrets may be sent to a name.
    pub fn has_secrets_for(&self, name: &str) -> bool {
        self.guard().is_some_and(|guard| guard.secrets.are_for(name))
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
        let rule = by_address(&reach);
        let verdict = if *reach == Reach::Nothing {
            Err(Rule::NetworkBlockAll)
        } else if reach.allows(address) {
            self.gate.check(address).map(|()| rule)
        } else if !reach.names(name) {
            Err(Rule::DomainAllowList)
        } else if !self.pins.have(name, address) {
            Err(Rule::OtherAddress)
        } else {
            self.gate.check(address).map(|()| Rule::DomainAllowList)
        };
        let (allowed, rule) = match verdict {
            Ok(rule) => (true, rule),
            Err(rule) => (false, rule),
        };
        let name = Some(name.to_owned());
        self.log.note(Attempt { protocol: way, name, address: Some(address), port: Some(port), allowed, rule });
        allowed
    }

    /// Decides whether a connection that carries no name may go to an address; `None` where only a name could let it through.
    pub fn connect_without_name(&self, address: IpAddr, port: u16) -> Option<bool> {
        let reach = self.reach();
        if !reach.allows(address) {
            return None;
        }
        let (allowed, rule) = match self.gate.check(address) {
            Ok(()) => (true, by_address(&reach)),
            Err(rule) => (false, rule),
        };
        let name = self.pins.name_of(address);
        let (address, port) = (Some(address), Some(port));
        self.log.note(Attempt { protocol: Way::Tcp, name, address, port, allowed, rule });
        Some(allowed)
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

/// The rule by which an address is reached whatever the name.
fn by_address(reach: &Reach) -> Rule {
    if *reach == Reach::All { Rule::Default } else { Rule::NetworkAllowList }
}
