//! A sandbox that runs.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Reach, Resources, Secrets, Tried, Usage, Work};

/// Tells a setting as it is when it is the turn of whoever asks: of changes that overtake each other, the last one holds.
pub type Latest<T> = Box<dyn FnOnce() -> T + Send>;

/// How a sandbox ended that nobody ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its processes ended, or were killed from outside.
    Exited,
    /// It reached its limit of memory, and its toolbox was killed for that.
    OutOfMemory,
}

/// A sandbox that runs, or has ended. What it has outside (sockets, groups, addresses) is taken back by
/// [`Instance::release`]; dropping the last reference ends the sandbox where sandboxes do not outlive their engine.
pub trait Instance: Send + Sync + fmt::Debug + 'static {
    /// Asks the processes to end, and has what is left after a moment killed. Returns at once.
    fn terminate(&self);

    /// Has all processes killed. Returns at once.
    fn kill(&self);

    /// The same in another way, for one that has not ended long after [`Instance::kill`]. Returns at once.
    fn kill_from_outside(&self) {
        self.kill();
    }

    /// Waits until all processes have ended, whoever ended them. This is how the engine learns of every end.
    fn wait(&self) -> BoxFuture<'_, ()>;

    /// Whether they have.
    fn has_ended(&self) -> bool;

    /// Takes back what a sandbox that has ended had outside, before it may start again. May be called any number of times; each
    /// call is done when all is taken back. Answers how it ended, to the first.
    fn release(self: Arc<Self>) -> BoxFuture<'static, End>;

    /// Changes the limits of processors and memory while it runs. Does nothing for one that has ended.
    ///
    /// # Errors
    /// When that is refused; then any of them may hold.
    fn resize(self: Arc<Self>, resources: Resources) -> Work<'static, ()>;

    /// Changes what it reaches on the network. Connections that are not allowed any more end.
    ///
    /// # Errors
    /// When that is refused; then nothing is promised, and the sandbox has to be ended.
    fn set_reach(self: Arc<Self>, reach: Latest<Reach>) -> Work<'static, ()>;

    /// Gives its requests the secrets that `secrets` says once it is this change's turn. Without effect where it started without any. Blocks briefly.
    fn set_secrets(&self, secrets: &mut dyn FnMut() -> Secrets) {
        let _ = secrets;
    }

    /// Makes all processes stand still. They can still be killed.
    ///
    /// # Errors
    /// When they do not; then they go on.
    fn freeze(self: Arc<Self>) -> Work<'static, ()>;

    /// Whether its processes stand still.
    fn is_frozen(&self) -> bool {
        false
    }

    /// Lets the processes go on.
    ///
    /// # Errors
    /// When that is refused.
    fn thaw(self: Arc<Self>) -> Work<'static, ()>;

    /// What the processes use, where that is known.
    fn usage(&self) -> BoxFuture<'_, Option<Usage>>;

    /// What it tried on the network since it started, where that is known.
    fn tried(&self) -> Option<Tried> {
        None
    }
}
