//! The versions of everything `daytona local setup` installs. Change them here and nowhere else.

/// Python packages; their own dependencies follow from them.
pub const PYTHON: [&str; 3] = ["matplotlib==3.10.7", "numpy==2.2.6", "pandas==2.3.3"];

/// Node packages. TypeScript 5 is the last line that runs on Node 20.
pub const NODE: [&str; 3] = ["ts-node@10.9.2", "typescript@5.9.3", "@types/node@20.19.24"];

/// Programs of the Node packages that are put on the sandboxes' path.
pub const NODE_PROGRAMS: [&str; 3] = ["ts-node", "tsc", "tsserver"];

/// What a finished snapshot is marked with; another text means it is out of date.
pub fn mark() -> String {
    format!("layout 1\n{}\n{}\n", PYTHON.join("\n"), NODE.join("\n"))
}
