//! Searching files, and replacing in them.

use std::fmt::Write as _;

use serde_json::json;

use super::{Access, ID, Kind, Report, Tool, optional, required, run};
use crate::mcp::arguments::Arguments;
use crate::mcp::reply::{Refusal, Reply};
use crate::mcp::server::Server;

/// What is found at once.
const MOST: i64 = 200;
/// Characters of a line that are given: files without line breaks have long ones.
const LONGEST_LINE: usize = 400;

pub static TOOLS: &[Tool] = &[
    Tool {
        name: "find_files",
        title: "Find files",
        set: "search",
        access: Access::Reads,
        description: "Find files by a pattern of their names, such as *.py.",
        parameters: &[
            required("path", Kind::Text, "Directory"),
            required("pattern", Kind::Text, ""),
            optional("offset", Kind::Number(Some(0), None), "nextOffset of the part before"),
            ID,
        ],
        run: run!(find),
    },
    Tool {
        name: "search_files",
        title: "Search files",
        set: "search",
        access: Access::Reads,
        description: "Find the lines that contain a text.",
        parameters: &[
            required("path", Kind::Text, "File or directory"),
            required("text", Kind::Text, ""),
            optional("offset", Kind::Number(Some(0), None), "nextOffset of the part before"),
            ID,
        ],
        run: run!(search),
    },
    Tool {
        name: "replace_in_files",
        title: "Replace in files",
        set: "search",
        access: Access::Destroys,
        description: "Replace a text in files.",
        parameters: &[
            required("files", Kind::Strings, "Paths"),
            required("text", Kind::Text, ""),
            required("replacement", Kind::Text, ""),
            ID,
        ],
        run: run!(replace),
    },
];

async fn find(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let (path, pattern) = (arguments.text("path")?, arguments.text("pattern")?);
    let offset = arguments.whole("offset")?.unwrap_or(0).max(0);
    let sandbox = server.sandbox(arguments.optional_name("id")?.as_deref()).await?;
    let found = sandbox.fs().search_files(&path, &pattern).await?.files;
    let next = (found.len() as i64 > offset + MOST).then_some(offset + MOST);
    let part: Vec<_> = found.into_iter().skip(offset as usize).take(MOST as usize).collect();
    Ok(Reply::new(part.join("\n"), json!({ "files": part, "nextOffset": next })))
}

async fn search(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let (path, text) = (arguments.text("path")?, arguments.text("text")?);
    let offset = arguments.whole("offset")?.unwrap_or(0).max(0);
    let sandbox = server.sandbox(arguments.optional_name("id")?.as_deref()).await?;
    let found = sandbox.fs().find_files(&path, &text).await?;
    let next = (found.len() as i64 > offset + MOST).then_some(offset + MOST);
    let mut part: Vec<_> = found.into_iter().skip(offset as usize).take(MOST as usize).collect();
    for line in &mut part {
        if let Some((end, _)) = line.content.char_indices().nth(LONGEST_LINE) {
            line.content.truncate(end);
            line.content.push_str(" […]");
        }
    }
    let mut lines = String::new();
    for line in &part {
        let _ = writeln!(lines, "{}:{}:{}", line.file, line.line, line.content);
    }
    Ok(Reply::new(lines, json!({ "matches": part, "nextOffset": next })))
}

async fn replace(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let files = arguments.structure::<Vec<String>>("files", "a list of paths")?.unwrap_or_default();
    let (text, replacement) = (arguments.text("text")?, arguments.text("replacement")?);
    let sandbox = server.sandbox(arguments.optional_name("id")?.as_deref()).await?;
    let results = sandbox.fs().replace_in_files(files, &text, &replacement).await?;
    let mut lines = String::new();
    for result in &results {
        let outcome = result.error.as_deref().unwrap_or("replaced");
        let _ = writeln!(lines, "{}: {outcome}", result.file.as_deref().unwrap_or_default());
    }
    let failed = results.iter().any(|result| result.success != Some(true));
    Ok(Reply::new(lines, json!({ "results": results })).failed(failed))
}
