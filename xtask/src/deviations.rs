//! The one table of what a language does differently: `schema/deviations.toml`.
//!
//! Everything not in it follows the language's convention. Every entry is checked against the schema: one that names nothing
//! fails. The table is part of `schema/daytona.json` too, for tests in languages that read no TOML.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

use crate::schema::{Field, Schema, Type};

/// The deviations of every language, by the language's name.
#[derive(Deserialize, Serialize)]
#[serde(transparent)]
pub struct Deviations(BTreeMap<String, Language>);

/// The languages that the table may speak of.
const LANGUAGES: [&str; 6] = ["go", "python", "ruby", "rust", "typescript", "uniffi"];

static TABLE: OnceLock<Deviations> = OnceLock::new();

/// The deviations of one language.
#[derive(Deserialize, Serialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Language {
    /// By id: `process.exec`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub operations: BTreeMap<String, Operation>,
    /// By name in the core.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub structs: BTreeMap<String, Structure>,
    /// Names of fields: `Chart.chart_type`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// Names of enum values: `SandboxState.UnknownState`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// Names of service classes, by their name in the core.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, String>,
    /// Steps of images, by their name in the core.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub steps: BTreeMap<String, Step>,
}

/// The form of an operation in a language.
#[derive(Deserialize, Serialize, Default, Clone, PartialEq, Debug)]
#[serde(deny_unknown_fields, default)]
pub struct Operation {
    /// Name of its method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Further names of the method.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Whether a hand-written method offers it in a shape that is not the core's. The generated one is hidden.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hand_written: bool,
    /// Options that are positional parameters, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub positional: Vec<String>,
    /// Names of parameters and options, by their names in the core.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
}

/// The form of a struct in a language.
#[derive(Deserialize, Serialize, Default, Clone, PartialEq, Debug)]
#[serde(deny_unknown_fields, default)]
pub struct Structure {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Module or package it lives in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    /// Whether the package writes it itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hand_written: bool,
}

/// The form of a step of an image in a language.
#[derive(Deserialize, Serialize, Default, Clone, PartialEq, Debug)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// Name of its method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the language does not generate it: it has another form there, written by hand, or does not exist.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub left_out: bool,
    /// Names of parameters, by their names in the core.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// Documentation of parameters where it differs.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub docs: BTreeMap<String, String>,
    /// Further names of options, in whose place they stand.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub also: BTreeMap<String, String>,
    /// The form of its first parameter, a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<ListForm>,
}

/// Another form of a list.
#[derive(Deserialize, Serialize, Clone, Copy, PartialEq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum ListForm {
    /// Any number of arguments.
    Rest,
    /// A list, or one item.
    OrOne,
}

impl Step {
    /// The name of a parameter or option.
    pub fn param<'a>(&'a self, name: &'a str) -> &'a str {
        self.params.get(name).map_or(name, String::as_str)
    }

    /// The documentation of a parameter or option.
    pub fn doc<'a>(&'a self, field: &'a Field) -> &'a str {
        self.docs.get(&field.name).unwrap_or(&field.doc)
    }
}

impl Deviations {
    /// Reads the table of the repository.
    pub fn read(root: &Path) -> Result<Self> {
        let path = root.join("schema/deviations.toml");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }

    /// Makes this the table that [`language`] reads.
    pub fn install(self) -> Result<()> {
        TABLE.set(self).map_err(|_| anyhow!("there is a table of deviations already"))
    }

    /// Fails for an entry that says nothing or names nothing.
    pub fn check(&self, schema: &Schema) -> Result<()> {
        for (name, language) in &self.0 {
            if !LANGUAGES.contains(&name.as_str()) {
                bail!("schema/deviations.toml: there is no language {name:?}");
            }
            language.check(schema).with_context(|| format!("schema/deviations.toml: {name}"))?;
        }
        Ok(())
    }
}

/// Returns the deviations of a language.
pub fn language(name: &str) -> &'static Language {
    static NOTHING: OnceLock<Language> = OnceLock::new();
    let table = TABLE.get().expect("the table is installed before anything is generated");
    table.0.get(name).unwrap_or_else(|| NOTHING.get_or_init(Language::default))
}

impl Language {
    /// The entry of an operation, if there is one.
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.get(id)
    }

    /// Whether the language writes the public method for this operation by hand.
    pub fn is_hand_written(&self, id: &str) -> bool {
        self.operations.get(id).is_some_and(|op| op.hand_written)
    }

    /// The special name of an operation's method, if there is one.
    pub fn method(&self, id: &str) -> Option<&str> {
        self.operations.get(id)?.name.as_deref()
    }

    /// The special name of a parameter or option of an operation, if there is one.
    pub fn param(&self, id: &str, param: &str) -> Option<&str> {
        self.operations.get(id)?.params.get(param).map(String::as_str)
    }

    /// The entry of a struct, if there is one.
    pub fn structure(&self, name: &str) -> Option<&Structure> {
        self.structs.get(name)
    }

    /// The form of a step of an image; nothing if the language leaves it out.
    pub fn step(&self, name: &str) -> Option<Step> {
        Some(self.steps.get(name).cloned().unwrap_or_default()).filter(|step| !step.left_out)
    }

    /// The special name of a field, if there is one.
    pub fn field(&self, owner: &str, field: &str) -> Option<&str> {
        self.fields.get(&format!("{owner}.{field}")).map(String::as_str)
    }

    /// The special name of an enum's value, if there is one.
    pub fn value(&self, owner: &str, value: &str) -> Option<&str> {
        self.values.get(&format!("{owner}.{value}")).map(String::as_str)
    }

    fn check(&self, schema: &Schema) -> Result<()> {
        for (id, entry) in &self.operations {
            let op = schema.ops().find(|op| op.id == *id).with_context(|| format!("there is no operation {id:?}"))?;
            if *entry == Operation::default() {
                bail!("the entry of {id:?} says nothing");
            }
            let options: BTreeSet<&str> = schema.options(op).iter().map(|field| field.name.as_str()).collect();
            if let Some(missing) = entry.positional.iter().find(|name| !options.contains(name.as_str())) {
                bail!("{id:?} has no option {missing:?}");
            }
            let known = |name: &str| options.contains(name) || op.params.iter().any(|param| param.field.name == name);
            if let Some(missing) = entry.params.keys().find(|name| !known(name)) {
                bail!("{id:?} has no parameter {missing:?}");
            }
        }
        for (name, entry) in &self.steps {
            let step = schema.image.steps.iter().find(|step| step.name == *name);
            let step = step.with_context(|| format!("there is no step {name:?}"))?;
            if *entry == Step::default() {
                bail!("the entry of {name:?} says nothing");
            }
            let params = || step.params.iter().map(|param| &param.field);
            let known = |name: &String| params().chain(&step.option_fields).any(|field| field.name == *name);
            let mut named = entry.params.keys().chain(entry.docs.keys()).chain(entry.also.keys());
            if let Some(missing) = named.find(|name| !known(name)) {
                bail!("{name:?} has no parameter {missing:?}");
            }
            if entry.list.is_some() && !params().next().is_some_and(|first| matches!(first.ty, Type::List { .. })) {
                bail!("the first parameter of {name:?} is not a list");
            }
        }
        let structs = schema.structs.iter().chain([&schema.config, &schema.error]);
        for (name, entry) in &self.structs {
            structs.clone().find(|item| item.name == *name).with_context(|| format!("there is no struct {name:?}"))?;
            if *entry == Structure::default() {
                bail!("the entry of {name:?} says nothing");
            }
        }
        let fields = structs.flat_map(|item| item.fields.iter().map(|field| (&item.name, &field.name)));
        let values = schema.enums.iter().flat_map(|item| item.values.iter().map(|value| (&item.name, &value.name)));
        let services = schema.services.iter().map(|service| service.name.clone());
        let of = |(owner, name): (&String, &String)| format!("{owner}.{name}");
        expect("field", &self.fields, fields.map(of).collect())?;
        expect("value", &self.values, values.map(of).collect())?;
        expect("service", &self.services, services.collect())
    }
}

fn expect(kind: &str, entries: &BTreeMap<String, String>, known: BTreeSet<String>) -> Result<()> {
    match entries.keys().find(|name| !known.contains(*name)) {
        Some(name) => bail!("there is no {kind} {name:?}"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(table: &str) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let schema = Schema::read(&root.join("core/src"), &root.join("bindings/bridge/src/frames.rs")).unwrap();
        let result = toml::from_str::<Deviations>(table).map_err(anyhow::Error::from);
        match result.and_then(|table| table.check(&schema)) {
            Ok(()) => String::new(),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn an_entry_that_names_nothing_is_refused() {
        for (table, expected) in [
            ("[cobol.operations]", "there is no language \"cobol\""),
            ("[go.operations]\n\"fs.sum\" = { name = \"Sum\" }", "there is no operation \"fs.sum\""),
            ("[go.operations]\n\"process.exec\" = { }", "says nothing"),
            ("[go.operations]\n\"process.exec\" = { title = \"Run\" }", "unknown field `title`"),
            ("[go.operations]\n\"process.exec\" = { positional = [\"dir\"] }", "has no option \"dir\""),
            ("[go.operations]\n\"process.exec\" = { params = { dir = \"d\" } }", "has no parameter \"dir\""),
            ("[go.structs]\nItem = { name = \"Thing\" }", "there is no struct \"Item\""),
            ("[go.fields]\n\"Chart.size\" = \"Size\"", "there is no field \"Chart.size\""),
            ("[go.values]\n\"ChartType.Map\" = \"M\"", "there is no value \"ChartType.Map\""),
            ("[go.steps]\npaint = { name = \"Paint\" }", "there is no step \"paint\""),
            ("[go.steps]\nbase = { params = { size = \"s\" } }", "has no parameter \"size\""),
            ("[go.steps]\nbase = { list = \"rest\" }", "is not a list"),
            ("[go.services]\nDisks = \"D\"", "there is no service \"Disks\""),
        ] {
            let error = checked(table);
            assert!(error.contains(expected), "{error}\nin {table}");
        }
    }

    #[test]
    fn an_entry_may_rename_what_there_is() {
        let table = "[go.operations]\n\"process.exec\" = { positional = [\"cwd\"], params = { command = \"cmd\" } }";
        assert_eq!(checked(table), "");
    }
}
