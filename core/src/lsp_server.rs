//! A language server of a sandbox, as a Rust program holds it.

use crate::model::LspServerInfo;
use crate::ops::LspServers;

/// A language server: one for each pair of language and project. Dropping this does nothing to the server: `stop` and the end
/// of the sandbox end it.
#[derive(Clone)]
pub struct LspServer {
    pub(crate) servers: LspServers,
    pub(crate) info: LspServerInfo,
}

impl std::fmt::Debug for LspServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LspServer").field("info", &self.info).finish_non_exhaustive()
    }
}

impl LspServer {
    /// Language and project.
    pub fn info(&self) -> &LspServerInfo {
        &self.info
    }
}
