//! Messages to nftables, and the expressions that its rules are made of.

use nix::libc;

use super::netlink::Message;

pub const SUBSYSTEM: u16 = 10;
/// Kinds of messages around a batch.
pub const BATCH_BEGIN: u16 = 16;
pub const BATCH_END: u16 = 17;
pub const INET: u8 = 1;

/// What a message is about.
pub const NEW_TABLE: u16 = 0;
pub const DELETE_TABLE: u16 = 2;
pub const NEW_CHAIN: u16 = 3;
pub const NEW_RULE: u16 = 6;
pub const NEW_SET: u16 = 9;
pub const NEW_ELEMENTS: u16 = 12;
pub const DELETE_ELEMENTS: u16 = 14;

/// Set flags.
pub const INTERVAL: u32 = 4;
pub const EVALUATED: u32 = 0x20;
pub const CONCATENATED: u32 = 0x80;

/// Registers of 16 bytes, and the one of verdicts.
pub const VERDICT: u32 = 0;
pub const FIRST: u32 = 1;
pub const SECOND: u32 = 2;

/// Keys of `meta`.
pub const IN_NAME: u32 = 6;
pub const OUT_NAME: u32 = 7;
pub const FAMILY: u32 = 15;
pub const PROTOCOL: u32 = 16;

/// Where addresses are in the headers of IPv4 and IPv6.
pub const SOURCE: [u32; 2] = [12, 8];
pub const DESTINATION: [u32; 2] = [16, 24];
pub const ADDRESS_LENGTH: [u32; 2] = [4, 16];
pub const FAMILIES: [u8; 2] = [libc::AF_INET as u8, libc::AF_INET6 as u8];

/// Names of interfaces are compared with all their bytes.
pub const NAME_LENGTH: usize = 16;

/// What happens to a packet that a rule is about.
#[derive(Clone, Copy)]
pub enum Verdict {
    /// It disappears.
    Drop,
    /// It passes this chain of the kernel's.
    Accept,
    /// Another chain decides, or else the rules after this one.
    Jump(&'static str),
    /// Another chain decides.
    Goto(&'static str),
}

/// Begins a message about a table of both families.
pub fn nft(kind: u16, flags: i32) -> Message {
    Message::new(SUBSYSTEM << 8 | kind, flags, &[INET, 0, 0, 0])
}

/// Messages that are carried out all or none.
pub fn batch(messages: Vec<Message>) -> Vec<Message> {
    let [high, low] = SUBSYSTEM.to_be_bytes();
    let edge = |kind| Message::new(kind, 0, &[0, 0, high, low]);
    let mut batch = vec![edge(BATCH_BEGIN)];
    batch.extend(messages);
    batch.push(edge(BATCH_END));
    batch
}

/// Makes a chain; `hook` is its kind, where packets come by, and its place among others there.
pub fn chain(table: &str, name: &str, hook: Option<(&str, u32, i32)>) -> Message {
    let message = nft(NEW_CHAIN, libc::NLM_F_CREATE).put_text(1, table).put_text(3, name);
    match hook {
        Some((kind, number, priority)) => message
            .nest(4, |hook| hook.put_u32(1, number).put(2, &priority.to_be_bytes()))
            .put_u32(5, 1)
            .put_text(7, kind),
        None => message,
    }
}

/// Appends a rule to a chain.
pub fn rule(table: &str, chain: &str, parts: &[u8], verdict: Option<Verdict>) -> Message {
    let flags = libc::NLM_F_CREATE | libc::NLM_F_APPEND;
    let end = verdict.map(|verdict| {
        let (code, chain) = match verdict {
            Verdict::Drop => (0, None),
            Verdict::Accept => (1, None),
            Verdict::Jump(chain) => (-3, Some(chain)),
            Verdict::Goto(chain) => (-4, Some(chain)),
        };
        part("immediate", |data| {
            data.put_u32(1, VERDICT).nest(2, |data| {
                data.nest(2, |verdict| {
                    let verdict = verdict.put(1, &i32::to_be_bytes(code));
                    match chain {
                        Some(chain) => verdict.put_text(2, chain),
                        None => verdict,
                    }
                })
            })
        })
    });
    nft(NEW_RULE, flags)
        .put_text(1, table)
        .put_text(2, chain)
        .nest(4, |list| list.raw(parts).raw(&end.unwrap_or_default()))
}

/// One expression of a rule, or several, as they travel.
pub type Part = Vec<u8>;

/// One expression.
pub fn part(name: &str, data: impl FnOnce(Message) -> Message) -> Part {
    Message::attributes().nest(1, |expression| expression.put_text(1, name).nest(2, data)).into_bytes()
}

/// Loads something that is not in the packet itself.
pub fn meta(key: u32, register: u32) -> Part {
    part("meta", |data| data.put_u32(1, register).put_u32(2, key))
}

/// 0: equal, 1: not equal.
pub fn compare(register: u32, operator: u32, value: &[u8]) -> Part {
    part("cmp", |data| data.put_u32(1, register).put_u32(2, operator).nest(3, |data| data.put(1, value)))
}

/// Whether the name of a link begins like this.
pub fn is_like(key: u32, prefix: &str) -> Part {
    [meta(key, FIRST), compare(FIRST, 0, prefix.as_bytes())].concat()
}

/// Whether the name of a link begins differently.
pub fn is_unlike(key: u32, prefix: &str) -> Part {
    [meta(key, FIRST), compare(FIRST, 1, prefix.as_bytes())].concat()
}

/// Whether a packet is of IPv4 (0) or IPv6 (1).
pub fn of_family(family: usize) -> Part {
    [meta(FAMILY, FIRST), compare(FIRST, 0, &[FAMILIES[family]])].concat()
}

/// Loads an address of a packet.
pub fn address(offsets: [u32; 2], family: usize, register: u32) -> Part {
    let (offset, length) = (offsets[family], ADDRESS_LENGTH[family]);
    part("payload", |data| data.put_u32(1, register).put_u32(2, 1).put_u32(3, offset).put_u32(4, length))
}

/// Loads the port that a packet of TCP or UDP goes to.
pub fn destination_port(register: u32) -> Part {
    part("payload", |data| data.put_u32(1, register).put_u32(2, 2).put_u32(3, 2).put_u32(4, 2))
}

/// Whether what the registers from the first hold is in a set.
pub fn in_set(name: &str) -> Part {
    part("lookup", |data| data.put_text(1, name).put_u32(2, FIRST))
}

/// Keeps the bits of a mask.
pub fn masked(register: u32, mask: &[u8]) -> Part {
    let (length, zeros) = (u32::try_from(mask.len()).expect("short"), vec![0; mask.len()]);
    part("bitwise", |data| {
        let data = data.put_u32(1, register).put_u32(2, register).put_u32(3, length);
        data.nest(4, |data| data.put(1, mask)).nest(5, |data| data.put(1, &zeros))
    })
}

/// Loads which of these states the packet's conversation has.
pub fn state(of: u32) -> Part {
    [part("ct", |data| data.put_u32(1, FIRST).put_u32(2, 0)), masked(FIRST, &of.to_ne_bytes())].concat()
}

/// Whether a packet belongs to no conversation that was begun the other way.
pub fn is_unasked() -> Part {
    const ESTABLISHED_OR_RELATED: u32 = 2 | 4;
    [state(ESTABLISHED_OR_RELATED), compare(FIRST, 0, &[0; 4])].concat()
}

/// Whether a packet begins a conversation.
pub fn is_new() -> Part {
    const NEW: u32 = 8;
    [state(NEW), compare(FIRST, 1, &[0; 4])].concat()
}

/// Counts a conversation in a set, by what the first register holds; true once there are more than `most`.
pub fn counted(set: &str, most: u32) -> Part {
    part("dynset", |data| {
        data.put_text(1, set).put_u32(3, 0).put_u32(4, FIRST).nest(7, |expression| {
            expression.put_text(1, "connlimit").nest(2, |limit| limit.put_u32(1, most).put_u32(2, 1))
        })
    })
}

/// 1: a TCP reset; 2: the ICMP message of the packet's family with this code.
pub fn reject(kind: u32, code: Option<u8>) -> Part {
    part("reject", |data| {
        let data = data.put_u32(1, kind);
        match code {
            Some(code) => data.put(2, &[code]),
            None => data,
        }
    })
}

/// Whether an address lies between two, both included.
pub fn between(register: u32, first: &[u8], last: &[u8]) -> Part {
    const AT_MOST: u32 = 3;
    const AT_LEAST: u32 = 5;
    [compare(register, AT_LEAST, first), compare(register, AT_MOST, last)].concat()
}

/// Sends connections to a port of this network's own loopback.
pub fn redirect(port: u16) -> Part {
    let load = part("immediate", |data| data.put_u32(1, FIRST).nest(2, |data| data.put(1, &port.to_be_bytes())));
    [load, part("redir", |data| data.put_u32(1, FIRST))].concat()
}

/// Tells a group of listeners of a packet, unless the one that the first register names had its share of this second.
pub fn told(set: &str, group: u16, word: &str) -> Part {
    const A_SECOND: u64 = 20;
    const AT_ONCE: u32 = 200;
    const HEADERS: u32 = 80;
    let share = part("dynset", |data| {
        data.put_text(1, set).put_u32(3, 0).put_u32(4, FIRST).nest(7, |expression| {
            expression.put_text(1, "limit").nest(2, |limit| {
                limit.put(1, &A_SECOND.to_be_bytes()).put(2, &1u64.to_be_bytes()).put_u32(3, AT_ONCE).put_u32(4, 0)
            })
        })
    });
    let tell = part("log", |data| {
        data.put(1, &group.to_be_bytes()).put_text(2, word).put_u32(3, HEADERS).put(4, &1u16.to_be_bytes())
    });
    [share, tell].concat()
}
