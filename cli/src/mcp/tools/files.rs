//! Files.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use daytona::model::{DeleteFileOptions, FileUpload, ListFilesOptions, UploadOptions};
use serde_json::json;

use super::{Access, ID, Kind, Report, Tool, optional, required, run};
use crate::mcp::arguments::Arguments;
use crate::mcp::reply::{Picture, Refusal, Reply};
use crate::mcp::server::Server;

/// Bytes of a file that are given at once, unless more or less is asked for.
const PART: i64 = 48 * 1024;
/// The most bytes that may be asked for at once.
const LARGEST_PART: i64 = 4 << 20;
/// Entries of a directory that are listed at once.
const ENTRIES: i64 = 500;

pub static TOOLS: &[Tool] = &[
    Tool {
        name: "file_upload",
        title: "Upload file",
        set: "default",
        access: Access::Destroys,
        description: "Write a file.",
        parameters: &[
            required("filePath", Kind::Text, ""),
            required("content", Kind::Text, ""),
            optional("encoding", Kind::OneOf(&["text", "base64"]), "Of content, default text"),
            optional("overwrite", Kind::Flag, "Default true"),
            ID,
        ],
        run: run!(upload),
    },
    Tool {
        name: "file_download",
        title: "Download file",
        set: "default",
        access: Access::Reads,
        description: "Read a file, part by part: text, pictures, else base64.",
        parameters: &[
            required("filePath", Kind::Text, ""),
            optional("offset", Kind::Number(Some(0), None), "First byte; nextOffset of the part before"),
            optional("limit", Kind::Number(Some(1), Some(LARGEST_PART)), "Bytes"),
            ID,
        ],
        run: run!(download),
    },
    Tool {
        name: "create_folder",
        title: "Create folder",
        set: "default",
        access: Access::Writes,
        description: "Create a directory and its parents.",
        parameters: &[required("folderPath", Kind::Text, ""), optional("mode", Kind::Text, "Octal, default 755"), ID],
        run: run!(create_folder),
    },
    Tool {
        name: "get_file_info",
        title: "Get file info",
        set: "default",
        access: Access::Reads,
        description: "Size, type, permissions and time of a file.",
        parameters: &[required("filePath", Kind::Text, ""), ID],
        run: run!(info),
    },
    Tool {
        name: "list_files",
        title: "List files",
        set: "default",
        access: Access::Reads,
        description: "List a directory.",
        parameters: &[
            optional("path", Kind::Text, "Default: working directory"),
            optional("offset", Kind::Number(Some(0), None), "nextOffset of the part before"),
            ID,
        ],
        run: run!(list),
    },
    Tool {
        name: "move_file",
        title: "Move file",
        set: "default",
        access: Access::Destroys,
        description: "Move or rename a file or directory.",
        parameters: &[required("sourcePath", Kind::Text, ""), required("destPath", Kind::Text, ""), ID],
        run: run!(move_file),
    },
    Tool {
        name: "delete_file",
        title: "Delete file",
        set: "default",
        access: Access::Destroys,
        description: "Delete a file, or a directory with everything in it.",
        parameters: &[required("filePath", Kind::Text, ""), ID],
        run: run!(delete),
    },
];

async fn upload(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let (path, content) = (arguments.text("filePath")?, arguments.text("content")?);
    let bytes = match arguments.optional_name("encoding")?.as_deref() {
        Some("base64") => {
            STANDARD.decode(content.trim()).map_err(|_| Refusal::Argument("content is not base64.".to_owned()))?
        }
        None | Some("text" | "utf-8" | "utf8") => content.into_bytes(),
        Some(other) => return Err(Refusal::Argument(format!("encoding is {other:?}: it must be text or base64."))),
    };
    let files = server.sandbox(arguments.optional_name("id")?.as_deref()).await?.fs();
    if !arguments.flag("overwrite")?.unwrap_or(true) {
        match files.get_file_info(&path).await {
            Ok(_) => return Err(Refusal::Argument(format!("{path} exists, and overwrite is false."))),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    let size = bytes.len();
    let file = FileUpload { destination: path.clone(), content: Some(bytes.into()), local_path: None };
    files.upload_file(file, UploadOptions::default()).await?;
    Ok(Reply::new(format!("Wrote {size} bytes to {path}."), json!({ "path": path, "size": size })))
}

async fn download(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let path = arguments.text("filePath")?;
    let offset = arguments.whole("offset")?.unwrap_or(0).max(0) as u64;
    let limit = arguments.whole("limit")?.unwrap_or(PART).clamp(1, LARGEST_PART) as u64;
    let sandbox = server.sandbox(arguments.optional_name("id")?.as_deref()).await?;
    let picture = picture_type(&path);
    // A part of a picture is of no use.
    let limit = if picture.is_some() && offset == 0 { LARGEST_PART as u64 } else { limit };
    let part = sandbox.fs().download_part(&path, offset, limit).await?;
    let end = offset + part.bytes.len() as u64;
    let mut data = json!({ "path": path, "size": part.size, "offset": offset, "nextOffset": part.more.then_some(end) });
    if let Some(media_type) = picture.filter(|_| offset == 0 && !part.more) {
        let picture = Picture { base64: STANDARD.encode(&part.bytes), media_type };
        return Ok(Reply::new(path, data).with_pictures(vec![picture]));
    }
    let (mut text, encoding) = match String::from_utf8(part.bytes) {
        Ok(text) => (text, "text"),
        // A character at the end may be cut; then the part ends before it.
        Err(error) if part.more && error.utf8_error().error_len().is_none() && error.utf8_error().valid_up_to() > 0 => {
            let valid = error.utf8_error().valid_up_to();
            let bytes = error.into_bytes();
            data["nextOffset"] = json!(offset + valid as u64);
            (String::from_utf8_lossy(&bytes[..valid]).into_owned(), "text")
        }
        Err(error) => (STANDARD.encode(error.into_bytes()), "base64"),
    };
    data["encoding"] = json!(encoding);
    if let Some(next) = data["nextOffset"].as_u64() {
        let _ = write!(text, "\n[there is more: offset {next}]");
    }
    Ok(Reply::new(text, data))
}

async fn create_folder(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let path = arguments.text("folderPath")?;
    let mode = arguments.optional_name("mode")?;
    let sandbox = server.sandbox(arguments.optional_name("id")?.as_deref()).await?;
    sandbox.fs().create_folder(&path, mode.as_deref()).await?;
    Ok(Reply::new(format!("Created {path}."), json!({ "path": path })))
}

async fn info(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let path = arguments.text("filePath")?;
    let sandbox = server.sandbox(arguments.optional_name("id")?.as_deref()).await?;
    let info = sandbox.fs().get_file_info(&path).await?;
    let changed = info.modified_at.as_deref().unwrap_or(&info.mod_time);
    let text = format!("{path}: {} {} bytes, changed {changed}", info.mode, info.size);
    Ok(Reply::new(text, info))
}

async fn list(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let path = arguments.optional_name("path")?.unwrap_or_else(|| ".".to_owned());
    let offset = arguments.whole("offset")?.unwrap_or(0).max(0);
    let sandbox = server.sandbox(arguments.optional_name("id")?.as_deref()).await?;
    let entries = sandbox.fs().list_files(&path, ListFilesOptions::default()).await?;
    let next = (entries.len() as i64 > offset + ENTRIES).then_some(offset + ENTRIES);
    let mut text = String::new();
    let mut listed = Vec::new();
    for entry in entries.into_iter().skip(offset as usize).take(ENTRIES as usize) {
        let _ = writeln!(text, "{}{} {}", entry.name, if entry.is_dir { "/" } else { "" }, entry.size);
        listed.push(json!({
            "name": entry.name, "isDir": entry.is_dir, "size": entry.size, "modifiedAt": entry.modified_at,
        }));
    }
    if let Some(next) = next {
        let _ = writeln!(text, "[there is more: offset {next}]");
    }
    Ok(Reply::new(text, json!({ "path": path, "files": listed, "nextOffset": next })))
}

async fn move_file(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let (source, target) = (arguments.text("sourcePath")?, arguments.text("destPath")?);
    let sandbox = server.sandbox(arguments.optional_name("id")?.as_deref()).await?;
    sandbox.fs().move_files(&source, &target).await?;
    Ok(Reply::new(format!("Moved {source} to {target}."), json!({ "path": target })))
}

async fn delete(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let path = arguments.text("filePath")?;
    let sandbox = server.sandbox(arguments.optional_name("id")?.as_deref()).await?;
    sandbox.fs().delete_file(&path, DeleteFileOptions { recursive: Some(true) }).await?;
    Ok(Reply::new(format!("Deleted {path}."), json!({ "path": path })))
}

/// A file as a resource.
pub enum Content {
    /// UTF-8.
    Text(String),
    /// Anything else, as base64.
    Base64(String),
}

/// Reads a whole file.
///
/// # Errors
/// `Argument` when it is larger than a resource may be.
pub async fn read(server: &Server, id: &str, path: &str) -> Result<Content, Refusal> {
    let sandbox = server.sandbox(Some(id)).await?;
    let part = sandbox.fs().download_part(path, 0, LARGEST_PART as u64).await?;
    if part.more {
        return Err(Refusal::Argument(format!(
            "{path} is larger than {LARGEST_PART} bytes: read it with file_download."
        )));
    }
    Ok(match String::from_utf8(part.bytes) {
        Ok(text) => Content::Text(text),
        Err(error) => Content::Base64(STANDARD.encode(error.into_bytes())),
    })
}

fn picture_type(path: &str) -> Option<&'static str> {
    let (_, ending) = path.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        _ => return None,
    })
}
