//! Progress of transfers, on a terminal only.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on standard error that goes when the work is done.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar for this work; without `shown` it does nothing.
    pub fn new(what: &str, shown: bool) -> Self {
        let target = if shown { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if shown {
            // First of all: whatever is set draws it.
            bar.set_style(style("{spinner} {msg}"));
            bar.set_message(super::printable(what));
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self { bar }
    }

    /// So many of so many bytes are done.
    pub fn bytes(&self, done: u64, total: Option<u64>) {
        if total.is_some() && self.bar.length() != total {
            self.bar.set_length(total.unwrap_or_default());
            self.bar.set_style(style("{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}"));
        } else if total.is_none() && self.bar.position() == 0 && done > 0 {
            self.bar.set_style(style("{spinner} {msg} {bytes} {bytes_per_sec}"));
        }
        self.bar.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are those above.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
