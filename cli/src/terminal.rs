//! This terminal as that of a sandbox: keys and bytes pass as they are, its size follows ours, and detach keys return here.

use std::str::FromStr;
use std::time::Duration;

use daytona::ops::Process;
use daytona::stream::terminal::Terminal;
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::{Done, Failure};
use crate::interrupt::Signals;
use crate::stdin;

/// Lines and columns where there is no terminal to ask.
const DEFAULT_SIZE: (i64, i64) = (24, 80);
/// The key Ctrl-D.
const END_OF_FILE: u8 = 4;
/// How often it is typed until the program ends: a shell that is still setting its terminal up drops what was typed before.
const END_AGAIN: Duration = Duration::from_secs(1);
/// What servers take at most.
const LARGEST: u16 = 1000;

/// How it ended.
pub enum End {
    /// The program exited with this code.
    Exited(u8),
    /// The detach keys were typed.
    Detached,
    /// This signal came.
    Signalled(u8),
}

/// Keys that are typed one after the other to detach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetachKeys(Vec<u8>);

impl DetachKeys {
    /// No keys detach.
    pub fn none() -> Self {
        Self(Vec::new())
    }
}

impl FromStr for DetachKeys {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let key = |word: &str| match (word.strip_prefix("ctrl-"), word.as_bytes()) {
            (Some(letter), _) if letter.len() == 1 && letter.as_bytes()[0].is_ascii_alphabetic() => {
                Ok(letter.as_bytes()[0].to_ascii_lowercase() - b'a' + 1)
            }
            (None, [byte]) if byte.is_ascii_graphic() => Ok(*byte),
            _ => Err(format!("{word:?} is not a key: write ctrl-p or one character")),
        };
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        text.split(',').map(key).collect::<Result<_, _>>().map(Self)
    }
}

/// Finds the detach keys among what is typed.
struct Detaching {
    keys: Vec<u8>,
    /// How many of them have been typed.
    typed: usize,
}

impl Detaching {
    /// What to pass on of this input, and whether the keys were complete in it.
    fn filter(&mut self, input: &[u8]) -> (Vec<u8>, bool) {
        let mut passed = Vec::with_capacity(input.len());
        for &byte in input {
            if self.keys.get(self.typed) == Some(&byte) {
                self.typed += 1;
                if self.typed == self.keys.len() {
                    return (passed, true);
                }
                continue;
            }
            passed.extend_from_slice(&self.keys[..self.typed]);
            self.typed = usize::from(self.keys.first() == Some(&byte));
            if self.typed == 0 {
                passed.push(byte);
            }
        }
        (passed, false)
    }
}

/// The terminal without line editing and signals of its own, until dropped.
struct Raw(Option<Termios>);

impl Raw {
    fn enter() -> Done<Self> {
        let stdin = std::io::stdin();
        if !isatty(&stdin) {
            return Ok(Self(None));
        }
        let before = tcgetattr(&stdin).map_err(std::io::Error::from)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Now, &raw).map_err(std::io::Error::from)?;
        Ok(Self(Some(before)))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // The terminal may be gone.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Drain, before);
        }
    }
}

/// Lines and columns of this terminal.
pub fn size() -> (i64, i64) {
    match tcgetwinsize(std::io::stdin()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => {
            (size.ws_row.min(LARGEST).into(), size.ws_col.min(LARGEST).into())
        }
        _ => DEFAULT_SIZE,
    }
}

/// Passes bytes both ways until the program exits, the detach keys are typed, or a signal comes. Where no terminal types, the end
/// of the input ends the program if it `is_own`, and leaves a session that others began as it is.
///
/// # Errors
/// `Connection` when the connection breaks; the session goes on.
pub async fn attach(process: &Process, terminal: Terminal, keys: DetachKeys, is_own: bool) -> Done<End> {
    let session = terminal.session_id().to_owned();
    let (input, mut output) = terminal.split();
    let raw = Raw::enter()?;
    let is_terminal = raw.0.is_some();
    let mut typed = stdin::pieces();
    let mut detaching = Detaching { keys: keys.0, typed: 0 };
    let (mut signals, mut resized) = (Signals::listen()?, signal(SignalKind::window_change())?);
    let (mut has_input, mut is_ending) = (true, false);
    let mut ending = tokio::time::interval(END_AGAIN);
    loop {
        tokio::select! {
            piece = output.next() => match piece? {
                Some(piece) => crate::output::raw(&piece)?,
                None => {
                    let result = output.result().cloned().unwrap_or_default();
                    return match (result.exit_code, result.error) {
                        (Some(code), _) => Ok(End::Exited(code as u8)),
                        (None, error) => Err(Failure::other(error.unwrap_or_else(|| "the terminal ended".to_owned()))),
                    };
                }
            },
            piece = typed.recv(), if has_input => match piece {
                Some(piece) => {
                    let (passed, detached) = detaching.filter(&piece?);
                    if !passed.is_empty() && input.write(passed).await.is_err() {
                        // It has ended: the output says how.
                        has_input = false;
                    }
                    if detached {
                        input.disconnect().await;
                        return Ok(End::Detached);
                    }
                }
                None => {
                    has_input = false;
                    // What was piped in has been typed: a shell that waited for more would wait for ever. A terminal that is
                    // closed leaves the session as it is.
                    is_ending = is_own && !is_terminal;
                    ending.reset_immediately();
                }
            },
            _ = ending.tick(), if is_ending => is_ending = input.write(vec![END_OF_FILE]).await.is_ok(),
            _ = resized.recv() => {
                let (rows, cols) = size();
                process.resize_pty_session(&session, rows, cols).await?;
            }
            number = signals.next() => return Ok(End::Signalled(number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detach_keys_are_found_however_they_are_typed() {
        let keys: DetachKeys = "ctrl-p,ctrl-q".parse().unwrap();
        let typed = |pieces: &[&[u8]]| {
            let mut detaching = Detaching { keys: keys.0.clone(), typed: 0 };
            let mut all = (Vec::new(), false);
            for piece in pieces {
                let (passed, detached) = detaching.filter(piece);
                all.0.extend(passed);
                all.1 |= detached;
            }
            all
        };
        assert_eq!(typed(&[b"ab\x10\x11"]), (b"ab".to_vec(), true));
        assert_eq!(typed(&[b"\x10", b"\x11"]), (Vec::new(), true));
        assert_eq!(typed(&[b"\x10", b"x"]), (b"\x10x".to_vec(), false));
        assert_eq!(typed(&[b"\x10\x10\x11"]), (b"\x10".to_vec(), true));
        assert!("ctrl-".parse::<DetachKeys>().is_err() && "enter".parse::<DetachKeys>().is_err());
        assert_eq!("".parse(), Ok(DetachKeys(Vec::new())));
    }
}
