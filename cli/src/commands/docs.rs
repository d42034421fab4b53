//! `daytona docs`.

use clap::Args;

use crate::browser;
use crate::failure::Done;
use crate::output::{Format, Output};
use crate::stdin;

const ADDRESS: &str = "https://www.daytona.io/docs/";

/// Open the documentation in your browser
#[derive(Debug, Args)]
pub struct Docs {}

impl Docs {
    /// Runs it. The address is printed as well: a browser may be elsewhere, or nowhere.
    pub fn run(self) -> Done {
        Output::new(Format::Table).bytes(format!("{ADDRESS}\n").as_bytes())?;
        if stdin::is_interactive() {
            browser::open(ADDRESS);
        }
        Ok(())
    }
}
