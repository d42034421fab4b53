//! Reading Dockerfiles.
//!
//! By hand: of the parsers there are, none knows here-documents behind a command's first word (`RUN cat <<EOF > file`).

mod heredoc;
mod instruction;
mod lines;
mod words;

pub(crate) use heredoc::HereDoc;
pub(crate) use instruction::{Command, Flag, Instruction, Kind, Source, with_documents};
pub(crate) use words::{expand, expand_document, split, split_raw};

use crate::Error;
use instruction::parse_one;

/// A Dockerfile's instructions.
#[derive(Debug)]
pub(crate) struct Dockerfile {
    /// `ARG`s before the first stage.
    pub(crate) arguments: Vec<Instruction>,
    pub(crate) stages: Vec<Stage>,
    /// The character that keeps the next one from meaning something.
    pub(crate) escape: char,
}

/// One stage.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) line: usize,
    /// The instruction as written.
    pub(crate) text: String,
    /// The image or stage it begins with, not yet expanded.
    pub(crate) base: String,
    /// Its name in lower case.
    pub(crate) name: Option<String>,
    pub(crate) instructions: Vec<Instruction>,
}

impl Dockerfile {
    /// Reads a Dockerfile.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let (escape, lines) = lines::logical(text)?;
        let mut file = Self { arguments: Vec::new(), stages: Vec::<Stage>::new(), escape };
        for line in lines {
            let number = line.number;
            let invalid = |reason: &str| Error::Dockerfile { line: number, reason: reason.to_owned() };
            let instruction = parse_one(line, escape)?;
            match (instruction.kind, file.stages.last_mut()) {
                (Kind::From { base, name }, _) => file.stages.push(Stage {
                    line: instruction.line,
                    text: instruction.text,
                    base,
                    name,
                    instructions: Vec::new(),
                }),
                (kind, Some(stage)) => stage.instructions.push(Instruction { kind, ..instruction }),
                (kind @ Kind::Arg(_), None) => file.arguments.push(Instruction { kind, ..instruction }),
                (_, None) => return Err(invalid("only ARG may stand before the first FROM")),
            }
        }
        if file.stages.is_empty() {
            return Err(Error::Dockerfile { line: 1, reason: "it has no FROM".to_owned() });
        }
        Ok(file)
    }
}

/// Reads an instruction that an image keeps for those made from it. `line` is where that is.
pub(crate) fn parse_text(text: &str, line: usize) -> Result<Instruction, Error> {
    let (escape, lines) = lines::logical(text)?;
    let only = lines.into_iter().next();
    let only = only.ok_or_else(|| Error::Dockerfile { line, reason: "the instruction is empty".to_owned() })?;
    parse_one(lines::Line { number: line, ..only }, escape)
}
