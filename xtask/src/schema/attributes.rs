//! Attributes of the model. One that is not known here might change what travels, so it is refused.

use anyhow::{Result, bail};
use syn::{Attribute, Expr, LitStr, Token};

/// Meaning of the attributes of a struct, field, enum or variant.
#[derive(Default)]
pub(super) struct Attributes {
    /// `#[serde(rename = "…")]`
    pub(super) rename: Option<String>,
    /// `#[serde(rename_all = "…")]`
    pub(super) rename_all: Option<String>,
    /// `#[serde(rename_all_fields = "…")]`
    pub(super) rename_all_fields: Option<String>,
    /// `#[serde(tag = "…")]`
    pub(super) tag: Option<String>,
    /// `#[serde(untagged)]`
    pub(super) untagged: bool,
    /// `#[serde(with = "crate::model::seconds")]`
    pub(super) seconds: bool,
    /// `#[debug("[secret]")]`
    pub(super) secret: bool,
}

/// The ways to rename that are known here.
const RULES: [&str; 2] = ["camelCase", "snake_case"];
/// How the core reads and writes durations.
const SECONDS: &str = "crate::model::seconds";
/// Text that stands for a secret.
const SECRET: &str = "[secret]";

impl Attributes {
    pub(super) fn read(attrs: &[Attribute]) -> Result<Self> {
        let mut found = Self::default();
        for attr in attrs {
            let name = attr.path().segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
            match name.as_str() {
                "doc" | "derive" | "default" | "skip_serializing_none" | "serde_as" | "allow" | "expect" => {}
                "serde" => found.serde(attr)?,
                "debug" => {
                    let shown: LitStr = attr.parse_args()?;
                    if shown.value() != SECRET {
                        bail!("#[debug({:?})]: a secret is marked with #[debug({SECRET:?})]", shown.value());
                    }
                    found.secret = true;
                }
                other => bail!("the attribute #[{other}] is not known to codegen (xtask/src/schema/attributes.rs)"),
            }
        }
        Ok(found)
    }

    fn serde(&mut self, attr: &Attribute) -> Result<()> {
        attr.parse_nested_meta(|meta| {
            let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            let text = if meta.input.peek(Token![=]) {
                match meta.value()?.parse()? {
                    Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
                    _ => None,
                }
            } else {
                None
            };
            match (key.as_str(), text) {
                ("rename", Some(text)) => self.rename = Some(text),
                ("tag", Some(text)) => self.tag = Some(text),
                ("rename_all", Some(text)) if RULES.contains(&text.as_str()) => self.rename_all = Some(text),
                ("rename_all_fields", Some(text)) if RULES.contains(&text.as_str()) => {
                    self.rename_all_fields = Some(text);
                }
                ("untagged", None) => self.untagged = true,
                // These change how the core reads JSON from servers, not the JSON it writes.
                ("default", _) | ("alias" | "deserialize_with" | "skip_serializing_if", Some(_)) => {}
                ("with", Some(text)) if text == SECONDS => self.seconds = true,
                (key, text) => {
                    let value = text.map(|text| format!(" = {text:?}")).unwrap_or_default();
                    return Err(meta.error(format!("#[serde({key}{value})] is not known to codegen")));
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    /// The name on the wire of something that the core calls `name` (snake_case).
    pub(super) fn wire(&self, name: &str, rule: Option<&str>) -> String {
        match (&self.rename, rule) {
            (Some(rename), _) => rename.clone(),
            (None, Some("camelCase")) => crate::names::camel(name),
            (None, _) => name.to_owned(),
        }
    }
}
