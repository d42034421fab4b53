//! `daytona version`.

use clap::Args;
use serde_json::json;

use crate::failure::Done;
use crate::output::{FormatArguments, Output};

/// Print the version
#[derive(Debug, Args)]
pub struct Version {
    #[command(flatten)]
    pub format: FormatArguments,
}

impl Version {
    /// Runs it.
    pub fn run(self) -> Done {
        let version = env!("CARGO_PKG_VERSION");
        Output::new(self.format.chosen()).result(&json!({ "version": version }), || format!("{version}\n"))
    }
}
