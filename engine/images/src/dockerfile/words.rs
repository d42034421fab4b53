//! Words of instructions: quotes, escapes and variables, as in a shell but without what a shell would run.

/// Finds a variable's value.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Splits at spaces outside quotes; quotes and escapes stay.
pub(crate) fn split_raw(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match quote {
            None if letter.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            None if letter == '"' || letter == '\'' => quote = Some(letter),
            Some(open) if letter == open => quote = None,
            _ => {}
        }
        word.push(letter);
        if letter == escape && quote != Some('\'') {
            word.extend(letters.next());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Splits into words and expands each.
pub(crate) fn split(text: &str, escape: char, lookup: Lookup<'_>) -> Result<Vec<String>, String> {
    split_raw(text, escape).iter().map(|word| expand(word, escape, lookup)).collect()
}

/// `name=value` pairs, or the older form `name value`, not yet expanded. A name alone has no value.
pub(crate) fn pairs(text: &str, escape: char, older: bool) -> Vec<(String, Option<String>)> {
    let words = split_raw(text, escape);
    let is_older = older && words.first().is_some_and(|first| !first.contains('='));
    if is_older && let Some((name, value)) = text.trim().split_once(char::is_whitespace) {
        return vec![(name.to_owned(), Some(value.trim_start().to_owned()))];
    }
    let pair = |word: String| match word.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (word, None),
    };
    words.into_iter().map(pair).collect()
}

/// Expands variables, and removes quotes and escapes.
///
/// # Errors
/// A variable is written in a way that means nothing, or one that must be set (`${name:?reason}`) is not.
pub(crate) fn expand(text: &str, escape: char, lookup: Lookup<'_>) -> Result<String, String> {
    let letters: Vec<char> = text.chars().collect();
    let mut expander = Expander { letters, at: 0, escape, lookup, depth: 0, plain: false };
    expander.until(None)
}

/// Expands variables in a here-document, where quotes mean nothing.
///
/// # Errors
/// As those of [`expand`].
pub(crate) fn expand_document(text: &str, escape: char, lookup: Lookup<'_>) -> Result<String, String> {
    let letters: Vec<char> = text.chars().collect();
    let mut expander = Expander { letters, at: 0, escape, lookup, depth: 0, plain: true };
    expander.until(None)
}

/// How deep variables may stand in each other's defaults.
const MAX_DEPTH: usize = 32;

struct Expander<'a> {
    letters: Vec<char>,
    at: usize,
    escape: char,
    lookup: Lookup<'a>,
    depth: usize,
    /// Whether quotes are ordinary.
    plain: bool,
}

impl Expander<'_> {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek();
        self.at += usize::from(letter.is_some());
        letter
    }

    /// Everything up to `end`, which is taken along.
    fn until(&mut self, end: Option<char>) -> Result<String, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("variables are nested too deeply".to_owned());
        }
        let mut out = String::new();
        loop {
            match self.next() {
                None if end.is_some() => return Err("a variable's } is missing".to_owned()),
                None => break,
                Some(letter) if Some(letter) == end => break,
                Some('\'') if !self.plain => loop {
                    match self.next() {
                        None => return Err("a single quote is not closed".to_owned()),
                        Some('\'') => break,
                        Some(letter) => out.push(letter),
                    }
                },
                Some('"') if !self.plain => self.quoted(&mut out)?,
                Some('$') => self.variable(&mut out)?,
                Some(letter) if letter == self.escape => {
                    let next = self.next();
                    if self.plain && next != Some('$') && next != Some(self.escape) {
                        out.push(letter);
                    }
                    out.extend(next);
                }
                Some(letter) => out.push(letter),
            }
        }
        self.depth -= 1;
        Ok(out)
    }

    fn quoted(&mut self, out: &mut String) -> Result<(), String> {
        loop {
            match self.next() {
                None => return Err("a double quote is not closed".to_owned()),
                Some('"') => return Ok(()),
                Some('$') => self.variable(out)?,
                Some(letter) if letter == self.escape => match self.next() {
                    None => return Err("a double quote is not closed".to_owned()),
                    Some(next) => {
                        if next != '"' && next != '$' && next != self.escape {
                            out.push(letter);
                        }
                        out.push(next);
                    }
                },
                Some(letter) => out.push(letter),
            }
        }
    }

    fn variable(&mut self, out: &mut String) -> Result<(), String> {
        if self.peek() == Some('{') {
            self.at += 1;
            return self.braced(out);
        }
        match self.name() {
            name if name.is_empty() => out.push('$'),
            name => out.push_str(&(self.lookup)(&name).unwrap_or_default()),
        }
        Ok(())
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(letter) = self.peek() {
            if !(letter == '_' || letter.is_ascii_alphanumeric()) || (name.is_empty() && letter.is_ascii_digit()) {
                break;
            }
            name.push(letter);
            self.at += 1;
        }
        name
    }

    fn braced(&mut self, out: &mut String) -> Result<(), String> {
        let name = self.name();
        if name.is_empty() {
            return Err("${…} needs a variable's name".to_owned());
        }
        let value = (self.lookup)(&name);
        let mut operator = self.next();
        let empty_counts = operator == Some(':');
        if empty_counts {
            operator = self.next();
        }
        let is_set = value.as_ref().is_some_and(|value| !empty_counts || !value.is_empty());
        match operator {
            Some('}') if !empty_counts => out.push_str(&value.unwrap_or_default()),
            Some('-') => {
                let default = self.until(Some('}'))?;
                out.push_str(&value.filter(|_| is_set).unwrap_or(default));
            }
            Some('+') => {
                let other = self.until(Some('}'))?;
                out.push_str(if is_set { &other } else { "" });
            }
            Some('?') => {
                let reason = self.until(Some('}'))?;
                match value.filter(|_| is_set) {
                    Some(value) => out.push_str(&value),
                    None if reason.is_empty() => return Err(format!("{name} is not set")),
                    None => return Err(format!("{name}: {reason}")),
                }
            }
            Some(cut @ ('#' | '%')) if !empty_counts => {
                let longest = self.peek() == Some(cut);
                self.at += usize::from(longest);
                let pattern = self.until(Some('}'))?;
                out.push_str(&trim(&value.unwrap_or_default(), &pattern, cut == '#', longest)?);
            }
            _ => return Err(format!("${{{name}…}} has a modifier that is not known")),
        }
        Ok(())
    }
}

/// Removes what matches a pattern from the beginning or the end.
fn trim(value: &str, pattern: &str, front: bool, longest: bool) -> Result<String, String> {
    let matcher = globset::Glob::new(pattern).map_err(|error| error.to_string())?.compile_matcher();
    let mut cuts: Vec<usize> = value.char_indices().map(|(index, _)| index).chain([value.len()]).collect();
    if front == longest {
        cuts.reverse();
    }
    for cut in cuts {
        let (start, end) = value.split_at(cut);
        let (removed, kept) = if front { (start, end) } else { (end, start) };
        if matcher.is_match(removed) {
            return Ok(kept.to_owned());
        }
    }
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        let lookup = |name: &str| match name {
            "A" => Some("value".to_owned()),
            "EMPTY" => Some(String::new()),
            "FILE" => Some("archive.tar.gz".to_owned()),
            _ => None,
        };
        expand(text, '\\', &lookup)
    }

    #[test]
    fn variables_are_expanded_as_a_shell_would() {
        for (text, value) in [
            ("$A-${A}", "value-value"),
            (r"\$A '$A' \'", "$A $A '"),
            (r#""$A \"x\" \$A \n""#, r#"value "x" $A \n"#),
            ("${NONE:-d$A}", "dvalue"),
            ("${NONE-}${EMPTY-x}${EMPTY:-x}", "x"),
            ("${A:+yes}${NONE:+no}${EMPTY+set}", "yesset"),
            ("${FILE%.*} ${FILE%%.*} ${FILE#*.} ${FILE##*.}", "archive.tar archive tar.gz gz"),
            ("$ $1 a$", "$ $1 a$"),
        ] {
            assert_eq!(expanded(text).unwrap(), value, "{text}");
        }
        assert!(expanded("${NONE:?must be given}").unwrap_err().contains("must be given"));
        for broken in ["${", "${A", "${A!x}", "'open", "\"open", "${}"] {
            assert!(expanded(broken).is_err(), "{broken}");
        }
        assert!(expanded(&"${X:-".repeat(1000)).is_err());
    }

    #[test]
    fn pairs_have_quotes_and_an_older_form() {
        let both = pairs(r#"A="x y" B=a\ b C='q'"#, '\\', true);
        let values: Vec<_> = both.iter().map(|(_, value)| expanded(value.as_ref().unwrap()).unwrap()).collect();
        assert_eq!(values, ["x y", "a b", "q"]);
        assert_eq!(pairs("OLD a b", '\\', true), [("OLD".to_owned(), Some("a b".to_owned()))]);
        assert_eq!(pairs("Q R=2", '\\', false), [("Q".to_owned(), None), ("R".to_owned(), Some("2".to_owned()))]);
    }
}
