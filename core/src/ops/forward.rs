//! Ports of a sandbox on this machine.

use http::Method;

use super::Sandboxes;
use super::sandbox::sandbox_path;
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, Result};
use crate::model::SandboxInfo;
use crate::protocols::forward::PortForward;

impl Sandboxes {
    /// Makes a port of the sandbox reachable as a port of this machine, on 127.0.0.1, until the result is closed.
    ///
    /// Any TCP protocol passes: databases, HTTP, WebSockets. Servers other than the local engine offer no raw connections
    /// to ports: there only HTTP and WebSockets pass, which the result tells.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name of the sandbox.
    /// * `port`: Port of the sandbox, 1 to 65535. The program in the sandbox may listen on localhost only, and may be started later.
    /// * `local_port`: Port of this machine, 0 to 65535. Default: 0, any free one.
    ///
    /// # Errors
    /// `InvalidArgument` when a port is out of range or not allowed to this process, `Conflict` when the local port is in
    /// use, `NotFound` when there is no such sandbox, `Validation` when it has not started.
    ///
    /// # Examples
    /// `previews forward`
    pub async fn forward_port(&self, id_or_name: &str, port: i64, local_port: Option<i64>) -> Result<PortForward> {
        let range = |name: &str, value: i64, first: u16| match u16::try_from(value) {
            Ok(port) if port >= first => Ok(port),
            _ => {
                let name = self.client.spelled(name);
                Err(Error::invalid_argument(format!("{name} is {value}; it must be between {first} and 65535.")))
            }
        };
        let port = range("port", port, 1)?;
        let local_port = range("local_port", local_port.unwrap_or(0), 0)?;
        self.client
            .run("sandbox.forward_port", DEFAULT_LIMIT, async {
                let request = self.client.api(Method::GET, sandbox_path(id_or_name, "")?);
                let sandbox: SandboxInfo = request.read().await?;
                let link = async || self.get_preview_link(&sandbox.id, port.into()).await;
                PortForward::open(self.client.toolbox(&sandbox)?, port, local_port, link).await
            })
            .await
    }
}
