//! A store that fails as it is told to, for tests of what its users then do.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;

use crate::{Change, Documents, Store, StoreError, Stored, Storing, Table};

/// A store with a fault, which works as the one behind it does until it is told otherwise.
pub struct Faulty<S: ?Sized> {
    state: Mutex<State>,
    inner: Arc<S>,
}

#[derive(Default)]
struct State {
    fault: Option<StoreError>,
    holds: bool,
    held: Vec<(Change, Storing)>,
}

impl<S: ?Sized> Faulty<S> {
    /// A store that works until [`Self::fail`] or [`Self::hold`].
    pub fn new(inner: Arc<S>) -> Self {
        Self { state: Mutex::default(), inner }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets every change fail from now on.
    pub fn fail(&self, error: StoreError) {
        self.lock().fault = Some(error);
    }

    /// Lets changes succeed again.
    pub fn mend(&self) {
        self.lock().fault = None;
    }

    /// Is slow from now on: what is written waits until [`Self::release`].
    pub fn hold(&self) {
        self.lock().holds = true;
    }

    /// How many changes wait.
    pub fn held(&self) -> usize {
        self.lock().held.len()
    }

    fn fault(&self) -> Result<(), StoreError> {
        self.lock().fault.clone().map_or(Ok(()), Err)
    }
}

impl<S: Store + ?Sized> Faulty<S> {
    /// Stores, or lets fail, what waits, in its order, and is as fast as before.
    pub fn release(&self) {
        let mut state = self.lock();
        state.holds = false;
        for (change, done) in std::mem::take(&mut state.held) {
            match &state.fault {
                Some(error) => done.complete(Err(error.clone())),
                None => {
                    let stored = self.inner.write(change);
                    std::thread::spawn(move || done.complete(stored.wait_here()));
                }
            }
        }
    }
}

impl<S: Store + ?Sized> Store for Faulty<S> {
    fn rows(&self, table: Table) -> Result<Vec<(String, String)>> {
        self.inner.rows(table)
    }

    fn write(&self, change: Change) -> Stored {
        let mut state = self.lock();
        let fault = state.fault.clone().filter(|_| change != Change::Nothing);
        let (done, stored) = Stored::pending();
        match fault {
            _ if state.holds => state.held.push((change, done)),
            Some(error) => done.complete(Err(error)),
            None => return self.inner.write(change),
        }
        stored
    }

    fn setting(&self, name: &str) -> Result<Option<String>> {
        self.inner.setting(name)
    }

    fn set(&self, name: &str, value: &str) -> Result<(), StoreError> {
        self.fault()?;
        self.inner.set(name, value)
    }

    fn notes(&self) -> Vec<String> {
        self.inner.notes()
    }
}

impl<S: Documents + ?Sized> Documents for Faulty<S> {
    fn documents(&self, kind: &str) -> Result<Vec<(String, String)>> {
        self.inner.documents(kind)
    }

    fn put(&self, kind: &str, id: &str, document: &str) -> Result<(), StoreError> {
        self.fault()?;
        self.inner.put(kind, id, document)
    }

    fn remove(&self, kind: &str, id: &str) -> Result<(), StoreError> {
        self.fault()?;
        self.inner.remove(kind, id)
    }
}
