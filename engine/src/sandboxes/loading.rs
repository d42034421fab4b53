//! The sandboxes that a store and their own files tell of.

use std::collections::HashSet;
use std::path::Path;

use anyhow::Result;

use crate::sandboxes::record_file;
use crate::sandboxes::sandbox::Sandbox;
use crate::store::{Store, Stored, Table};

/// Findings of the start.
#[derive(Default)]
pub struct Found {
    /// Sandboxes in no order.
    pub sandboxes: Vec<Sandbox>,
    /// Notes for users, as sentences.
    pub notes: Vec<String>,
    /// Sandboxes the store did not have, by id, on their way into it.
    pub writing: Vec<(String, Stored)>,
}

/// All sandboxes: those of the store, and those that only have a record beside their files.
///
/// Files that cannot be read stay where they are and are named in the notes.
pub fn load(store: &dyn Store, state_dir: &Path) -> Result<Found> {
    let mut found = Found { notes: store.notes(), ..Found::default() };
    let mut known = HashSet::new();
    for (id, record) in store.rows(Table::Sandboxes)? {
        let sandbox = serde_json::from_str(&record).ok().or_else(|| record_file::read(state_dir, &id));
        match sandbox {
            Some(sandbox) => found.sandboxes.push(sandbox),
            None => found.notes.push(format!("the record of sandbox {id} cannot be read; its files are kept")),
        }
        known.insert(id);
    }
    for id in record_file::ids(state_dir) {
        if known.contains(&id) {
            continue;
        }
        match record_file::read(state_dir, &id) {
            Some(sandbox) => {
                tracing::warn!(sandbox = id, "a sandbox the database does not know was read from its own record");
                let stored = store.save(Table::Sandboxes, &id, sandbox.written());
                found.writing.push((id, stored));
                found.sandboxes.push(sandbox);
            }
            None => found.notes.push(format!(
                "{} belongs to no known sandbox and is kept; delete it if you do not need it",
                record_file::directory(state_dir, &id).display()
            )),
        }
    }
    Ok(found)
}
