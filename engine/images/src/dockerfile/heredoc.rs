//! Here-documents: `<<EOF` and the lines up to `EOF`.

use super::words::split_raw;

/// A here-document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HereDoc {
    /// The word that ends it, and a file's name where it is copied.
    pub(crate) name: String,
    /// Whether variables in it are expanded: its word has no quotes.
    pub(crate) expand: bool,
    /// Whether leading tabs are removed (`<<-`).
    pub(crate) chomp: bool,
    pub(crate) content: String,
}

/// The here-documents that an instruction's line opens, without their content.
pub(super) fn openings(line: &str, escape: char) -> Vec<HereDoc> {
    let mut rest = line;
    loop {
        let (keyword, more) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        match keyword.to_ascii_lowercase().as_str() {
            "onbuild" => rest = more.trim_start(),
            "run" | "copy" | "add" => {
                let exec_form = serde_json::from_str::<Vec<String>>(more).is_ok();
                let words = if exec_form { Vec::new() } else { split_raw(more, escape) };
                return words.iter().filter_map(|word| opening(word)).collect();
            }
            _ => return Vec::new(),
        }
    }
}

/// What a word opens, if it is `<<EOF`, `<<-EOF` or `3<<"EOF"`.
pub(crate) fn opening(word: &str) -> Option<HereDoc> {
    let word = word.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let rest = word.strip_prefix("<<")?;
    let (chomp, rest) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
    let name: String = rest.chars().filter(|letter| !matches!(letter, '"' | '\'' | '\\')).collect();
    let plain = !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || "_-.".contains(letter));
    plain.then(|| HereDoc { expand: name == rest, name, chomp, content: String::new() })
}
