//! `daytona exec`.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::failure::{Done, Failure};
use crate::output::{Format, FormatArguments};
use crate::program::{Program, command_line};
use crate::remote::{Context, Remote};
use crate::{completion, pairs, profile};

/// Run a program in a sandbox: outputs live and apart, and its exit code
#[derive(Debug, Args)]
#[command(override_usage = "daytona exec [OPTIONS] [SANDBOX] -- COMMAND [ARGUMENTS]...")]
pub struct Exec {
    /// Id or name of the sandbox [default: the sandbox in use], `--`, and the program with its arguments. Several words
    /// reach the program exactly as they are; a single one is a command line for the shell
    #[arg(value_name = "SANDBOX] -- [COMMAND", required = true, add = ArgValueCompleter::new(completion::sandboxes))]
    words: Vec<String>,
    /// Working directory [default: the sandbox's]
    #[arg(long, value_name = "DIRECTORY")]
    cwd: Option<String>,
    /// Environment variable; may be given several times
    #[arg(short, long, value_name = "KEY=VALUE")]
    env: Vec<String>,
    /// Seconds after which the program is killed; 0 = no limit
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = crate::seconds::read)]
    timeout: Duration,
    /// Let the program read standard input
    #[arg(short = 'i', long)]
    stdin: bool,
    #[command(flatten)]
    format: FormatArguments,
}

impl Remote for Exec {
    const CANCEL_ON_INTERRUPT: bool = false;

    fn format(&self) -> Format {
        self.format.chosen()
    }

    fn runs_program(&self) -> bool {
        true
    }

    async fn run(self, context: &mut Context) -> Done {
        let (sandbox, words) = divide(self.words, std::env::args_os())?;
        let sandbox = profile::sandbox(sandbox.as_deref())?;
        let sandbox = context.client.get(&sandbox).await.map_err(|error| Failure::from(error).not_run())?;
        let program = Program {
            command: command_line(&words),
            cwd: self.cwd,
            env: pairs::read("--env", &self.env)?,
            timeout: self.timeout,
            stdin: self.stdin,
        };
        program.run(&sandbox.process(), &mut context.output).await
    }
}

/// The sandbox, if it was named, and the words of the program. What stands before the first `--` tells the two apart, and the
/// parser has dropped that.
fn divide(mut words: Vec<String>, arguments: impl Iterator<Item = OsString>) -> Done<(Option<String>, Vec<String>)> {
    let behind = arguments.skip_while(|argument| argument != "--").skip(1).count();
    let sandbox = if behind == words.len() { None } else { Some(words.remove(0)) };
    if words.is_empty() {
        return Err(Failure::usage("Name a program to run: daytona exec SANDBOX -- COMMAND."));
    }
    Ok((sandbox, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_the_dashes_is_the_sandbox() {
        let strings = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let divided =
            |words: &str, line: &str| divide(strings(words), strings(line).into_iter().map(OsString::from)).ok();
        assert_eq!(divided("box ls -l", "daytona exec box -- ls -l"), Some((Some("box".into()), strings("ls -l"))));
        assert_eq!(divided("ls -l", "daytona exec -- ls -l"), Some((None, strings("ls -l"))));
        assert_eq!(divided("box ls", "daytona exec box ls"), Some((Some("box".into()), strings("ls"))));
        assert_eq!(divided("a -- b", "daytona exec -- a -- b"), Some((None, strings("a -- b"))));
        assert_eq!(divided("box", "daytona exec box"), None);
    }
}
