//! A backend that fails as tests ask for: `DAYTONA_ENGINE_BACKEND_FAULTS` names a file with words of [`Fault`], one a line.
//! It is read whenever something could fail, so that faults come and go while the engine runs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Result, bail};
use futures_util::future::BoxFuture;

use super::{
    Backend, End, Feature, Found, Instance, Latest, Limits, Reach, Refusal, Resources, Secrets, Spec, Stream, Tried,
    Usage, Work,
};
use crate::server::BackendChoice;

const VARIABLE: &str = "DAYTONA_ENGINE_BACKEND_FAULTS";

/// This machine, failing if tests want that.
pub fn choice() -> BackendChoice {
    match std::env::var_os(VARIABLE) {
        Some(_) => BackendChoice::Through(|inner| Arc::new(Faulty { inner })),
        None => BackendChoice::Local,
    }
}

/// What can fail.
#[derive(Debug, Clone, Copy)]
enum Fault {
    CreateFails,
    StartFails,
    DiscardFails,
    ConnectRefused,
    /// What starts has been killed when the start is done.
    DiesAtOnce,
    /// Sandboxes end neither when they are asked to, nor when they are killed, but from outside.
    StopHangs,
}

impl Fault {
    fn is_asked_for(self) -> bool {
        let word = match self {
            Self::CreateFails => "create-fails",
            Self::StartFails => "start-fails",
            Self::DiscardFails => "discard-fails",
            Self::ConnectRefused => "connect-refused",
            Self::DiesAtOnce => "dies-at-once",
            Self::StopHangs => "stop-hangs",
        };
        let asked = std::env::var_os(VARIABLE).and_then(|path| std::fs::read_to_string(path).ok());
        asked.is_some_and(|text| text.lines().any(|line| line == word))
    }

    fn strike(self) -> Result<()> {
        if self.is_asked_for() {
            bail!("{self:?}, as a test asked for");
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Faulty {
    inner: Arc<dyn Backend>,
}

impl Backend for Faulty {
    fn isolation(&self) -> &str {
        self.inner.isolation()
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    fn notes(&self) -> Vec<String> {
        self.inner.notes()
    }

    fn check(&self, feature: Feature) -> Result<(), Refusal> {
        self.inner.check(feature)
    }

    fn create(&self, spec: Spec) -> Work<'_, ()> {
        Box::pin(async move {
            Fault::CreateFails.strike()?;
            self.inner.create(spec).await
        })
    }

    fn start(&self, spec: Spec) -> Work<'_, Arc<dyn Instance>> {
        Box::pin(async move {
            Fault::StartFails.strike()?;
            let instance = self.inner.start(spec).await?;
            if Fault::DiesAtOnce.is_asked_for() {
                instance.kill();
                instance.wait().await;
            }
            Ok(Arc::new(FaultyInstance { inner: instance }) as Arc<dyn Instance>)
        })
    }

    fn connect<'a>(&'a self, id: &'a str) -> BoxFuture<'a, io::Result<Stream>> {
        if Fault::ConnectRefused.is_asked_for() {
            return Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) });
        }
        self.inner.connect(id)
    }

    fn discard<'a>(&'a self, id: &'a str) -> Work<'a, ()> {
        Box::pin(async move {
            Fault::DiscardFails.strike()?;
            self.inner.discard(id).await
        })
    }

    fn purge<'a>(&'a self, id: &'a str, keep_mark: bool) -> BoxFuture<'a, ()> {
        self.inner.purge(id, keep_mark)
    }

    fn forget<'a>(&'a self, id: &'a str) -> BoxFuture<'a, ()> {
        self.inner.forget(id)
    }

    fn list(&self) -> Work<'_, Vec<Found>> {
        self.inner.list()
    }

    fn adopt(&self, spec: Spec) -> Work<'_, ()> {
        self.inner.adopt(spec)
    }

    fn discard_waiting<'a>(&'a self, id: &'a str) -> BoxFuture<'a, ()> {
        self.inner.discard_waiting(id)
    }

    fn copy<'a>(&'a self, original: &'a str, copy: &'a str) -> Work<'a, ()> {
        self.inner.copy(original, copy)
    }

    fn take_snapshot<'a>(&'a self, id: &'a str, snapshot: &'a str) -> Work<'a, u64> {
        self.inner.take_snapshot(id, snapshot)
    }

    fn remove_snapshot<'a>(&'a self, snapshot: &'a str) -> BoxFuture<'a, ()> {
        self.inner.remove_snapshot(snapshot)
    }

    fn archive<'a>(&'a self, id: &'a str, unwanted: Arc<AtomicBool>) -> Work<'a, ()> {
        self.inner.archive(id, unwanted)
    }

    fn is_archived<'a>(&'a self, id: &'a str) -> BoxFuture<'a, bool> {
        self.inner.is_archived(id)
    }

    fn restore<'a>(&'a self, id: &'a str) -> Work<'a, ()> {
        self.inner.restore(id)
    }

    fn disk_used<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Option<u64>> {
        self.inner.disk_used(id)
    }

    fn tick(&self) -> BoxFuture<'_, ()> {
        self.inner.tick()
    }

    fn outlives_engine(&self) -> bool {
        self.inner.outlives_engine()
    }

    fn clean_up(&self) -> BoxFuture<'_, ()> {
        self.inner.clean_up()
    }
}

#[derive(Debug)]
struct FaultyInstance {
    inner: Arc<dyn Instance>,
}

impl Instance for FaultyInstance {
    fn terminate(&self) {
        if !Fault::StopHangs.is_asked_for() {
            self.inner.terminate();
        }
    }

    fn kill(&self) {
        if !Fault::StopHangs.is_asked_for() {
            self.inner.kill();
        }
    }

    fn kill_from_outside(&self) {
        self.inner.kill_from_outside();
    }

    fn wait(&self) -> BoxFuture<'_, ()> {
        self.inner.wait()
    }

    fn has_ended(&self) -> bool {
        self.inner.has_ended()
    }

    fn release(self: Arc<Self>) -> BoxFuture<'static, End> {
        Arc::clone(&self.inner).release()
    }

    fn resize(self: Arc<Self>, resources: Resources) -> Work<'static, ()> {
        Arc::clone(&self.inner).resize(resources)
    }

    fn set_reach(self: Arc<Self>, reach: Latest<Reach>) -> Work<'static, ()> {
        Arc::clone(&self.inner).set_reach(reach)
    }

    fn set_secrets(&self, secrets: &mut dyn FnMut() -> Secrets) {
        self.inner.set_secrets(secrets);
    }

    fn freeze(self: Arc<Self>) -> Work<'static, ()> {
        Arc::clone(&self.inner).freeze()
    }

    fn is_frozen(&self) -> bool {
        self.inner.is_frozen()
    }

    fn thaw(self: Arc<Self>) -> Work<'static, ()> {
        Arc::clone(&self.inner).thaw()
    }

    fn usage(&self) -> BoxFuture<'_, Option<Usage>> {
        self.inner.usage()
    }

    fn tried(&self) -> Option<Tried> {
        self.inner.tried()
    }
}
