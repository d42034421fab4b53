//! Writing Python text the way its formatter would.

/// Columns of a line.
pub const WIDTH: usize = 120;
const INDENT: usize = 4;

/// A Python file in the making.
pub struct Text(String);

impl Text {
    pub fn new() -> Self {
        Self(String::new())
    }

    /// One line at a level of indentation.
    pub fn line(&mut self, level: usize, line: &str) {
        if !line.is_empty() {
            self.0.push_str(&" ".repeat(level * INDENT));
            self.0.push_str(line);
        }
        self.0.push('\n');
    }

    /// Several lines.
    pub fn lines(&mut self, level: usize, lines: &str) {
        for line in lines.split('\n') {
            self.line(level, line);
        }
    }

    /// `before(item, item)after` on one line when it fits, else one item a line with a trailing comma.
    pub fn list(&mut self, level: usize, before: &str, items: &[String], after: &str) {
        let line = format!("{before}{}{after}", items.join(", "));
        if level * INDENT + line.len() <= WIDTH || items.is_empty() {
            self.line(level, &line);
            return;
        }
        self.line(level, before);
        for item in items {
            self.line(level + 1, &format!("{item},"));
        }
        self.line(level, after);
    }

    /// A statement that ends in a call, whose arguments are one a line when it is too long.
    pub fn expression(&mut self, level: usize, code: &str) {
        match code.find('(').filter(|_| level * INDENT + code.len() > WIDTH && code.ends_with(')')) {
            Some(at) => self.list(level, &code[..=at], &split(&code[at + 1..code.len() - 1]), ")"),
            None => self.line(level, code),
        }
    }

    pub fn finish(self) -> String {
        self.0
    }
}

/// The items of a list of arguments or parameters.
pub fn split(list: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut depth = 0;
    for c in list.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        match items.last_mut() {
            _ if c == ',' && depth == 0 => items.push(String::new()),
            Some(item) => item.push(c),
            None => {}
        }
    }
    items.iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

/// Paragraphs, filled again for a level of indentation.
pub fn wrap(doc: &str, level: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in doc.split("\n\n") {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(fill(&paragraph.split_whitespace().collect::<Vec<_>>().join(" "), level, ""));
    }
    lines
}

/// One paragraph, filled; lines after the first begin with `hang`.
pub fn fill(paragraph: &str, level: usize, hang: &str) -> Vec<String> {
    // Room for the quotes of a docstring of one line.
    let width = WIDTH - level * INDENT - 6;
    let mut lines = vec![String::new()];
    for word in paragraph.split(' ') {
        let current = lines.last_mut().expect("there is always a line");
        if current.trim().is_empty() {
            current.push_str(word);
        } else if current.chars().count() + 1 + word.chars().count() <= width {
            current.push(' ');
            current.push_str(word);
        } else {
            lines.push(format!("{hang}{word}"));
        }
    }
    lines
}

/// A docstring: on one line if it has one.
pub fn docstring(text: &mut Text, level: usize, lines: &[String]) {
    // Backslashes would be escapes; a docstring must not end in a quote of its own.
    let lines: Vec<_> = lines.iter().map(|line| line.replace('\\', "\\\\")).collect();
    match lines.as_slice() {
        [only] => text.line(level, &format!("\"\"\"{only}\"\"\"")),
        [first, rest @ ..] => {
            text.line(level, &format!("\"\"\"{first}"));
            for line in rest {
                text.line(level, line);
            }
            text.line(level, "\"\"\"");
        }
        [] => {}
    }
}
