//! The browser of the desktop.

use std::process::{Command, Stdio};

/// Opens a page in it, if there is one. Whoever calls this has told the address, too.
pub fn open(address: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let opening =
        Command::new(opener).arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    // Without a browser there is the address.
    drop(opening);
}
