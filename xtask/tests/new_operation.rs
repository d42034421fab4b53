//! A new operation with an optional argument and a result of its own takes six edited files, none of them in a package.
//!
//! On a copy of the sources this adds the operation that AGENTS.md walks through, runs codegen, and looks for what the users of
//! each language then have: a method that is documented and typed, and the result as a type.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Everything that is edited by hand.
const EDITS: [(&str, &[Insertion]); 6] = [
    (
        "core/src/model/file.rs",
        &[Insertion {
            before: "/// A line found by `find_files`.",
            text: r#"/// Options of `disk_usage`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DiskUsageOptions {
    /// Glob that the names of counted files match. Default: all files are counted.
    pub pattern: Option<String>,
}

/// Space that files take.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DiskUsage {
    /// Number of files.
    pub files: i64,
    /// Their sizes added up, in bytes.
    pub total_bytes: i64,
}

"#,
        }],
    ),
    (
        "core/src/ops/fs.rs",
        &[
            Insertion { before: "DeleteFileOptions, ", text: "DiskUsage, DiskUsageOptions, " },
            Insertion {
                before: "    /// Returns the home directory",
                text: r#"    /// Adds up the sizes of the files below a directory.
    ///
    /// # Parameters
    /// * `path`: Directory whose files are counted.
    ///
    /// # Errors
    /// `NotFound` when it does not exist.
    pub async fn disk_usage(&self, path: &str, options: DiskUsageOptions) -> Result<DiskUsage> {
        check_path(path)?;
        self.toolbox
            .client
            .run("fs.disk_usage", DEFAULT_LIMIT, async {
                let request = self.toolbox.request(Method::GET, "/files/usage").await?;
                request.query("path", path).query_opt("pattern", options.pattern).read().await
            })
            .await
    }

"#,
            },
        ],
    ),
    (
        "engine/toolbox/src/files/usage.rs",
        &[Insertion {
            before: "",
            text: r#"//! `GET /files/usage`: the sizes of files, added up.

use std::fs;
use std::os::unix::ffi::OsStrExt;

use axum::Json;
use serde_json::{Value, json};

use super::search::walk;
use super::{abandonable, glob};
use crate::State;
use crate::errors::ApiError;
use crate::extract::Query;

pub(super) async fn usage(toolbox: State, query: Query) -> Result<Json<Value>, ApiError> {
    let root = toolbox.resolve(&query.required_path("path")?);
    let pattern = query.text("pattern").unwrap_or_else(|| "*".to_owned());
    abandonable(move |abandoned| {
        fs::symlink_metadata(&root).map_err(|error| ApiError::file(&error, &root))?;
        let (mut files, mut total) = (0, 0);
        walk(&root, &root, abandoned, &mut |path, _| {
            let named = path.file_name().is_some_and(|name| glob::matches(pattern.as_bytes(), name.as_bytes()));
            if let Some(metadata) = fs::symlink_metadata(path).ok().filter(|metadata| named && metadata.is_file()) {
                files += 1;
                total += metadata.len();
            }
        });
        Ok(Json(json!({ "files": files, "totalBytes": total })))
    })
    .await
}
"#,
        }],
    ),
    (
        "engine/toolbox/src/files/mod.rs",
        &[
            Insertion { before: "\nuse std::sync::Arc;", text: "mod usage;\n" },
            Insertion {
                before: "        .route(\"/files/find\"",
                text: "        .route(\"/files/usage\", get(usage::usage))\n",
            },
        ],
    ),
    (
        "tests/conformance/cases/disk_usage.json",
        &[Insertion {
            before: "",
            text: r#"[
  {
    "name": "disk_usage adds up the sizes of files",
    "steps": [
      { "op": "process.exec", "args": { "command": "mkdir ${home}/${unique} && cd ${home}/${unique} && printf 12345 > a.txt && printf 1 > b.md" } },
      { "op": "fs.disk_usage", "args": { "path": "${home}/${unique}" }, "expect": { "files": 2, "totalBytes": 6 },
        "requests": [
          { "method": "GET", "path": "/toolbox/${sandbox}/files/usage", "query": { "path": "${home}/${unique}" } } ] },
      { "op": "fs.disk_usage", "args": { "path": "${home}/${unique}", "options": { "pattern": "*.txt" } },
        "expect": { "files": 1, "totalBytes": 5 } },
      { "op": "fs.disk_usage", "args": { "path": "${home}/none-${unique}" }, "error": { "kind": "NotFound", "status": 404 } }
    ]
  }
]
"#,
        }],
    ),
    (
        "contract/wire.md",
        &[Insertion {
            before: "| `POST /files/replace`",
            text: "| `GET /files/usage?path&pattern` | `{files, totalBytes}` of the files below whose names match a glob |\n",
        }],
    ),
];

/// Text put before a place in a file, or a whole new file.
struct Insertion {
    before: &'static str,
    text: &'static str,
}

/// What the users of each language have then: a file below `place` that has all of these texts.
const FOUND: &[(&str, &[&str])] = &[
    ("bindings/bridge/src", &["\"fs.disk_usage\" =>"]),
    ("tests/conformance/rust/src", &["service.disk_usage("]),
    ("tests/conformance/go", &["\"fs.disk_usage\""]),
    ("bindings/uniffi/src", &["pub async fn disk_usage(", "pub struct DiskUsage {"]),
    (
        "python/src/daytona/generated/ops",
        &[
            "def disk_usage(",
            "self, path: str, pattern: str | None = None",
            ") -> DiskUsage:",
            "Adds up the sizes of the files below a directory.",
            "path: Directory whose files are counted.",
            "pattern: Glob that the names of counted files match.",
            "`DaytonaNotFoundError` when it does not exist.",
        ],
    ),
    (
        "python/src/daytona/generated/async_ops",
        &["async def disk_usage(", ") -> DiskUsage:", "path: Directory whose files are counted."],
    ),
    ("python/src/daytona/generated/models", &["class DiskUsage(Model):", "total_bytes: int"]),
    ("python/src/daytona/generated/exports.py", &["\"DiskUsage\","]),
    (
        "node/src/generated/file-system.ts",
        &[
            "diskUsage(path: string, options?: DiskUsageOptions & CallOptions): Promise<DiskUsage> {",
            "Adds up the sizes of the files below a directory.",
            "@param path - Directory whose files are counted.",
            "@throws `DaytonaNotFoundError` when it does not exist.",
        ],
    ),
    (
        "node/src/generated/models.ts",
        &["export interface DiskUsageOptions {", "Glob that the names of counted files match.", "pattern?: string;"],
    ),
    ("node/src/generated/models.ts", &["export interface DiskUsage {", "totalBytes: number;"]),
    ("node/src/generated/index.ts", &["from './models.js';"]),
    (
        "ruby/lib/daytona/generated/classes",
        &[
            "def disk_usage(path, pattern: nil",
            "Adds up the sizes of the files below a directory.",
            "@param path [String] Directory whose files are counted.",
            "@param pattern [String, nil] Glob that the names of counted files match.",
            "@return [DiskUsage]",
            "@raise [Sdk::NotFoundError] When it does not exist.",
        ],
    ),
    ("ruby/lib", &["class DiskUsage", "total_bytes"]),
    ("ruby/sig", &["def disk_usage: (String path, ?pattern: String?"]),
    (
        "go/pkg/daytona",
        &[
            "DiskUsage(ctx context.Context, path string, opts ...func(*options.DiskUsage)) (*types.DiskUsage, error)",
            "DiskUsage adds up the sizes of the files below a directory.",
            "path: directory whose files are counted.",
            "[options.WithDiskUsagePattern]: glob that the names of counted files match.",
            "ErrNotFound when it does not exist.",
        ],
    ),
    ("go/pkg/options", &["func WithDiskUsagePattern(pattern string) func(*DiskUsage)"]),
    ("go/pkg/types", &["type DiskUsage struct"]),
];

/// The directories that codegen reads or writes, and the files beside them.
const SOURCES: [&str; 14] = [
    "bindings/bridge",
    "bindings/c",
    "bindings/uniffi",
    "contract",
    "core/src",
    "engine/toolbox/src",
    "examples",
    "go",
    "node/src",
    "python/src",
    "ruby",
    "schema",
    "tests/conformance",
    "tests/surface",
];

#[test]
fn a_new_operation_reaches_every_language_from_six_files() {
    let copy = copied();
    for (file, insertions) in EDITS {
        edit(&copy.path().join(file), insertions);
    }
    codegen(copy.path());
    let lacking: Vec<_> = FOUND
        .iter()
        .filter_map(|(place, texts)| Some((*place, texts[0], missing(&copy.path().join(place), texts)?)))
        .collect();
    assert!(lacking.is_empty(), "place, what is looked for there, what the nearest file lacks:\n{lacking:#?}");
}

fn copied() -> TempDir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let copy = tempfile::tempdir().unwrap();
    for source in SOURCES {
        copy_all(&root.join(source), &copy.path().join(source));
    }
    copy
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (name, kind) = (entry.file_name(), entry.file_type().unwrap());
        if kind.is_dir() && !["target", "node_modules", "__pycache__"].iter().any(|skipped| name == *skipped) {
            copy_all(&entry.path(), &to.join(name));
        } else if kind.is_file() && entry.metadata().unwrap().len() < 1 << 20 {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

fn edit(path: &Path, insertions: &[Insertion]) {
    let mut text = fs::read_to_string(path).unwrap_or_default();
    for Insertion { before, text: inserted } in insertions {
        let at = text.find(before).unwrap_or_else(|| panic!("{} has no {before:?}", path.display()));
        text.insert_str(at, inserted);
    }
    fs::write(path, text).unwrap();
}

fn codegen(root: &Path) {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(["codegen", "--root"]).arg(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What the file that has most of the texts lacks, unless one has all.
fn missing<'a>(place: &Path, texts: &[&'a str]) -> Option<Vec<&'a str>> {
    let mut files = Vec::new();
    list(place, &mut files);
    let lacking = files.iter().map(|file| {
        // Documentation is wrapped where the language wants it, behind its own marks.
        let text = fs::read_to_string(file).unwrap_or_default();
        let words: Vec<_> = text.split_whitespace().filter(|word| !["#", "*", "//"].contains(word)).collect();
        let text = words.join(" ");
        texts.iter().filter(|wanted| !text.contains(**wanted)).copied().collect::<Vec<_>>()
    });
    lacking.min_by_key(Vec::len).filter(|lacking| !lacking.is_empty())
}

fn list(place: &Path, files: &mut Vec<PathBuf>) {
    if place.is_file() {
        files.push(place.to_owned());
        return;
    }
    for entry in fs::read_dir(place).unwrap() {
        list(&entry.unwrap().path(), files);
    }
}
