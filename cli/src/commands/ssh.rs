//! `daytona ssh`.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use clap::Args;
use daytona::model::SshAccessDto;

use crate::failure::{Done, Failure};
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
    fn format(&self) -> Format {
        self.format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        let name = self.sandbox.name()?;
        let sandboxes = context.client.sandboxes();
        let access = sandboxes
            .create_ssh_access(&name, Some(self.expires))
            .await
            .map_err(|error| Failure::from(error).not_run())?;
        if self.print || context.output.is_for_programs() {
            return context.output.result(&access, || format!("{}\n", printable(&access.ssh_command)));
        }
        let (port, target) = destination(&access)?;
        let mut ssh = Command::new("ssh");
        ssh.args(["-o", "StrictHostKeyChecking=accept-new", "-p", &port]);
        for option in &self.option {
            ssh.args(["-o", option]);
        }
        // From here on this is ssh.
        let error = ssh.arg("--").arg(target).args(&self.words).exec();
        Err(Failure::other(format!("ssh cannot be run: {error}")).not_run())
    }
}

/// Port and destination of the server's command. Nothing else of it is run: it comes from elsewhere.
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
    if !is_host || access.token.starts_with('-') || port.parse::<u16>().is_err() {
        return Err(unusable());
    }
    Ok((port.to_owned(), target.to_owned()))
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
        let expected = |port: &str, target: &str| Some((port.to_owned(), target.to_owned()));
        assert_eq!(read("ssh tok@ssh.example.com"), expected("22", "tok@ssh.example.com"));
        assert_eq!(read("ssh -p 2222 tok@127.0.0.1"), expected("2222", "tok@127.0.0.1"));
        for wrong in ["ssh -oProxyCommand=x tok@h", "ssh -p x tok@h", "ssh other@h", "ssh tok@-h", "sh tok@h", ""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
