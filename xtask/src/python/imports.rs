//! The imports of a generated module: of the names its code has.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::text::Text;
use super::{Layout, hand_written, import_line};

/// Names in methods, and where they are. Those that only annotate are imported for type checkers.
const IMPORTS: &[(&str, &str, bool)] = &[
    ("AsyncIterable", "collections.abc", false),
    ("Callable", "collections.abc", false),
    ("Mapping", "collections.abc", false),
    ("Pattern", "re", false),
    ("Any", "typing", false),
    ("Self", "typing_extensions", false),
    ("overload", "typing", true),
    ("fspath", "os", true),
    ("text_or_bytes", "..._arguments", true),
    ("Client", "..._daytona", false),
    ("Bytes", "..._files", false),
    ("CancelEvent", "..._files", false),
    ("DownloadProgress", "..._files", false),
    ("LocalPath", "..._files", false),
    ("Readable", "..._files", false),
    ("UploadProgress", "..._files", false),
    ("OutputMessage", "..._messages", false),
    ("attach", "..._model", true),
    ("attached", "..._model", true),
    ("context_id", "..._requests", true),
    ("environment", "..._arguments", true),
    ("log_pattern", "..._requests", true),
    ("rows_and_cols", "..._requests", true),
    ("session_request", "..._requests", true),
    ("signal_name", "..._requests", true),
    ("size_of", "..._requests", true),
    ("CreateFields", "..create_params", false),
    ("CreateSandboxBaseParams", "..create_params", false),
    ("create_params", "..._requests", true),
    ("listing", "..._requests", true),
    ("Unpack", "typing_extensions", false),
    ("asynchronous", "...{side}.coroutines", true),
    ("follow_log", "...{side}.coroutines", true),
    ("{A}PaginatedSandboxes", "...{side}.listing", true),
    ("{A}Sandbox", "...{side}.sandbox", true),
    ("{A}SandboxesOps", ".sandbox", false),
    ("{A}PortForward", "...{side}.forward", true),
    ("{A}LogStream", "...{side}.outputs", true),
    ("{A}SnapshotBuild", "...{side}.building", true),
    ("built", "...{side}.building", true),
    ("create_snapshot", "...{side}.building", true),
    ("snapshot_id", "..._requests", true),
    ("{A}ComputerUseServices", ".computer_use_services", true),
    ("{A}UploadSource", "...{side}.pieces", false),
    ("{A}PtyHandle", "...{side}.pty", true),
    ("run", "...{side}.run", true),
    ("{A}Service", "...{side}.runtime", true),
    ("{A}StreamHandle", "...{side}.runtime", false),
    ("{A}SpawnedProcess", "...{side}.spawned", true),
    ("{A}DownloadStream", "...{side}.streams", true),
    ("{A}FileReader", "...{side}.streams", true),
    ("{A}FileWriter", "...{side}.streams", true),
    ("download_file", "...{side}.transfers", true),
    ("transferred", "...{side}.transfers", true),
    ("upload_file", "...{side}.transfers", true),
    ("upload_pieces", "...{side}.transfers", true),
    ("{A}FileSystem", ".fs", false),
    ("{A}Process", ".process", false),
];

/// Names that the code of a module has: those it runs, and those it only annotates with.
#[derive(Default)]
pub struct Imports {
    runtime: BTreeSet<String>,
    annotations: BTreeSet<String>,
}

impl Imports {
    /// Code that runs, before its placeholders are filled in.
    pub fn runtime(&mut self, code: &str) {
        self.runtime.extend(words(code));
    }

    /// Code that only annotates.
    pub fn annotation(&mut self, code: &str) {
        self.annotations.extend(words(code));
    }

    /// Writes the import lines in the order of the formatter; `own` is the module itself.
    pub fn write(&self, text: &mut Text, layout: &Layout, asynchronous: bool, own: &str) -> Result<()> {
        let (prefix, side) = if asynchronous { ("Async", "_async") } else { ("", "_sync") };
        let place = |text: &str| text.replace("{A}", prefix).replace("{side}", side);
        let mut now: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut checked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, module, runtime) in IMPORTS {
            let into = match (self.runtime.contains(*name), self.annotations.contains(*name)) {
                (true, _) if *runtime => &mut now,
                (false, false) => continue,
                _ => &mut checked,
            };
            if *module != own {
                into.entry(place(module)).or_default().insert(place(name));
            }
        }
        let schema = layout.schema;
        for name in
            schema.structs.iter().chain(&schema.parts).map(|s| &s.name).chain(schema.enums.iter().map(|e| &e.name))
        {
            let into = match (self.runtime.contains(name), self.annotations.contains(name)) {
                (true, _) => &mut now,
                (false, true) => &mut checked,
                _ => continue,
            };
            let module = if schema.enums.iter().any(|e| e.name == *name) {
                "..enums".to_owned()
            } else if let Some(file) = hand_written(name) {
                format!("...{file}")
            } else if let Some(home) = layout.homes.get(name.as_str()) {
                format!("..models.{home}")
            } else {
                continue;
            };
            into.entry(module).or_default().insert(name.clone());
        }
        if !checked.is_empty() {
            now.entry("typing".to_owned()).or_default().insert("TYPE_CHECKING".to_owned());
        }
        if let Some(names) = checked.remove("typing") {
            now.entry("typing".to_owned()).or_default().extend(names);
        }
        block(text, 0, &now);
        if !checked.is_empty() {
            text.line(0, "");
            text.line(0, "if TYPE_CHECKING:");
            block(text, 1, &checked);
        }
        Ok(())
    }
}

/// Import lines: the standard library, other packages, then this package, in it what is further away first.
fn block(text: &mut Text, level: usize, imports: &BTreeMap<String, BTreeSet<String>>) {
    let mut modules: Vec<&String> = imports.keys().collect();
    let dots = |module: &str| module.len() - module.trim_start_matches('.').len();
    let section = |module: &str| match module {
        _ if dots(module) > 0 => 2,
        "typing_extensions" => 1,
        _ => 0,
    };
    modules.sort_by_key(|module| (section(module), usize::MAX - dots(module), module.to_string()));
    let mut before = None;
    for module in modules {
        if before.is_some_and(|before| before != section(module)) {
            text.line(0, "");
        }
        before = Some(section(module));
        let mut names: Vec<String> = imports[module].iter().cloned().collect();
        names.sort_by_key(|name| super::twin::rank(name));
        text.lines(level, &import_line(module, &names));
    }
}

fn words(code: &str) -> Vec<String> {
    let code = code.replace("{await}", "");
    code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '{' || c == '}'))
        .map(|word| word.trim_end_matches("{}").to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}
