//! The addresses of the machine that the firewall of an ordinary user's engine cannot see: it is in another network, where they
//! look like anybody's.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::libc;

use super::Shared;
use super::cidr::Cidr;
use super::netlink::{Message, Socket};

/// What changes when the machine gets or loses addresses: the addresses and the routes, of IPv4 and IPv6.
const CHANGES: [u32; 4] = [5, 7, 9, 11];

/// How often it is looked at the addresses where the kernel does not tell of changes any more.
const LOOK: Duration = Duration::from_secs(5);

/// A look at the machine's network, from the thread that opened it.
#[derive(Debug)]
pub struct OwnAddresses {
    routes: Socket,
    changes: Socket,
}

impl OwnAddresses {
    /// To be called in the machine's network.
    pub fn open() -> io::Result<Self> {
        let changes = Socket::open(libc::NETLINK_ROUTE)?;
        changes.subscribe(&CHANGES)?;
        Ok(Self { routes: Socket::open(libc::NETLINK_ROUTE)?, changes })
    }

    /// Has the firewall refuse what is the machine's own now, and what will be, in a thread that ends with the network.
    pub fn keep_closed(self, shared: &Arc<Shared>) -> io::Result<()> {
        let mut known = self.read()?;
        shared.firewall.close(&known)?;
        let shared = Arc::downgrade(shared);
        thread::Builder::new().name("own addresses".to_owned()).spawn(move || {
            let mut hears = true;
            // Looked at after every wait, too: what was told while nobody listened is lost.
            loop {
                if hears && let Err(error) = self.changes.hear(|_, _| ()) {
                    let every = LOOK.as_secs();
                    tracing::error!(%error, "the machine does not tell of new addresses; they are looked at every {every} s");
                    hears = false;
                }
                if !hears {
                    thread::sleep(LOOK);
                }
                let Some(shared) = shared.upgrade() else { return };
                let closed = self.read().and_then(|now| {
                    if now != known {
                        shared.firewall.close(&now)?;
                        known = now;
                    }
                    Ok(())
                });
                if let Err(error) = closed {
                    tracing::error!(%error, "the machine's new addresses are not closed to sandboxes");
                }
            }
        })?;
        Ok(())
    }

    /// The networks whose packets the machine keeps.
    fn read(&self) -> io::Result<Vec<Cidr>> {
        let mut own = Vec::new();
        for family in [libc::AF_INET, libc::AF_INET6] {
            let header = [&[family as u8][..], &[0; 11]].concat();
            let all = Message::new(libc::RTM_GETROUTE, libc::NLM_F_DUMP, &header);
            self.routes.dump(all, |route| own.extend(destination(route)))?;
        }
        own.sort_unstable();
        own.dedup();
        Ok(own)
    }
}

/// Where a route leads to, if that is the machine itself or everybody on a link.
fn destination(route: &[u8]) -> Option<Cidr> {
    const DESTINATION: u16 = 1;
    const HEADER: usize = 12;
    let (family, prefix, kind) = (*route.first()?, *route.get(1)?, *route.get(7)?);
    if ![libc::RTN_LOCAL, libc::RTN_BROADCAST, libc::RTN_ANYCAST, libc::RTN_MULTICAST].contains(&kind) {
        return None;
    }
    let mut rest = route.get(HEADER..)?;
    while let Some(&[low, high, of, also]) = rest.first_chunk() {
        let length = usize::from(u16::from_ne_bytes([low, high]));
        let value = rest.get(4..length)?;
        if u16::from_ne_bytes([of, also]) == DESTINATION {
            let address: IpAddr = match i32::from(family) {
                libc::AF_INET => Ipv4Addr::from(*value.first_chunk()?).into(),
                _ => Ipv6Addr::from(*value.first_chunk()?).into(),
            };
            return Some(Cidr::new(address, prefix));
        }
        rest = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}
