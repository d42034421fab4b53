//! The services that another service has as its parts: `sandbox.computer_use.mouse`.

use anyhow::{Context, Result};

use crate::schema::{Schema, Service};

/// Ids of the services of a desktop, which are the names of its attributes too.
const DESKTOP: [&str; 6] = ["mouse", "keyboard", "screenshot", "display", "recording", "accessibility"];

/// The services of a desktop, in the order in which they are documented.
pub fn of_desktop(schema: &Schema) -> Result<Vec<&Service>> {
    let of = |id: &&str| schema.services.iter().find(|service| service.id == *id).with_context(|| (*id).to_owned());
    DESKTOP.iter().map(of).collect()
}
