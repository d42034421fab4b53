//! The script that a process is started with, and what is read back from it.
//!
//! It adds to what sessions do:
//!
//! * The command runs in a shell of its own, so that `exit` ends the command and not the session.
//! * Standard input carries any bytes and can be closed: they travel as lines of base64, which the script decodes.
//! * Every process of the tree has the variable [`ID_VARIABLE`], by which it is found to be signalled.
//! * The end mark makes the outputs exact to the last byte (see `protocols::end_mark`).

use std::collections::BTreeMap;

use serde_json::json;

use super::process::quote;
use super::spawn::process_of_session;
use crate::error::{Error, Result};
use crate::model::{Command, ProcessInfo, Session};

/// Begins the script; what the process was started with follows as JSON.
const HEADER: &str = "# daytona-process ";
/// Names the environment variable that tells a process tree by its id.
const ID_VARIABLE: &str = "DAYTONA_PROCESS_ID";
/// Ends the input.
pub(super) const END_OF_INPUT: &str = ".";

/// Returns the process that a session was made for, if there is one.
pub(super) fn started(session: &Session) -> Option<ProcessInfo> {
    let id = process_of_session(&session.session_id)?;
    let has_header = |command: &&Command| command.command.starts_with(HEADER);
    let command = session.commands.iter().find(has_header)?;
    let header = command.command[HEADER.len()..].lines().next()?;
    let started: ProcessInfo = serde_json::from_str(header).ok()?;
    Some(ProcessInfo {
        id: id.to_owned(),
        session_id: session.session_id.clone(),
        command_id: command.id.clone(),
        exit_code: command.exit_code,
        ..started
    })
}

/// The variables as commands of the shell.
pub(super) fn exports(variables: &BTreeMap<String, String>) -> Result<String> {
    let mut commands = String::new();
    for (name, value) in variables {
        let mut letters = name.bytes();
        let good = letters.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
            && letters.all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !good {
            return Err(Error::invalid_argument(format!("{name:?} is not a valid name for an environment variable.")));
        }
        if value.contains('\0') {
            return Err(Error::invalid_argument(format!(
                "The value of the environment variable {name:?} contains NUL."
            )));
        }
        commands.push_str(&format!("export {name}={}\n", quote(value)));
    }
    Ok(commands)
}

/// Ends `{ ( … )`: keeps the exit code, and keeps what the shell itself says about it ("Killed") out of the output.
const QUIETLY: &str = "2>&4 4>&-; code=$?; } 4>&2 2>/dev/null";

/// Returns the script that the session's shell runs. It is a POSIX shell script and needs `base64` for variables and input, and for input also
/// `mktemp` and `mkfifo`.
pub(super) fn start(info: &ProcessInfo, with_environment: bool) -> String {
    let header = json!({ "command": info.command, "cwd": info.cwd, "stdin": info.stdin });
    let id = &info.id;
    let mut script = format!("{HEADER}{header}\n{{ (\n");
    if with_environment {
        script.push_str("IFS= read -r line && eval \"$(printf %s \"$line\" | base64 -d)\" || exit 126\n");
    }
    let directory = info.cwd.as_ref().map(|cwd| format!("cd -- {} || exit 126\n", quote(cwd))).unwrap_or_default();
    let run = format!(
        "{directory}export {ID_VARIABLE}={id}\nexec \"${{BASH:-${{ZSH_NAME:-sh}}}}\" -c {}\n",
        quote(&info.command)
    );
    if info.stdin {
        // Opening the pipe waits for the other side, so neither the feeder nor the command can miss the other.
        script.push_str(&format!(
            "pipes=$(mktemp -d) && mkfifo \"$pipes/stdin\" || exit 126\n\
             exec 3<&0\n\
             {{ while IFS= read -r line && [ \"$line\" != {END_OF_INPUT} ]; do printf %s \"$line\" | base64 -d; done; }} \
             <&3 3<&- >\"$pipes/stdin\" 2>/dev/null &\n\
             feeder=$!\n\
             {{ (\nexec 3<&-\n{run}) <\"$pipes/stdin\" {QUIETLY}\n\
             {{ kill \"$feeder\"; wait \"$feeder\"; rm -rf \"$pipes\"; }} >/dev/null 2>&1\n\
             exit \"$code\"\n"
        ));
    } else {
        script.push_str(&format!("exec </dev/null\n{run}"));
    }
    script
        .push_str(&format!(") {QUIETLY}\nprintf '\\036%s\\n' {id}\nprintf '\\036%s\\n' {id} >&2\nreturn \"$code\"\n"));
    script
}

/// Signals every process whose environment has the id. Exit code: 0 when there was one, 1 when there was none, 2 when the
/// shell does not know the signal.
pub(super) fn signal(id: &str, signal: &str) -> String {
    // A process that SIGKILL meets may be starting others: it is sent until none is left. Other signals are sent once.
    let rounds = if matches!(signal, "KILL" | "9") { 100 } else { 1 };
    format!(
        "kill -l {signal} >/dev/null || exit 2\n\
         found=1 round=0\n\
         while [ \"$round\" -lt {rounds} ]; do\n\
         round=$((round + 1))\n\
         pids=$(grep -la {ID_VARIABLE}={id} /proc/[0-9]*/environ 2>/dev/null | \
         while IFS=/ read -r _ _ pid _; do kill -{signal} \"$pid\" 2>/dev/null && echo \"$pid\"; done)\n\
         [ -z \"$pids\" ] && break\n\
         found=0\n\
         done\n\
         exit \"$found\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_found_again_by_its_script() {
        let info = ProcessInfo {
            id: "4c1f".into(),
            session_id: "process-4c1f".into(),
            command_id: "c".into(),
            command: "echo 'a\nb' \u{1e}".into(),
            cwd: Some("/tmp/x y".into()),
            stdin: true,
            exit_code: Some(3),
        };
        let command = Command { id: "c".into(), command: start(&info, true), exit_code: Some(3) };
        let session = Session { session_id: info.session_id.clone(), commands: vec![command] };
        assert_eq!(started(&session), Some(info));
        assert_eq!(started(&Session { session_id: "mine".into(), commands: vec![] }), None);
    }

    #[test]
    fn variables_are_quoted_and_their_names_checked() {
        let commands = exports(&[("A_1".to_owned(), "it's\n$HOME".to_owned())].into()).unwrap();
        assert_eq!(commands, "export A_1='it'\\''s\n$HOME'\n");
        assert!(exports(&[("1A".to_owned(), String::new())].into()).unwrap_err().to_string().contains("1A"));
    }
}
