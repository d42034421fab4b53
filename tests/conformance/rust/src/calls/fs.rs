//! Files.

use daytona::model::Blob;
use daytona::ops::FileSystem;
use daytona::stream::directory::DirectoryTransfer;
use serde_json::{Value, json};

use super::{Arguments, Called, Request, unknown, value};
use crate::matching::Outcome;

pub(super) async fn call(fs: &FileSystem, name: &str, args: &Arguments, request: &Request) -> Called {
    let path = || args.text("path");
    let remote = || args.text("remotePath");
    match name {
        "list_files" => value(fs.list_files(&path()?, args.options()?).await?),
        "get_file_info" => value(fs.get_file_info(&path()?).await?),
        "create_folder" => value(fs.create_folder(&path()?, args.get::<Option<String>>("mode")?.as_deref()).await?),
        "delete_file" => value(fs.delete_file(&path()?, args.options()?).await?),
        "move_files" => value(fs.move_files(&args.text("source")?, &args.text("destination")?).await?),
        "find_files" => value(fs.find_files(&path()?, &args.text("pattern")?).await?),
        "search_files" => value(fs.search_files(&path()?, &args.text("pattern")?).await?),
        "replace_in_files" => {
            let (pattern, new_value) = (args.text("pattern")?, args.text("newValue")?);
            value(fs.replace_in_files(args.get("files")?, &pattern, &new_value).await?)
        }
        "set_file_permissions" => value(fs.set_file_permissions(&path()?, args.options()?).await?),
        "get_user_home_dir" => value(fs.get_user_home_dir().await?),
        "get_work_dir" => value(fs.get_work_dir().await?),
        "upload_file" => value(fs.upload_file(args.get("file")?, args.options()?).await?),
        "upload_files" => value(fs.upload_files(args.get("files")?, args.options()?).await?),
        "open_upload" => {
            let mut writer = fs.open_upload(&remote()?, args.options()?).await?;
            if request.detach {
                return value(Value::Null);
            }
            for piece in &request.pieces {
                writer.write(piece.clone()).await?;
            }
            value(writer.finish().await?)
        }
        "download_file" => value(fs.download_file(&remote()?, args.options()?).await?),
        "download_to_path" => value(fs.download_to_path(&remote()?, &args.text("localPath")?, args.options()?).await?),
        "download_files" => value(fs.download_files(args.get("files")?, args.options()?).await?),
        "open_download" => {
            let mut reader = fs.open_download(&remote()?, args.options()?).await?;
            let size = reader.size();
            if request.detach {
                return value(Value::Null);
            }
            let mut content = Vec::new();
            while let Some(piece) = reader.next().await? {
                content.extend_from_slice(&piece);
            }
            let Outcome { value, blobs } = value(Blob::from(content))?;
            Ok(Outcome { value: json!({ "content": value, "size": size }), blobs })
        }
        "upload_dir" => {
            let transfer = fs.upload_dir(&args.text("localPath")?, &args.text("remotePath")?, args.options()?).await?;
            finish(transfer, request).await
        }
        "download_dir" => {
            let transfer =
                fs.download_dir(&args.text("remotePath")?, &args.text("localPath")?, args.options()?).await?;
            finish(transfer, request).await
        }
        _ => Err(unknown(name)),
    }
}

async fn finish(transfer: DirectoryTransfer, request: &Request) -> Called {
    match request.detach {
        true => value(Value::Null),
        false => value(transfer.finish().await?),
    }
}
