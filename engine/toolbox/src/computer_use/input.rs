//! Keys and buttons, pressed by the X server's test extension.

use std::thread::sleep;
use std::time::Duration;

use x11rb::protocol::xproto::{
    BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ConnectionExt as _, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, KeyButMask,
    MOTION_NOTIFY_EVENT,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::wrapper::ConnectionExt as _;

use super::keymap::{Keymap, Stroke};
use super::keys::{self, Keysym};
use super::screen::{Failure, Screen};

/// Stops on the way of a drag: programs follow the pointer by its moves.
const DRAG_STEPS: i32 = 12;

/// Time between the stops.
const DRAG_PAUSE: Duration = Duration::from_millis(8);

/// Time between clicks that belong together.
const CLICK_PAUSE: Duration = Duration::from_millis(30);

/// A mouse button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Button(u8);

impl Button {
    /// The button of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(Self(match name.to_ascii_lowercase().as_str() {
            "" | "left" => 1,
            "middle" | "center" => 2,
            "right" => 3,
            _ => return None,
        }))
    }

    /// The turn of the wheel in this direction, which the X server takes for a button.
    pub(super) fn wheel(direction: &str) -> Option<Self> {
        Some(Self(match direction.to_ascii_lowercase().as_str() {
            "up" => 4,
            "down" => 5,
            "left" => 6,
            "right" => 7,
            _ => return None,
        }))
    }
}

impl Screen {
    /// Moves the pointer. Outside the screen it stays at the edge.
    pub(super) fn move_pointer(&mut self, (x, y): (i32, i32)) -> Result<(), Failure> {
        let place = |value: i32| i16::try_from(value.clamp(0, i16::MAX.into())).unwrap_or_default();
        self.connection.xtest_fake_input(MOTION_NOTIFY_EVENT, 0, 0, self.root, place(x), place(y), 0)?.check()?;
        self.connection.sync()?;
        Ok(())
    }

    /// Presses a button, or releases it.
    pub(super) fn button(&mut self, Button(number): Button, press: bool) -> Result<(), Failure> {
        let kind = if press { BUTTON_PRESS_EVENT } else { BUTTON_RELEASE_EVENT };
        self.connection.xtest_fake_input(kind, number, 0, self.root, 0, 0, 0)?.check()?;
        self.connection.sync()?;
        Ok(())
    }

    /// Clicks where the pointer is.
    pub(super) fn click(&mut self, button: Button, times: u32) -> Result<(), Failure> {
        for time in 0..times {
            if time > 0 {
                sleep(CLICK_PAUSE);
            }
            self.button(button, true)?;
            self.button(button, false)?;
        }
        Ok(())
    }

    /// Presses a button at one place and releases it at another.
    pub(super) fn drag(&mut self, from: (i32, i32), to: (i32, i32), button: Button) -> Result<(), Failure> {
        self.move_pointer(from)?;
        self.button(button, true)?;
        let moved = (1..=DRAG_STEPS).try_for_each(|step| {
            sleep(DRAG_PAUSE);
            let between = |from: i32, to: i32| from + (to - from) * step / DRAG_STEPS;
            self.move_pointer((between(from.0, to.0), between(from.1, to.1)))
        });
        // Never left pressed.
        self.button(button, false)?;
        moved
    }

    /// Does something while keys are held.
    pub(super) fn holding<T>(
        &mut self,
        held: &[Keysym],
        work: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let strokes = self.strokes(held)?;
        let pressed = strokes.iter().try_for_each(|stroke| self.key(stroke.keycode, true));
        let done = pressed.and_then(|()| work(self));
        // Never left pressed, whatever became of the work.
        for stroke in strokes.iter().rev() {
            self.key(stroke.keycode, false)?;
        }
        done
    }

    /// Presses a key, or releases it, without what it is held with.
    pub(super) fn hold(&mut self, key: Keysym, press: bool) -> Result<(), Failure> {
        let stroke = self.strokes(&[key])?[0];
        self.key(stroke.keycode, press)
    }

    /// Presses a key and releases it, while others are held.
    pub(super) fn press(&mut self, key: Keysym, held: &[Keysym]) -> Result<(), Failure> {
        let stroke = self.strokes(&[key])?[0];
        self.holding(held, |screen| screen.stroke(stroke))
    }

    /// Types a text.
    pub(super) fn type_text(&mut self, text: &str, delay: Duration) -> Result<(), Failure> {
        let symbols: Vec<Keysym> = text.chars().filter_map(keys::of_char).collect();
        let locked = self.connection.query_pointer(self.root)?.reply()?.mask.contains(KeyButMask::LOCK);
        if locked {
            self.press(keys::CAPS_LOCK, &[])?;
        }
        let typed = self.type_symbols(&symbols, delay);
        if locked {
            self.press(keys::CAPS_LOCK, &[])?;
        }
        typed
    }

    /// Types in parts, each of which has keys for all its symbols before the first is pressed.
    fn type_symbols(&mut self, mut symbols: &[Keysym], delay: Duration) -> Result<(), Failure> {
        while !symbols.is_empty() {
            let count = self.prepare(symbols)?;
            let (part, rest) = symbols.split_at(count);
            for stroke in self.strokes(part)? {
                self.stroke(stroke)?;
                sleep(delay);
            }
            symbols = rest;
        }
        Ok(())
    }

    /// Presses a key and releases it, and Shift with it where that makes the symbol.
    fn stroke(&mut self, stroke: Stroke) -> Result<(), Failure> {
        let shift = if stroke.shift { self.strokes(&[keys::SHIFT])? } else { Vec::new() };
        for shift in &shift {
            self.key(shift.keycode, true)?;
        }
        let pressed = self.key(stroke.keycode, true).and_then(|()| self.key(stroke.keycode, false));
        for shift in &shift {
            self.key(shift.keycode, false)?;
        }
        pressed
    }

    fn key(&mut self, keycode: u8, press: bool) -> Result<(), Failure> {
        let kind = if press { KEY_PRESS_EVENT } else { KEY_RELEASE_EVENT };
        self.connection.xtest_fake_input(kind, keycode, 0, self.root, 0, 0, 0)?.check()?;
        Ok(())
    }

    /// Gives keys to symbols; says how many from the start have some now.
    fn prepare(&mut self, symbols: &[Keysym]) -> Result<usize, Failure> {
        if self.keymap.is_none() || std::mem::take(&mut self.keys_changed) {
            let found = Keymap::read(&self.connection)?;
            // What has changed may only be what was given here.
            if self.keymap.as_ref().is_none_or(|known| !known.is_same(&found)) {
                self.keymap = Some(found);
            }
        }
        self.keymap.as_mut().ok_or("the keyboard is gone")?.prepare(&self.connection, symbols)
    }

    /// The keys of symbols, all of which are given some first.
    fn strokes(&mut self, symbols: &[Keysym]) -> Result<Vec<Stroke>, Failure> {
        if self.prepare(symbols)? < symbols.len() {
            return Err("the keyboard has too few keys".into());
        }
        let keymap = self.keymap.as_ref().ok_or("the keyboard is gone")?;
        symbols.iter().map(|symbol| keymap.find(*symbol).ok_or_else(|| "the keyboard has no such key".into())).collect()
    }
}
