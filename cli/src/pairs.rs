//! Arguments of the form `KEY=VALUE`.

use std::collections::BTreeMap;

use crate::failure::{Done, Failure};

/// The pairs as a map, or `None` without any. Later ones win.
pub fn read(flag: &str, pairs: &[String]) -> Done<Option<BTreeMap<String, String>>> {
    if pairs.is_empty() {
        return Ok(None);
    }
    let split = pairs.iter().map(|pair| match pair.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        // The value may be a secret, so it is not repeated.
        _ => Err(Failure::usage(format!("{flag} needs KEY=VALUE: there is one without a key or without `=`."))),
    });
    split.collect::<Done<_>>().map(Some)
}
