//! The keyboard's layout, and the keys of it that have no meaning: they are given characters that the layout lacks.
//!
//! A key keeps the character it was given: a program may look the layout up only when it gets to the key's press, long after the
//! press was sent. Only when all such keys are taken is the one that was given first given anew.

use std::collections::VecDeque;
use std::time::Duration;

use x11rb::connection::Connection;
use x11rb::protocol::xproto::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use super::keys::Keysym;
use super::screen::Failure;

/// Time that programs have to read what was typed before keys they know get other meanings.
const CATCH_UP: Duration = Duration::from_millis(300);

/// A key, and whether Shift is held with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stroke {
    pub(super) keycode: u8,
    pub(super) shift: bool,
}

/// The layout as it is now.
pub(super) struct Keymap {
    first: u8,
    per_key: usize,
    symbols: Vec<Keysym>,
    /// Keys without a meaning of their own; the next one to be given comes first.
    spare: VecDeque<u8>,
    /// How many of them have been given in this round.
    given: usize,
}

impl Keymap {
    pub(super) fn read(connection: &RustConnection) -> Result<Self, Failure> {
        let (first, last) = (connection.setup().min_keycode, connection.setup().max_keycode);
        let found = connection.get_keyboard_mapping(first, last - first + 1)?.reply()?;
        let per_key = usize::from(found.keysyms_per_keycode).max(1);
        let is_spare = |symbols: &[Keysym]| symbols.iter().all(|symbol| *symbol == 0);
        let spare = found.keysyms.chunks(per_key).zip(first..=last).filter(|(symbols, _)| is_spare(symbols));
        let spare = spare.map(|(_, keycode)| keycode).collect();
        Ok(Self { first, per_key, symbols: found.keysyms, spare, given: 0 })
    }

    /// Whether another reading found the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.symbols == other.symbols
    }

    /// The key of a symbol.
    pub(super) fn find(&self, symbol: Keysym) -> Option<Stroke> {
        let keys = || self.symbols.chunks(self.per_key).zip(self.first..=u8::MAX);
        // Without Shift first, on any key.
        [0, 1].into_iter().find_map(|level| {
            let found = keys().find(|(symbols, _)| symbols.get(level) == Some(&symbol));
            found.map(|(_, keycode)| Stroke { keycode, shift: level == 1 })
        })
    }

    /// Gives keys to the symbols that have none. Of more than there are spare keys, the first ones get them; says how many
    /// symbols from the start have keys now.
    pub(super) fn prepare(&mut self, connection: &RustConnection, symbols: &[Keysym]) -> Result<usize, Failure> {
        let mut taken = 0;
        let mut changed = false;
        for (index, symbol) in symbols.iter().enumerate() {
            if self.find(*symbol).is_some() {
                continue;
            }
            if taken == self.spare.len() {
                connection.sync()?;
                return Ok(index);
            }
            if self.given == self.spare.len() && !changed {
                std::thread::sleep(CATCH_UP);
            }
            self.give(connection, *symbol)?;
            changed = true;
            taken += 1;
        }
        connection.sync()?;
        Ok(symbols.len())
    }

    fn give(&mut self, connection: &RustConnection, symbol: Keysym) -> Result<(), Failure> {
        let keycode = self.spare.pop_front().ok_or("the keyboard has no key to spare")?;
        self.spare.push_back(keycode);
        self.given = (self.given + 1).min(self.spare.len());
        let at = usize::from(keycode - self.first) * self.per_key;
        let own = &mut self.symbols[at..at + self.per_key];
        // With Shift or Caps Lock it means the same.
        for (level, place) in own.iter_mut().enumerate() {
            *place = if level < 2 { symbol } else { 0 };
        }
        connection.change_keyboard_mapping(1, keycode, u8::try_from(self.per_key)?, own)?.check()?;
        Ok(())
    }
}
