//! Files: upload and download, from and to memory, paths and streams.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::FileSystem;
use super::fs::check_path;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    Blob, DownloadOptions, FileDownloadErrorDetails, FileDownloadRequest, FileDownloadResponse, FileUpload,
    UploadOptions,
};
use crate::protocols::atomic_file::AtomicFile;
use crate::protocols::file_part::{self, FilePart};
use crate::protocols::multipart::MultipartEvent;
use crate::protocols::transfer::{self, Download, FileReader, FileWriter};
use crate::travel::deadline;
use crate::travel::http::Gathered;

/// Limit of a transfer when nothing else is said (inconsistencies A43).
const TRANSFER_LIMIT: Option<Duration> = Some(Duration::from_secs(30 * 60));

/// The largest file that is downloaded into memory, in bytes.
const MEMORY_LIMIT: usize = 2 << 30;

impl FileSystem {
    /// Uploads one file from memory or from a local path. Missing parent directories are created. An interrupted upload
    /// stores nothing, except on servers up to 0.190, where the part that arrived replaces the file.
    ///
    /// # Parameters
    /// * `file`: Content or local path of the file, and its path in the sandbox.
    ///
    /// # Errors
    /// `InvalidArgument` when the local file cannot be read, `Validation` when the server cannot store it, `Timeout`
    /// when it takes too long.
    ///
    /// # Examples
    /// `files upload-download`
    pub async fn upload_file(&self, file: FileUpload, options: UploadOptions) -> Result<()> {
        self.upload_files(vec![file], options).await
    }

    /// Uploads several files in one request. A file whose upload is interrupted is not stored, except on servers up to
    /// 0.190, where the part that arrived replaces the file.
    ///
    /// # Parameters
    /// * `files`: Content or local path of each file, and its path in the sandbox.
    ///
    /// # Errors
    /// `InvalidArgument` when a local file cannot be read, `Validation` when the server cannot store one of them; its
    /// message names that file, and the files before it are stored.
    ///
    /// # Examples
    /// `files many`
    pub async fn upload_files(&self, files: Vec<FileUpload>, options: UploadOptions) -> Result<()> {
        for file in &files {
            check_path(&file.destination)?;
        }
        if files.is_empty() {
            return Ok(());
        }
        let limit = deadline::limit(options.timeout, TRANSFER_LIMIT);
        self.toolbox.client.run("fs.upload_files", limit, transfer::upload(&self.toolbox, files)).await
    }

    /// Opens an upload that is written piece by piece. An unfinished upload stores nothing, except on servers up to
    /// 0.190, where the part that arrived replaces the file.
    ///
    /// # Parameters
    /// * `remote_path`: Path of the file in the sandbox; relative paths begin at the working directory.
    ///
    /// # Errors
    /// `Connection` when the server cannot be reached.
    ///
    /// # Examples
    /// `files streams`
    pub async fn open_upload(&self, remote_path: &str, options: UploadOptions) -> Result<FileWriter> {
        check_path(remote_path)?;
        let limit = deadline::limit(options.timeout, TRANSFER_LIMIT);
        let until = limit.map(|l| Instant::now() + l);
        let open = FileWriter::open(&self.toolbox, remote_path, until);
        self.toolbox.client.run("fs.open_upload", limit, open).await
    }

    /// Downloads a file into memory.
    ///
    /// # Parameters
    /// * `remote_path`: Path of the file in the sandbox; relative paths begin at the working directory.
    ///
    /// # Returns
    /// The content.
    ///
    /// # Errors
    /// `FileNotFound` when it does not exist, `FileAccessDenied` when the sandbox user may not read it,
    /// `UnprocessableEntity` when it is larger than 2 GiB (download it to a path or as a stream), `Connection` when the
    /// transfer is cut short, `Timeout` when it takes too long.
    ///
    /// # Examples
    /// `files upload-download`
    pub async fn download_file(&self, remote_path: &str, options: DownloadOptions) -> Result<Blob> {
        Ok(Blob::joined(self.download_file_pieces(remote_path, options).await?))
    }

    /// The content in the pieces it came in, for callers that copy it anyway. Otherwise the same as `download_file`.
    #[doc(hidden)]
    #[expect(clippy::manual_async_fn, reason = "public async functions are operations in every language")]
    pub fn download_file_pieces(
        &self,
        remote_path: &str,
        options: DownloadOptions,
    ) -> impl Future<Output = Result<Vec<Bytes>>> + Send {
        async move {
            check_path(remote_path)?;
            let limit = deadline::limit(options.timeout, TRANSFER_LIMIT);
            self.toolbox
                .client
                .run("fs.download_file", limit, async {
                    let mut reader = FileReader::open(&self.toolbox, remote_path, None).await?;
                    let mut content = Gathered::new(MEMORY_LIMIT);
                    while let Some(piece) = reader.next().await? {
                        content.push(piece)?;
                    }
                    Ok(content.into_pieces())
                })
                .await
        }
    }

    /// Downloads at most `length` bytes from `offset` on. An offset behind the end gives an empty part.
    ///
    /// # Errors
    /// Those of `download_file`.
    #[doc(hidden)]
    #[expect(clippy::manual_async_fn, reason = "public async functions are operations in every language")]
    pub fn download_part(
        &self,
        remote_path: &str,
        offset: u64,
        length: u64,
    ) -> impl Future<Output = Result<FilePart>> + Send {
        async move {
            check_path(remote_path)?;
            let read = file_part::read(&self.toolbox, remote_path, offset, length);
            self.toolbox.client.run("fs.download_file", TRANSFER_LIMIT, read).await
        }
    }

    /// Downloads a file to a local path. The local file appears when it is complete.
    ///
    /// # Parameters
    /// * `remote_path`: Path of the file in the sandbox; relative paths begin at the working directory.
    /// * `local_path`: Path on this machine.
    ///
    /// # Errors
    /// `FileNotFound` when it does not exist, `FileAccessDenied` when the sandbox user may not read it,
    /// `InvalidArgument` when the local path cannot be written, `Connection` when the transfer is cut short, `Timeout`
    /// when it takes too long.
    pub async fn download_to_path(&self, remote_path: &str, local_path: &str, options: DownloadOptions) -> Result<()> {
        check_path(remote_path)?;
        check_path(local_path)?;
        let limit = deadline::limit(options.timeout, TRANSFER_LIMIT);
        self.toolbox
            .client
            .run("fs.download_to_path", limit, async {
                let mut reader = FileReader::open(&self.toolbox, remote_path, None).await?;
                let mut file = AtomicFile::create(local_path).await?;
                while let Some(piece) = reader.next().await? {
                    file.write(piece).await?;
                }
                file.commit().await
            })
            .await
    }

    /// Downloads several files in one request, each into memory or to a local path. A file that could not be downloaded
    /// has the reason in its result.
    ///
    /// # Parameters
    /// * `files`: Path of each file in the sandbox, and where to write it.
    ///
    /// # Returns
    /// The result for each file, in the order of the requests.
    ///
    /// # Errors
    /// `Connection` when the transfer is cut short, `Timeout` when it takes too long.
    ///
    /// # Examples
    /// `files many`
    pub async fn download_files(
        &self,
        files: Vec<FileDownloadRequest>,
        options: DownloadOptions,
    ) -> Result<Vec<FileDownloadResponse>> {
        for file in &files {
            check_path(&file.source)?;
        }
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let limit = deadline::limit(options.timeout, TRANSFER_LIMIT);
        self.toolbox.client.run("fs.download_files", limit, self.download_each(files)).await
    }

    /// Opens a download that is read piece by piece.
    ///
    /// # Parameters
    /// * `remote_path`: Path of the file in the sandbox; relative paths begin at the working directory.
    ///
    /// # Errors
    /// `FileNotFound` when it does not exist, `FileAccessDenied` when the sandbox user may not read it, `Connection`
    /// when the transfer is cut short, `Timeout` when it takes too long.
    ///
    /// # Examples
    /// `files streams`
    pub async fn open_download(&self, remote_path: &str, options: DownloadOptions) -> Result<FileReader> {
        check_path(remote_path)?;
        let limit = deadline::limit(options.timeout, TRANSFER_LIMIT);
        let until = limit.map(|l| Instant::now() + l);
        let open = FileReader::open(&self.toolbox, remote_path, until);
        self.toolbox.client.run("fs.open_download", limit, open).await
    }

    async fn download_each(&self, files: Vec<FileDownloadRequest>) -> Result<Vec<FileDownloadResponse>> {
        let mut results: Vec<_> = files
            .iter()
            .map(|file| FileDownloadResponse { source: file.source.clone(), ..Default::default() })
            .collect();
        let mut settled = vec![false; files.len()];
        let paths: Vec<_> = files.iter().map(|file| file.source.as_str()).collect();
        let mut download = Download::open(&self.toolbox, &paths).await?;
        while let Some(event) = download.next().await? {
            let MultipartEvent::PartStart(header) = event else { continue };
            // Parts are matched by name; the same file may have been asked for twice.
            let name = header.filename.as_deref().unwrap_or("");
            let Some(index) = (0..files.len()).find(|i| !settled[*i] && files[*i].source == name) else { continue };
            settled[index] = true;
            let result = &mut results[index];
            if header.name.as_deref() == Some("error") {
                let failure = download.read_error(&header).await?;
                result.error = Some(failure.error.to_string());
                result.error_details = Some(failure.details);
                continue;
            }
            match read_part(&mut download, files[index].destination.as_deref()).await? {
                Ok(Received::Memory(content)) => result.content = Some(content),
                Ok(Received::Path(path)) => result.local_path = Some(path),
                Err(error) => fail(result, &error),
            }
        }
        for (result, settled) in results.iter_mut().zip(settled) {
            if !settled {
                fail(result, &Error::new(ErrorKind::Unknown, "No data received for this file"));
            }
        }
        Ok(results)
    }
}

fn fail(result: &mut FileDownloadResponse, error: &Error) {
    result.error = Some(error.to_string());
    result.error_details = Some(FileDownloadErrorDetails { message: error.to_string(), ..Default::default() });
}

enum Received {
    Memory(Blob),
    Path(String),
}

/// Reads one part to its end. The outer error ends the whole download, the inner one (a local path that cannot be
/// written) only this file.
async fn read_part(download: &mut Download, destination: Option<&str>) -> Result<Result<Received>> {
    let mut content = Gathered::new(MEMORY_LIMIT);
    let mut file = match destination {
        Some(path) => Some(AtomicFile::create(path).await),
        None => None,
    };
    while let Some(event) = download.next().await? {
        let MultipartEvent::Data(data) = event else { break };
        match &mut file {
            None => content.push(data)?,
            Some(Ok(open)) => {
                if let Err(error) = open.write(data).await {
                    file = Some(Err(error));
                }
            }
            // The rest of a file that failed here is read past.
            Some(Err(_)) => {}
        }
    }
    Ok(match (file, destination) {
        (Some(file), Some(path)) => match file {
            Ok(open) => open.commit().await.map(|()| Received::Path(path.to_owned())),
            Err(error) => Err(error),
        },
        _ => Ok(Received::Memory(Blob(content.finish()))),
    })
}
