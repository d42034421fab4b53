//! For fuzzing: a toolbox that reads requests with JSON bodies and does nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;

use crate::{Compat, ToolboxConfig};

static ONLY_READ: AtomicBool = AtomicBool::new(false);

/// Whether requests are only read.
pub(crate) fn is_only_read() -> bool {
    ONLY_READ.load(Ordering::Relaxed)
}

/// The routes that take JSON.
pub const ROUTES: &[(&str, &str)] = &[
    ("POST", "/process/execute"),
    ("POST", "/process/code-run"),
    ("POST", "/process/session"),
    ("POST", "/process/session/s/exec"),
    ("POST", "/process/session/s/command/c/input"),
    ("POST", "/process/pty"),
    ("POST", "/process/pty/t/resize"),
    ("POST", "/process/interpreter/context"),
    ("POST", "/files/replace"),
    ("POST", "/git/clone"),
    ("POST", "/git/branches"),
    ("DELETE", "/git/branches"),
    ("POST", "/git/add"),
    ("POST", "/git/commit"),
    ("POST", "/git/checkout"),
    ("POST", "/git/push"),
    ("POST", "/git/pull"),
    ("POST", "/git/init"),
    ("POST", "/git/reset"),
    ("POST", "/git/restore"),
    ("POST", "/git/remotes"),
    ("POST", "/git/config"),
    ("POST", "/git/config/user"),
    ("POST", "/git/credentials"),
];

/// A toolbox that answers 400 to every request with a JSON body once it has read it, for the rest of the process.
pub fn router() -> Router {
    ONLY_READ.store(true, Ordering::Relaxed);
    crate::router(ToolboxConfig {
        sandbox_id: "fuzz".to_owned(),
        home: "/nonexistent".into(),
        work_dir: "/nonexistent".into(),
        version: "0".to_owned(),
        variables: Default::default(),
        entrypoint: None,
        process_oom_score: None,
        process_limit: None,
        memory_limit: None,
        compat: Compat::default(),
        own_port: None,
    })
}
