//! Standard input: secrets, content of files, what a program in a sandbox reads.

use std::io::{IsTerminal as _, Read as _, Write as _};

use bytes::Bytes;
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use tokio::sync::{mpsc, oneshot};

use crate::failure::{Done, Failure};

/// The most that is read of a secret.
const SECRET_LIMIT: u64 = 64 * 1024;
const CHUNK: usize = 64 * 1024;
/// Chunks that wait to be sent; more are not read ahead.
const QUEUE: usize = 2;

/// Whether a person can be asked: standard input and standard error are a terminal.
pub fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Reads a secret: asked for without showing it where there is a terminal, else all of standard input.
pub async fn secret(prompt: &str) -> Done<String> {
    let secret = if is_interactive() {
        ask(&format!("{prompt}: "));
        let hidden = Hidden::enter()?;
        let line = apart(line).await;
        drop(hidden);
        ask("\n");
        line?
    } else {
        apart(|| {
            let mut secret = String::new();
            std::io::stdin().take(SECRET_LIMIT).read_to_string(&mut secret)?;
            Ok(secret)
        })
        .await?
    };
    let secret = secret.trim().to_owned();
    if secret.is_empty() { Err(Failure::usage(format!("{prompt}: nothing was given."))) } else { Ok(secret) }
}

/// Asks a question that must be answered with yes. Without a terminal the answer is no, and `flag` says how to give it.
pub async fn confirm(question: &str, flag: &str) -> Done {
    if !is_interactive() {
        return Err(Failure::usage(format!("{question} Without a terminal to ask on, say so with {flag}.")));
    }
    ask(&format!("{question} [y/N] "));
    match apart(line).await?.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::other("Nothing was changed.")),
    }
}

/// A line that a person types; `None` when nobody types any more.
pub async fn answer() -> Done<Option<String>> {
    Ok(Some(apart(line).await?).filter(|line| !line.is_empty()))
}

/// All of standard input.
pub async fn all() -> Done<Vec<u8>> {
    apart(|| {
        let mut content = Vec::new();
        std::io::stdin().read_to_end(&mut content)?;
        Ok(content)
    })
    .await
}

/// Reads on a thread of its own: reading cannot be cancelled, and an interrupt must be heard meanwhile.
async fn apart<T: Send + 'static>(read: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> Done<T> {
    let (sender, done) = oneshot::channel();
    std::thread::spawn(move || {
        // Interrupted, nobody waits for it any more.
        let _ = sender.send(read());
    });
    match done.await {
        Ok(read) => Ok(read?),
        Err(_) => Err(Failure::other("standard input cannot be read")),
    }
}

fn line() -> std::io::Result<String> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line)
}

fn ask(text: &str) {
    // Where nobody reads it there is nobody to ask.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// The terminal without showing what is typed, until dropped: also when an interrupt ends the question.
struct Hidden(Termios);

impl Hidden {
    fn enter() -> Done<Self> {
        let stdin = std::io::stdin();
        let shown = tcgetattr(&stdin).map_err(std::io::Error::from)?;
        let mut hidden = shown.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(&stdin, SetArg::TCSAFLUSH, &hidden).map_err(std::io::Error::from)?;
        Ok(Self(shown))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // The terminal may be gone.
        let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, &self.0);
    }
}

/// Standard input piece by piece. A thread of its own reads it: reading a terminal cannot be cancelled.
pub fn pieces() -> mpsc::Receiver<std::io::Result<Bytes>> {
    let (sender, pieces) = mpsc::channel(QUEUE);
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        let mut buffer = vec![0; CHUNK];
        loop {
            let piece = match stdin.read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => Ok(Bytes::copy_from_slice(&buffer[..length])),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let failed = piece.is_err();
            if sender.blocking_send(piece).is_err() || failed {
                return;
            }
        }
    });
    pieces
}
