//! From commands as written to programs and arguments.

use crate::dockerfile::{Command, HereDoc, split_raw, with_documents};

/// Where a here-document appears that is a script of its own.
pub(super) const SCRIPT: &str = "/tmp/.daytona-script";

/// Whether a command is nothing but a here-document.
fn is_document(text: &str, documents: &[HereDoc], escape: char) -> bool {
    documents.len() == 1 && split_raw(text, escape).len() == 1
}

/// The script that a command is, if it says by which program it is read.
pub(super) fn script<'a>(command: &Command, documents: &'a [HereDoc], escape: char) -> Option<&'a str> {
    match command {
        Command::Shell(text) if is_document(text, documents, escape) => {
            Some(documents[0].content.as_str()).filter(|content| content.starts_with("#!"))
        }
        _ => None,
    }
}

/// The program and arguments of a command of the build.
pub(super) fn run_argv(
    command: &Command,
    documents: &[HereDoc],
    shell: Option<&[String]>,
    escape: char,
) -> Vec<String> {
    match command {
        Command::Shell(text) if is_document(text, documents, escape) => in_shell(&documents[0].content, shell),
        Command::Shell(text) => in_shell(&with_documents(text, documents), shell),
        Command::Exec(words) => words.clone(),
    }
}

/// What starts a command at last.
pub(super) fn argv(command: &Command, shell: Option<&[String]>) -> Vec<String> {
    match command {
        Command::Exec(words) => words.clone(),
        Command::Shell(text) => in_shell(text, shell),
    }
}

fn in_shell(text: &str, shell: Option<&[String]>) -> Vec<String> {
    let mut words = shell.map_or_else(|| vec!["/bin/sh".to_owned(), "-c".to_owned()], <[String]>::to_vec);
    words.push(text.to_owned());
    words
}
