//! Shell patterns as Go's `filepath.Match` defines them: `*`, `?`, `[a-z]`, `[^a-z]` and `\` quoting, against a file's
//! whole name. (Other glob libraries read `[^…]` and broken patterns differently.)

/// Whether the whole of `name` matches `pattern`. A malformed pattern matches nothing.
pub(super) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let mut at = (0, 0);
    // Where to resume after the last `*`: (pattern position after it, name position it would swallow next).
    let mut star: Option<(usize, usize)> = None;
    loop {
        let (p, n) = at;
        let step = match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, n));
                Some((p + 1, n))
            }
            None if n == name.len() => return true,
            None => None,
            Some(_) => match one(pattern, p, &name[n..]) {
                One::Matched { pattern_end, width } => Some((pattern_end, n + width)),
                One::Different => None,
                One::Malformed => return false,
            },
        };
        at = match (step, &mut star) {
            (Some(next), _) => next,
            (None, Some((after_star, swallowed))) if *swallowed < name.len() => {
                *swallowed += 1;
                (*after_star, *swallowed)
            }
            (None, _) => return false,
        };
    }
}

enum One {
    Matched { pattern_end: usize, width: usize },
    Different,
    Malformed,
}

/// Matches the single-character pattern element at `p` against the start of `rest`.
fn one(pattern: &[u8], p: usize, rest: &[u8]) -> One {
    let (character, width) = first_char(rest);
    match pattern[p] {
        b'?' if width > 0 => One::Matched { pattern_end: p + 1, width },
        b'?' => One::Different,
        b'[' => class(pattern, p + 1, character, width),
        b'\\' => match pattern.get(p + 1) {
            Some(byte) if rest.first() == Some(byte) => One::Matched { pattern_end: p + 2, width: 1 },
            Some(_) => One::Different,
            None => One::Malformed,
        },
        byte if rest.first() == Some(&byte) => One::Matched { pattern_end: p + 1, width: 1 },
        _ => One::Different,
    }
}

/// Matches the class whose content starts at `p`.
fn class(pattern: &[u8], mut p: usize, character: char, width: usize) -> One {
    let negated = pattern.get(p) == Some(&b'^');
    p += usize::from(negated);
    let mut inside = false;
    let mut ranges = 0;
    loop {
        if pattern.get(p) == Some(&b']') && ranges > 0 {
            break;
        }
        let Some((low, after)) = class_char(pattern, p) else { return One::Malformed };
        p = after;
        let mut high = low;
        if pattern.get(p) == Some(&b'-') {
            let Some((end, after)) = class_char(pattern, p + 1) else { return One::Malformed };
            (high, p) = (end, after);
        }
        inside |= (low..=high).contains(&character);
        ranges += 1;
    }
    if width > 0 && inside != negated { One::Matched { pattern_end: p + 1, width } } else { One::Different }
}

fn class_char(pattern: &[u8], p: usize) -> Option<(char, usize)> {
    match pattern.get(p)? {
        b'-' | b']' => None,
        b'\\' => {
            let (character, width) = first_char(pattern.get(p + 1..)?);
            (width > 0).then_some((character, p + 1 + width))
        }
        _ => {
            let (character, width) = first_char(&pattern[p..]);
            Some((character, p + width))
        }
    }
}

/// The first character and its width in bytes; a byte that is not UTF-8 counts as U+FFFD of width 1.
fn first_char(bytes: &[u8]) -> (char, usize) {
    let head = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    match valid.chars().next() {
        Some(character) => (character, character.len_utf8()),
        None => (char::REPLACEMENT_CHARACTER, usize::from(!bytes.is_empty())),
    }
}

#[cfg(test)]
mod tests {
    fn matches(pattern: &str, name: &str) -> bool {
        super::matches(pattern.as_bytes(), name.as_bytes())
    }

    #[test]
    fn patterns_mean_what_go_says() {
        assert!(matches("*.txt", "a.txt"));
        assert!(!matches("*.txt", "a.txt.gz"));
        assert!(matches("*a*b*", "xxaybz"));
        assert!(matches("a?c", "aéc"));
        assert!(matches("[a-c]*", "beta"));
        assert!(matches("[^a-c]x", "dx"));
        assert!(!matches("[^a-c]x", "bx"));
        assert!(matches(r"\*", "*"));
        assert!(!matches(r"\*", "a"));
        assert!(matches("*", ""));
        assert!(!matches("", "a"));
    }

    #[test]
    fn malformed_patterns_match_nothing() {
        assert!(!matches("[", "["));
        assert!(!matches("[]", "]"));
        assert!(!matches("[a", "a"));
        assert!(!matches("a\\", "a\\"));
    }
}
