//! The sandboxes that calls are about, and their end.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use daytona::model::{CreateSandboxParams, DeleteOptions, SandboxState, WaitOptions};
use daytona::{Client, Error, ErrorKind, Sandbox};
use tokio::sync::RwLock;
use tokio::task::JoinSet;

use super::reply::Refusal;
use super::tools::Selection;

/// Handles that are remembered; a request to the server is saved for each.
const HANDLES: usize = 1000;
/// How long after a call a sandbox is sure not to have stopped for want of use, which takes a minute at least.
const FRESH: Duration = Duration::from_secs(30);
/// Minutes after stopping until a sandbox is deleted that was made over HTTP without other intervals.
const HTTP_AUTO_DELETE: i64 = 60;
/// The same for one that goes with the conversation, should this program be killed: agents rest for hours.
const CONVERSATION_AUTO_DELETE: i64 = 24 * 60;
/// The longest that calls may take to notice that they are cancelled.
const LAST_CALLS: Duration = Duration::from_secs(10);

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
    /// The directory of this machine that tools may read and write.
    pub directory: Option<PathBuf>,
}

/// What all connections share.
pub struct Server {
    /// The client of the chosen profile.
    pub client: Client,
    /// How it behaves.
    pub options: ServerOptions,
    /// Held for reading by every call and by what a cancelled one leaves to do: the end waits for them.
    pub calls: Arc<RwLock<()>>,
    /// Handles and when they were last used, by what calls name them.
    handles: Mutex<HashMap<String, (Sandbox, Instant)>>,
    /// Id of the sandbox of calls that name none.
    own: tokio::sync::Mutex<Option<String>>,
    made: Mutex<Vec<String>>,
}

impl Server {
    /// A server without sandboxes.
    pub fn new(client: Client, options: ServerOptions) -> Self {
        Self {
            client,
            options,
            calls: Arc::default(),
            handles: Mutex::default(),
            own: tokio::sync::Mutex::default(),
            made: Mutex::default(),
        }
    }

    /// The sandbox of a call, started if it has stopped.
    ///
    /// # Errors
    /// `Argument` when it names none and there is none by default.
    pub async fn sandbox(&self, id: Option<&str>) -> Result<Sandbox, Refusal> {
        match id.or(self.options.sandbox.as_deref()) {
            Some(id) => self.reach(id).await,
            None if self.options.selection.is_read_only() => Err(Refusal::Argument(
                "id is missing: this server only reads, and makes no sandbox. list_sandboxes returns those that exist."
                    .to_owned(),
            )),
            None if self.options.is_conversation => self.own().await,
            None => Err(Refusal::Argument("id is missing: create_sandbox returns one.".to_owned())),
        }
    }

    /// Makes a sandbox.
    ///
    /// # Errors
    /// Those of its creation.
    pub async fn create(&self, mut parameters: CreateSandboxParams) -> Result<Sandbox, Refusal> {
        if parameters.ttl_minutes.is_none() {
            let minutes = match (self.options.is_conversation, self.options.keep) {
                (false, _) => Some(HTTP_AUTO_DELETE),
                (true, false) => Some(CONVERSATION_AUTO_DELETE),
                (true, true) => None,
            };
            parameters.auto_delete_interval = parameters.auto_delete_interval.or(minutes);
        }
        let sandbox = self.client.create(parameters).await?;
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(sandbox.id().to_owned());
        self.remember(sandbox.id(), &sandbox);
        Ok(sandbox)
    }

    /// Deletes a sandbox.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn destroy(&self, id: &str) -> Result<(), Refusal> {
        let deleted = self.client.sandboxes().delete(id, DeleteOptions::default()).await?;
        let gone = |known: &String| *known == id || *known == deleted.id;
        self.forget_handle(&deleted.id);
        self.made.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| !gone(known));
        // The next call that names none has a new one.
        self.own.lock().await.take_if(|own| gone(own));
        Ok(())
    }

    /// Forgets a handle that may be out of date.
    pub async fn forget(&self, id: Option<&str>) {
        let id = match id.or(self.options.sandbox.as_deref()) {
            Some(id) => Some(id.to_owned()),
            None => self.own.lock().await.clone(),
        };
        if let Some(id) = id {
            self.forget_handle(&id);
        }
    }

    fn forget_handle(&self, id: &str) {
        self.handles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|known, (handle, _)| known != id && handle.id() != id);
    }

    /// Deletes what was made, unless it is to be kept.
    pub async fn end(&self) {
        if !self.options.is_conversation {
            return;
        }
        // What a cancelled call was making is deleted by the client, once the call has noticed.
        let _no_calls = tokio::time::timeout(LAST_CALLS, self.calls.write()).await;
        if self.options.keep {
            return;
        }
        let made = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        let mut deleting = JoinSet::new();
        for id in made {
            let sandboxes = self.client.sandboxes();
            deleting.spawn(async move { (sandboxes.delete(&id, DeleteOptions::default()).await, id) });
        }
        while let Some(done) = deleting.join_next().await {
            if let Ok((Err(error), id)) = done
                && !error.is_not_found()
            {
                crate::output::tell(&format!("Error: sandbox {id} is left behind: {error}"));
            }
        }
    }

    /// The sandbox of calls that name none, made for the first of them.
    async fn own(&self) -> Result<Sandbox, Refusal> {
        let mut own = self.own.lock().await;
        if let Some(id) = own.clone() {
            return match self.reach(&id).await {
                Err(Refusal::Failed(error)) if error.is_not_found() => {
                    *own = None;
                    Err(Refusal::Argument(
                        "The sandbox of this conversation was deleted, with its files. The next call makes a new one."
                            .to_owned(),
                    ))
                }
                reached => reached,
            };
        }
        let sandbox = self.create(CreateSandboxParams::default()).await?;
        *own = Some(sandbox.id().to_owned());
        Ok(sandbox)
    }

    /// The sandbox of this id or name. One that has not been used for a while may have stopped; then it is started.
    async fn reach(&self, id: &str) -> Result<Sandbox, Refusal> {
        if let Some((sandbox, used)) = self.handles.lock().unwrap_or_else(PoisonError::into_inner).get_mut(id)
            && used.elapsed() < FRESH
        {
            *used = Instant::now();
            return Ok(sandbox.clone());
        }
        let mut sandbox = self.client.get(id).await?;
        match &sandbox.info().state {
            Some(SandboxState::Destroying | SandboxState::Destroyed) => {
                self.forget_handle(sandbox.id());
                return Err(Error::new(ErrorKind::NotFound, format!("Sandbox {id} has been deleted.")).into());
            }
            Some(SandboxState::Stopped | SandboxState::Archived | SandboxState::Paused)
                if !self.options.selection.is_read_only() =>
            {
                self.client.sandboxes().start(id, WaitOptions::default()).await?;
                sandbox = self.client.get(id).await?;
            }
            _ => {}
        }
        self.remember(id, &sandbox);
        Ok(sandbox)
    }

    fn remember(&self, id: &str, sandbox: &Sandbox) {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        if handles.len() >= HANDLES {
            handles.clear();
        }
        handles.insert(id.to_owned(), (sandbox.clone(), Instant::now()));
    }
}
