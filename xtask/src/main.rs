//! Code generation: `cargo xtask codegen` writes what follows from the core's sources, `--check` only compares.

mod bridge;
mod c;
mod charts;
mod conformance;
mod deviations;
mod examples;
mod go;
mod names;
mod output;
mod parts;
mod python;
mod ruby;
mod rust;
mod schema;
mod typescript;
mod uniffi;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Keeps everything that can be generated from the core generated.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Reads core/src and writes schema/daytona.json, the op table and the `generated` layer of each package.
    Codegen {
        /// Write nothing; fail and name the files that are not up to date.
        #[arg(long)]
        check: bool,
        /// The tree to work on. Default: the one this program was built from.
        #[arg(long)]
        root: Option<PathBuf>,
    },
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Codegen { check, root } => {
            let root = root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).canonicalize()?;
            let mut schema = schema::Schema::read(&root.join("core/src"), &root.join("bindings/bridge/src/frames.rs"))?;
            schema.take_parts()?;
            examples::attach(&mut schema, &root)?;
            let deviations = deviations::Deviations::read(&root)?;
            deviations.check(&schema)?;
            let mut output = output::Output::new(&root, check);
            output.write("schema/daytona.json", schema.to_json(&deviations)?)?;
            deviations.install()?;
            output.write("core/src/generated.rs", rust::generate(&schema)?)?;
            output.write("core/src/image/generated.rs", rust::steps(&schema)?)?;
            output.write("bindings/bridge/src/generated.rs", bridge::generate(&schema)?)?;
            output.write("bindings/uniffi/src/generated.rs", uniffi::generate(&schema)?)?;
            output.write("tests/conformance/rust/src/calls/generated.rs", conformance::generate(&schema)?)?;
            for (name, content) in typescript::generate(&schema)? {
                output.write(&format!("node/src/generated/{name}"), content)?;
            }
            python::generate(&schema, &root, &mut output)?;
            ruby::generate(&schema, &mut output)?;
            let header = c::header(&root)?;
            output.write("bindings/c/include/daytona.h", header.clone())?;
            output.write("go/internal/ffi/daytona.h", header)?;
            for (path, content) in go::generate(&schema)? {
                output.write(&path, content)?;
            }
            output.finish()
        }
    }
}
