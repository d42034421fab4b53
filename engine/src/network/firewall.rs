//! The engine's own table of nftables: written once, with sets keyed by the sandboxes' links.
//!
//! The machine's other tables are not touched, and what they drop stays dropped. In words, of packets from a sandbox: the
//! source must be the sandbox's own address; nothing reaches the machine itself, whatever its address; nothing reaches
//! another sandbox, [`NEVER`] or, unless the operator opened it, [`CLOSED`]; a sandbox with a list reaches only what
//! is on it. To a sandbox come only answers, and only from what it may still reach.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use nix::libc;

use super::cidr::Cidr;
use super::netlink::{Message, Socket};
use super::nftables::*;
use super::packets::Reason;
use super::{Addresses, LINK_PREFIX};

/// What no sandbox reaches: this machine, links and what cloud machines learn about themselves there, multicast, the sandboxes.
pub const NEVER: [&str; 12] = [
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/127",
    "::ffff:0:0/96",
    "fe80::/10",
    "fd00:ec2::/32",
    "fd44:6179:746f::/48",
    "ff00::/8",
];

/// Private networks, which the operator may open, and IPv6 addresses that stand for IPv4 ones.
pub const CLOSED: [&str; 9] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "2002::/16",
    "fc00::/7",
];

/// The sets of the machine's own addresses, without the number of the family.
const OWN: &str = "machine";

/// The sets of links that forward only because of the engine, by family.
const UPLINKS: [&str; 2] = ["uplinks4", "uplinks6"];

/// Connections of one sandbox at a time, datagrams' included: the machine remembers some hundred thousand for all.
const MAX_CONNECTIONS: u32 = 4096;

/// What packets are told of with.
const REASONS: [Reason; 5] = [Reason::Passed, Reason::Unreachable, Reason::Closed, Reason::Unlisted, Reason::TooMany];

/// The group that is told of a block's packets.
pub fn group(block: u32) -> u16 {
    0xda00 | block as u16
}

/// The engine's table.
#[derive(Debug)]
pub struct Firewall {
    socket: Socket,
    table: String,
    /// Who is told of packets that begin a conversation.
    group: u16,
}

fn name_bytes(name: &str) -> [u8; NAME_LENGTH] {
    let mut bytes = [0; NAME_LENGTH];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    bytes
}

/// The first and last addresses of networks, by family.
fn ranges(networks: &[Cidr]) -> [Vec<(u128, u128)>; 2] {
    let v4 = networks.iter().filter_map(|network| network.v4());
    let v6 = networks.iter().filter_map(|network| network.v6());
    let v4 = v4.map(|(first, last)| (u128::from(first.to_bits()), u128::from(last.to_bits())));
    [v4.collect(), v6.map(|(first, last)| (first.to_bits(), last.to_bits())).collect()]
}

impl Firewall {
    /// Writes the table of a block anew. `opened` is what the operator opened of [`CLOSED`].
    pub fn write(block: u32, link_prefix: &str, opened: &[Cidr]) -> io::Result<Self> {
        let firewall = Self {
            socket: Socket::open(libc::NETLINK_NETFILTER)?,
            table: format!("daytona_{block:02x}"),
            group: group(block),
        };
        firewall.remove();
        let mut messages = vec![nft(NEW_TABLE, libc::NLM_F_CREATE | libc::NLM_F_EXCL).put_text(1, &firewall.table)];
        messages.extend(firewall.sets(opened));
        messages.extend(firewall.rules(link_prefix));
        firewall.socket.commit(batch(messages))?;
        Ok(firewall)
    }

    /// Removes the table, if it is there.
    pub fn remove(&self) {
        let _ = self.socket.commit(batch(vec![nft(DELETE_TABLE, 0).put_text(1, &self.table)]));
    }

    fn sets(&self, opened: &[Cidr]) -> Vec<Message> {
        let name = NAME_LENGTH as u32;
        let mut messages = vec![
            self.set("own4", 0, &[name, 4]),
            self.set("own6", 0, &[name, 16]),
            self.set("limited", 0, &[name]),
            self.set("allowed", INTERVAL | CONCATENATED, &[name, 4]),
            self.set(UPLINKS[0], 0, &[name]),
            self.set(UPLINKS[1], 0, &[name]),
            self.set("connections", EVALUATED, &[name]),
            self.set("told", EVALUATED, &[name]),
        ];
        let parsed = |list: &[&str]| list.iter().map(|text| text.parse().expect("a network")).collect::<Vec<Cidr>>();
        let sets =
            [("never", parsed(&NEVER)), ("closed", parsed(&CLOSED)), ("opened", opened.to_vec()), (OWN, Vec::new())];
        for (set, networks) in sets {
            for (family, ranges) in ranges(&networks).into_iter().enumerate() {
                let set = format!("{set}{}", [4, 6][family]);
                messages.push(self.set(&set, INTERVAL, &[ADDRESS_LENGTH[family]]));
                messages.extend(self.intervals(&set, family, ranges));
            }
        }
        messages
    }

    /// Has these networks refused from now on, and not what was refused so before: the machine's own addresses, where the
    /// kernel does not know them.
    pub fn close(&self, networks: &[Cidr]) -> io::Result<()> {
        let mut messages = Vec::new();
        for (family, ranges) in ranges(networks).into_iter().enumerate() {
            let set = format!("{OWN}{}", [4, 6][family]);
            messages.push(nft(DELETE_ELEMENTS, 0).put_text(1, &self.table).put_text(2, &set));
            messages.extend(self.intervals(&set, family, ranges));
        }
        self.change(messages)
    }

    /// Keeps what comes by these links, of either family, from everybody but sandboxes: they forward only because the engine
    /// has made them.
    pub fn keep_from_others(&self, uplinks: &[Vec<String>; 2]) -> io::Result<()> {
        let messages = uplinks.iter().zip(UPLINKS).filter_map(|(links, set)| {
            let names = links.iter().map(|name| (name_bytes(name).to_vec(), None)).collect();
            self.elements(NEW_ELEMENTS, set, names)
        });
        self.change(messages.collect())
    }

    fn set(&self, name: &str, flags: u32, fields: &[u32]) -> Message {
        let message = nft(NEW_SET, libc::NLM_F_CREATE).put_text(1, &self.table).put_text(2, name);
        let message = message.put_u32(3, flags).put_u32(4, 0).put_u32(5, fields.iter().sum());
        let message = match flags & CONCATENATED {
            0 => message,
            _ => message.nest(9, |desc| {
                desc.nest(2, |list| {
                    fields.iter().fold(list, |list, length| list.nest(1, |field| field.put_u32(1, *length)))
                })
            }),
        };
        // The id only has to be there.
        message.put_u32(10, 1)
    }

    /// Ranges of addresses, made disjoint: where one ends, an element that says so follows.
    fn intervals(&self, set: &str, family: usize, mut ranges: Vec<(u128, u128)>) -> Option<Message> {
        ranges.sort_unstable();
        let mut disjoint: Vec<(u128, u128)> = Vec::new();
        for (first, last) in ranges {
            match disjoint.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => disjoint.push((first, last)),
            }
        }
        let length = ADDRESS_LENGTH[family] as usize;
        let bytes = |address: u128| address.to_be_bytes()[16 - length..].to_vec();
        let end = |last: u128| last.checked_add(1).filter(|end| length == 16 || *end <= u128::from(u32::MAX));
        if disjoint.is_empty() {
            return None;
        }
        Some(nft(NEW_ELEMENTS, libc::NLM_F_CREATE).put_text(1, &self.table).put_text(2, set).nest(3, |list| {
            disjoint.into_iter().fold(list, |list, (first, last)| {
                let list = list.nest(1, |element| element.nest(1, |key| key.put(1, &bytes(first))));
                match end(last) {
                    Some(end) => list.nest(1, |element| element.put_u32(3, 1).nest(1, |key| key.put(1, &bytes(end)))),
                    None => list,
                }
            })
        }))
    }

    /// Adds or removes elements, each a key and, for a range, the last key.
    fn elements(&self, change: u16, set: &str, keys: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Option<Message> {
        if keys.is_empty() {
            return None;
        }
        let flags = if change == NEW_ELEMENTS { libc::NLM_F_CREATE } else { 0 };
        Some(nft(change, flags).put_text(1, &self.table).put_text(2, set).nest(3, |list| {
            keys.into_iter().fold(list, |list, (key, end)| {
                list.nest(1, |element| {
                    let element = element.nest(1, |data| data.put(1, &key));
                    match end {
                        Some(end) => element.nest(10, |data| data.put(1, &end)),
                        None => element,
                    }
                })
            })
        }))
    }

    fn rules(&self, own: &str) -> Vec<Message> {
        let mut messages = vec![
            self.chain("source", Some(("filter", 0, -300))),
            self.chain("machine", Some(("filter", 1, -10))),
            self.chain("between", Some(("filter", 2, -10))),
            self.chain("outside", Some(("nat", 4, 100))),
        ];
        messages.extend(["refuse", "reach", "list", "out", "answers", "back"].map(|name| self.chain(name, None)));
        messages.extend(REASONS.map(|reason| self.chain(reason.word(), None)));
        let mut rule =
            |chain: &str, parts: Part, verdict: Verdict| messages.push(self.rule(chain, parts, Some(verdict)));
        let from = || is_like(IN_NAME, own);
        let to = || is_like(OUT_NAME, own);
        let to_any = || is_like(OUT_NAME, LINK_PREFIX);

        for family in [0, 1] {
            let set = ["own4", "own6"][family];
            let parts = [from(), of_family(family), meta(IN_NAME, FIRST), address(SOURCE, family, SECOND), in_set(set)];
            rule("source", parts.concat(), Verdict::Accept);
        }
        rule("source", from(), Verdict::Drop);

        rule("machine", from(), Verdict::Goto(Reason::Unreachable.word()));

        rule("between", from(), Verdict::Jump("out"));
        rule("between", to(), Verdict::Jump("back"));
        for (family, set) in UPLINKS.into_iter().enumerate() {
            let by_uplink = [of_family(family), meta(IN_NAME, FIRST), in_set(set)].concat();
            rule("between", [by_uplink, is_unlike(OUT_NAME, LINK_PREFIX)].concat(), Verdict::Drop);
        }

        rule(
            "out",
            [is_new(), meta(IN_NAME, FIRST), counted("connections", MAX_CONNECTIONS)].concat(),
            Verdict::Goto("refuse"),
        );
        rule("out", to_any(), Verdict::Goto(Reason::Unreachable.word()));
        for family in [0, 1] {
            for set in [["never4", "never6"], ["machine4", "machine6"]] {
                let parts = [of_family(family), address(DESTINATION, family, FIRST), in_set(set[family])];
                rule("out", parts.concat(), Verdict::Goto(Reason::Unreachable.word()));
            }
        }
        rule("out", [meta(IN_NAME, FIRST), in_set("limited")].concat(), Verdict::Goto("list"));
        rule("out", Vec::new(), Verdict::Goto("reach"));

        let listed = [of_family(0), meta(IN_NAME, FIRST), address(DESTINATION, 0, SECOND), in_set("allowed")];
        rule("list", listed.concat(), Verdict::Goto("reach"));
        rule("list", Vec::new(), Verdict::Goto(Reason::Unlisted.word()));

        for (sets, reason) in [(["opened4", "opened6"], Reason::Passed), (["closed4", "closed6"], Reason::Closed)] {
            for family in [0, 1] {
                let parts = [of_family(family), address(DESTINATION, family, FIRST), in_set(sets[family])];
                rule("reach", parts.concat(), Verdict::Goto(reason.word()));
            }
        }
        rule("reach", Vec::new(), Verdict::Goto(Reason::Passed.word()));

        rule("back", is_unasked(), Verdict::Drop);
        rule("back", [meta(OUT_NAME, FIRST), in_set("limited")].concat(), Verdict::Goto("answers"));
        rule("back", Vec::new(), Verdict::Accept);
        let listed = [of_family(0), meta(OUT_NAME, FIRST), address(SOURCE, 0, SECOND), in_set("allowed")];
        rule("answers", listed.concat(), Verdict::Accept);
        rule("answers", Vec::new(), Verdict::Drop);

        for reason in REASONS {
            let tell = [is_new(), meta(IN_NAME, FIRST), told("told", self.group, reason.word())].concat();
            messages.push(self.rule(reason.word(), tell, None));
            let verdict = if reason == Reason::Passed { Verdict::Accept } else { Verdict::Goto("refuse") };
            messages.push(self.rule(reason.word(), Vec::new(), Some(verdict)));
        }

        let tcp = [meta(PROTOCOL, FIRST), compare(FIRST, 0, &[libc::IPPROTO_TCP as u8]), reject(1, None)];
        messages.push(self.rule("refuse", tcp.concat(), None));
        // Administratively prohibited, in the words of either family.
        messages.push(self.rule("refuse", reject(2, Some(3)), None));

        for family in [0, 1] {
            let (mask, network): (Vec<u8>, Vec<u8>) = Addresses::network(family);
            let source = [of_family(family), address(SOURCE, family, FIRST), masked(FIRST, &mask)].concat();
            let parts =
                [source, compare(FIRST, 0, &network), is_unlike(OUT_NAME, LINK_PREFIX), part("masq", |data| data)];
            messages.push(self.rule("outside", parts.concat(), None));
        }
        messages
    }

    fn chain(&self, name: &str, hook: Option<(&str, u32, i32)>) -> Message {
        chain(&self.table, name, hook)
    }

    fn rule(&self, name: &str, parts: Part, verdict: Option<Verdict>) -> Message {
        rule(&self.table, name, &parts, verdict)
    }

    fn change(&self, messages: Vec<Message>) -> io::Result<()> {
        if messages.is_empty() { Ok(()) } else { self.socket.commit(batch(messages)) }
    }

    /// Lets a link send from its sandbox's addresses.
    pub fn add(&self, link: &str, addresses: &Addresses) -> io::Result<()> {
        self.change(self.own(NEW_ELEMENTS, link, addresses))
    }

    /// Forgets a link, which may have these limits.
    pub fn forget(&self, link: &str, addresses: &Addresses, limits: Option<&[Cidr]>) -> io::Result<()> {
        let mut messages = self.own(DELETE_ELEMENTS, link, addresses);
        messages.extend(self.limits(DELETE_ELEMENTS, link, limits));
        self.change(messages)
    }

    /// Replaces a link's limits in one step: `None` for none, else the only networks it reaches.
    pub fn limit(&self, link: &str, before: Option<&[Cidr]>, after: Option<&[Cidr]>) -> io::Result<()> {
        let mut messages = self.limits(DELETE_ELEMENTS, link, before);
        messages.extend(self.limits(NEW_ELEMENTS, link, after));
        self.change(messages)
    }

    fn own(&self, change: u16, link: &str, addresses: &Addresses) -> Vec<Message> {
        let key = |address: &[u8]| (([&name_bytes(link), address].concat()), None);
        let v4 = self.elements(change, "own4", vec![key(&addresses.v4.octets())]);
        let v6 = addresses.v6.map(|v6: Ipv6Addr| self.elements(change, "own6", vec![key(&v6.octets())]));
        v4.into_iter().chain(v6.flatten()).collect()
    }

    fn limits(&self, change: u16, link: &str, limits: Option<&[Cidr]>) -> Vec<Message> {
        let Some(networks) = limits else { return Vec::new() };
        let name = name_bytes(link);
        let key = |address: Ipv4Addr| [&name[..], &address.octets()].concat();
        let mut ranges: Vec<(u32, u32)> =
            networks.iter().filter_map(|network| network.v4()).map(|(a, b)| (a.to_bits(), b.to_bits())).collect();
        ranges.sort_unstable_by_key(|(first, last)| (*first, u32::MAX - last));
        // A network within another adds nothing, and sets take none that overlap.
        let mut disjoint: Vec<(u32, u32)> = Vec::new();
        for range in ranges {
            if disjoint.last().is_none_or(|before| range.0 > before.1) {
                disjoint.push(range);
            }
        }
        let keys = disjoint
            .into_iter()
            .map(|(first, last)| (key(Ipv4Addr::from_bits(first)), Some(key(Ipv4Addr::from_bits(last)))));
        let limited = self.elements(change, "limited", vec![(name.to_vec(), None)]);
        limited.into_iter().chain(self.elements(change, "allowed", keys.collect())).collect()
    }
}
