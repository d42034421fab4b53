//! The synchronous twins of the asynchronous sources.
//!
//! Every file of `_async` that is marked with [`MARK`] is written once more to `_sync`, without what makes it asynchronous.
//! What differs for another reason (the runtime, background work, the client) is written by hand on both sides, under the
//! same names.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::output::Output;

/// The line that marks a source.
const MARK: &str = "# The synchronous twin of this file is derived from it by `cargo xtask codegen`.";

/// Words that change; longer ones first. `Async` in front of a capital is cut besides.
const WORDS: [(&str, &str); 12] = [
    ("async def ", "def "),
    ("async with ", "with "),
    ("async for ", "for "),
    ("await ", ""),
    ("__aenter__", "__enter__"),
    ("__aexit__", "__exit__"),
    ("__aiter__", "__iter__"),
    ("__anext__", "__next__"),
    ("StopAsyncIteration", "StopIteration"),
    ("async_ops", "ops"),
    ("daytona._async", "daytona._sync"),
    ("asynchronous ", "synchronous "),
];

/// Writes the twin of every marked file.
pub fn generate(package: &Path, path: &str, output: &mut Output) -> Result<()> {
    let mut names: Vec<_> = fs::read_dir(package.join("_async"))?
        .map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, _>>()?;
    names.sort();
    for name in names.iter().filter(|name| name.ends_with(".py")) {
        let source = fs::read_to_string(package.join("_async").join(name))?;
        if source.contains(MARK) {
            let twin = convert(&source).with_context(|| format!("_async/{name}"))?;
            let mark = format!("# Derived from ../_async/{name} by `cargo xtask codegen`; do not edit.");
            output.write(&format!("{path}/_sync/{name}"), twin.replacen(MARK, &mark, 1))?;
        }
    }
    Ok(())
}

fn convert(source: &str) -> Result<String> {
    let mut twin = source.to_owned();
    for (from, to) in WORDS {
        // The mark itself speaks of both sides.
        let (head, tail) = twin.split_once(MARK).context("the mark is gone")?;
        twin = format!("{}{MARK}{}", head.replace(from, to), tail.replace(from, to));
    }
    twin = sorted_imports(&without_prefix(&twin));
    if let Some(line) = twin.lines().find(|line| line.contains("asyncio")) {
        bail!("not for a derived file: {}", line.trim());
    }
    Ok(twin)
}

/// `AsyncSandbox` -> `Sandbox`.
fn without_prefix(text: &str) -> String {
    const PREFIX: &str = "Async";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(PREFIX) {
        let (before, from) = rest.split_at(at);
        let after = &from[PREFIX.len()..];
        let starts = !before.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
        out.push_str(before);
        if !(starts && after.chars().next().is_some_and(char::is_uppercase)) {
            out.push_str(PREFIX);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Imports in the order of the formatter: the new names are in new places.
fn sorted_imports(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut block: Vec<(String, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        match line.trim_start().strip_prefix("from ").and_then(|rest| rest.split_once(" import ")) {
            Some((module, names)) if !names.starts_with('(') => {
                let indent = &line[..line.len() - line.trim_start().len()];
                let mut names: Vec<_> = names.split(", ").collect();
                names.sort_by_key(|name| rank(name));
                block.push((format!("{indent}from {module}"), names));
            }
            _ => {
                flush(&mut block, &mut out);
                out.push(line.to_owned());
            }
        }
    }
    flush(&mut block, &mut out);
    out.join("\n") + "\n"
}

fn flush(block: &mut Vec<(String, Vec<&str>)>, out: &mut Vec<String>) {
    // The package itself comes last, and in it what is further away first.
    block.sort_by_key(|(module, _)| {
        let module = module.trim_start().trim_start_matches("from ");
        let dots = module.len() - module.trim_start_matches('.').len();
        (dots > 0, usize::MAX - dots, module.to_owned())
    });
    out.extend(block.drain(..).map(|(module, names)| format!("{module} import {}", names.join(", "))));
}

/// Where a name is in a list of imports: constants come before classes, and those before functions.
pub fn rank(name: &str) -> (u8, String) {
    (kind(name), name.to_lowercase())
}

fn kind(name: &str) -> u8 {
    match name {
        _ if name.chars().all(|c| !c.is_lowercase()) => 0,
        _ if name.starts_with(char::is_uppercase) => 1,
        _ => 2,
    }
}
