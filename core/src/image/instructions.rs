//! The instructions of a Dockerfile, or of a part of one, as far as it takes to find what they copy.

use super::quote::Escape;

/// An instruction, its continued lines joined, without the here-documents it has.
pub(super) struct Instruction {
    /// In capitals.
    pub(super) name: String,
    pub(super) rest: String,
}

/// The instructions of a text.
pub(super) fn read(text: &str, escape: Escape) -> Vec<Instruction> {
    let mut lines = text.lines();
    let mut found = Vec::new();
    while let Some(Next { instruction, .. }) = next(&mut lines, escape) {
        found.push(instruction);
    }
    found
}

/// Whether a text is a single instruction, complete.
pub(super) fn is_one(text: &str, escape: Escape) -> bool {
    let mut lines = text.lines();
    next(&mut lines, escape).is_some_and(|next| next.is_complete) && lines.all(|line| line.trim().is_empty())
}

struct Next {
    instruction: Instruction,
    /// Neither a continuation nor a here-document is open at the end of the text.
    is_complete: bool,
}

fn next<'a>(lines: &mut impl Iterator<Item = &'a str>, escape: Escape) -> Option<Next> {
    let mut joined = String::new();
    let mut open = false;
    for line in lines.by_ref() {
        let plain = line.trim();
        // Also between continued lines.
        if plain.is_empty() || plain.starts_with('#') {
            continue;
        }
        let end = line.trim_end();
        match end.strip_suffix(escape.character()) {
            Some(part) => {
                joined.push_str(part);
                open = true;
            }
            None => {
                joined.push_str(line);
                open = false;
                break;
            }
        }
    }
    let text = joined.trim();
    if text.is_empty() {
        return None;
    }
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let instruction = Instruction { name: name.to_ascii_uppercase(), rest: rest.trim().to_owned() };
    let mut is_complete = !open;
    if matches!(instruction.name.as_str(), "RUN" | "COPY" | "ADD") {
        for document in words(&instruction.rest, escape).iter().filter_map(|word| here_document(&word.raw)) {
            is_complete &= lines.by_ref().any(|line| {
                let line = if document.strips_tabs { line.trim_start_matches('\t') } else { line };
                line == document.mark
            });
        }
    }
    Some(Next { instruction, is_complete })
}

struct HereDocument {
    mark: String,
    strips_tabs: bool,
}

/// The here-document that a word begins: `<<EOF`, `<<-'EOF'`, `3<<EOF`.
fn here_document(word: &str) -> Option<HereDocument> {
    let mark = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<")?;
    let (mark, strips_tabs) = mark.strip_prefix('-').map_or((mark, false), |mark| (mark, true));
    let mark = ['"', '\''].iter().find_map(|q| mark.strip_prefix(*q)?.strip_suffix(*q)).unwrap_or(mark);
    let usable = !mark.is_empty() && !mark.contains(['<', '"', '\'']);
    usable.then(|| HereDocument { mark: mark.to_owned(), strips_tabs })
}

/// A word of an instruction.
pub(super) struct Word {
    /// As it is written.
    pub(super) raw: String,
    /// Without quotes.
    pub(super) text: String,
}

/// The words of an instruction, quotes taken into account.
pub(super) fn words(text: &str, escape: Escape) -> Vec<Word> {
    let mut words = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            return words;
        }
        let (mut raw, mut plain) = (String::new(), String::new());
        let mut quote = None;
        while let Some(c) = chars.next_if(|c| quote.is_some() || !c.is_whitespace()) {
            raw.push(c);
            match quote {
                None if c == '"' || c == '\'' => quote = Some(c),
                Some(open) if c == open => quote = None,
                _ if c == escape.character() && quote != Some('\'') => match chars.next() {
                    Some(next) => {
                        raw.push(next);
                        plain.push(next);
                    }
                    None => plain.push(c),
                },
                _ => plain.push(c),
            }
        }
        words.push(Word { raw, text: plain });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(String, String)> {
        read(text, Escape::of(text)).into_iter().map(|i| (i.name, i.rest)).collect()
    }

    #[test]
    fn instructions_end_where_their_last_line_ends() {
        let text = "# c\nFROM x\nRUN a \\\n  # comment\n\n  b\ncopy <<EOF /a\nCOPY no /no\nEOF\nRUN <<-'E' cat\n\tCOPY no\n\tE\nCMD c";
        let found = names(text);
        let pairs: Vec<_> = found.iter().map(|(name, rest)| (name.as_str(), rest.as_str())).collect();
        assert_eq!(pairs, [("FROM", "x"), ("RUN", "a   b"), ("COPY", "<<EOF /a"), ("RUN", "<<-'E' cat"), ("CMD", "c")]);
    }

    #[test]
    fn a_script_of_several_lines_is_not_one_instruction() {
        let escape = Escape::of("");
        for one in ["RUN a", "RUN a \\\n b", "RUN <<EOF\na\nEOF", "RUN cat <<A <<B\n1\nA\n2\nB"] {
            assert!(is_one(one, escape), "{one}");
        }
        for other in ["RUN a\nb", "RUN a \\", "RUN <<EOF\na", "RUN echo \"<<EOF\"\nEOF", "RUN cat <<< a\nb"] {
            assert!(!is_one(other, escape), "{other}");
        }
    }
}
