//! The base of the class of a desktop, which has its services.

use anyhow::Result;

use super::HEADER;
use super::text::Text;
use crate::parts;
use crate::schema::Schema;

/// Name of its module.
pub const MODULE: &str = "computer_use_services";

pub fn services(schema: &Schema, asynchronous: bool) -> Result<String> {
    let (prefix, side) = if asynchronous { ("Async", "_async") } else { ("", "_sync") };
    let parts = parts::of_desktop(schema)?;
    let mut text = Text::new();
    text.lines(0, &format!("\"\"\"The services of a desktop. {HEADER}\"\"\"\n\nfrom __future__ import annotations\n"));
    text.lines(0, &format!("from typing import TYPE_CHECKING\n\nfrom ...{side}.runtime import {prefix}Service"));
    let mut imports: Vec<_> =
        parts.iter().map(|part| format!("from .{} import {prefix}{}", part.id, part.name)).collect();
    imports.sort();
    text.lines(0, &imports.join("\n"));
    text.lines(0, "\nif TYPE_CHECKING:\n    from ..._daytona import Client\n\n");
    text.line(0, &format!("class {prefix}ComputerUseServices({prefix}Service):"));
    text.lines(1, "\"\"\"A desktop with what is done on it.\n\nAttributes:");
    for part in &parts {
        text.line(2, &format!("{}: {}", part.id, part.doc));
    }
    text.lines(1, "\"\"\"\n");
    let mut slots: Vec<_> = parts.iter().map(|part| format!("\"{}\"", part.id)).collect();
    slots.sort();
    text.list(1, "__slots__ = (", &slots, ")");
    text.lines(1, "\ndef __init__(self, client: Client, target: str) -> None:\n    super().__init__(client, target)");
    for part in parts {
        text.line(2, &format!("self.{} = {prefix}{}(client, target)", part.id, part.name));
    }
    Ok(text.finish())
}
