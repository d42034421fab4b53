//! Causes of errors in the words of the people who read them.

/// The text of a library's error without what only its authors know: error numbers, positions in JSON, names of layers.
pub(crate) fn plain(cause: &str) -> String {
    let mut text = cause.replace("client error (Connect): ", "").replace("tcp connect error: ", "");
    if let Some((before, number)) = text.rsplit_once(" (os error ")
        && let Some((_, after)) = number.split_once(')')
    {
        text = format!("{before}{after}");
    }
    if let Some((before, position)) = text.rsplit_once(" at line ")
        && position.contains(" column ")
    {
        text = before.to_owned();
    }
    for wrong in ["invalid type: ", "invalid value: "] {
        if let Some((given, expected)) = text.strip_prefix(wrong).and_then(|rest| rest.split_once(", expected ")) {
            let expected = if expected.starts_with("struct ") { "an object" } else { expected };
            return format!("it must be {expected}, not {}", given.replace('`', "")).replace("unit value", "nothing");
        }
    }
    if let Some(name) = text.strip_prefix("missing field ") {
        return format!("{} is missing", name.trim_matches('`'));
    }
    if let Some((given, known)) = text.strip_prefix("unknown variant ").and_then(|rest| rest.split_once(", expected "))
    {
        return format!(
            "{} is not one of {}",
            given.trim_matches('`'),
            known.trim_start_matches("one of ").replace('`', "")
        );
    }
    text
}

/// The text of a URL, which may not be one, without user and password, query and fragment.
pub fn without_secrets(url: &str) -> String {
    let place = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) =
        place.split_once("://").map_or(("", place), |(scheme, rest)| (&place[..scheme.len() + 3], rest));
    // A password may have slashes that should have been escaped.
    let rest = rest.rsplit_once('@').map_or_else(|| rest.to_owned(), |(_, rest)| format!("***@{rest}"));
    format!("{scheme}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_have_no_words_of_libraries() {
        for (cause, expected) in [
            ("No such file or directory (os error 2)", "No such file or directory"),
            ("client error (Connect): tcp connect error: Connection refused (os error 111)", "Connection refused"),
            ("invalid type: integer `5`, expected a string at line 1 column 118", "it must be a string, not integer 5"),
            ("invalid type: null, expected a string at line 1 column 9", "it must be a string, not null"),
            ("invalid type: string \"x\", expected struct Resources", "it must be an object, not string \"x\""),
            ("missing field `volumeId` at line 1 column 2", "volumeId is missing"),
            ("unknown variant `x`, expected one of `a`, `b`", "x is not one of a, b"),
            ("the answer is at line", "the answer is at line"),
        ] {
            assert_eq!(plain(cause), expected);
        }
    }

    #[test]
    fn urls_are_shown_without_secrets() {
        for (url, shown) in [
            ("https://a.example:81/b", "https://a.example:81/b"),
            ("htps://me:ses/ame@a.example/b?token=sesame", "htps://***@a.example/b"),
            ("me:sesame@a.example#sesame", "***@a.example"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }
}
