//! Files: look, change, search. Transfers are in `transfer`.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::FileSystem;
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, Result};
use crate::model::{
    DeleteFileOptions, FileInfo, ListFilesOptions, Match, PermissionOptions, ReplaceResult, SearchFilesResponse,
};

impl FileSystem {
    /// Lists the entries of a directory, sorted by name.
    ///
    /// # Parameters
    /// * `path`: Directory in the sandbox; relative paths begin at the working directory.
    ///
    /// # Returns
    /// The entries.
    ///
    /// # Errors
    /// `NotFound` when it does not exist, `Authorization` when the sandbox user may not read it.
    pub async fn list_files(&self, path: &str, options: ListFilesOptions) -> Result<Vec<FileInfo>> {
        if let Some(depth) = options.depth.filter(|d| *d < 1) {
            return Err(Error::invalid_argument(format!("depth is {depth}: it must be 1 or more.")));
        }
        self.toolbox
            .client
            .run("fs.list_files", DEFAULT_LIMIT, async {
                let request = self.toolbox.request(Method::GET, "/files").await?;
                let files: Option<_> = request.query("path", path).query_opt("depth", options.depth).read().await?;
                Ok(files.unwrap_or_default())
            })
            .await
    }

    /// Returns the metadata of a file or directory. Symbolic links are followed.
    ///
    /// # Parameters
    /// * `path`: File or directory in the sandbox; relative paths begin at the working directory.
    ///
    /// # Returns
    /// The metadata.
    ///
    /// # Errors
    /// `NotFound` when it does not exist.
    pub async fn get_file_info(&self, path: &str) -> Result<FileInfo> {
        check_path(path)?;
        self.toolbox
            .client
            .run("fs.get_file_info", DEFAULT_LIMIT, async {
                self.toolbox.request(Method::GET, "/files/info").await?.query("path", path).read().await
            })
            .await
    }

    /// Creates a directory and its missing parents. Nothing happens if it exists.
    ///
    /// # Parameters
    /// * `path`: Directory in the sandbox; relative paths begin at the working directory.
    /// * `mode`: Permissions as an octal number, for example `755`. Default: `755`.
    ///
    /// # Errors
    /// `Validation` for an invalid mode, `Authorization` when the sandbox user may not create it.
    pub async fn create_folder(&self, path: &str, mode: Option<&str>) -> Result<()> {
        check_path(path)?;
        let mode = mode.unwrap_or("755");
        self.toolbox
            .client
            .run("fs.create_folder", DEFAULT_LIMIT, async {
                let request = self.toolbox.request(Method::POST, "/files/folder").await?;
                request.query("path", path).query("mode", mode).done().await
            })
            .await
    }

    /// Deletes a file, or a directory with everything in it if `recursive` is set.
    ///
    /// # Parameters
    /// * `path`: File or directory in the sandbox; relative paths begin at the working directory.
    ///
    /// # Errors
    /// `NotFound` when it does not exist, `Validation` for a directory without `recursive`.
    pub async fn delete_file(&self, path: &str, options: DeleteFileOptions) -> Result<()> {
        check_path(path)?;
        self.toolbox
            .client
            .run("fs.delete_file", DEFAULT_LIMIT, async {
                let request = self.toolbox.request(Method::DELETE, "/files").await?.query("path", path);
                request.query_opt("recursive", options.recursive).done().await
            })
            .await
    }

    /// Moves or renames a file or directory.
    ///
    /// # Parameters
    /// * `source`: File or directory in the sandbox; relative paths begin at the working directory.
    /// * `destination`: Its new path.
    ///
    /// # Errors
    /// `NotFound` when the source or the directory of the destination does not exist, `Conflict` when the destination
    /// exists.
    pub async fn move_files(&self, source: &str, destination: &str) -> Result<()> {
        check_path(source)?;
        check_path(destination)?;
        self.toolbox
            .client
            .run("fs.move_files", DEFAULT_LIMIT, async {
                let request = self.toolbox.request(Method::POST, "/files/move").await?;
                request.query("source", source).query("destination", destination).done().await
            })
            .await
    }

    /// Finds the lines that contain a text, in a file or in all text files below a directory.
    ///
    /// # Parameters
    /// * `path`: File or directory in the sandbox; relative paths begin at the working directory.
    /// * `pattern`: Text to look for; no character in it is special.
    ///
    /// # Returns
    /// The lines with their places.
    ///
    /// # Errors
    /// `NotFound` when the path does not exist.
    ///
    /// # Examples
    /// `files search-replace`
    pub async fn find_files(&self, path: &str, pattern: &str) -> Result<Vec<Match>> {
        self.toolbox
            .client
            .run("fs.find_files", DEFAULT_LIMIT, async {
                let request = self.toolbox.request(Method::GET, "/files/find").await?;
                let matches: Option<_> = request.query("path", path).query("pattern", pattern).read().await?;
                Ok(matches.unwrap_or_default())
            })
            .await
    }

    /// Finds the files below a directory whose names match a glob.
    ///
    /// # Parameters
    /// * `path`: Directory in the sandbox; relative paths begin at the working directory.
    /// * `pattern`: Glob for the file names, with `*`, `?` and `[a-z]`.
    ///
    /// # Errors
    /// `NotFound` when the path does not exist.
    ///
    /// # Examples
    /// `files search-replace`
    pub async fn search_files(&self, path: &str, pattern: &str) -> Result<SearchFilesResponse> {
        self.toolbox
            .client
            .run("fs.search_files", DEFAULT_LIMIT, async {
                let request = self.toolbox.request(Method::GET, "/files/search").await?;
                request.query("path", path).query("pattern", pattern).read().await
            })
            .await
    }

    /// Replaces a text everywhere in each of the files.
    ///
    /// # Parameters
    /// * `files`: Paths of files in the sandbox.
    /// * `pattern`: Text to replace; no character in it is special.
    /// * `new_value`: Text to put in its place.
    ///
    /// # Returns
    /// The result for each file.
    ///
    /// # Errors
    /// `Validation` for an empty pattern. A file that could not be changed has the reason in its result.
    ///
    /// # Examples
    /// `files search-replace`
    pub async fn replace_in_files(
        &self,
        files: Vec<String>,
        pattern: &str,
        new_value: &str,
    ) -> Result<Vec<ReplaceResult>> {
        let body = json!({ "files": files, "pattern": pattern, "newValue": new_value });
        self.toolbox
            .client
            .run("fs.replace_in_files", DEFAULT_LIMIT, async {
                let request = self.toolbox.request(Method::POST, "/files/replace").await?;
                let results: Option<_> = request.json(&body).read().await?;
                Ok(results.unwrap_or_default())
            })
            .await
    }

    /// Changes permissions, owner and group of a file or directory.
    ///
    /// # Parameters
    /// * `path`: File or directory in the sandbox; relative paths begin at the working directory.
    ///
    /// # Errors
    /// `NotFound` when it does not exist, `Validation` for an invalid mode or an unknown user.
    ///
    /// # Examples
    /// `files permissions`
    pub async fn set_file_permissions(&self, path: &str, options: PermissionOptions) -> Result<()> {
        check_path(path)?;
        self.toolbox
            .client
            .run("fs.set_file_permissions", DEFAULT_LIMIT, async {
                let request = self.toolbox.request(Method::POST, "/files/permissions").await?.query("path", path);
                request
                    .query_opt("mode", options.mode)
                    .query_opt("owner", options.owner)
                    .query_opt("group", options.group)
                    .done()
                    .await
            })
            .await
    }

    /// Returns the home directory of the sandbox's user.
    ///
    /// # Returns
    /// The absolute path.
    ///
    /// # Errors
    /// Only those of every request.
    pub async fn get_user_home_dir(&self) -> Result<String> {
        self.directory("fs.get_user_home_dir", "/user-home-dir").await
    }

    /// Returns the working directory, where commands start and relative paths begin.
    ///
    /// # Returns
    /// The absolute path.
    ///
    /// # Errors
    /// Only those of every request.
    pub async fn get_work_dir(&self) -> Result<String> {
        self.directory("fs.get_work_dir", "/work-dir").await
    }

    async fn directory(&self, operation: &'static str, path: &str) -> Result<String> {
        #[derive(Deserialize)]
        struct Directory {
            dir: String,
        }
        self.toolbox
            .client
            .run(operation, DEFAULT_LIMIT, async {
                let answer: Directory = self.toolbox.request(Method::GET, path).await?.read().await?;
                Ok(answer.dir)
            })
            .await
    }
}

pub(crate) fn check_path(path: &str) -> Result<()> {
    if path.is_empty() {
        return Err(Error::invalid_argument("The path is empty."));
    }
    check_nul("path", path)
}

/// Nothing in a sandbox can hold NUL: a shell would drop it, and a system call would end there.
pub(crate) fn check_nul(name: &str, text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::invalid_argument(format!("The {name} {text:?} contains NUL, which no {name} can.")));
    }
    Ok(())
}
