//! Keeping users and passwords of URLs out of logs, errors and records.

use std::borrow::Cow;

/// The text with `***` in place of the user and password of every URL.
pub(crate) fn hidden(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(begin) = rest.find("://") {
        let (before, after) = rest.split_at(begin + 3);
        let end = after.find(|c: char| c.is_whitespace() || "/?#\"'`<>".contains(c)).unwrap_or(after.len());
        shown.push_str(before);
        rest = match after[..end].rfind('@') {
            Some(at) => {
                shown.push_str("***");
                &after[at..]
            }
            None => after,
        };
    }
    if shown.is_empty() {
        return Cow::Borrowed(text);
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_passwords_are_hidden_and_nothing_else() {
        for (text, shown) in [
            ("ADD https://user:pass@example.com/a /b", "ADD https://***@example.com/a /b"),
            ("https://token@h", "https://***@h"),
            ("http://u:p@w@h:80/x@y ftp://a:b@c", "http://***@h:80/x@y ftp://***@c"),
            ("RUN git clone 'https://u:p@h/r' && echo a@b", "RUN git clone 'https://***@h/r' && echo a@b"),
            ("COPY a@b ://", "COPY a@b ://"),
            ("https://example.com/a?b=c@d", "https://example.com/a?b=c@d"),
            ("", ""),
        ] {
            assert_eq!(hidden(text), shown);
        }
    }
}
