//! The `daytona` command line.
//!
//! | file | subject |
//! |---|---|
//! | `arguments` | the tree of commands, and which code runs for each |
//! | `commands` | one file per command |
//! | `remote` | a command that talks to Daytona: its client, its runtime, Ctrl-C, how its result is printed |
//! | `output`, `failure` | tables, JSON, YAML; errors and exit codes |
//! | `program` | a program in a sandbox, as if it ran here: input, outputs, signals, exit code |
//! | `sync` | a directory of this machine and one of a sandbox, kept the same |
//! | `terminal` | this terminal as that of a sandbox |
//! | `mcp` | the MCP server |
//! | `keyring` | keys and tokens in the keyring of the desktop |
//! | `oidc` | logging in with a browser |
//! | `profile` | accounts that are logged in, and the sandbox in use |

mod arguments;
mod browser;
mod build_secrets;
mod commands;
mod completion;
mod failure;
mod interrupt;
mod keyring;
#[cfg(feature = "mcp")]
mod mcp;
mod oidc;
mod output;
mod pairs;
mod place;
mod profile;
mod program;
mod remote;
mod seconds;
mod stdin;
mod sync;
mod terminal;

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything else: this may be a sandbox starting, not a person typing.
    daytona_engine::isolation::run_if_sandbox_process();
    completion::answer_shell();
    arguments::run()
}
