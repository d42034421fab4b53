//! Which program serves a language in a project.
//!
//! | language | program |
//! |---|---|
//! | Python | `ty`, else `basedpyright-langserver`, else `pylsp`: the first in the project's virtual environment, else the first on the path; `ruff` formats |
//! | TypeScript, JavaScript | that of the project's own TypeScript from 7 on; `typescript-language-server` where it is older; that of the snapshot's TypeScript where the project has none |

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};
use serde_json::{Value, json};

use crate::Toolbox;
use crate::errors::ApiError;

/// The name under which setup installs the TypeScript whose server is the default.
const NATIVE_TYPESCRIPT: &str = "typescript-native";

/// The servers for Python with their arguments, in the order they are looked for.
const PYTHON: [(&str, &[&str]); 3] = [("ty", &["server"]), ("basedpyright-langserver", &["--stdio"]), ("pylsp", &[])];

/// Where the programs of a project's virtual environment are: what a project has installed for itself serves it.
const VIRTUAL_ENVIRONMENTS: [&str; 2] = [".venv/bin", "venv/bin"];

/// The largest `package.json` that is read.
const MAX_PACKAGE: u64 = 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Language {
    Python,
    TypeScript,
    JavaScript,
}

impl Language {
    pub(super) fn named(name: &str) -> Result<Self, ApiError> {
        match name {
            "python" => Ok(Self::Python),
            "typescript" => Ok(Self::TypeScript),
            "javascript" => Ok(Self::JavaScript),
            _ => Err(ApiError::bad_request(format!(
                "there is no language server for the language '{name}': python, typescript and javascript have one"
            ))),
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::TypeScript => "typescript",
            Self::JavaScript => "javascript",
        }
    }

    /// The endings of its files.
    pub(super) const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Python => &["py", "pyi"],
            Self::TypeScript | Self::JavaScript => &["ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs"],
        }
    }

    /// What servers call the language of a file.
    pub(super) fn of_file(self, path: &Path) -> &'static str {
        match path.extension().and_then(|ending| ending.to_str()).unwrap_or_default() {
            "py" | "pyi" => "python",
            "ts" | "mts" | "cts" => "typescript",
            "tsx" => "typescriptreact",
            "js" | "mjs" | "cjs" => "javascript",
            "jsx" => "javascriptreact",
            _ => self.name(),
        }
    }
}

/// A server program, and how it is started.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: Vec<(&'static str, OsString)>,
    /// Its `initializationOptions`.
    pub(super) options: Value,
}

impl Program {
    fn new(path: PathBuf, arguments: &[&str]) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let arguments = arguments.iter().map(OsString::from).collect();
        Self { name, path, arguments, environment: Vec::new(), options: Value::Null }
    }

    /// The program for a language in a project. Reads files: call it off the runtime.
    pub(super) fn find(toolbox: &Toolbox, language: Language, project: &Path) -> Result<Self, ApiError> {
        match language {
            Language::Python => python(toolbox, project),
            Language::TypeScript | Language::JavaScript => typescript(toolbox, project),
        }
    }

    /// The program that only formats, where that of [`Program::find`] does not.
    pub(super) fn formatter(toolbox: &Toolbox, language: Language) -> Option<Self> {
        match language {
            Language::Python => toolbox.environment.which("ruff").map(|path| Self::new(path, &["server"])),
            Language::TypeScript | Language::JavaScript => None,
        }
    }
}

fn missing(language: &str, wanted: &str) -> ApiError {
    ApiError::new(
        http::StatusCode::NOT_IMPLEMENTED,
        "NOT_IMPLEMENTED",
        format!(
            "not implemented: this sandbox has no language server for {language}: {wanted} is not on its path; \
             `daytona local setup` installs one for sandboxes that are created afterwards"
        ),
    )
}

fn python(toolbox: &Toolbox, project: &Path) -> Result<Program, ApiError> {
    let own = VIRTUAL_ENVIRONMENTS.iter().flat_map(|directory| {
        let directory = project.join(directory);
        PYTHON.iter().map(move |(name, arguments)| (directory.join(name), arguments))
    });
    let own = own.filter(|(path, _)| access(path, AccessFlags::X_OK).is_ok() && path.is_file());
    let on_path = PYTHON.iter().filter_map(|(name, arguments)| Some((toolbox.environment.which(name)?, arguments)));
    let found = own.chain(on_path).next();
    found
        .map(|(path, arguments)| Program::new(path, arguments))
        .ok_or_else(|| missing("Python", "ty, basedpyright-langserver or pylsp"))
}

fn typescript(toolbox: &Toolbox, project: &Path) -> Result<Program, ApiError> {
    match installed(project) {
        Some((package, version)) if version >= 7 => native(&package)
            .or_else(|| shim(toolbox, &package))
            .ok_or_else(|| missing("TypeScript", "Node.js for the project's own TypeScript")),
        Some((package, _)) => older(toolbox, &package),
        None => snapshot(toolbox).and_then(|package| native(&package)).map_or_else(
            // A sandbox that was made otherwise may have a TypeScript of its own on the path.
            || {
                let tsc = toolbox.environment.which("tsc").and_then(|tsc| tsc.canonicalize().ok());
                let package = tsc.and_then(|tsc| Some(tsc.parent()?.parent()?.to_owned()));
                match package.and_then(|package| version(&package).map(|version| (package, version))) {
                    Some((package, 7..)) => native(&package)
                        .or_else(|| shim(toolbox, &package))
                        .ok_or_else(|| missing("TypeScript", "Node.js")),
                    Some((package, _)) => older(toolbox, &package),
                    None => Err(missing("TypeScript", "tsc")),
                }
            },
            Ok,
        ),
    }
}

/// The TypeScript that a project resolves: its package, and the first number of its version.
fn installed(project: &Path) -> Option<(PathBuf, u64)> {
    project.ancestors().find_map(|directory| {
        let package = directory.join("node_modules/typescript");
        version(&package).map(|version| (package, version))
    })
}

fn version(package: &Path) -> Option<u64> {
    let path = package.join("package.json");
    let length = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?.len();
    let text = (length <= MAX_PACKAGE).then(|| std::fs::read(&path).ok())??;
    let package: Value = serde_json::from_slice(&text).ok()?;
    package["version"].as_str()?.split('.').next()?.parse().ok()
}

/// The TypeScript that setup has installed for projects that have none.
fn snapshot(toolbox: &Toolbox) -> Option<PathBuf> {
    let modules = toolbox.environment.get("NODE_PATH")?;
    std::env::split_paths(&modules).map(|modules| modules.join(NATIVE_TYPESCRIPT)).find(|package| package.is_dir())
}

/// The program itself in a TypeScript from 7 on, which needs no Node.js.
fn native(package: &Path) -> Option<Program> {
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let name = format!("@typescript/typescript-linux-{machine}/lib/tsc");
    // Beside it, or where another layout of node_modules puts what it needs.
    let places = [package.parent().map(Path::to_owned), package.canonicalize().ok()?.parent().map(Path::to_owned)];
    let inside = Some(package.join("node_modules"));
    let program =
        places.into_iter().chain([inside]).flatten().map(|place| place.join(&name)).find(|path| path.is_file())?;
    Some(Program { name: "TypeScript".to_owned(), ..Program::new(program, &["--lsp", "--stdio"]) })
}

/// The same, started by Node.js, which knows where it is.
fn shim(toolbox: &Toolbox, package: &Path) -> Option<Program> {
    let node = toolbox.environment.which("node")?;
    let mut program = Program { name: "TypeScript".to_owned(), ..Program::new(node, &[]) };
    program.arguments = vec![package.join("bin/tsc").into(), "--lsp".into(), "--stdio".into()];
    Some(program)
}

/// The server for a TypeScript before 7.
fn older(toolbox: &Toolbox, package: &Path) -> Result<Program, ApiError> {
    let name = "typescript-language-server";
    let path = toolbox.environment.which(name).ok_or_else(|| missing("the project's TypeScript", name))?;
    // Without it, packages of types would be fetched from the network.
    let options = json!({
        "disableAutomaticTypingAcquisition": true,
        "tsserver": {"path": package.join("lib/tsserver.js")},
    });
    Ok(Program { options, ..Program::new(path, &["--stdio"]) })
}
