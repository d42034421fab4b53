//! What a client sends on its channels, until it is taken.
//!
//! A channel whose bytes nobody takes must not hold up the others, and must not fill memory either. The library grants a
//! channel more room before its bytes are taken, up to a target that all channels of a connection share; handing bytes over
//! through its own queues would stop the whole connection. So bytes wait here, and while a channel is behind, the target is
//! made so small that its client can send next to nothing: [`TRICKLE`] bytes, each time that [`PAUSE`] is over. Once the bytes
//! have been taken, the next trickle brings the whole room back.
//!
//! Another channel that has used up its room meanwhile gets its next one right after a trickle of the one that is behind: its
//! own trickle, already on its way, is then the first to meet the whole target.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use russh::ChannelId;
use tokio::sync::{Notify, mpsc, oneshot};

use super::paced::Pace;

/// Bytes that a client may send on a channel before they are taken.
pub const ROOM: u32 = 2 << 20;

/// The least room that makes the library ask again once it is used up.
const TRICKLE: u32 = 2;

/// How long reading waits after a trickle.
const PAUSE: Duration = Duration::from_millis(10);

/// Bytes from which on a channel is behind.
const BEHIND: usize = (ROOM / 2) as usize;

/// Bytes of a connection at which a channel that is behind is given up. Only a client that ignores its room, or one that sends
/// much on one channel while nobody takes what it sent on another, gets there. The library does not hold clients to their room.
const GIVEN_UP: usize = 256 << 20;

/// Bytes of all connections at which a channel that is behind is given up.
const ALL_GIVEN_UP: usize = 1 << 30;

/// Channels of a connection at once, whichever side opens them.
pub const MOST_CHANNELS: usize = 256;

/// What is waiting on all connections, in bytes.
#[derive(Clone, Default)]
pub struct Held(Arc<AtomicUsize>);

/// All channels of a connection.
#[derive(Clone, Default)]
pub struct Channels {
    table: Arc<Mutex<HashMap<ChannelId, Channel>>>,
    opened: Arc<Notify>,
    /// Channels that the client has been asked to open.
    opening: Arc<AtomicUsize>,
    pace: Pace,
    held: Held,
}

struct Channel {
    /// Gone after the end of what the client sends.
    bytes: Option<mpsc::UnboundedSender<Taken>>,
    waiting: Arc<AtomicUsize>,
    ends: Option<(Arriving, Closed)>,
    /// When its client was last granted room, as long as it has not used it.
    granted: Option<Instant>,
    /// Whether the bytes that are arriving right now had room granted.
    granting: bool,
    /// Whether it needs more than a trickle.
    wants: bool,
    /// Dropped with the channel.
    _open: oneshot::Sender<()>,
}

impl Channel {
    fn is_behind(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > BEHIND
    }

    /// Whether its next bytes are on their way. A client without more to send does not count for long.
    fn is_about_to_send(&self) -> bool {
        self.granted.is_some_and(|granted| granted.elapsed() < 5 * PAUSE)
    }
}

/// The other end of a channel's bytes.
pub struct Arriving {
    bytes: mpsc::UnboundedReceiver<Taken>,
}

/// A place for a channel that is about to be opened from here.
pub struct Opening(Arc<AtomicUsize>);

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The end of a channel, to come.
pub struct Closed(oneshot::Receiver<()>);

impl Closed {
    /// Waits until the client has closed the channel.
    pub async fn wait(&mut self) {
        // Nothing is ever sent.
        let _ = (&mut self.0).await;
    }
}

/// Bytes of a client, and what they count as.
pub struct Taken {
    /// The bytes.
    pub bytes: Bytes,
    waiting: Arc<AtomicUsize>,
    held: Held,
}

impl Taken {
    fn new(bytes: &[u8], waiting: &Arc<AtomicUsize>, held: &Held) -> Self {
        waiting.fetch_add(bytes.len(), Ordering::Relaxed);
        held.0.fetch_add(bytes.len(), Ordering::Relaxed);
        Self { bytes: Bytes::copy_from_slice(bytes), waiting: Arc::clone(waiting), held: held.clone() }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.bytes.len(), Ordering::Relaxed);
        self.held.0.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

impl Arriving {
    /// The next bytes; `None` after the last. They count as waiting until the result is dropped.
    pub async fn next(&mut self) -> Option<Taken> {
        self.bytes.recv().await
    }
}

impl Channels {
    /// Channels of a connection with this pace, whose bytes count among those of all.
    pub fn new(pace: Pace, held: Held) -> Self {
        Self { pace, held, ..Self::default() }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<ChannelId, Channel>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a channel that is open.
    pub fn open(&self, id: ChannelId) {
        let (sender, bytes) = mpsc::unbounded_channel();
        let (open, closed) = oneshot::channel();
        let waiting = Arc::<AtomicUsize>::default();
        let ends = (Arriving { bytes }, Closed(closed));
        let channel = Channel {
            bytes: Some(sender),
            waiting,
            ends: Some(ends),
            granted: None,
            granting: false,
            wants: false,
            _open: open,
        };
        self.table().insert(id, channel);
        self.opened.notify_waiters();
    }

    /// Whether the client may open another.
    pub fn has_room(&self) -> bool {
        self.table().len() + self.opening.load(Ordering::Relaxed) < MOST_CHANNELS
    }

    /// A place for one that is opened from here, to be kept until it is open.
    pub fn reserve(&self) -> Option<Opening> {
        // The table is the lock of both numbers.
        let table = self.table();
        let opening = self.opening.fetch_add(1, Ordering::Relaxed);
        let place = Opening(Arc::clone(&self.opening));
        (table.len() + opening < MOST_CHANNELS).then_some(place)
    }

    /// The bytes of a channel and its end, once.
    pub fn take(&self, id: ChannelId) -> Option<(Arriving, Closed)> {
        self.table().get_mut(&id)?.ends.take()
    }

    /// The same for a channel whose opening is being confirmed on another thread.
    pub async fn take_opened(&self, id: ChannelId) -> Option<(Arriving, Closed)> {
        let taking = async {
            loop {
                let opened = self.opened.notified();
                tokio::pin!(opened);
                opened.as_mut().enable();
                if let Some(ends) = self.take(id) {
                    return ends;
                }
                opened.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(1), taking).await.ok()
    }

    /// Bytes have come. False when the channel has to be given up.
    pub fn arrived(&self, id: ChannelId, bytes: &[u8]) -> bool {
        let mut table = self.table();
        let Some(channel) = table.get_mut(&id) else { return true };
        if !std::mem::take(&mut channel.granting) {
            channel.granted = None;
        }
        let Some(sender) = &channel.bytes else { return true };
        if sender.send(Taken::new(bytes, &channel.waiting, &self.held)).is_err() {
            return true;
        }
        let waiting = channel.waiting.load(Ordering::Relaxed);
        if waiting > BEHIND && bytes.len() <= TRICKLE as usize {
            self.pace.pause(PAUSE);
        }
        if waiting <= BEHIND {
            return true;
        }
        table.values().map(|channel| channel.waiting.load(Ordering::Relaxed)).sum::<usize>() <= GIVEN_UP
            && self.held.0.load(Ordering::Relaxed) <= ALL_GIVEN_UP
    }

    /// The client sends no more on a channel.
    pub fn ended(&self, id: ChannelId) {
        if let Some(channel) = self.table().get_mut(&id) {
            channel.bytes = None;
        }
    }

    /// A channel is closed.
    pub fn close(&self, id: ChannelId) {
        self.table().remove(&id);
    }

    /// All of them are.
    pub fn close_all(&self) {
        self.table().clear();
    }

    /// The room that the library grants next, whatever channel that is, after it has granted this channel up to `granted`.
    pub fn room(&self, id: ChannelId, granted: u32) -> u32 {
        let mut table = self.table();
        let Some(channel) = table.get_mut(&id) else { return ROOM };
        channel.granted = Some(Instant::now());
        channel.granting = true;
        let is_behind = channel.is_behind();
        channel.wants = !is_behind && granted != ROOM;
        let others = |what: fn(&Channel) -> bool| table.iter().any(|(other, channel)| *other != id && what(channel));
        let whole = if is_behind {
            others(|other| other.wants)
        } else {
            !others(|other| other.is_behind() && other.is_about_to_send())
        };
        if whole { ROOM } else { TRICKLE }
    }
}

#[cfg(test)]
mod tests {
    use russh::keys::ssh_encoding::Decode;

    use super::*;

    fn channel(number: u8) -> ChannelId {
        ChannelId::decode(&mut &[0, 0, 0, number][..]).unwrap()
    }

    #[test]
    fn all_channels_of_a_connection_fill_no_more_memory_than_one() {
        let channels = Channels::default();
        let ids = [1, 2, 3].map(channel);
        ids.iter().for_each(|id| channels.open(*id));
        for id in &ids[..2] {
            channels.table()[id].waiting.store(GIVEN_UP / 2, Ordering::Relaxed);
        }
        assert!(channels.arrived(ids[2], b"one that is not behind goes on"));
        assert!(!channels.arrived(ids[1], b"one too many"));
        channels.close(ids[0]);
        assert!(channels.arrived(ids[1], b"there is room again"));
    }

    #[test]
    fn all_connections_fill_no_more_memory_than_a_few() {
        let held = Held::default();
        let [one, other] = [(); 2].map(|()| Channels::new(Pace::default(), held.clone()));
        for channels in [&one, &other] {
            channels.open(channel(1));
        }
        let behind = vec![0; BEHIND + 1];
        assert!(one.arrived(channel(1), &behind) && other.arrived(channel(1), &behind));
        assert_eq!(held.0.load(Ordering::Relaxed), 2 * behind.len());
        held.0.fetch_add(ALL_GIVEN_UP, Ordering::Relaxed);
        assert!(!other.arrived(channel(1), b"one too many"));
        held.0.fetch_sub(ALL_GIVEN_UP, Ordering::Relaxed);
        one.close_all();
        other.close_all();
        assert_eq!(held.0.load(Ordering::Relaxed), 0, "what nobody took is gone");
    }

    #[test]
    fn channels_opened_from_here_count_too() {
        let channels = Channels::default();
        let places: Vec<_> = (0..MOST_CHANNELS - 1).map(|_| channels.reserve().unwrap()).collect();
        channels.open(channel(1));
        assert!(!channels.has_room() && channels.reserve().is_none());
        drop(places);
        assert!(channels.has_room() && channels.reserve().is_some());
    }
}
