//! What commands of a build may read and nothing may keep.

use std::collections::BTreeMap;
use std::fmt;

/// What stands for a secret in logs and errors.
const SHOWN: &str = "***";

/// The shortest line of a secret that is looked for in logs: shorter ones are in everything.
const SHORTEST: usize = 4;

/// Secrets of one build by their ids. They are part of no layer, no log and no cached step.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<String, String>);

impl Secrets {
    /// Secrets by their ids.
    pub fn new(secrets: BTreeMap<String, String>) -> Self {
        Self(secrets)
    }

    /// A secret.
    pub(crate) fn get(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }

    /// The text with `***` in place of every line of a secret.
    pub(crate) fn hidden_in(&self, text: String) -> String {
        let lines = self.0.values().flat_map(|secret| secret.lines()).map(str::trim);
        let mut lines: Vec<&str> = lines.filter(|line| line.len() >= SHORTEST && text.contains(line)).collect();
        // One may be a part of another.
        lines.sort_by_key(|line| std::cmp::Reverse(line.len()));
        lines.into_iter().fold(text, |text, line| text.replace(line, SHOWN))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_secret_is_shown() {
        let secret = "sesame\nsesame-open\n{\n";
        let secrets = Secrets::new([("a".to_owned(), secret.to_owned())].into());
        assert_eq!(secrets.hidden_in("x=sesame-open; {sesame}".to_owned()), "x=***; {***}");
        assert_eq!(secrets.hidden_in("nothing".to_owned()), "nothing");
        assert_eq!(format!("{secrets:?}"), "{\"a\"}");
    }
}
