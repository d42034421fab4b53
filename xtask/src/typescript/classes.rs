//! The classes users see, a file each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

use super::deviations::{self, Class};
use super::method::{Imports, Method};
use super::text::{Words, comment, header, import, wrapped};
use super::{op_name, table};
use crate::names::snake;
use crate::schema::{Op, Receiver, Schema};

/// The files of the classes, by name.
pub fn classes(schema: &Schema, words: &Words) -> Result<Vec<(String, String)>> {
    check(schema)?;
    deviations::CLASSES.iter().map(|class| Ok((file(class.name), write(schema, words, class)?))).collect()
}

/// The content of `index.ts`: what programs can import of the generated files.
pub fn index() -> String {
    let mut lines = vec![
        ("./charts.js".to_owned(), "type *".to_owned()),
        ("./enums.js".to_owned(), "*".to_owned()),
        ("./image.js".to_owned(), "{ Image }".to_owned()),
        ("./models.js".to_owned(), "type *".to_owned()),
    ];
    let public = deviations::CLASSES.iter().filter(|class| class.name != deviations::OF_CLIENT);
    lines.extend(
        public.map(|class| (format!("./{}", file(class.name).replace(".ts", ".js")), format!("{{ {} }}", class.name))),
    );
    lines.sort();
    let exports = lines.iter().map(|(path, names)| format!("export {names} from '{path}';\n"));
    header("core/src") + &exports.collect::<String>()
}

/// Every operation must reach users, and the tables must not speak of what is gone.
fn check(schema: &Schema) -> Result<()> {
    let orders = deviations::ORDERS.iter().map(|(id, _)| *id);
    let shortcuts = deviations::SHORTCUTS.iter().map(|(id, ..)| *id);
    let conversions = deviations::CONVERSIONS.iter().map(|conversion| conversion.param);
    let outcomes = deviations::OUTCOMES.iter().map(|outcome| outcome.op);
    let live = deviations::LIVE.iter().flat_map(|(id, stream)| [*id, *stream]);
    for listed in orders.chain(shortcuts).chain(conversions).chain(outcomes).chain(live) {
        let param = |op: &Op| op.params.iter().any(|param| format!("{}.{}", op.id, param.field.name) == listed);
        if !schema.ops().any(|op| op.id == listed || param(op)) {
            bail!("the deviations of TypeScript list {listed}, which is neither an operation nor a parameter");
        }
    }
    for op in schema.ops() {
        let written = deviations::CLASSES.iter().any(|class| class.receiver == op.receiver);
        if !written && !table().is_hand_written(&op.id) {
            bail!("{}: no class of TypeScript offers it", op.id);
        }
    }
    Ok(())
}

fn write(schema: &Schema, words: &Words, class: &Class) -> Result<String> {
    let mut imports = Imports::default();
    let base = match class.base {
        Some((base, file)) => {
            let folder = if file.starts_with("./") { "" } else { "../" };
            imports.others.insert((format!("{folder}{file}.js"), base.to_owned()));
            base
        }
        None => {
            imports.others.insert(("../service.js".to_owned(), "Service".to_owned()));
            "Service"
        }
    };
    let mut methods = Vec::new();
    for op in schema.ops() {
        if op.receiver != class.receiver || table().is_hand_written(&op.id) {
            continue;
        }
        let mut out = String::new();
        Method::new(schema, words, op, &mut imports)?.write(&mut out, class.name, &mut imports)?;
        methods.push(out);
    }
    if class.receiver == Receiver::Sandbox {
        for (id, service, aliases) in deviations::SHORTCUTS {
            let op = schema.ops().find(|op| op.id == *id).with_context(|| (*id).to_owned())?;
            let method = Method::new(schema, words, op, &mut imports)?;
            let owner = deviations::CLASSES.iter().find(|class| class.receiver == op.receiver);
            let owner = owner.with_context(|| format!("{id}: no class offers it"))?.name;
            imports.others.insert((format!("./{}", file(owner).replace(".ts", ".js")), format!("type {owner}")));
            let name = op_name(op);
            for shortcut in [name.as_str()].iter().chain(*aliases) {
                let mut out = String::new();
                let target = format!("this.{service}.{name}");
                method.forward(&mut out, shortcut, &format!("{owner}.{name}"), &target, &mut imports)?;
                methods.push(out.trim_start_matches('\n').to_owned());
            }
        }
    }
    let doc = if class.doc.is_empty() {
        let service = schema.services.iter().find(|s| s.ops.iter().any(|op| op.receiver == class.receiver));
        service.with_context(|| format!("{}: no service is behind it", class.name))?.doc.as_str()
    } else {
        class.doc
    };
    let mut out = header("core/src/ops");
    out.push_str(&import_lines(&imports, class));
    writeln!(out, "\n{}export class {} extends {base} {{", comment(&paragraphs(&words.text(doc)), 0), class.name)?;
    out.push_str(&methods.join("\n"));
    out.push_str("}\n");
    Ok(out)
}

fn paragraphs(text: &str) -> String {
    text.split("\n\n").map(wrapped).collect::<Vec<_>>().join("\n\n")
}

/// The imports, sorted by file as the formatter wants them.
fn import_lines(imports: &Imports, class: &Class) -> String {
    let mut files: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, name) in &imports.others {
        if *path != format!("./{}", file(class.name).replace(".ts", ".js")) {
            files.entry(path.clone()).or_default().insert(name.clone());
        }
    }
    let mut lines: Vec<(String, String)> = files
        .into_iter()
        .map(|(path, names)| {
            if names.iter().all(|name| name.starts_with("type ")) {
                let types: Vec<_> = names.iter().map(|name| name.trim_start_matches("type ").to_owned()).collect();
                return (path.clone(), import("import type", &types, &path));
            }
            let mut names: Vec<_> = names.into_iter().collect();
            // The formatter looks at the names, not at `type`: letter by letter, of the same one the capital first.
            names.sort_by_cached_key(|name| {
                let name = name.trim_start_matches("type ");
                name.chars().map(|c| (c.to_ascii_lowercase(), c.is_ascii_lowercase())).collect::<Vec<_>>()
            });
            (path.clone(), import("import", &names, &path))
        })
        .collect();
    lines.push((
        "./models.js".to_owned(),
        import("import type", &imports.models.iter().cloned().collect::<Vec<_>>(), "./models.js"),
    ));
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}

fn file(class: &str) -> String {
    format!("{}.ts", snake(class).replace('_', "-"))
}
