//! Waiting until the screen is at rest: until nothing has been drawn for a while.

use std::thread::sleep;
use std::time::{Duration, Instant};

use x11rb::NONE;
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::damage::{ConnectionExt as _, ReportLevel};

use super::screen::{Failure, Screen};

/// Time between looks.
const PAUSE: Duration = Duration::from_millis(5);

impl Screen {
    /// Waits until nothing has been drawn for `quiet`, at most for `limit`. Says whether it came to that.
    pub(super) fn wait_for_rest(&mut self, quiet: Duration, limit: Duration) -> Result<bool, Failure> {
        let connection = &self.connection;
        connection.damage_query_version(1, 1)?.reply()?;
        let drawn = connection.generate_id()?;
        connection.damage_create(drawn, self.root, ReportLevel::NON_EMPTY)?.check()?;
        let at_rest = self.watch(drawn, quiet, limit);
        self.connection.damage_destroy(drawn)?.check()?;
        at_rest
    }

    fn watch(&mut self, drawn: u32, quiet: Duration, limit: Duration) -> Result<bool, Failure> {
        let begun = Instant::now();
        let mut last = begun;
        loop {
            while let Some(event) = self.connection.poll_for_event()? {
                match event {
                    Event::DamageNotify(_) => {
                        last = Instant::now();
                        // There is one event until it is taken away; then the next one tells of what is drawn from now on.
                        self.connection.damage_subtract(drawn, NONE, NONE)?.check()?;
                    }
                    Event::MappingNotify(_) => self.keys_changed = true,
                    _ => {}
                }
            }
            if last.elapsed() >= quiet {
                return Ok(true);
            }
            if begun.elapsed() >= limit {
                return Ok(false);
            }
            sleep(PAUSE);
        }
    }
}
