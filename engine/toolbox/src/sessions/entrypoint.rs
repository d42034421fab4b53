//! The session that runs the sandbox's entrypoint (wire section 9).

use std::sync::Arc;

use super::ENTRYPOINT;
use super::command::Stdin;
use super::shell::Session;
use crate::Toolbox;
use crate::environment::Variables;

/// Id of the entrypoint session's only command.
pub(super) const COMMAND: &str = "entrypoint_command";

/// Starts the configured entrypoint, if there is one. A failure is logged: the toolbox serves its sandbox all the same.
pub(crate) fn start(toolbox: &Arc<Toolbox>) {
    let Some(arguments) = toolbox.config.entrypoint.as_ref().filter(|arguments| !arguments.is_empty()) else { return };
    let text = arguments.iter().map(|argument| quote(argument)).collect::<Vec<_>>().join(" ");
    let sessions = &toolbox.sessions;
    let shell = toolbox.command(&toolbox.shell(), None, &Variables::new());
    let started = Session::start(
        ENTRYPOINT.to_owned(),
        sessions.root.join(ENTRYPOINT),
        shell,
        toolbox.config.compat,
        toolbox.config.memory_limit.clone(),
    );
    match started {
        Ok(session) => {
            if let Err(error) = session.submit(COMMAND.to_owned(), text, Stdin::Open { echoes: true }) {
                tracing::error!(error = %error.message, "starting the entrypoint failed");
            }
            sessions.table().by_id.insert(ENTRYPOINT.to_owned(), session);
        }
        Err(error) => tracing::error!(%error, "starting the entrypoint session failed"),
    }
}

/// `argument` as one shell word.
fn quote(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}
