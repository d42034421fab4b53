//! Lists of domain names: whole names, and `*.` for every name below one.

/// The names of a list, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Domains(Vec<String>);

impl Domains {
    /// Reads a list with commas between its names, which were checked when it was set.
    pub fn of(list: &str) -> Self {
        let names = list.split(',').map(|name| name.trim().to_ascii_lowercase());
        Self(names.filter(|name| !name.is_empty()).collect())
    }

    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a name in lower case, without a dot at its end, is on the list. `*.example.com` does not name `example.com`.
    pub fn contain(&self, name: &str) -> bool {
        self.0.iter().any(|listed| match listed.strip_prefix('*') {
            Some(below) => name.len() > below.len() && name.ends_with(below),
            None => name == listed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_name_what_is_below() {
        let domains = Domains::of("Example.com, *.pypi.org");
        for name in ["example.com", "files.pypi.org", "a.b.pypi.org"] {
            assert!(domains.contain(name), "{name}");
        }
        for name in
            ["", "www.example.com", "example.com.evil.org", "notexample.com", "pypi.org", ".pypi.org", "xpypi.org"]
        {
            assert!(!domains.contain(name), "{name}");
        }
        assert!(Domains::of(" ").is_empty() && !Domains::of("").contain(""));
    }
}
