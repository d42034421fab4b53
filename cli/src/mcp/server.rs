//! The sandboxes that calls are about, and their end.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use daytona::model::{CreateSandboxParams, DeleteOptions};
use daytona::{Client, Sandbox};
use tokio::sync::OnceCell;

use super::reply::Refusal;
use super::tools::Selection;

/// Handles that are remembered; a request to the server is saved for each.
const HANDLES: usize = 1000;
/// Minutes after stopping until a sandbox is deleted that was made over HTTP without other intervals.
const HTTP_AUTO_DELETE: i64 = 60;

/// How the server behaves.
pub struct ServerOptions {
    /// The tools it offers.
    pub selection: Selection,
    /// The sandbox of calls that name none.
    pub sandbox: Option<String>,
    /// Whether calls that name no sandbox share one that is made for them, and what was made is deleted at the end.
    pub is_conversation: bool,
    /// Whether what was made is kept at the end.
    pub keep: bool,
}

/// What all connections share.
pub struct Server {
    /// The client of the chosen profile.
    pub client: Client,
    /// How it behaves.
    pub options: ServerOptions,
    handles: Mutex<HashMap<String, Sandbox>>,
    own: OnceCell<String>,
    made: Mutex<Vec<String>>,
}

impl Server {
    /// A server without sandboxes.
    pub fn new(client: Client, options: ServerOptions) -> Self {
        Self { client, options, handles: Mutex::default(), own: OnceCell::new(), made: Mutex::default() }
    }

    /// The sandbox of a call.
    ///
    /// # Errors
    /// `Argument` when it names none and there is none by default.
    pub async fn sandbox(&self, id: Option<&str>) -> Result<Sandbox, Refusal> {
        let id = match id.or(self.options.sandbox.as_deref()) {
            Some(id) => id,
            None if self.options.is_conversation => self.own().await?,
            None => return Err(Refusal::Argument("id is missing: create_sandbox returns one.".to_owned())),
        };
        let known = self.handles.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if let Some(sandbox) = known {
            return Ok(sandbox);
        }
        let sandbox = self.client.get(id).await?;
        self.remember(&sandbox);
        Ok(sandbox)
    }

    /// Makes a sandbox.
    ///
    /// # Errors
    /// Those of its creation.
    pub async fn create(&self, mut parameters: CreateSandboxParams) -> Result<Sandbox, Refusal> {
        if !self.options.is_conversation && parameters.ttl_minutes.is_none() {
            parameters.auto_delete_interval.get_or_insert(HTTP_AUTO_DELETE);
        }
        let sandbox = self.client.create(parameters).await?;
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(sandbox.id().to_owned());
        self.remember(&sandbox);
        Ok(sandbox)
    }

    /// Deletes a sandbox.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn destroy(&self, id: &str) -> Result<(), Refusal> {
        let deleted = self.client.sandboxes().delete(id, DeleteOptions::default()).await?;
        let gone = |known: &String| *known == id || *known == deleted.id;
        self.handles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|known, handle| !gone(known) && handle.id() != deleted.id);
        self.made.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| !gone(known));
        Ok(())
    }

    /// Forgets a handle that may be out of date.
    pub fn forget(&self, id: Option<&str>) {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = id.or(self.own.get().map(String::as_str)) {
            handles.remove(id);
        }
    }

    /// Deletes what was made, unless it is to be kept.
    pub async fn end(&self) {
        if !self.options.is_conversation || self.options.keep {
            return;
        }
        let made = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        for id in made {
            let deleted = self.client.sandboxes().delete(&id, DeleteOptions::default()).await;
            if let Err(error) = deleted.map(drop).or_else(|e| if e.is_not_found() { Ok(()) } else { Err(e) }) {
                eprintln!("Error: sandbox {id} is left behind: {error}");
            }
        }
    }

    /// The sandbox of calls that name none, made for the first of them.
    async fn own(&self) -> Result<&str, Refusal> {
        let make = || async {
            // Should this program be killed, the sandbox goes by itself when it is idle.
            let parameters = CreateSandboxParams { auto_delete_interval: Some(0), ..Default::default() };
            Ok::<_, Refusal>(self.create(parameters).await?.id().to_owned())
        };
        Ok(self.own.get_or_try_init(make).await?)
    }

    fn remember(&self, sandbox: &Sandbox) {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        if handles.len() >= HANDLES {
            handles.clear();
        }
        handles.insert(sandbox.id().to_owned(), sandbox.clone());
    }
}
