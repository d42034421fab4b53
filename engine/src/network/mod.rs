//! Sandboxes on the network: what they reach, and what never.
//!
//! Every sandbox has a network namespace with one link to the machine, which forwards and translates addresses for it
//! ([`links`]). What may pass is one table of nftables ([`firewall`]), written once; names are resolved by the engine
//! ([`resolver`]). Namespaces are made ahead and removed afterwards by a thread of their own, so that neither a start nor an
//! end waits for the kernel's network. [`Network::prepare`] says what is missing.
//!
//! An ordinary user's engine does all of this in a network of its own, which `pasta` joins to the machine's: what
//! leaves it travels through sockets of the user's.
//!
//! Engines of one machine share it by blocks of addresses. A block is claimed by a name that the kernel gives up with the
//! process, so the next engine finds what a killed one left and removes it.

mod authority;
mod cidr;
mod client_hello;
mod connections;
mod dns;
mod domains;
mod environment;
mod firewall;
mod forwarding;
mod gate;
mod guarded;
mod interception;
mod joined;
mod links;
mod log;
mod netlink;
mod nftables;
mod own_addresses;
mod packets;
mod pasta;
mod pins;
mod policy;
mod reach;
mod redirection;
mod resolver;
mod splice;
mod web;

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use nix::libc;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, bind, socket};

pub use cidr::Cidr;
pub use domains::Domains;
pub use environment::{certificates, image_environment, machine_environment};
use firewall::Firewall;
use forwarding::Forwarding;
use gate::Gate;
pub use guarded::{PREFIX, Secret, Secrets};
pub use interception::Interceptor;
pub use joined::Joined;
pub use log::{Needs, Tried};
use netlink::Socket;
use own_addresses::OwnAddresses;
pub use pasta::PROGRAM as PASTA;
use pasta::Pasta;
use policy::Policy;
pub use reach::Reach;
use resolver::Sockets;
use splice::Unbound;

use crate::isolation;

/// What the names of all engines' links begin with.
const LINK_PREFIX: &str = "dyt";

/// Blocks, and sandboxes of one.
const BLOCKS: u32 = 32;
const BLOCK_SIZE: u32 = 4096;

/// The sandboxes' addresses: of a network for measurements, which nobody routes, and a private one of IPv6.
const FIRST_V4: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);
const FIRST_V6: Ipv6Addr = Ipv6Addr::new(0xfd44, 0x6179, 0x746f, 0, 0, 0, 0, 0);

/// Networks made ahead.
const READY: usize = 4;

/// What the kernel tells of when the machine gets addresses, of IPv4 and IPv6; sandboxes' links have none on the machine.
const NEW_ADDRESSES: [u32; 2] = [5, 9];

/// How long it takes to look at the machine's links again where the kernel does not tell of them.
const WITHOUT_NEWS: Duration = Duration::from_secs(10);

/// A sandbox's addresses.
#[derive(Debug, Clone, Copy)]
struct Addresses {
    v4: Ipv4Addr,
    v6: Option<Ipv6Addr>,
}

impl Addresses {
    fn of(block: u32, number: u32, v6: bool) -> Self {
        let place = block * BLOCK_SIZE + number;
        Self {
            v4: Ipv4Addr::from_bits(FIRST_V4.to_bits() + place),
            v6: v6.then(|| Ipv6Addr::from_bits(FIRST_V6.to_bits() + u128::from(place) + 1)),
        }
    }

    fn bytes(&self) -> Vec<Vec<u8>> {
        let v6 = self.v6.map(|address| address.octets().to_vec());
        [self.v4.octets().to_vec()].into_iter().chain(v6).collect()
    }

    /// Mask and address of the network that all sandboxes are in, of IPv4 or IPv6.
    fn network(family: usize) -> (Vec<u8>, Vec<u8>) {
        match family {
            0 => ([255, 254, 0, 0].to_vec(), FIRST_V4.octets().to_vec()),
            _ => ([[255; 6].as_slice(), &[0; 10]].concat(), FIRST_V6.octets().to_vec()),
        }
    }
}

/// A namespace made ahead, with its link.
#[derive(Debug)]
struct Prepared {
    number: u32,
    /// The number of its link on the machine.
    link: u32,
    namespace: OwnedFd,
    sockets: Sockets,
    /// For ending connections in it.
    diagnosis: Socket,
    /// For leading connections to the engine.
    rules: Socket,
    /// Where they will be led.
    unbound: Unbound,
}

/// The network of all sandboxes of an engine.
#[derive(Debug)]
pub struct Network {
    shared: Arc<Shared>,
    work: Sender<Work>,
    worker: Mutex<Option<thread::JoinHandle<()>>>,
    /// Made for the first sandbox with secrets.
    interceptor: Mutex<Option<Arc<Interceptor>>>,
}

#[derive(Debug)]
struct Shared {
    block: u32,
    v6: bool,
    mtu: u32,
    firewall: Firewall,
    gate: Arc<Gate>,
    machine: Socket,
    /// Where sandboxes' links have their other ends: the machine's own network, or that of an ordinary user's engine.
    namespace: OwnedFd,
    forwarding: Forwarding,
    /// The rules of running sandboxes, by the numbers of their links.
    policies: Mutex<HashMap<u32, Arc<Policy>>>,
    state: Mutex<State>,
    /// Held for as long as the block is ours.
    claim: Mutex<Option<OwnedFd>>,
}

#[derive(Debug, Default)]
struct State {
    ready: VecDeque<Prepared>,
    free: Vec<u32>,
}

enum Work {
    Refill,
    Remove { number: u32, limits: Option<Vec<Cidr>>, namespace: OwnedFd },
    End,
}

impl Network {
    /// Prepares everything; `opened` is what the operator opened of private networks.
    ///
    /// # Errors
    /// What is missing, as a sentence's end.
    pub fn prepare(state_dir: &Path, opened: &[Cidr]) -> Result<Self> {
        let gate = Arc::new(Gate::new(opened)?);
        let pasta = match isolation::has_own_namespace() {
            true => Some(Pasta::start(state_dir)?),
            false => None,
        };
        let own = pasta.as_ref().map(|_| OwnAddresses::open()).transpose().context("the machine's own addresses")?;
        let ground = pasta.as_ref().map(|pasta| pasta.namespace().try_clone()).transpose()?;
        let (work, arriving) = mpsc::channel();
        let (prepared, preparing) = mpsc::channel();
        let (state_dir, opened) = (state_dir.to_owned(), opened.to_vec());
        let worker = thread::Builder::new().name("network".to_owned()).spawn(move || {
            let entered = ground.as_ref().map_or(Ok(()), |own| setns(own, CloneFlags::CLONE_NEWNET));
            let shared = entered.map_err(anyhow::Error::from).and_then(|()| Shared::prepare(&state_dir, &opened, gate));
            match shared {
                Ok(shared) => {
                    let _ = prepared.send(Ok(Arc::clone(&shared)));
                    shared.serve(&arriving);
                }
                Err(error) => drop(prepared.send(Err(error))),
            }
            drop(pasta);
        })?;
        let shared = preparing.recv().context("the network's thread ended")??;
        match own {
            Some(own) => own.keep_closed(&shared).context("closing the machine's own addresses")?,
            None => shared.follow_uplinks(),
        }
        let _ = work.send(Work::Refill);
        Ok(Self { shared, work, worker: Mutex::new(Some(worker)), interceptor: Mutex::default() })
    }

    /// Whether sandboxes have IPv6.
    pub fn has_v6(&self) -> bool {
        self.shared.v6
    }

    /// What stands in for the hosts of secrets. Blocks the first time.
    ///
    /// # Errors
    /// When its certificate cannot be made.
    pub fn interceptor(&self) -> Result<Arc<Interceptor>> {
        let mut known = self.interceptor.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(interceptor) = &*known {
            return Ok(Arc::clone(interceptor));
        }
        let made = Arc::new(Interceptor::new().context("making a certificate authority for secrets")?);
        *known = Some(Arc::clone(&made));
        Ok(made)
    }

    /// Gives a sandbox that starts a network; one with secrets trusts the [`Interceptor`]. Blocks; needs the runtime.
    pub fn join(&self, reach: Reach, secrets: Option<Secrets>) -> Result<Joined> {
        let ready = self.shared.lock().ready.pop_front();
        let prepared = match ready {
            Some(prepared) => prepared,
            None => self.shared.prepare_one().context("making the sandbox's network")?,
        };
        let _ = self.work.send(Work::Refill);
        let secrets = match secrets {
            Some(secrets) => Some((secrets, self.interceptor()?)),
            None => None,
        };
        Joined::new(Arc::clone(&self.shared), self.work.clone(), prepared, reach, secrets)
    }

    /// Removes everything. Call it when all sandboxes have ended.
    pub fn clean_up(&self) {
        let _ = self.work.send(Work::End);
        if let Some(worker) = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = worker.join();
        }
    }
}

impl Shared {
    /// Claims a block, removes what killed engines left, and writes the table, all in the network of this thread.
    fn prepare(state_dir: &Path, opened: &[Cidr], gate: Arc<Gate>) -> Result<Arc<Self>> {
        let machine = Socket::open(libc::NETLINK_ROUTE).context("netlink")?;
        let (block, claim) = claim().context("no block of addresses is free")?;
        for number in existing_links(block) {
            let _ = links::remove(&machine, &link_name(block, number));
        }
        let uplinks = forwarding::uplinks();
        let v6 = forwarding::has_v6();
        let firewall =
            Firewall::write(block, &link_prefix(block), opened).context("the kernel takes no nftables rules")?;
        let forwarding = Forwarding::new(state_dir, v6);
        if let Err(error) = forwarding.switch_on(|links| firewall.keep_from_others(links)) {
            firewall.remove();
            return Err(error).context("the machine cannot be made to forward packets");
        }
        let shared = Arc::new(Self {
            block,
            v6,
            mtu: uplinks.iter().filter_map(|name| links::mtu(name)).min().unwrap_or(1500),
            firewall,
            gate,
            machine,
            namespace: own_namespace()?,
            forwarding,
            policies: Mutex::default(),
            state: Mutex::new(State { ready: VecDeque::new(), free: (0..BLOCK_SIZE).rev().collect() }),
            claim: Mutex::new(Some(claim)),
        });
        // One at once: it shows whether all of it works here.
        match shared.prepare_one().context("no network could be made for a sandbox") {
            Ok(first) => shared.lock().ready.push_back(first),
            Err(error) => {
                shared.firewall.remove();
                shared.give_up();
                return Err(error);
            }
        }
        shared.listen();
        Ok(shared)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn policies(&self) -> MutexGuard<'_, HashMap<u32, Arc<Policy>>> {
        self.policies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the packets that begin a conversation noted, in a thread that ends with the network. Without them the log has what
    /// the resolver and the engine itself decide.
    fn listen(self: &Arc<Self>) {
        let shared = Arc::downgrade(self);
        let heard = packets::listen(firewall::group(self.block)).and_then(|socket| {
            thread::Builder::new().name("packets".to_owned()).spawn(move || {
                while let (Ok(packets), Some(shared)) = (packets::next(&socket), shared.upgrade()) {
                    for packet in packets {
                        let policy = shared.policies().get(&packet.link).map(Arc::clone);
                        if let Some(policy) = policy {
                            policy.note(&packet);
                        }
                    }
                }
            })
        });
        if let Err(error) = heard {
            tracing::warn!(%error, "the kernel does not tell of sandboxes' packets");
        }
    }

    /// Has links that the machine gets later forward for sandboxes too, in a thread that ends with the network.
    fn follow_uplinks(self: &Arc<Self>) {
        let shared = Arc::downgrade(self);
        let followed = Socket::open(libc::NETLINK_ROUTE).and_then(|changes| {
            changes.subscribe(&NEW_ADDRESSES)?;
            thread::Builder::new().name("uplinks".to_owned()).spawn(move || {
                // Looked at after every wait, too: a link may be raised long after it got its address.
                loop {
                    if let Err(error) = changes.hear(|_, _| ()) {
                        // Then they are looked at from time to time.
                        tracing::debug!(%error, "the kernel does not tell of the machine's addresses");
                        thread::sleep(WITHOUT_NEWS);
                    }
                    let Some(shared) = shared.upgrade() else { return };
                    let switched = shared.forwarding.switch_on(|links| shared.firewall.keep_from_others(links));
                    if let Err(error) = switched {
                        tracing::error!(%error, "sandboxes do not reach the network by the machine's new links");
                    }
                }
            })
        });
        if let Err(error) = followed {
            tracing::warn!(%error, "links that the machine gets later do not forward for sandboxes");
        }
    }

    fn addresses(&self, number: u32) -> Addresses {
        Addresses::of(self.block, number, self.v6)
    }

    fn prepare_one(&self) -> Result<Prepared> {
        let number = self.lock().free.pop().context("too many sandboxes are running")?;
        let (name, addresses) = (link_name(self.block, number), self.addresses(number));
        // A namespace is left with the thread that entered it.
        let made = thread::scope(|scope| {
            let making = scope.spawn(|| {
                // Before there is a link that it is about.
                self.firewall.add(&name, &addresses).context("adding to the firewall")?;
                let prepared = self.make_inside(number, &name, &addresses);
                setns(&self.namespace, CloneFlags::CLONE_NEWNET).context("going back to the links' other ends")?;
                let attached = prepared.and_then(|prepared| {
                    let link = links::attach(&self.machine, &name, &addresses).context("attaching the link")?;
                    Ok(Prepared { link, ..prepared })
                });
                attached.inspect_err(|_| drop(links::remove(&self.machine, &name)))
            });
            making.join().unwrap_or_else(|_| bail!("the thread panicked"))
        });
        if made.is_err() {
            let _ = self.firewall.forget(&name, &addresses, None);
            self.lock().free.push(number);
        }
        made
    }

    fn make_inside(&self, number: u32, name: &str, addresses: &Addresses) -> Result<Prepared> {
        unshare(CloneFlags::CLONE_NEWNET).context("leaving the machine's network")?;
        links::create(name, self.namespace.as_fd(), addresses, self.mtu).context("creating the link")?;
        Ok(Prepared {
            number,
            link: 0,
            namespace: own_namespace()?,
            sockets: Sockets::bind().context("listening for names")?,
            diagnosis: Socket::open(libc::NETLINK_SOCK_DIAG)?,
            rules: Socket::open(libc::NETLINK_NETFILTER)?,
            unbound: Unbound::new()?,
        })
    }

    fn serve(&self, arriving: &mpsc::Receiver<Work>) {
        while let Ok(work) = arriving.recv() {
            match work {
                Work::Refill => self.refill(),
                Work::Remove { number, limits, namespace } => {
                    // Removing takes longest, and there may be many: whoever starts meanwhile is not to wait for it.
                    self.refill();
                    self.remove(number, limits.as_deref());
                    drop(namespace);
                }
                Work::End => break,
            }
        }
        let ready = std::mem::take(&mut self.lock().ready);
        for prepared in ready {
            let _ = links::remove(&self.machine, &link_name(self.block, prepared.number));
        }
        for number in existing_links(self.block) {
            let _ = links::remove(&self.machine, &link_name(self.block, number));
        }
        self.firewall.remove();
        self.give_up();
    }

    /// Gives the block up, and leaves the machine as it was if no other engine is there. One engine at a time does this, so
    /// that of several that end together the last one sees that it is.
    fn give_up(&self) {
        self.forwarding.restore(|| {
            self.claim.lock().unwrap_or_else(PoisonError::into_inner).take();
            engines_are_there()
        });
    }

    fn refill(&self) {
        let is_wanted = |state: &State| state.ready.len() < READY && !state.free.is_empty();
        while is_wanted(&self.lock()) {
            match self.prepare_one() {
                Ok(prepared) => self.lock().ready.push_back(prepared),
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "no network could be made ahead");
                    return;
                }
            }
        }
    }

    fn remove(&self, number: u32, limits: Option<&[Cidr]>) {
        let name = link_name(self.block, number);
        // The link first: without its elements in the firewall nothing would limit it.
        let removed = links::remove(&self.machine, &name);
        let forgotten = removed.and_then(|()| self.firewall.forget(&name, &self.addresses(number), limits));
        match forgotten {
            Ok(()) => self.lock().free.push(number),
            Err(error) => tracing::error!(%error, link = name, "a sandbox's network could not be removed"),
        }
    }
}

fn link_prefix(block: u32) -> String {
    format!("{LINK_PREFIX}{block:02x}-")
}

fn link_name(block: u32, number: u32) -> String {
    format!("{}{number}", link_prefix(block))
}

/// The numbers of a block's links that are there.
fn existing_links(block: u32) -> Vec<u32> {
    let prefix = link_prefix(block);
    links::names().iter().filter_map(|name| name.strip_prefix(&prefix)?.parse().ok()).collect()
}

/// The network namespace of this thread.
fn own_namespace() -> io::Result<OwnedFd> {
    Ok(fs::File::open("/proc/thread-self/ns/net")?.into())
}

/// The lowest block that no living engine has.
fn claim() -> Result<(u32, OwnedFd)> {
    (0..BLOCKS)
        .find_map(|block| claim_block(block).transpose())
        .unwrap_or_else(|| Err(anyhow!("{BLOCKS} engines are running on this machine")))
}

/// `None` when another process has it. The name is the machine's network's, and goes with the process.
fn claim_block(block: u32) -> Result<Option<(u32, OwnedFd)>> {
    let socket = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let name = UnixAddr::new_abstract(format!("daytona-network-{block}").as_bytes())?;
    match bind(socket.as_raw_fd(), &name) {
        Ok(()) => Ok(Some((block, socket))),
        Err(nix::errno::Errno::EADDRINUSE) => Ok(None),
        Err(error) => Err(io::Error::from(error).into()),
    }
}

fn engines_are_there() -> bool {
    (0..BLOCKS).any(|block| matches!(claim_block(block), Ok(None)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_do_not_overlap() {
        let last = Addresses::of(BLOCKS - 1, BLOCK_SIZE - 1, true);
        assert_eq!(last.v4, Ipv4Addr::new(198, 19, 255, 255));
        assert_eq!(Addresses::of(1, 0, false).v4, Ipv4Addr::new(198, 18, 16, 0));
        assert!(link_name(BLOCKS - 1, BLOCK_SIZE - 1).len() < 16);
    }
}
