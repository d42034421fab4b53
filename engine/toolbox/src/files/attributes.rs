//! `FileInfo`: what the contract tells about one file (wire section 3.2).

use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::time::SystemTime;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Wire name `FileInfo`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileInfo {
    name: String,
    size: u64,
    mode: String,
    mod_time: String,
    modified_at: String,
    is_dir: bool,
    owner: String,
    group: String,
    permissions: String,
    /// Full path; only in listings that ask for a depth, which may hold equal names.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl FileInfo {
    /// Describes `path`, whose (symlink-following) metadata is `metadata`.
    pub(crate) fn new(path: &Path, metadata: &Metadata) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let modified = OffsetDateTime::from(metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH));
        Self {
            name: name.to_string_lossy().into_owned(),
            size: metadata.len(),
            mode: go_mode(metadata),
            mod_time: go_time(modified),
            modified_at: modified.format(&Rfc3339).unwrap_or_default(),
            is_dir: metadata.is_dir(),
            owner: metadata.uid().to_string(),
            group: metadata.gid().to_string(),
            permissions: format!("{:04o}", metadata.mode() & 0o777),
            path: None,
        }
    }

    /// Adds the full path.
    pub(crate) fn with_path(mut self, path: &Path) -> Self {
        self.path = Some(path.to_string_lossy().into_owned());
        self
    }
}

/// The mode as Go's `FileMode.String` writes it, e.g. `drwxr-xr-x` or `dtrwxrwxrwx`.
fn go_mode(metadata: &Metadata) -> String {
    let kind = metadata.file_type();
    let mode = metadata.mode();
    let letters = [
        ('d', kind.is_dir()),
        ('L', kind.is_symlink()),
        ('D', kind.is_block_device() || kind.is_char_device()),
        ('p', kind.is_fifo()),
        ('S', kind.is_socket()),
        ('u', mode & 0o4000 != 0),
        ('g', mode & 0o2000 != 0),
        ('c', kind.is_char_device()),
        ('t', mode & 0o1000 != 0),
    ];
    let mut text: String = letters.into_iter().filter(|(_, set)| *set).map(|(letter, _)| letter).collect();
    if text.is_empty() {
        text.push('-');
    }
    for (index, letter) in "rwxrwxrwx".chars().enumerate() {
        text.push(if mode & (0o400 >> index) != 0 { letter } else { '-' });
    }
    text
}

/// The time as Go's `Time.String` writes it in UTC.
fn go_time(time: OffsetDateTime) -> String {
    let fraction = match time.nanosecond() {
        0 => String::new(),
        nanos => format!(".{}", format!("{nanos:09}").trim_end_matches('0')),
    };
    let (date, clock) = (time.date(), time.time());
    format!("{date} {:02}:{:02}:{:02}{fraction} +0000 UTC", clock.hour(), clock.minute(), clock.second())
}
