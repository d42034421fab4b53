//! Telemetry that waits when a client is closed or the process ends.

use std::sync::Mutex;
use std::sync::mpsc;
use std::time::Duration;

use daytona::telemetry::Exporter;

use crate::per_process::PerProcess;
use crate::runtime;
use crate::sink::lock;

/// The operation that sends a client's telemetry, besides those of the op table.
pub(crate) const FLUSH: &str = "client.flush";

/// How long the exit of a process may take for telemetry: a collector that does not answer is no reason to stay.
const EXIT_LIMIT: Duration = Duration::from_secs(5);

/// The exporters of this process; a forked child has its own.
static EXPORTERS: PerProcess<Mutex<Vec<Exporter>>> = PerProcess::new();

/// Has the exit of the process send what this exporter has.
pub(crate) fn register(exporter: &Exporter) {
    let mut exporters = lock(EXPORTERS.get_or_init(Mutex::default));
    // Those of clients that are gone send what they have by themselves.
    exporters.retain(|exporter| !exporter.is_idle());
    exporters.push(exporter.clone());
}

/// Sends what waits, up to `limit`. For the end of a process: it blocks. What was not sent then is not tried again.
pub(crate) fn settle(limit: Duration) {
    let Some(exporters) = EXPORTERS.get() else { return };
    let mut pending = lock(exporters).clone();
    pending.retain(Exporter::is_pending);
    if pending.is_empty() {
        return;
    }
    let Ok(runtime) = runtime::handle() else { return };
    let (done, sent) = mpsc::channel::<()>();
    for exporter in pending {
        let done = done.clone();
        runtime.spawn(async move {
            exporter.flush().await;
            drop(done);
        });
    }
    drop(done);
    // Nothing is ever sent: this ends when the last one is done.
    let _ = sent.recv_timeout(limit.min(EXIT_LIMIT));
}
