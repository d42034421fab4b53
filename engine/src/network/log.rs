//! What a sandbox tried on the network, and which rule decided: the last attempts, and all that it would need to be allowed.
//!
//! Both are bounded, and what is tried again is counted instead of kept again, so that a sandbox that floods the network does
//! not fill the engine.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::clock;

/// Attempts that are kept.
const KEPT: usize = 256;

/// Ports where connections carry names.
const WEB: [u16; 5] = [80, 443, 8000, 8080, 8443];

/// Names and addresses that are kept for a list.
const LEARNED: usize = 512;

/// How something was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// A name was to be resolved.
    Dns,
    /// A connection of TLS, by the name it carried.
    Tls,
    /// A request of HTTP, by the host it named.
    Http,
    /// A connection.
    Tcp,
    /// A datagram.
    Udp,
    /// An echo request, or another message of ICMP.
    Icmp,
    /// Another protocol.
    Other,
}

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// There is no list: what sandboxes may reach at all is reached.
    Default,
    /// `networkBlockAll`.
    NetworkBlockAll,
    /// `networkAllowList`.
    NetworkAllowList,
    /// `domainAllowList`.
    DomainAllowList,
    /// The machine itself, another sandbox, or an address that no sandbox ever reaches.
    Unreachable,
    /// A private network that the operator did not open.
    PrivateNetwork,
    /// A list of domains is in force, and the connection carries no name that could be compared.
    NoName,
    /// The same, for a name that is encrypted.
    HiddenName,
    /// The address was not resolved for the name that the connection carries.
    OtherAddress,
    /// Too many connections at a time.
    TooMany,
}

/// One attempt, without its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// How.
    pub protocol: Way,
    /// The name that was given or resolved to the address.
    pub name: Option<String>,
    /// Where.
    pub address: Option<IpAddr>,
    /// Of the other end.
    pub port: Option<u16>,
    /// What became of it.
    pub allowed: bool,
    /// Why.
    pub rule: Rule,
}

/// An attempt as it is kept.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What was tried.
    pub attempt: Attempt,
    /// When for the first time, in milliseconds since 1970.
    pub first: i64,
    /// When for the last time.
    pub last: i64,
    /// How often.
    pub count: u64,
}

/// What is known of a sandbox's attempts.
#[derive(Debug, Clone, Default)]
pub struct Tried {
    /// Those that are kept, the latest last.
    pub entries: Vec<Entry>,
    /// How many others there were.
    pub dropped: u64,
    /// What it would need to be allowed.
    pub needs: Needs,
}

/// What was reached for, as lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Names.
    pub domains: BTreeSet<String>,
    /// Addresses that no name led to.
    pub addresses: BTreeSet<IpAddr>,
    /// Whether there was room for all of it.
    pub is_complete: bool,
}

/// The log of one sandbox.
#[derive(Debug, Default)]
pub struct Log(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    entries: VecDeque<Entry>,
    dropped: u64,
    domains: BTreeSet<String>,
    addresses: BTreeSet<IpAddr>,
    has_lost: bool,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an attempt.
    pub fn note(&self, attempt: Attempt) {
        let now = clock::millis(clock::now());
        let mut kept = self.lock();
        kept.learn(&attempt);
        if let Some(known) = kept.entries.iter().position(|entry| entry.attempt == attempt)
            && let Some(mut entry) = kept.entries.remove(known)
        {
            entry.last = now;
            entry.count += 1;
            kept.entries.push_back(entry);
            return;
        }
        if kept.entries.len() == KEPT {
            kept.entries.pop_front();
            kept.dropped += 1;
        }
        kept.entries.push_back(Entry { attempt, first: now, last: now, count: 1 });
    }

    /// What is kept.
    pub fn tried(&self) -> Tried {
        let kept = self.lock();
        let needs =
            Needs { domains: kept.domains.clone(), addresses: kept.addresses.clone(), is_complete: !kept.has_lost };
        Tried { entries: kept.entries.iter().cloned().collect(), dropped: kept.dropped, needs }
    }
}

impl Kept {
    /// Remembers what a list could allow.
    fn learn(&mut self, attempt: &Attempt) {
        let is_never_allowed = matches!(attempt.rule, Rule::Unreachable | Rule::PrivateNetwork | Rule::HiddenName);
        // A name that is only resolved was not reached for.
        let is_wish = attempt.protocol == Way::Dns && attempt.allowed;
        if is_never_allowed || is_wish {
            return;
        }
        // A list of domains lets through what carries a name; what does not needs its address.
        let is_web = attempt.port.is_some_and(|port| WEB.contains(&port));
        let carries_name = match attempt.protocol {
            Way::Dns | Way::Tls | Way::Http => true,
            Way::Tcp => is_web && attempt.rule != Rule::NoName,
            // Of a connection that is tried by TCP as well.
            Way::Udp => is_web,
            Way::Icmp | Way::Other => false,
        };
        let name = attempt.name.as_ref().filter(|_| carries_name);
        let is_full = self.domains.len() + self.addresses.len() >= LEARNED;
        match (name, attempt.address) {
            (Some(name), _) if self.domains.contains(name) => {}
            (None, Some(address)) if self.addresses.contains(&address) => {}
            (None, None) => {}
            _ if is_full => self.has_lost = true,
            (Some(name), _) => drop(self.domains.insert(name.clone())),
            (None, Some(address)) => drop(self.addresses.insert(address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(name: &str) -> Attempt {
        let rule = Rule::DomainAllowList;
        Attempt {
            protocol: Way::Tls,
            name: Some(name.to_owned()),
            address: None,
            port: Some(443),
            allowed: false,
            rule,
        }
    }

    #[test]
    fn a_flood_is_counted_and_not_kept() {
        let log = Log::default();
        for _ in 0..1000 {
            log.note(attempt("a.example"));
        }
        let tried = log.tried();
        assert_eq!((tried.entries.len(), tried.entries[0].count, tried.dropped), (1, 1000, 0));
        for number in 0..2000 {
            log.note(attempt(&format!("{number}.example")));
        }
        let tried = log.tried();
        assert_eq!((tried.entries.len(), tried.dropped), (KEPT, 2001 - KEPT as u64));
        assert_eq!((tried.needs.domains.len(), tried.needs.is_complete), (LEARNED, false));
    }

    #[test]
    fn what_no_list_could_allow_is_not_learned() {
        let log = Log::default();
        log.note(Attempt { rule: Rule::Unreachable, ..attempt("engine.example") });
        log.note(Attempt { protocol: Way::Dns, allowed: true, rule: Rule::Default, ..attempt("only.resolved") });
        log.note(attempt("needed.example"));
        let address = Some("192.0.2.1".parse().unwrap());
        log.note(Attempt { protocol: Way::Tcp, port: Some(22), address, ..attempt("shell.example") });
        let needs = log.tried().needs;
        assert_eq!(needs.domains.into_iter().collect::<Vec<_>>(), ["needed.example"]);
        assert!(needs.addresses.into_iter().eq(address) && needs.is_complete);
    }
}
