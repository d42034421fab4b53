//! Everything `daytona local setup` installs, by version and content. Change it in `packages/` and nowhere else.
//!
//! TypeScript is there twice: 5 is the last line that ts-node can use, 7 has the language server for projects without a
//! TypeScript of their own. `package-lock.json` is made by `npm install --package-lock-only
//! --omit-lockfile-registry-resolved`. How `python.txt` is made, it says itself.

use sha2::{Digest, Sha256};

/// Python packages and their dependencies, as a requirements file with hashes.
pub const PYTHON: &str = include_str!("packages/python.txt");

/// Node packages.
pub const NODE: &str = include_str!("packages/package.json");

/// Node packages and their dependencies, with the integrity of each.
pub const NODE_LOCK: &str = include_str!("packages/package-lock.json");

/// Programs of the Node packages that are put on the sandboxes' path.
pub const NODE_PROGRAMS: [&str; 4] = ["ts-node", "tsc", "tsserver", "typescript-language-server"];

/// Programs of the Python packages that are put on the sandboxes' path: the language server, and the formatter beside it.
pub const PYTHON_PROGRAMS: [&str; 2] = ["ty", "ruff"];

/// The mark of a finished snapshot; another text means it is out of date.
pub fn mark() -> String {
    let contents = [PYTHON, NODE, NODE_LOCK].map(|text| {
        let hash: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{hash}\n")
    });
    format!("layout 2\n{}", contents.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_has_a_hash() {
        let required = PYTHON.lines().filter(|line| line.contains("==") && !line.starts_with('#'));
        assert!(required.clone().count() >= 10 && required.clone().all(|line| line.ends_with('\\')));
        let lock: serde_json::Value = serde_json::from_str(NODE_LOCK).unwrap();
        let packages = lock["packages"].as_object().unwrap().iter().filter(|(place, _)| !place.is_empty());
        assert!(packages.clone().count() >= 3);
        assert!(packages.clone().all(|(_, package)| package["integrity"].as_str().is_some_and(|text| text.len() > 60)));
    }
}
