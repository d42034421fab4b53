//! The toolbox of a sandbox: where operations inside it go.

use ::http::Method;
use tokio::sync::OnceCell;

use crate::client::Client;
use crate::error::{Error, Result};
use crate::ops::{
    Accessibility, CodeInterpreter, ComputerUse, Display, FileSystem, Git, Keyboard, LspServers, Mouse, Network,
    Process, RecordingService, Screenshot,
};
use crate::travel::http::{self, Base, Request};

/// The toolbox of one sandbox: files, processes, terminals.
#[derive(Clone)]
pub struct Toolbox {
    pub(crate) client: Client,
    sandbox_id: String,
    base: OnceCell<String>,
}

impl Toolbox {
    /// The toolbox behind `proxy_url` (`toolbox_proxy_url` of the sandbox); when that is empty the server is asked.
    ///
    /// # Errors
    /// `InvalidArgument` when the id is empty.
    pub fn new(client: &Client, sandbox_id: &str, proxy_url: &str) -> Result<Self> {
        if sandbox_id.is_empty() {
            return Err(Error::invalid_argument("The sandbox id is empty."));
        }
        let base = OnceCell::new();
        if !proxy_url.is_empty() {
            let url = format!("{}/{}", proxy_url.trim_end_matches('/'), http::segment(sandbox_id));
            // The cell is new, so it cannot be set already.
            let _ = base.set(url);
        }
        Ok(Self { client: client.clone(), sandbox_id: sandbox_id.to_owned(), base })
    }

    /// Commands, code, sessions and terminals.
    pub fn process(&self) -> Process {
        Process { toolbox: self.clone() }
    }

    /// Files.
    pub fn fs(&self) -> FileSystem {
        FileSystem { toolbox: self.clone() }
    }

    /// Git repositories.
    pub fn git(&self) -> Git {
        Git { toolbox: self.clone() }
    }

    /// The stateful code interpreter.
    pub fn code_interpreter(&self) -> CodeInterpreter {
        CodeInterpreter { toolbox: self.clone() }
    }

    /// Language servers.
    pub fn lsp_servers(&self) -> LspServers {
        LspServers { toolbox: self.clone() }
    }

    /// What the sandbox does on the network.
    pub fn network(&self) -> Network {
        Network { toolbox: self.clone() }
    }

    /// The desktop.
    pub fn computer_use(&self) -> ComputerUse {
        ComputerUse { toolbox: self.clone() }
    }

    /// The desktop's mouse.
    pub fn mouse(&self) -> Mouse {
        Mouse { toolbox: self.clone() }
    }

    /// The desktop's keyboard.
    pub fn keyboard(&self) -> Keyboard {
        Keyboard { toolbox: self.clone() }
    }

    /// Pictures of the desktop.
    pub fn screenshot(&self) -> Screenshot {
        Screenshot { toolbox: self.clone() }
    }

    /// The desktop's displays and windows.
    pub fn display(&self) -> Display {
        Display { toolbox: self.clone() }
    }

    /// Recordings of the desktop.
    pub fn recording(&self) -> RecordingService {
        RecordingService { toolbox: self.clone() }
    }

    /// What the programs on the desktop show, as a tree.
    pub fn accessibility(&self) -> Accessibility {
        Accessibility { toolbox: self.clone() }
    }

    pub(crate) fn sandbox_id(&self) -> &str {
        &self.sandbox_id
    }

    /// Base URL without trailing slash.
    pub(crate) async fn base(&self) -> Result<&str> {
        #[derive(serde::Deserialize)]
        struct Url {
            url: String,
        }
        let base = self
            .base
            .get_or_try_init(|| async {
                let path = format!("/sandbox/{}/toolbox-proxy-url", http::segment(&self.sandbox_id));
                let answer: Url = self.client.api(Method::GET, path).read().await?;
                Ok::<_, Error>(format!("{}/{}", answer.url.trim_end_matches('/'), http::segment(&self.sandbox_id)))
            })
            .await?;
        Ok(base)
    }

    /// A request to the toolbox; `path` starts with `/`.
    pub(crate) async fn request(&self, method: Method, path: impl Into<String>) -> Result<Request<'_>> {
        Ok(Request::new(
            &self.client,
            method,
            Base::Toolbox { url: self.base().await?, sandbox: &self.sandbox_id },
            path,
        ))
    }
}
