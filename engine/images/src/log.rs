//! Where the output of builds and pulls goes, from several threads.

use std::sync::{Mutex, PoisonError};

/// Receives lines.
pub(crate) struct Log<'a>(Mutex<&'a mut (dyn FnMut(&str) + Send)>);

impl<'a> Log<'a> {
    pub(crate) fn new(log: &'a mut (dyn FnMut(&str) + Send)) -> Self {
        Self(Mutex::new(log))
    }

    pub(crate) fn line(&self, line: &str) {
        (self.0.lock().unwrap_or_else(PoisonError::into_inner))(line);
    }
}
