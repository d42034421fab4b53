//! Examples of operations and builders: regions of `examples/<language>`, which the tests run.
//!
//! An operation names its region in the core's documentation (`# Examples`, then `` `processes exec` ``): file and region,
//! the same in every language.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::schema::Schema;

/// Name of a language, and its file of an example.
const LANGUAGES: [(&str, &str); 5] = [
    ("python", "python/{}.py"),
    ("python_async", "python/{}_async.py"),
    ("typescript", "typescript/{}.ts"),
    ("ruby", "ruby/{}.rb"),
    ("go", "go/{}/main.go"),
];

/// Puts the code of every language into the operations and builders that name a region.
pub fn attach(schema: &mut Schema, root: &Path) -> Result<()> {
    for op in schema.services.iter_mut().flat_map(|service| &mut service.ops) {
        if let Some(example) = &op.example {
            op.examples = codes(root, example).with_context(|| format!("example of {}", op.id))?;
        }
    }
    let image = &mut schema.image;
    if let Some(example) = &image.example {
        image.examples = codes(root, example).with_context(|| format!("example of {}", image.name))?;
    }
    Ok(())
}

/// The code of an example, file and region, by language.
fn codes(root: &Path, example: &str) -> Result<BTreeMap<&'static str, String>> {
    let (file, region) = example.split_once(' ').with_context(|| format!("{example:?} has no region"))?;
    let code = |(language, place): (&'static str, &str)| {
        let path = root.join("examples").join(place.replace("{}", file));
        Ok((language, read(&path, region)?))
    };
    LANGUAGES.into_iter().map(code).collect()
}

/// The lines between `region: name` and the next `endregion`, without what they are indented by.
fn read(path: &Path, name: &str) -> Result<String> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut lines = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let comment = line.trim().trim_start_matches(['/', '#']).trim();
        if comment == format!("region: {name}") {
            inside = true;
        } else if inside && comment.split(':').next() == Some("endregion") {
            return Ok(dedented(&lines));
        } else if inside {
            lines.push(line);
        }
    }
    bail!("{} has no region {name:?}", path.display())
}

fn dedented(lines: &[&str]) -> String {
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let common = lines.iter().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or_default();
    let lines: Vec<_> = lines.iter().map(|line| line.get(common..).unwrap_or_default().trim_end()).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_taken_without_its_indentation() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.py");
        fs::write(&path, "def f():\n    # region: one\n    if x:\n\n        y()\n    # endregion\n").unwrap();
        assert_eq!(read(&path, "one").unwrap(), "if x:\n\n    y()");
        let error = read(&path, "two").unwrap_err().to_string();
        assert!(error.contains("has no region \"two\""), "{error}");
    }
}
