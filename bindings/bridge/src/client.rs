//! The client handle of every language.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use daytona::{Config, Error, ErrorKind, wording};

use crate::call::error_json;
use crate::order::Queues;
use crate::per_process::PerProcess;
use crate::stats::Counted;
use crate::{Call, Completion, Payload, Sink, exit, generated, telemetry, testing};

/// A client. After a fork it makes new connections in the child by itself.
pub struct Client {
    config: Config,
    core: PerProcess<daytona::Client>,
    closed: AtomicBool,
    traced: bool,
    /// Of this process: calls that hold a turn do not exist in a forked child, and would hold it for ever.
    queues: PerProcess<Queues>,
    _counted: Counted,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.config.fmt(f)
    }
}

impl Client {
    /// Makes a client from `Config` of the core as JSON. No request is made.
    ///
    /// # Errors
    /// The error envelope: `Authentication` without credentials, `InvalidArgument` for a bad value.
    pub fn new(config: &[u8]) -> Result<Self, Bytes> {
        let mut config: Config = serde_json::from_slice(config).map_err(|e| {
            error_json(&Error::invalid_argument(format!("The configuration is not usable: {}.", wording::json(&e))))
        })?;
        config.operation_names = Some(generated::operation_name);
        let mut client = Self {
            config,
            core: PerProcess::new(),
            closed: AtomicBool::new(false),
            traced: false,
            queues: PerProcess::new(),
            _counted: Counted::client(),
        };
        client.traced = client.core().map_err(|e| error_json(&e))?.exporter().is_some();
        exit::prepare();
        Ok(client)
    }

    /// Starts an operation of the op table. Never fails itself: a bad operation or argument completes with an error.
    ///
    /// Besides those, `client.flush` sends the telemetry that waits, also of a client that has been closed, and `testing.start` and
    /// its like are for the testing kits: they start an engine of tests, and move its clock.
    pub fn start(&self, op: &str, params: Payload, sink: Box<dyn Sink>) -> Call {
        if op == telemetry::FLUSH {
            return self.flush(sink);
        }
        if self.closed.load(Ordering::Acquire) {
            return Call::failed(&Error::new(ErrorKind::Closed, "The client has been closed."), sink);
        }
        match self.core() {
            Ok(core) if op.starts_with(testing::PREFIX) => {
                Call::spawn(testing::run(core.clone(), op.to_owned(), params), sink)
            }
            Ok(core) => match self.queues.get_or_init(Queues::default).turn(op, &params.json) {
                None => Call::spawn(generated::dispatch(core.clone(), op, params), sink),
                Some(turn) => {
                    let work = generated::dispatch(core.clone(), op, params);
                    Call::spawn(
                        async move {
                            let _turn = turn.await;
                            work.await
                        },
                        sink,
                    )
                }
            },
            Err(error) => Call::failed(&error, sink),
        }
    }

    /// Whether operations are traced: only then is the caller's `trace` of use.
    pub fn is_traced(&self) -> bool {
        self.traced
    }

    fn flush(&self, sink: Box<dyn Sink>) -> Call {
        let core = self.core.get().cloned();
        let flush = async move {
            if let Some(core) = core {
                core.flush_telemetry().await;
            }
            Ok(Completion::Ok(Payload::default()))
        };
        Call::spawn(flush, sink)
    }

    /// Base URL of the API, or `local`, and the region for new sandboxes, if one is set.
    pub fn place(&self) -> (String, Option<String>) {
        let core = self.core();
        core.map(|core| (core.api_url().to_owned(), core.target().map(str::to_owned))).unwrap_or_default()
    }

    /// Refuses further operations and ends forwarded ports. Operations in flight go on.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // A forked child that has made no connections has nothing to end.
        if let Some(core) = self.core.get() {
            core.release();
        }
    }

    fn core(&self) -> daytona::Result<&daytona::Client> {
        self.core.get_or_try_init(|| {
            let core = daytona::Client::new(self.config.clone())?;
            if let Some(exporter) = core.exporter() {
                telemetry::register(exporter);
            }
            Ok(core)
        })
    }
}
