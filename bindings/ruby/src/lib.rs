//! The native layer of the gem `daytona`: `Daytona::Native`, loaded from `daytona/daytona_native.so`.
//!
//! * **Shape**: two handles, [`Client`](client::Client) and [`Stream`](stream::Stream). Every method that talks to the
//!   network blocks the calling Ruby thread and returns an array that starts with how it ended:
//!   `[:ok, json, attachments]` with what the call has made, if it has to be claimed, `[:stream, stream, json]`,
//!   `[:error, json]`, `[:cancelled]`, or `[:timeout]` when the limit passed. The Ruby layer turns it into values and
//!   exceptions, so that backtraces begin in Ruby.
//! * **Threads**: waiting releases the global VM lock, so other Ruby threads run. No thread of the bridge's runtime ever
//!   sees a Ruby value: completions are Rust data, converted by the thread that waited.
//! * **Interrupts**: `Thread#raise`, `Thread#kill`, `Timeout.timeout` and signals wake the wait. The call is cancelled when the
//!   method is left that way, see [`wait`].
//! * **Fork**: a client works on in the child, with connections of its own; streams of the parent answer `Closed`.
//! * **Ownership**: arguments are copied in, results are copied out; nothing is shared with Ruby's heap.

#![expect(missing_docs, reason = "the function Ruby calls is made by a macro, which does not document it")]

mod client;
mod outcome;
mod stream;
mod wait;

use magnus::{Class, Error, Module, Object, RArray, RHash, RString, Ruby, TypedData, Value, function, method};

/// Defines `Daytona::Native`.
#[magnus::init(name = "daytona_native")]
fn init(ruby: &Ruby) -> Result<(), Error> {
    let native = ruby.define_module("Daytona")?.define_module("Native")?;
    native.define_module_function("schema_hash", function!(schema_hash, 0))?;
    native.define_module_function("debug_stats", function!(debug_stats, 0))?;
    native.define_module_function("settle", function!(settle, 1))?;
    native.define_module_function("set_log_level", function!(set_log_level, 1))?;
    native.define_module_function("take_log", function!(take_log, 0))?;
    native.define_module_function("image_step", function!(image_step, 1))?;

    let client = native.define_class("Client", ruby.class_object())?;
    client.undef_default_alloc_func();
    client.define_singleton_method("open", function!(client::Client::open, 1))?;
    client.define_method("call", method!(client::Client::call, 3))?;
    client.define_method("close", method!(client::Client::close, 0))?;
    client.define_method("place", method!(client::Client::place, 0))?;
    client.define_method("traced?", method!(client::Client::traced, 0))?;

    let made = native.define_class("Made", ruby.class_object())?;
    made.undef_default_alloc_func();
    made.define_method("claim", method!(outcome::Made::claim, 0))?;
    made.define_method("discard", method!(outcome::Made::discard, 0))?;

    let stream = native.define_class("Stream", ruby.class_object())?;
    stream.undef_default_alloc_func();
    stream.define_method("read", method!(stream::Stream::read, -1))?;
    stream.define_method("write", method!(stream::Stream::write, 1))?;
    stream.define_method("finish", method!(stream::Stream::finish, 0))?;
    stream.define_method("close", method!(stream::Stream::close, 0))?;

    // Looked up now: the first look-up runs Ruby code, which may switch threads, inside a lock that a second thread would
    // wait for while it holds the global VM lock.
    <client::Client as TypedData>::class(ruby);
    <stream::Stream as TypedData>::class(ruby);
    Ok(())
}

/// Identifies the schema this library was built from.
fn schema_hash() -> &'static str {
    daytona_bridge::SCHEMA_HASH
}

/// `settle(seconds)`: waits so long until what cancelled calls have made is cleaned up, and cancels those in flight for it.
/// For the exit of the process. Returns whether there is nothing left to do.
fn settle(seconds: f64) -> bool {
    daytona_bridge::settle(outcome::limit(Some(seconds)).unwrap_or_default())
}

/// `set_log_level(level)`: queues log records of this level and above from now on (`error`, `warn`, `info`, `debug`, or
/// `off`). `[:ok]` or `[:error, json]`.
fn set_log_level(ruby: &Ruby, level: String) -> Result<RArray, Error> {
    let array = ruby.ary_new();
    match daytona_bridge::set_log_level(&level) {
        Ok(()) => array.push(ruby.to_symbol("ok"))?,
        Err(error) => {
            array.push(ruby.to_symbol("error"))?;
            array.push(outcome::text(ruby, &error)?)?;
        }
    }
    Ok(array)
}

/// `image_step(request)`: takes one step of an image, which is given and returned as JSON. `[:ok, json]` or `[:error, json]`.
fn image_step(ruby: &Ruby, request: RString) -> Result<RArray, Error> {
    let array = ruby.ary_new();
    let (status, json) = match daytona_bridge::image_step(&outcome::bytes(request)) {
        Ok(image) => ("ok", image),
        Err(error) => ("error", error),
    };
    array.push(ruby.to_symbol(status))?;
    array.push(outcome::text(ruby, &json)?)?;
    Ok(array)
}

/// `take_log`: the queued log records as a JSON array, `nil` when there are none. Never blocks.
fn take_log(ruby: &Ruby) -> Result<Value, Error> {
    outcome::text(ruby, &daytona_bridge::take_log().unwrap_or_default())
}

/// Live calls, streams and clients.
fn debug_stats(ruby: &Ruby) -> Result<RHash, Error> {
    let stats = daytona_bridge::debug_stats();
    let hash = ruby.hash_new();
    hash.aset(ruby.to_symbol("calls"), stats.calls)?;
    hash.aset(ruby.to_symbol("streams"), stats.streams)?;
    hash.aset(ruby.to_symbol("clients"), stats.clients)?;
    Ok(hash)
}
