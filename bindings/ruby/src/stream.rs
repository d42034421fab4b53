//! `Daytona::Native::Stream`.

use magnus::scan_args::scan_args;
use magnus::{Error, RArray, RString, Ruby, Value};

use crate::outcome::{bytes, limit, outcome};
use crate::wait::wait;

/// An open stream. Collecting it closes it.
#[magnus::wrap(class = "Daytona::Native::Stream", free_immediately)]
pub(crate) struct Stream(daytona_bridge::Stream);

impl Stream {
    pub(crate) fn new(stream: daytona_bridge::Stream) -> Self {
        Self(stream)
    }

    /// `read(max, limit = nil, form = 'bytes')`: the next batch, as `bytes`, `characters`, `text` or `lines`. A limit that passes
    /// ends the wait and nothing else.
    pub(crate) fn read(ruby: &Ruby, this: &Self, args: &[Value]) -> Result<RArray, Error> {
        let args = scan_args::<(usize,), (Option<Option<f64>>, Option<String>), (), (), (), ()>(args)?;
        let (seconds, form) = args.optional;
        let form = form.as_deref().unwrap_or("bytes");
        let completion = wait(ruby, limit(seconds.flatten()), |sink| this.0.read(args.required.0, form, sink))?;
        outcome(ruby, completion)
    }

    /// `write(data)`: waits for room.
    pub(crate) fn write(ruby: &Ruby, this: &Self, data: RString) -> Result<RArray, Error> {
        let data = bytes(data);
        let completion = wait(ruby, None, |sink| this.0.write(data, sink))?;
        outcome(ruby, completion)
    }

    /// `finish`: ends the writing side in order.
    pub(crate) fn finish(ruby: &Ruby, this: &Self) -> Result<RArray, Error> {
        let completion = wait(ruby, None, |sink| this.0.finish(sink))?;
        outcome(ruby, completion)
    }

    /// `close`: at once; calls in flight end with `Closed`.
    pub(crate) fn close(&self) {
        self.0.close();
    }
}
