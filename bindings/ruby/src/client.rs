//! `Daytona::Native::Client`.

use daytona_bridge::Payload;
use magnus::{Error, RArray, RString, Ruby};

use crate::outcome::{bytes, outcome, text};
use crate::wait::wait;

/// A client. Works on in a forked child.
#[magnus::wrap(class = "Daytona::Native::Client", free_immediately)]
pub(crate) struct Client(daytona_bridge::Client);

impl Client {
    /// `Client.open(config)`: `[:ok, client]` or `[:error, json]`.
    pub(crate) fn open(ruby: &Ruby, config: RString) -> Result<RArray, Error> {
        let array = ruby.ary_new();
        match daytona_bridge::Client::new(&bytes(config)) {
            Ok(client) => {
                array.push(ruby.to_symbol("ok"))?;
                array.push(Self(client))?;
            }
            Err(error) => {
                array.push(ruby.to_symbol("error"))?;
                array.push(text(ruby, &error)?)?;
            }
        }
        Ok(array)
    }

    /// `call(operation, params, attachments)`: runs an operation of the op table to its end.
    pub(crate) fn call(
        ruby: &Ruby,
        this: &Self,
        operation: String,
        params: RString,
        attachments: RArray,
    ) -> Result<RArray, Error> {
        let mut blobs = Vec::with_capacity(attachments.len());
        for index in 0..attachments.len() {
            blobs.push(bytes(attachments.entry(index as isize)?));
        }
        let params = Payload::new(bytes(params), blobs);
        let completion = wait(ruby, None, |sink| this.0.start(&operation, params, sink))?;
        outcome(ruby, completion)
    }

    /// `place`: the base URL of the API, or `local`, and the region for new sandboxes, if one is set.
    pub(crate) fn place(&self) -> (String, Option<String>) {
        self.0.place()
    }

    /// `traced?`: whether operations are traced, and the caller's span is of use.
    pub(crate) fn traced(&self) -> bool {
        self.0.is_traced()
    }

    /// `close`: refuses further operations.
    pub(crate) fn close(&self) {
        self.0.close();
    }
}
