//! Files: up and down, piece by piece, many at once, whole directories, searching, permissions.
//!
//! ```text
//! DAYTONA_API_URL=local cargo run -p daytona --example files
//! ```

use std::error::Error;
use std::fs;
use std::path::Path;

use daytona::model::{
    DirectoryOptions, DownloadOptions, FileDownloadRequest, FileUpload, PermissionOptions, UploadOptions,
};
use daytona::{Client, Config, Sandbox};

type Outcome = Result<(), Box<dyn Error>>;

async fn upload_download(sandbox: &Sandbox, directory: &Path) -> Outcome {
    let path = directory.join("greeting.txt").display().to_string();
    let local = path.as_str();
    // region: upload-download
    let file =
        FileUpload { destination: "work/greeting.txt".into(), content: Some("hello\n".into()), ..Default::default() };
    sandbox.fs().upload_file(file, UploadOptions::default()).await?;
    let content = sandbox.fs().download_file("work/greeting.txt", DownloadOptions::default()).await?;
    println!("{:?}", content.as_ref());

    // From path to path, whatever the size.
    sandbox.fs().download_to_path("work/greeting.txt", local, DownloadOptions::default()).await?;
    let copy = FileUpload { destination: "work/copy.txt".into(), local_path: Some(local.into()), ..Default::default() };
    sandbox.fs().upload_file(copy, UploadOptions::default()).await?;
    // endregion
    Ok(())
}

async fn streams(sandbox: &Sandbox) -> Outcome {
    // region: streams
    let mut writer = sandbox.fs().open_upload("work/big.txt", UploadOptions::default()).await?;
    for _ in 0..40 {
        writer.write("all work and no play\n".repeat(5000)).await?;
    }
    writer.finish().await?;

    let mut reader = sandbox.fs().open_download("work/big.txt", DownloadOptions::default()).await?;
    let beginning = reader.next().await?.unwrap_or_default();
    println!("the first of {:?} bytes: {:?}", reader.size(), &beginning[..21]);
    // Dropping it early cancels: the rest is never sent.
    // endregion
    Ok(())
}

async fn many(sandbox: &Sandbox) -> Outcome {
    // region: many
    let file = |destination: &str, content: &'static str| FileUpload {
        destination: destination.into(),
        content: Some(content.into()),
        ..Default::default()
    };
    let files = vec![file("work/many/one.txt", "1\n"), file("work/many/two.txt", "2\n")];
    sandbox.fs().upload_files(files, UploadOptions::default()).await?;

    let request = |source: &str| FileDownloadRequest { source: source.into(), ..Default::default() };
    let requests = vec![request("work/many/one.txt"), request("work/many/none.txt")];
    for file in sandbox.fs().download_files(requests, DownloadOptions::default()).await? {
        println!("{} {:?} {:?}", file.source, file.error, file.content);
    }
    // endregion
    Ok(())
}

async fn directories(sandbox: &Sandbox, directory: &Path) -> Outcome {
    let (project, results) = (directory.join("project"), directory.join("results"));
    fs::create_dir_all(project.join("lib"))?;
    for (name, content) in [("main.py", "print('hi')\n"), ("lib/a.py", "A = 1\n"), ("lib/a.pyc", "cache")] {
        fs::write(project.join(name), content)?;
    }
    let (project, results) = (project.display().to_string(), results.display().to_string());
    // region: directories
    let exclude = ["*.pyc", ".git"].map(String::from).to_vec();
    let options = DirectoryOptions { exclude: Some(exclude), ..Default::default() };
    let mut up = sandbox.fs().upload_dir(&project, "work/project", options).await?;
    while let Some(progress) = up.next().await? {
        eprint!("\r{} of {:?} files", progress.files, progress.total_files);
    }
    let sent = up.finish().await?;
    println!("\n{} files, {} bytes", sent.files, sent.bytes);

    let down = sandbox.fs().download_dir("work/project", &results, DirectoryOptions::default()).await?;
    for left_out in down.finish().await?.skipped {
        println!("left out {}: {}", left_out.path, left_out.reason);
    }
    // endregion
    Ok(())
}

async fn search_replace(sandbox: &Sandbox) -> Outcome {
    // region: search-replace
    let found = sandbox.fs().search_files("work", "*.py").await?;
    println!("{:?}", found.files);

    for found in sandbox.fs().find_files("work", "A = 1").await? {
        println!("{}:{}: {}", found.file, found.line, found.content);
    }

    for result in sandbox.fs().replace_in_files(found.files, "A = 1", "A = 2").await? {
        println!("{:?} {:?}", result.file, result.error);
    }
    // endregion
    Ok(())
}

async fn permissions(sandbox: &Sandbox) -> Outcome {
    // region: permissions
    let options = PermissionOptions { mode: Some("600".into()), ..Default::default() };
    sandbox.fs().set_file_permissions("work/greeting.txt", options).await?;
    let info = sandbox.fs().get_file_info("work/greeting.txt").await?;
    println!("{} {} {}", info.mode, info.owner, info.group);
    // endregion
    Ok(())
}

async fn tour(sandbox: &Sandbox, directory: &Path) -> Outcome {
    upload_download(sandbox, directory).await?;
    streams(sandbox).await?;
    many(sandbox).await?;
    directories(sandbox, directory).await?;
    search_replace(sandbox).await?;
    permissions(sandbox).await
}

#[tokio::main]
async fn main() -> Outcome {
    let directory = tempfile::tempdir()?;
    let daytona = Client::new(Config::default())?;
    let sandbox = daytona.create(Default::default()).await?;
    let toured = tour(&sandbox, directory.path()).await;
    sandbox.delete().await?; // Also after a failure.
    toured
}
