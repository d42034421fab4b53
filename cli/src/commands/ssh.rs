//! `daytona ssh`.

//!
//! The token is the user's name for ssh. Everybody on this machine can list the arguments of a program, so ssh reads it from a
//! configuration file that only this user can read, and that is removed when ssh has ended.

use std::io::Write as _;
use std::process::{Child, Command};

use clap::Args;
use daytona::model::SshAccessDto;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use tempfile::NamedTempFile;
use tokio::sync::oneshot;

use crate::failure::{Done, Failure};
use crate::interrupt::Signals;
use crate::output::{Format, FormatArguments, printable};
use crate::remote::{Context, Remote, SandboxArgument};

/// Log in to a sandbox with this machine's ssh
#[derive(Debug, Args)]
pub struct Ssh {
    #[command(flatten)]
    sandbox: SandboxArgument,
    /// Minutes until the access expires
    #[arg(long, value_name = "MINUTES", default_value_t = 1440)]
    expires: i64,
    /// Option for ssh, as in ssh_config; may be given several times
    #[arg(short, long, value_name = "OPTION")]
    option: Vec<String>,
    /// Print the command instead of running it; whoever has it may enter the sandbox
    #[arg(long)]
    print: bool,
    /// Command to run instead of a shell
    #[arg(last = true, value_name = "COMMAND")]
    words: Vec<String>,
    #[command(flatten)]
    format: FormatArguments,
}

impl Remote for Ssh {
    const CANCEL_ON_INTERRUPT: bool = false;

    fn format(&self) -> Format {
        self.format.chosen()
    }

    fn runs_program(&self) -> bool {
        true
    }

    async fn run(self, context: &mut Context) -> Done {
        let name = self.sandbox.name()?;
        let sandboxes = context.client.sandboxes();
        let mut signals = Signals::listen()?;
        let access = tokio::select! {
            access = sandboxes.create_ssh_access(&name, Some(self.expires)) => {
                access.map_err(|error| Failure::from(error).not_run())?
            }
            number = signals.next() => return Err(Failure::Signal(number)),
        };
        if self.print || context.output.is_for_programs() {
            return context.output.result(&access, || format!("{}\n", printable(&access.ssh_command)));
        }
        let (port, host) = destination(&access)?;
        let configuration = configuration(&access.token, &port, &host).map_err(Failure::not_run)?;
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(configuration.path());
        for option in &self.option {
            ssh.args(["-o", option]);
        }
        let ssh = ssh.arg("--").arg(host).args(&self.words).spawn();
        let ssh = ssh.map_err(|error| Failure::other(format!("ssh cannot be run: {error}")).not_run())?;
        follow(ssh, &mut signals).await
    }
}

/// What ssh is to know, and whatever this machine's own configuration says beyond that.
fn configuration(token: &str, port: &str, host: &str) -> Done<NamedTempFile> {
    let text = format!(
        "Host {host}\n\
         User {token}\n\
         Port {port}\n\
         ControlPath none\n\
         StrictHostKeyChecking accept-new\n\
         Match all\n\
         Include ~/.ssh/config\n\
         Include /etc/ssh/ssh_config\n"
    );
    // Created for its owner only.
    let mut file = tempfile::Builder::new().prefix("daytona-ssh-").tempfile()?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

/// Waits for ssh, as if it was this program: signals reach it, it is suspended together with us, and its exit code is ours.
async fn follow(ssh: Child, signals: &mut Signals) -> Done {
    let process = Pid::from_raw(ssh.id().cast_signed());
    let (ended, mut code) = oneshot::channel();
    std::thread::spawn(move || {
        // Where nobody waits any more, this program is ending.
        let _ = ended.send(wait(process));
    });
    loop {
        tokio::select! {
            code = &mut code => return match code {
                Ok(Ok(0)) => Ok(()),
                Ok(Ok(code)) => Err(Failure::Program(code)),
                Ok(Err(error)) => Err(Failure::other(format!("ssh cannot be waited for: {error}")).not_run()),
                Err(_) => Err(Failure::other("ssh cannot be waited for").not_run()),
            },
            // It has ended where this fails, and its code follows.
            number = signals.next() => drop(Signal::try_from(i32::from(number)).map(|signal| kill(process, signal))),
        }
    }
}

/// The exit code of a child, when it has ended.
fn wait(process: Pid) -> Result<u8, Errno> {
    loop {
        match waitpid(process, Some(WaitPidFlag::WUNTRACED)) {
            Ok(WaitStatus::Exited(_, code)) => return Ok(code as u8),
            Ok(WaitStatus::Signaled(_, signal, _)) => return Ok(128 + signal as u8),
            // `~^Z` in ssh: the shell gets the terminal back only when we stop as well.
            Ok(WaitStatus::Stopped(..)) => kill(Pid::this(), Signal::SIGSTOP)?,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Port and host of the server's command. Nothing else of it is used: it comes from elsewhere.
fn destination(access: &SshAccessDto) -> Done<(String, String)> {
    let words: Vec<_> = access.ssh_command.split_whitespace().collect();
    let (port, target) = match words[..] {
        ["ssh", target] => ("22", target),
        ["ssh", "-p", port, target] | ["ssh", target, "-p", port] => (port, target),
        _ => return Err(unusable()),
    };
    let host = target.strip_prefix(&access.token).and_then(|rest| rest.strip_prefix('@')).unwrap_or_default();
    let is_host = host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[' || c == ':')
        && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:[]".contains(c));
    // Neither adds a line or a word to the configuration.
    let is_token = !access.token.is_empty()
        && !access.token.starts_with('-')
        && access.token.chars().all(|c| c.is_ascii_alphanumeric() || "._~+/=-".contains(c));
    if !is_host || !is_token || port.parse::<u16>().is_err() {
        return Err(unusable());
    }
    Ok((port.to_owned(), host.to_owned()))
}

fn unusable() -> Failure {
    Failure::other("The server's answer holds no address for ssh. See it with --print.").not_run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_is_taken_from_the_server() {
        let read = |command: &str| {
            let access = SshAccessDto { token: "tok".into(), ssh_command: command.into(), ..Default::default() };
            destination(&access).ok()
        };
        let expected = |port: &str, host: &str| Some((port.to_owned(), host.to_owned()));
        assert_eq!(read("ssh tok@ssh.example.com"), expected("22", "ssh.example.com"));
        assert_eq!(read("ssh -p 2222 tok@127.0.0.1"), expected("2222", "127.0.0.1"));
        for wrong in ["ssh -oProxyCommand=x tok@h", "ssh -p x tok@h", "ssh other@h", "ssh tok@-h", "sh tok@h", ""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        for wrong in ["", "-tok", "a b", "a\nProxyCommand x", "a\"", "#"] {
            let access =
                SshAccessDto { token: wrong.into(), ssh_command: format!("ssh {wrong}@h"), ..Default::default() };
            assert!(destination(&access).is_err(), "{wrong}");
        }
    }
}
