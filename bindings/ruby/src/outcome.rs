//! Turning completions into Ruby arrays, and Ruby strings into bytes.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use daytona_bridge::Completion;
use magnus::{Error, IntoValue, RArray, RString, Ruby, Value};

use crate::stream::Stream;

/// What a call has made. It is deleted when it is discarded, or collected before it is claimed.
#[magnus::wrap(class = "Daytona::Native::Made", free_immediately)]
pub(crate) struct Made(Mutex<Option<daytona_bridge::Made>>);

impl Made {
    /// `claim`: leaves it to the caller.
    pub(crate) fn claim(&self) {
        if let Some(made) = self.take() {
            made.claim();
        }
    }

    /// `discard`: deletes it, in the background.
    pub(crate) fn discard(&self) {
        drop(self.take());
    }

    fn take(&self) -> Option<daytona_bridge::Made> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What a blocking method returns: see the crate's documentation. `None` is a limit that passed.
pub(crate) fn outcome(ruby: &Ruby, completion: Option<Completion>) -> Result<RArray, Error> {
    let array = ruby.ary_new();
    let Some(completion) = completion else {
        array.push(ruby.to_symbol("timeout"))?;
        return Ok(array);
    };
    match completion {
        Completion::Ok(payload) => {
            let (json, blobs, made) = payload.into_parts();
            array.push(ruby.to_symbol("ok"))?;
            array.push(text(ruby, &json)?)?;
            let attachments = ruby.ary_new_capa(blobs.len());
            for blob in blobs {
                attachments.push(ruby.str_from_slice(&blob))?;
            }
            array.push(attachments)?;
            if let Some(made) = made {
                array.push(Made(Mutex::new(Some(made))))?;
            }
        }
        Completion::Stream(stream, info) => {
            array.push(ruby.to_symbol("stream"))?;
            array.push(Stream::new(stream))?;
            array.push(text(ruby, &info.claim().0)?)?;
        }
        Completion::Error(json) => {
            array.push(ruby.to_symbol("error"))?;
            array.push(text(ruby, &json)?)?;
        }
        Completion::Cancelled => array.push(ruby.to_symbol("cancelled"))?,
    }
    Ok(array)
}

/// JSON as a Ruby string, nothing as `nil`.
pub(crate) fn text(ruby: &Ruby, json: &Bytes) -> Result<Value, Error> {
    if json.is_empty() {
        return Ok(ruby.qnil().into_value_with(ruby));
    }
    Ok(ruby.enc_str_new(&json[..], ruby.utf8_encoding()).into_value_with(ruby))
}

/// A copy of a Ruby string's bytes, whatever its encoding.
pub(crate) fn bytes(string: RString) -> Bytes {
    // SAFETY: the bytes are copied before anything of Ruby runs that could change or free them.
    Bytes::copy_from_slice(unsafe { string.as_slice() })
}

/// Seconds as a duration; what makes no sense as one is as good as no time at all.
pub(crate) fn limit(seconds: Option<f64>) -> Option<Duration> {
    seconds.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default())
}
