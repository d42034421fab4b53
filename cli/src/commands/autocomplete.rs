//! `daytona autocomplete`.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::env::Shells;

use crate::arguments::Cli;
use crate::completion;
use crate::failure::{Done, Failure};
use crate::output::{Format, Output};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

/// Complete commands, flags and names of sandboxes in your shell
#[derive(Debug, Args)]
pub struct Autocomplete {
    /// The shell to write the completions for
    shell: Shell,
    /// Print them instead of writing them to the shell's directory
    #[arg(long)]
    print: bool,
}

impl Autocomplete {
    /// Runs it.
    pub fn run(self) -> Done {
        let mut output = Output::new(Format::Table);
        let script = self.script()?;
        if self.print {
            return output.bytes(&script);
        }
        let Some(path) = self.place() else {
            return Err(Failure::usage(
                "This shell has no directory for completions: add the output of --print to its profile.",
            ));
        };
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        std::fs::write(&path, script)
            .map_err(|error| Failure::other(format!("{} cannot be written: {error}", path.display())))?;
        output.bytes(format!("{}\n", path.display()).as_bytes())?;
        if self.shell == Shell::Zsh {
            output.note("If zsh does not look there yet, put this before `compinit` in ~/.zshrc: fpath+=~/.zfunc");
        }
        Ok(())
    }

    fn script(&self) -> Done<Vec<u8>> {
        let name = match self.shell {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
            Shell::Powershell => "powershell",
        };
        let shells = Shells::builtins();
        let shell = shells.completer(name).ok_or_else(|| Failure::other(format!("no completions for {name}")))?;
        let command = Cli::command();
        let program = command.get_name();
        let mut script = Vec::new();
        shell.write_registration(completion::VARIABLE, program, program, program, &mut script)?;
        Ok(script)
    }

    /// Where the shell looks for completions by itself.
    fn place(&self) -> Option<PathBuf> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = variable("HOME")?;
        match self.shell {
            Shell::Bash => {
                let data = variable("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share"));
                Some(data.join("bash-completion/completions/daytona"))
            }
            Shell::Zsh => Some(home.join(".zfunc/_daytona")),
            Shell::Fish => {
                let config = variable("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
                Some(config.join("fish/completions/daytona.fish"))
            }
            Shell::Powershell => None,
        }
    }
}
