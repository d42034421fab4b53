//! `daytona generate-docs`: the documentation of the commands, from the commands.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Arg, Args, Command, CommandFactory as _};

use crate::arguments::Cli;
use crate::failure::{Done, EXIT_CODES, Failure};

const BEGINNING: &str = "\
# The command line

Everything `daytona` does, from `daytona --help`. [How to use it](command-line.md).
";

/// Write the documentation of the commands
#[derive(Debug, Args)]
pub struct GenerateDocs {
    /// Directory for `commands.md`
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    directory: PathBuf,
    /// Directory for manual pages, one per command
    #[arg(long, value_name = "DIRECTORY")]
    man: Option<PathBuf>,
}

impl GenerateDocs {
    /// Runs it.
    pub fn run(self) -> Done {
        let mut root = Cli::command();
        root.build();
        if let Some(man) = &self.man {
            std::fs::create_dir_all(man)?;
            clap_mangen::generate_to(Cli::command(), man)?;
        }
        let mut page = BEGINNING.to_owned();
        section(&root, "daytona", &mut page);
        page.push_str("\n## Exit codes\n\n| code | meaning |\n|---|---|\n");
        for (code, meaning) in EXIT_CODES {
            let _ = writeln!(page, "| {code} | {meaning} |");
        }
        std::fs::create_dir_all(&self.directory)?;
        let path = self.directory.join("commands.md");
        std::fs::write(&path, page)
            .map_err(|error| Failure::other(format!("{} cannot be written: {error}", path.display())))
    }
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help")
}

fn arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| !argument.is_hide_set() && !argument.is_global_set())
}

/// A command and all below it, as Markdown.
fn section(command: &Command, name: &str, page: &mut String) {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut copy = command.clone();
    let usage = copy.render_usage().to_string().replace("Usage: ", "");
    let _ = write!(page, "\n## {name}\n\n{about}.\n\n```\n{}\n```\n", usage.trim());
    let aliases: Vec<_> = command.get_visible_aliases().map(|alias| format!("`{alias}`")).collect();
    if !aliases.is_empty() {
        let _ = write!(page, "\nAlso: {}.\n", aliases.join(", "));
    }
    let rows: Vec<_> = arguments(command).filter(|argument| !matches!(argument.get_id().as_str(), "help")).collect();
    if !rows.is_empty() {
        page.push_str("\n| argument | meaning |\n|---|---|\n");
        for argument in rows {
            let _ = writeln!(page, "| {} | {} |", spelled(argument), meaning(argument));
        }
    }
    for below in shown(command) {
        section(below, &format!("{name} {}", below.get_name()), page);
    }
}

fn spelled(argument: &Arg) -> String {
    let value = || {
        let takes = argument.get_action().takes_values();
        let names = argument.get_value_names().unwrap_or_default();
        if takes { names.iter().map(|name| format!(" {name}")).collect() } else { String::new() }
    };
    let long = argument.get_long().map(|long| format!("`--{long}{}`", value()));
    let short = argument.get_short().map(|short| format!("`-{short}`"));
    match (short, long) {
        (Some(short), Some(long)) => format!("{short}, {long}"),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => format!("`{}`", value().trim()),
    }
}

fn meaning(argument: &Arg) -> String {
    let mut text = argument.get_help().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
    let defaults: Vec<_> = argument.get_default_values().iter().filter_map(|value| value.to_str()).collect();
    if !defaults.is_empty() && argument.get_action().takes_values() && !argument.is_hide_default_value_set() {
        let _ = write!(text, " [default: {}]", defaults.join(", "));
    }
    text
}
