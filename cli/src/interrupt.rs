//! The runtime of a command, and what ends it early.
//!
//! One thread runs a command: nothing is started that a short request does not need. An interrupt drops the command's
//! work; what that leaves behind on the server (a sandbox that is being created, a process) is removed before the program
//! ends, unless it is interrupted again.

use std::convert::Infallible;
use std::io::IsTerminal as _;
use std::sync::OnceLock;
use std::time::Duration;

use daytona::cleanup;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Done, Failure};
use crate::output::tell;

/// The longest that removing what an interrupted command left behind may take.
const CLEANUP_LIMIT: Duration = Duration::from_secs(15);
/// What nobody takes for standing still.
const MOMENT: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(5);

/// Runs a command. With `cancel`, an interrupt drops it; without, the command listens itself.
pub fn run<T>(work: impl Future<Output = Done<T>>, cancel: bool) -> Done<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        let (work, mut cleanups) = cleanup::scope(work);
        let done = if cancel {
            // Before the work begins, whose first question may be interrupted at once.
            let mut signals = Signals::listen()?;
            tokio::select! {
                done = work => done,
                number = signals.next() => Err(Failure::Signal(number)),
            }
        } else {
            work.await
        };
        // What a command has made is its own business.
        if let Some(made) = cleanups.made() {
            made.claim();
        }
        let settled = async {
            cleanups.finished().await;
            drop(cleanups);
            while cleanup::unsettled() {
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::select! {
            biased;
            () = settled => {}
            () = tokio::time::sleep(CLEANUP_LIMIT) => {}
            _ = interrupted() => {}
            never = explained() => match never {},
        }
        done
    });
    // A thread that reads the keyboard is not waited for.
    runtime.shutdown_background();
    done
}

/// Tells somebody at a terminal what is waited for, once that takes longer than a moment.
async fn explained() -> Infallible {
    tokio::time::sleep(MOMENT).await;
    if std::io::stderr().is_terminal() {
        tell(
            "Waiting for a server, so that nothing is left behind or lost; Ctrl-C ends this at once, and what was begun may stay.",
        );
    }
    std::future::pending().await
}

/// Waits for Ctrl-C or a request to end, and returns the signal's number.
async fn interrupted() -> u8 {
    match Signals::listen() {
        Ok(mut signals) => signals.next().await,
        Err(_) => std::future::pending().await,
    }
}

/// The signals that ask a program to end.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// Unless this program was started to ignore it, by `nohup`.
    hangup: Option<Signal>,
}

impl Signals {
    /// From now on they end the program no more.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen() -> std::io::Result<Self> {
        let hangup = if ignores_hangup() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hangup })
    }

    /// Completes `work`, unless a signal comes first.
    ///
    /// # Errors
    /// The signal.
    pub async fn or<T>(&mut self, work: impl Future<Output = T>) -> Done<T> {
        tokio::select! {
            done = work => Ok(done),
            number = self.next() => Err(Failure::Signal(number)),
        }
    }

    /// The number of the next one.
    pub async fn next(&mut self) -> u8 {
        let kind = tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = next(&mut self.hangup) => SignalKind::hangup(),
        };
        kind.as_raw_value() as u8
    }
}

async fn next(signal: &mut Option<Signal>) -> Option<()> {
    match signal {
        Some(signal) => signal.recv().await,
        None => std::future::pending().await,
    }
}

/// Whether this program was started to go on when its terminal is closed. Only Linux tells.
fn ignores_hangup() -> bool {
    static IGNORES: OnceLock<bool> = OnceLock::new();
    // Asked once, before a handler of ours changes it.
    *IGNORES.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
        mask & 1 << (SignalKind::hangup().as_raw_value() - 1) != 0
    })
}
