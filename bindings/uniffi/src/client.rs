//! The client.

use std::sync::Arc;

use daytona_bridge::Client;
use serde_json::json;

use crate::call::Target;
use crate::{
    Accessibility, CodeInterpreter, ComputerUse, DaytonaError, Display, FileSystem, Git, Keyboard, LspServers, Mouse,
    Network, Process, RecordingService, SandboxInfo, Sandboxes, Screenshot, Secrets, Snapshots, Volumes,
};

/// A connection to Daytona, shared by all services made from it.
#[derive(uniffi::Object)]
pub struct Daytona {
    client: Arc<Client>,
}

#[uniffi::export]
impl Daytona {
    /// Makes a client; no request is made yet. What is not given comes from the environment (`DAYTONA_API_KEY`,
    /// `DAYTONA_API_URL`, …), `.env.local`, `.env` or the default; `api_url` may be `local` for the local engine.
    ///
    /// Throws `Authentication` without credentials, `InvalidArgument` for a URL or certificate file that cannot be used.
    #[uniffi::constructor(default(
        api_key = None,
        jwt_token = None,
        organization_id = None,
        api_url = None,
        target = None,
        ca_cert = None,
        local_binary = None,
        local_state_dir = None,
        otel_enabled = None
    ))]
    #[expect(
        clippy::too_many_arguments,
        reason = "named arguments with defaults in every language; a record would show the key"
    )]
    pub fn new(
        api_key: Option<String>,
        jwt_token: Option<String>,
        organization_id: Option<String>,
        api_url: Option<String>,
        target: Option<String>,
        ca_cert: Option<String>,
        local_binary: Option<String>,
        local_state_dir: Option<String>,
        otel_enabled: Option<bool>,
    ) -> Result<Self, DaytonaError> {
        let config = json!({
            "apiKey": api_key,
            "jwtToken": jwt_token,
            "organizationId": organization_id,
            "apiUrl": api_url,
            "target": target,
            "caCert": ca_cert,
            "localBinary": local_binary,
            "localStateDir": local_state_dir,
            "otelEnabled": otel_enabled,
            "source": "sdk-uniffi",
        });
        let client = Client::new(config.to_string().as_bytes()).map_err(|e| DaytonaError::from_envelope(&e))?;
        Ok(Self { client: Arc::new(client) })
    }

    /// Operations on sandboxes as a whole.
    pub fn sandboxes(&self) -> Arc<Sandboxes> {
        Arc::new(Sandboxes { target: Target { client: self.client.clone(), sandbox: None } })
    }

    /// Snapshots: images with resources, which sandboxes are made from.
    pub fn snapshots(&self) -> Arc<Snapshots> {
        Arc::new(Snapshots { target: Target { client: self.client.clone(), sandbox: None } })
    }

    /// Volumes: directories that sandboxes share and that outlive them.
    pub fn volumes(&self) -> Arc<Volumes> {
        Arc::new(Volumes { target: Target { client: self.client.clone(), sandbox: None } })
    }

    /// Secrets: values that sandboxes use without having them.
    pub fn secrets(&self) -> Arc<Secrets> {
        Arc::new(Secrets { target: Target { client: self.client.clone(), sandbox: None } })
    }

    /// Commands, code, sessions and terminals of a sandbox.
    pub fn process(&self, sandbox: &SandboxInfo) -> Arc<Process> {
        Arc::new(Process { target: self.toolbox(sandbox) })
    }

    /// Files of a sandbox.
    pub fn file_system(&self, sandbox: &SandboxInfo) -> Arc<FileSystem> {
        Arc::new(FileSystem { target: self.toolbox(sandbox) })
    }

    /// Git repositories of a sandbox.
    pub fn git(&self, sandbox: &SandboxInfo) -> Arc<Git> {
        Arc::new(Git { target: self.toolbox(sandbox) })
    }

    /// The stateful code interpreter of a sandbox.
    pub fn code_interpreter(&self, sandbox: &SandboxInfo) -> Arc<CodeInterpreter> {
        Arc::new(CodeInterpreter { target: self.toolbox(sandbox) })
    }

    /// Language servers of a sandbox.
    pub fn lsp_servers(&self, sandbox: &SandboxInfo) -> Arc<LspServers> {
        Arc::new(LspServers { target: self.toolbox(sandbox) })
    }

    /// What a sandbox does on the network.
    pub fn network(&self, sandbox: &SandboxInfo) -> Arc<Network> {
        Arc::new(Network { target: self.toolbox(sandbox) })
    }

    /// The desktop of a sandbox.
    pub fn computer_use(&self, sandbox: &SandboxInfo) -> Arc<ComputerUse> {
        Arc::new(ComputerUse { target: self.toolbox(sandbox) })
    }

    /// The mouse of a sandbox's desktop.
    pub fn mouse(&self, sandbox: &SandboxInfo) -> Arc<Mouse> {
        Arc::new(Mouse { target: self.toolbox(sandbox) })
    }

    /// The keyboard of a sandbox's desktop.
    pub fn keyboard(&self, sandbox: &SandboxInfo) -> Arc<Keyboard> {
        Arc::new(Keyboard { target: self.toolbox(sandbox) })
    }

    /// Pictures of a sandbox's desktop.
    pub fn screenshot(&self, sandbox: &SandboxInfo) -> Arc<Screenshot> {
        Arc::new(Screenshot { target: self.toolbox(sandbox) })
    }

    /// The displays and windows of a sandbox's desktop.
    pub fn display(&self, sandbox: &SandboxInfo) -> Arc<Display> {
        Arc::new(Display { target: self.toolbox(sandbox) })
    }

    /// Recordings of a sandbox's desktop.
    pub fn recording(&self, sandbox: &SandboxInfo) -> Arc<RecordingService> {
        Arc::new(RecordingService { target: self.toolbox(sandbox) })
    }

    /// What the programs on a sandbox's desktop show.
    pub fn accessibility(&self, sandbox: &SandboxInfo) -> Arc<Accessibility> {
        Arc::new(Accessibility { target: self.toolbox(sandbox) })
    }

    /// Refuses further operations. Those in flight go on.
    pub fn close(&self) {
        self.client.close();
    }
}

impl Daytona {
    fn toolbox(&self, sandbox: &SandboxInfo) -> Target {
        let sandbox = json!({ "id": sandbox.id, "url": sandbox.toolbox_proxy_url });
        Target { client: self.client.clone(), sandbox: Some(sandbox) }
    }
}
