//! Signals as programs expect them.
//!
//! What is started in the background or by `nohup` ignores signals from the keyboard, and so does everything it starts:
//! in the sandboxes of such an engine, Ctrl-C would do nothing.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// Sets signals that this process was started to ignore to their default, for all it will start. SIGPIPE is left: the
/// standard library ignores it here and gives children the default.
pub(crate) fn restore_defaults() {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in Signal::iterator() {
        if matches!(signal, Signal::SIGKILL | Signal::SIGSTOP | Signal::SIGPIPE) {
            continue;
        }
        // SAFETY: the default action is no code of ours; a handler found instead is put back as it was.
        unsafe {
            if let Ok(before) = sigaction(signal, &default)
                && !matches!(before.handler(), SigHandler::SigIgn)
            {
                let _ = sigaction(signal, &before);
            }
        }
    }
}
