//! Documentation comments: the text, and the sections of an operation.

use anyhow::{Context, Result, bail};
use syn::{Attribute, Expr, Lit, Meta};

use super::Field;

/// The documentation, paragraphs kept, one leading space removed.
pub(super) fn text(attrs: &[Attribute]) -> String {
    let lines: Vec<_> = attrs
        .iter()
        .filter_map(|attr| match &attr.meta {
            Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
                Expr::Lit(lit) => match &lit.lit {
                    Lit::Str(text) => Some(text.value()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        })
        .map(|line| line.strip_prefix(' ').unwrap_or(&line).to_owned())
        .collect();
    lines.join("\n").trim().to_owned()
}

/// The documentation of something that has no sections.
pub(super) fn plain(attrs: &[Attribute]) -> Result<String> {
    let text = text(attrs);
    if text.is_empty() {
        bail!("has no documentation");
    }
    if let Some(section) = text.lines().find(|line| line.starts_with('#')) {
        bail!("has the section {section:?}, which only operations have");
    }
    Ok(text)
}

/// The documentation of an operation.
pub(super) struct Sections {
    pub(super) text: String,
    /// Name and documentation, in order.
    pub(super) params: Vec<(String, String)>,
    pub(super) returns: String,
    pub(super) errors: String,
    /// File and region of its example.
    pub(super) example: Option<String>,
}

impl Sections {
    /// Gives options the documentation that they have here. `docs` are what is left of it after the parameters.
    pub(super) fn describe(docs: impl Iterator<Item = (String, String)>, options: &mut [Field]) -> Result<()> {
        for (extra, doc) in docs {
            let name = extra.strip_prefix("options.");
            let field = name.and_then(|name| options.iter_mut().find(|field| field.name == name));
            let field = field
                .with_context(|| format!("`# Parameters` has `{extra}`, which is neither a parameter nor an option"))?;
            field.doc = doc;
        }
        Ok(())
    }
}

/// Reads the sections `# Parameters` (a list: ``* `name`: What it is.``, with `options.name` for an option that means something
/// else here than its struct says), `# Returns` (where the type of the result does not say enough), `# Errors` and `# Examples` (one, by file and region:
/// `` `processes exec` ``).
pub(super) fn sections(attrs: &[Attribute]) -> Result<Sections> {
    let found = optional_sections(attrs)?;
    if found.errors.is_empty() {
        bail!("needs documentation with an `# Errors` section");
    }
    Ok(found)
}

/// The same of what may have no errors.
pub(super) fn optional_sections(attrs: &[Attribute]) -> Result<Sections> {
    let all = text(attrs);
    let mut sections = vec![(String::new(), Vec::new())];
    for line in all.lines() {
        match line.strip_prefix("# ") {
            Some(title) => sections.push((title.trim().to_owned(), Vec::new())),
            None => {
                if let Some((_, lines)) = sections.last_mut() {
                    lines.push(line);
                }
            }
        }
    }
    let (text, returns, errors) = (String::new(), String::new(), String::new());
    let mut found = Sections { text, params: Vec::new(), returns, errors, example: None };
    for (title, lines) in sections {
        let body = lines.join("\n").trim().to_owned();
        match title.as_str() {
            "" => found.text = body,
            "Parameters" => found.params = parameters(&lines)?,
            "Returns" => found.returns = body,
            "Errors" => found.errors = body,
            "Examples" => found.example = Some(example(&body)?),
            other => {
                bail!("has the section `# {other}`: known are `# Parameters`, `# Returns`, `# Errors` and `# Examples`")
            }
        }
    }
    if found.text.is_empty() {
        bail!("needs documentation with an `# Errors` section");
    }
    Ok(found)
}

fn example(body: &str) -> Result<String> {
    let name = body.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    match name {
        Some(name) if name.split(' ').count() == 2 => Ok(name.to_owned()),
        _ => bail!("`# Examples` is {body:?}, not file and region between backticks"),
    }
}

fn parameters(lines: &[&str]) -> Result<Vec<(String, String)>> {
    let mut entries: Vec<(String, String)> = Vec::new();
    for line in lines.iter().filter(|line| !line.trim().is_empty()) {
        if let Some(entry) = line.strip_prefix("* ") {
            let entry = entry.strip_prefix('`').and_then(|rest| rest.split_once("`: "));
            let (name, text) =
                entry.with_context(|| format!("{line:?} is not of the form \"* `name`: What it is.\""))?;
            entries.push((name.to_owned(), text.trim().to_owned()));
        } else {
            let (_, text) = entries.last_mut().with_context(|| format!("{line:?} belongs to no parameter"))?;
            text.push('\n');
            text.push_str(line.trim());
        }
    }
    Ok(entries)
}
