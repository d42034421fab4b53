//! A sandbox as a Rust program holds it: its description, its services, and its own operations.

use crate::client::Client;
use crate::error::Result;
use crate::lsp_server::LspServer;
use crate::model::{
    CodeRunOptions, CreateOptions, CreateSandboxParams, DeleteOptions, ExecuteResponse, FindOneOptions, ForkOptions,
    ListSandboxesQuery, LspLanguageId, LspServerInfo, PollEventsOptions, SandboxEvent, SandboxInfo, SandboxState,
    SpawnOptions,
};
use crate::ops::LANGUAGE_LABEL;
use crate::ops::{CodeInterpreter, ComputerUse, FileSystem, Git, Network, Process};
use crate::spawned::SpawnedProcess;
use crate::toolbox::Toolbox;

/// A sandbox. Cheap to clone; dropping it does nothing to the sandbox itself.
///
/// Operations that change the sandbox bring [`info`](Self::info) up to date. Operations inside it are those of
/// [`process`](Self::process), [`fs`](Self::fs), [`git`](Self::git) and [`code_interpreter`](Self::code_interpreter).
#[derive(Clone)]
pub struct Sandbox {
    pub(crate) client: Client,
    pub(crate) info: SandboxInfo,
    toolbox: Toolbox,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("id", &self.info.id).field("state", &self.info.state).finish_non_exhaustive()
    }
}

impl Client {
    /// Creates a sandbox and waits at most 60 seconds until it has started.
    ///
    /// # Errors
    /// As for [`Sandboxes::create`](crate::ops::Sandboxes::create).
    pub async fn create(&self, params: CreateSandboxParams) -> Result<Sandbox> {
        self.create_with(params, CreateOptions::default()).await
    }

    /// Creates a sandbox and waits until it has started, as long as `options` say.
    ///
    /// # Errors
    /// As for [`Sandboxes::create`](crate::ops::Sandboxes::create).
    pub async fn create_with(&self, params: CreateSandboxParams, options: CreateOptions) -> Result<Sandbox> {
        Sandbox::new(self, self.sandboxes().create(params, options).await?)
    }

    /// Returns the sandbox with this id or name.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn get(&self, id_or_name: &str) -> Result<Sandbox> {
        Sandbox::new(self, self.sandboxes().get(id_or_name).await?)
    }

    /// Returns the sandbox with this id or name, or the first one that has all these labels.
    ///
    /// # Errors
    /// As for [`Sandboxes::find_one`](crate::ops::Sandboxes::find_one).
    pub async fn find_one(&self, options: FindOneOptions) -> Result<Sandbox> {
        Sandbox::new(self, self.sandboxes().find_one(options).await?)
    }

    /// Returns all sandboxes that match, page by page: [`SandboxList::next`].
    pub fn list(&self, query: ListSandboxesQuery) -> SandboxList {
        SandboxList { client: self.clone(), query: Some(query), ready: Vec::new().into_iter() }
    }

    /// Returns the changes of sandboxes' states from now on: [`Changes::next`]. An id tells of that sandbox only.
    ///
    /// # Errors
    /// As for [`Sandboxes::poll_events`](crate::ops::Sandboxes::poll_events).
    pub async fn events(&self, sandbox_id: Option<&str>) -> Result<Changes> {
        self.changes(sandbox_id, None).await
    }

    async fn changes(&self, sandbox_id: Option<&str>, states: Option<Vec<SandboxState>>) -> Result<Changes> {
        let sandbox_id = sandbox_id.map(str::to_owned);
        let position = self.sandboxes().begin_events().await?;
        Ok(Changes { client: self.clone(), sandbox_id, states, position, ready: Vec::new().into_iter() })
    }
}

/// Changes of sandboxes' states. None is lost, whatever happens to the connection; of several that a sandbox went through while there
/// was none the last one is told.
pub struct Changes {
    client: Client,
    sandbox_id: Option<String>,
    states: Option<Vec<SandboxState>>,
    position: String,
    ready: std::vec::IntoIter<SandboxEvent>,
}

impl Changes {
    /// Waits for the next change. Cancelling the wait loses nothing.
    ///
    /// # Errors
    /// As for [`Sandboxes::poll_events`](crate::ops::Sandboxes::poll_events).
    pub async fn next(&mut self) -> Result<SandboxEvent> {
        loop {
            if let Some(change) = self.ready.next() {
                return Ok(change);
            }
            let (position, sandbox_id) = (Some(self.position.clone()), self.sandbox_id.clone());
            let options = PollEventsOptions { position, sandbox_id, states: self.states.clone(), timeout: None };
            let found = self.client.sandboxes().poll_events(options).await?;
            (self.position, self.ready) = (found.position, found.events.into_iter());
        }
    }
}

/// Sandboxes of a listing, fetched as they are asked for.
pub struct SandboxList {
    client: Client,
    /// How the next page is asked for; `None` after the last one.
    query: Option<ListSandboxesQuery>,
    ready: std::vec::IntoIter<SandboxInfo>,
}

impl SandboxList {
    /// The next sandbox; `None` at the end.
    ///
    /// # Errors
    /// As for [`Sandboxes::list`](crate::ops::Sandboxes::list).
    pub async fn next(&mut self) -> Result<Option<SandboxInfo>> {
        loop {
            if let Some(item) = self.ready.next() {
                return Ok(Some(item));
            }
            let Some(query) = self.query.take() else { return Ok(None) };
            let page = self.client.sandboxes().list(query.clone()).await?;
            self.ready = page.items.into_iter();
            self.query = page.next_cursor.map(|cursor| ListSandboxesQuery { cursor: Some(cursor), ..query });
        }
    }
}

impl Sandbox {
    fn new(client: &Client, info: SandboxInfo) -> Result<Self> {
        Ok(Self { toolbox: client.toolbox(&info)?, client: client.clone(), info })
    }

    /// Id.
    pub fn id(&self) -> &str {
        &self.info.id
    }

    /// The description as of the last call that returned one.
    pub fn info(&self) -> &SandboxInfo {
        &self.info
    }

    /// Returns the changes of this sandbox to one of these states from now on: [`Changes::next`]. No states are all.
    ///
    /// # Errors
    /// As for [`Sandboxes::poll_events`](crate::ops::Sandboxes::poll_events).
    pub async fn on(&self, states: &[SandboxState]) -> Result<Changes> {
        self.client.changes(Some(&self.info.id), Some(states.to_vec())).await
    }

    /// Commands, sessions and terminals.
    pub fn process(&self) -> Process {
        self.toolbox.process()
    }

    /// Files.
    pub fn fs(&self) -> FileSystem {
        self.toolbox.fs()
    }

    /// Git repositories.
    pub fn git(&self) -> Git {
        self.toolbox.git()
    }

    /// The stateful code interpreter.
    pub fn code_interpreter(&self) -> CodeInterpreter {
        self.toolbox.code_interpreter()
    }

    /// What it does on the network.
    pub fn network(&self) -> Network {
        self.toolbox.network()
    }

    /// A language server for a project. No request is made yet: `start` starts it.
    ///
    /// # Parameters
    /// * `language_id` - Language of the server.
    /// * `path_to_project` - Directory of the project; a relative path begins at the sandbox's working directory.
    pub fn create_lsp_server(&self, language_id: LspLanguageId, path_to_project: &str) -> LspServer {
        let info = LspServerInfo { language_id, path_to_project: path_to_project.to_owned() };
        LspServer { servers: self.toolbox.lsp_servers(), info }
    }

    /// Its desktop.
    pub fn computer_use(&self) -> ComputerUse {
        self.toolbox.computer_use()
    }

    /// Runs a program in the sandbox's language.
    ///
    /// # Errors
    /// As for [`Process::code_run`].
    pub async fn code_run(&self, code: &str, options: CodeRunOptions) -> Result<ExecuteResponse> {
        let language = self.info.labels.get(LANGUAGE_LABEL).map_or("python", String::as_str);
        self.process().code_run(code, language, options).await
    }

    /// Starts a process that runs until it ends, is signalled or is released, whether anybody reads its output or not.
    ///
    /// # Errors
    /// As for [`Process::spawn`].
    pub async fn spawn(&self, command: &str, options: SpawnOptions) -> Result<SpawnedProcess> {
        let process = self.process();
        let info = process.spawn(command, options).await?;
        Ok(SpawnedProcess { process, info })
    }

    /// Finds a process again that was started with `spawn` by any client.
    ///
    /// # Errors
    /// `ProcessNotFound` when there is none with this id.
    pub async fn attach(&self, process_id: &str) -> Result<SpawnedProcess> {
        let process = self.process();
        let info = process.get_spawned(process_id).await?;
        Ok(SpawnedProcess { process, info })
    }

    /// Reads the description anew.
    ///
    /// # Errors
    /// `NotFound` when the sandbox is gone.
    pub async fn refresh(&mut self) -> Result<()> {
        self.info = self.client.sandboxes().get(&self.info.id).await?;
        Ok(())
    }

    /// Makes a new sandbox with the files and settings of this one, and waits until it has started.
    ///
    /// # Errors
    /// As for [`Sandboxes::fork`](crate::ops::Sandboxes::fork).
    pub async fn fork(&self, options: ForkOptions) -> Result<Sandbox> {
        Self::new(&self.client, self.client.sandboxes().fork(&self.info.id, options).await?)
    }

    /// Deletes the sandbox with everything in it.
    ///
    /// # Errors
    /// `NotFound` when it is gone already.
    pub async fn delete(self) -> Result<()> {
        self.delete_with(DeleteOptions::default()).await
    }

    /// Deletes the sandbox with everything in it, waiting as `options` say.
    ///
    /// # Errors
    /// As for [`Sandboxes::delete`](crate::ops::Sandboxes::delete).
    pub async fn delete_with(self, options: DeleteOptions) -> Result<()> {
        self.client.sandboxes().delete(&self.info.id, options).await.map(drop)
    }
}
