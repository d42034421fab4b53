//! A sandbox as a Rust program holds it: its description and the way to its toolbox.

use crate::client::{Client, Toolbox};
use crate::error::Result;
use crate::model::{
    CodeRunOptions, CreateOptions, CreateSandboxParams, DeleteOptions, ExecuteResponse, SandboxInfo, StopOptions,
    WaitOptions,
};
use crate::ops::LANGUAGE_LABEL;
use crate::ops::{CodeInterpreter, FileSystem, Git, Process};

/// A sandbox. Cheap to clone; dropping it does nothing to the sandbox itself.
#[derive(Clone)]
pub struct Sandbox {
    client: Client,
    info: SandboxInfo,
    toolbox: Toolbox,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("id", &self.info.id).field("state", &self.info.state).finish_non_exhaustive()
    }
}

impl Client {
    /// Creates a sandbox and waits until it has started.
    ///
    /// # Errors
    /// As for [`Sandboxes::create`](crate::ops::Sandboxes::create).
    pub async fn create(&self, params: CreateSandboxParams) -> Result<Sandbox> {
        Sandbox::new(self, self.sandboxes().create(params, CreateOptions::default()).await?)
    }

    /// Returns the sandbox with this id or name.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn get(&self, id_or_name: &str) -> Result<Sandbox> {
        Sandbox::new(self, self.sandboxes().get(id_or_name).await?)
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

    /// Runs a program in the sandbox's language.
    ///
    /// # Errors
    /// As for [`Process::code_run`].
    pub async fn code_run(&self, code: &str, options: CodeRunOptions) -> Result<ExecuteResponse> {
        let language = self.info.labels.get(LANGUAGE_LABEL).map_or("python", String::as_str);
        self.process().code_run(code, language, options).await
    }

    /// Reads the description anew.
    ///
    /// # Errors
    /// `NotFound` when the sandbox is gone.
    pub async fn refresh(&mut self) -> Result<()> {
        self.info = self.client.sandboxes().get(&self.info.id).await?;
        Ok(())
    }

    /// Starts the sandbox and waits until it has started.
    ///
    /// # Errors
    /// As for [`Sandboxes::start`](crate::ops::Sandboxes::start).
    pub async fn start(&mut self) -> Result<()> {
        self.info = self.client.sandboxes().start(&self.info.id, WaitOptions::default()).await?;
        Ok(())
    }

    /// Stops the sandbox and waits until it has stopped.
    ///
    /// # Errors
    /// As for [`Sandboxes::stop`](crate::ops::Sandboxes::stop).
    pub async fn stop(&mut self) -> Result<()> {
        self.info = self.client.sandboxes().stop(&self.info.id, StopOptions::default()).await?;
        Ok(())
    }

    /// Deletes the sandbox with everything in it.
    ///
    /// # Errors
    /// `NotFound` when it is gone already.
    pub async fn delete(self) -> Result<()> {
        self.client.sandboxes().delete(&self.info.id, DeleteOptions::default()).await.map(drop)
    }
}
