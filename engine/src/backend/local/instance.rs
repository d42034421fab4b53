//! A sandbox of this machine that runs.

use std::sync::Arc;

use anyhow::Result;
use futures_util::future::BoxFuture;

use super::super::{End, Instance, Latest, Reach, Resources, Secrets, Tried, Usage, Work};
use super::blocking;
use crate::isolation;

/// What the inherent methods do, in the backend's words.
type Processes = isolation::Instance;

fn later(instance: Arc<Processes>, work: impl FnOnce(&Processes) -> Result<()> + Send + 'static) -> Work<'static, ()> {
    blocking(move || work(&instance))
}

impl Instance for Processes {
    fn terminate(&self) {
        Self::terminate(self);
    }

    fn kill(&self) {
        Self::kill(self);
    }

    fn kill_from_outside(&self) {
        Self::kill_from_outside(self);
    }

    fn wait(&self) -> BoxFuture<'_, ()> {
        Box::pin(Self::wait(self))
    }

    fn has_ended(&self) -> bool {
        Self::has_ended(self)
    }

    fn release(self: Arc<Self>) -> BoxFuture<'static, End> {
        let released = tokio::task::spawn_blocking(move || {
            let end = if self.was_out_of_memory() { End::OutOfMemory } else { End::Exited };
            Self::release(&self);
            end
        });
        Box::pin(async move { released.await.unwrap_or(End::Exited) })
    }

    fn resize(self: Arc<Self>, resources: Resources) -> Work<'static, ()> {
        later(self, move |instance| instance.resize(resources))
    }

    fn set_reach(self: Arc<Self>, reach: Latest<Reach>) -> Work<'static, ()> {
        later(self, move |instance| instance.set_reach(reach))
    }

    fn set_secrets(&self, secrets: &mut dyn FnMut() -> Secrets) {
        Self::set_secrets(self, secrets);
    }

    fn freeze(self: Arc<Self>) -> Work<'static, ()> {
        later(self, Self::freeze)
    }

    fn is_frozen(&self) -> bool {
        Self::is_frozen(self)
    }

    fn thaw(self: Arc<Self>) -> Work<'static, ()> {
        later(self, Self::thaw)
    }

    fn usage(&self) -> BoxFuture<'_, Option<Usage>> {
        // Reading some files of the kernel takes less time than another thread.
        Box::pin(async { Self::usage(self) })
    }

    fn tried(&self) -> Option<Tried> {
        Self::tried(self)
    }
}
