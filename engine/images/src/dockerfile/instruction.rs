//! Instructions and their arguments, as written.

use super::heredoc::{HereDoc, opening};
use super::lines::Line;
use super::words::{pairs, split_raw};
use crate::Error;

/// One instruction.
#[derive(Debug)]
pub(crate) struct Instruction {
    /// The line it begins in, counted from 1.
    pub(crate) line: usize,
    /// Its text, for logs and errors.
    pub(crate) text: String,
    pub(crate) flags: Vec<Flag>,
    pub(crate) kind: Kind,
}

/// `--name=value` before the arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flag {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
}

/// A command of a program and its arguments, or a text for the shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    Exec(Vec<String>),
    Shell(String),
}

/// What is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Path(String),
    Document(HereDoc),
}

/// `name=value`, where the value may be absent.
pub(crate) type Pair = (String, Option<String>);

#[derive(Debug)]
pub(crate) enum Kind {
    From { base: String, name: Option<String> },
    Arg(Vec<Pair>),
    Env(Vec<Pair>),
    Label(Vec<Pair>),
    Run { command: Command, documents: Vec<HereDoc> },
    Copy { add: bool, sources: Vec<Source>, target: String },
    Cmd(Command),
    Entrypoint(Command),
    Shell(Vec<String>),
    User(String),
    Workdir(String),
    Expose(Vec<String>),
    Volume(Vec<String>),
    StopSignal(String),
    Healthcheck(Option<Command>),
    OnBuild(String),
    Maintainer(String),
}

/// Takes an instruction apart.
pub(crate) fn parse_one(line: Line, escape: char) -> Result<Instruction, Error> {
    let number = line.number;
    let invalid = |reason: String| Error::Dockerfile { line: number, reason };
    let (keyword, rest) = line.text.split_once(char::is_whitespace).unwrap_or((&line.text, ""));
    let keyword = keyword.to_ascii_uppercase();
    let (flags, rest) = flags(rest.trim(), escape, &keyword);
    if rest.is_empty() && keyword != "CMD" && keyword != "ENTRYPOINT" {
        return Err(invalid(format!("{keyword} needs an argument")));
    }
    let json = || serde_json::from_str::<Vec<String>>(rest).ok();
    let command = || json().map_or_else(|| Command::Shell(rest.to_owned()), Command::Exec);
    let named = |pairs: Vec<Pair>| match pairs.iter().find(|(name, value)| name.is_empty() || value.is_none()) {
        Some((name, _)) => Err(invalid(format!("{keyword} needs name=value, not {name:?}"))),
        None => Ok(pairs),
    };
    let documents = line.documents;
    let kind = match keyword.as_str() {
        "FROM" => {
            let words = split_raw(rest, escape);
            match &words[..] {
                [base] => Kind::From { base: base.clone(), name: None },
                [base, word, name] if word.eq_ignore_ascii_case("as") => {
                    Kind::From { base: base.clone(), name: Some(name.to_ascii_lowercase()) }
                }
                _ => return Err(invalid("FROM is written FROM image [AS name]".to_owned())),
            }
        }
        "ARG" => Kind::Arg(pairs(rest, escape, false)),
        "ENV" => Kind::Env(named(pairs(rest, escape, true))?),
        "LABEL" => Kind::Label(named(pairs(rest, escape, true))?),
        "RUN" => Kind::Run { command: command(), documents },
        "COPY" | "ADD" => {
            let mut words = json().unwrap_or_else(|| split_raw(rest, escape));
            let target = words.pop().filter(|_| !words.is_empty());
            let target = target.ok_or_else(|| invalid(format!("{keyword} needs a source and a destination")))?;
            let mut documents = documents.into_iter();
            let source = |word: String| match opening(&word).and_then(|_| documents.next()) {
                Some(document) => Source::Document(document),
                None => Source::Path(word),
            };
            Kind::Copy { add: keyword == "ADD", sources: words.into_iter().map(source).collect(), target }
        }
        "CMD" => Kind::Cmd(command()),
        "ENTRYPOINT" => Kind::Entrypoint(command()),
        "SHELL" => match json().filter(|words| !words.is_empty()) {
            Some(words) => Kind::Shell(words),
            None => return Err(invalid("SHELL is written SHELL [\"program\", \"argument\"]".to_owned())),
        },
        "USER" => Kind::User(rest.to_owned()),
        "WORKDIR" => Kind::Workdir(rest.to_owned()),
        "EXPOSE" => Kind::Expose(split_raw(rest, escape)),
        "VOLUME" => Kind::Volume(json().unwrap_or_else(|| split_raw(rest, escape))),
        "STOPSIGNAL" => Kind::StopSignal(rest.to_owned()),
        "HEALTHCHECK" => match rest.split_once(char::is_whitespace).unwrap_or((rest, "")) {
            (word, "") if word.eq_ignore_ascii_case("none") => Kind::Healthcheck(None),
            (word, check) if word.eq_ignore_ascii_case("cmd") && !check.trim().is_empty() => {
                let check = check.trim();
                let exec = serde_json::from_str(check).map(Command::Exec);
                Kind::Healthcheck(Some(exec.unwrap_or_else(|_| Command::Shell(check.to_owned()))))
            }
            _ => return Err(invalid("HEALTHCHECK is written HEALTHCHECK CMD command or HEALTHCHECK NONE".to_owned())),
        },
        "ONBUILD" => {
            let word = rest.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
            if matches!(word.as_str(), "ONBUILD" | "FROM" | "MAINTAINER") {
                return Err(invalid(format!("ONBUILD {word} is not allowed")));
            }
            let text = with_documents(rest, &documents);
            parse_one(Line { number, text: rest.to_owned(), documents }, escape)?;
            Kind::OnBuild(text)
        }
        "MAINTAINER" => Kind::Maintainer(rest.to_owned()),
        _ => return Err(invalid(format!("{keyword} is not an instruction"))),
    };
    Ok(Instruction { line: number, text: line.text, flags, kind })
}

/// The text with its here-documents, as a shell would read it.
pub(crate) fn with_documents(text: &str, documents: &[HereDoc]) -> String {
    let mut whole = text.to_owned();
    for document in documents {
        whole = format!("{whole}\n{}{}", document.content, document.name);
    }
    whole
}

/// The flags at the beginning, where the instruction has any, and what follows them.
fn flags<'a>(rest: &'a str, escape: char, keyword: &str) -> (Vec<Flag>, &'a str) {
    let mut flags = Vec::new();
    let mut rest = rest;
    if !matches!(keyword, "FROM" | "RUN" | "COPY" | "ADD" | "HEALTHCHECK") {
        return (flags, rest);
    }
    while rest.starts_with("--") {
        let Some(word) = split_raw(rest, escape).into_iter().next() else { break };
        rest = rest[word.len()..].trim_start();
        if word == "--" {
            break;
        }
        let flag = &word[2..];
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value.to_owned())));
        flags.push(Flag { name: name.to_ascii_lowercase(), value });
    }
    (flags, rest)
}

#[cfg(test)]
mod tests {
    use super::super::Dockerfile;
    use super::*;

    fn only(text: &str) -> Instruction {
        let mut file = Dockerfile::parse(&format!("FROM scratch\n{text}")).unwrap();
        assert_eq!(file.stages[0].instructions.len(), 1, "{text}");
        file.stages[0].instructions.remove(0)
    }

    fn shell(instruction: &Instruction) -> String {
        match &instruction.kind {
            Kind::Run { command: Command::Shell(text), documents } => with_documents(text, documents),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn continued_lines_are_joined_without_comments_and_empty_lines() {
        let run = only("RUN echo a && \\\n    # a comment\n\n    echo b \\  \n  && echo c\n");
        assert_eq!(shell(&run), "echo a &&     echo b   && echo c");
    }

    #[test]
    fn here_documents_stand_anywhere_in_a_command() {
        let run = only("RUN cat <<'A' > /x && cat <<-B\none $X\nA\n\t\ttwo\n\tB\n");
        assert_eq!(shell(&run), "cat <<'A' > /x && cat <<-B\none $X\nA\ntwo\nB");
        let copy = only("COPY <<EOF <<\"E2\" a* /to/\nx\nEOF\ny\nE2\n");
        let Kind::Copy { sources, target, .. } = copy.kind else { panic!() };
        assert!(matches!(&sources[0], Source::Document(document) if document.expand && document.content == "x\n"));
        assert_eq!((sources.len(), target.as_str()), (3, "/to/"));
        assert!(Dockerfile::parse("FROM x\nRUN cat <<EOF\nno end\n").is_err());
        assert_eq!(shell(&only("RUN echo $((1<<2)) \"a <<b\"")), "echo $((1<<2)) \"a <<b\"");
    }

    #[test]
    fn arguments_are_read_in_both_forms() {
        let run = only(r#"run --mount=type=cache,target=/c --network=none ["a", "b\"c"]"#);
        assert_eq!(run.flags.len(), 2);
        assert!(matches!(run.kind, Kind::Run { command: Command::Exec(words), .. } if words == ["a", "b\"c"]));
        let copy = only(r#"COPY --from=x ["a b", "c"]"#);
        assert!(matches!(copy.kind, Kind::Copy { add: false, ref target, .. } if target == "c"));
        assert!(matches!(only("CMD []").kind, Kind::Cmd(Command::Exec(words)) if words.is_empty()));
        assert!(matches!(only("VOLUME /a /b").kind, Kind::Volume(paths) if paths.len() == 2));
        assert!(matches!(only("ONBUILD RUN a \\\n b").kind, Kind::OnBuild(text) if text == "RUN a  b"));
    }

    #[test]
    fn the_escape_character_can_be_chosen() {
        let file = Dockerfile::parse("# syntax=docker/dockerfile:1\n# escape=`\nFROM x\r\nRUN a `\r\n  b\r\n").unwrap();
        assert_eq!(shell(&file.stages[0].instructions[0]), "a   b");
    }

    #[test]
    fn errors_name_the_line() {
        for (text, line) in [
            ("RUN x\nFROM y", 1),
            ("FROM a\n\nFORM b", 3),
            ("FROM a b", 1),
            ("FROM a\nENV x", 2),
            ("FROM a\nCOPY x", 2),
            ("FROM a\nONBUILD FROM b", 2),
            ("", 1),
            ("FROM a\nSHELL bash", 2),
        ] {
            match Dockerfile::parse(text) {
                Err(Error::Dockerfile { line: found, .. }) => assert_eq!(found, line, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
