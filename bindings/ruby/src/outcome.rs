//! Turning completions into Ruby arrays, and Ruby strings into bytes.

use std::time::Duration;

use bytes::Bytes;
use daytona_bridge::Completion;
use magnus::{Error, IntoValue, RArray, RString, Ruby, Value};

use crate::stream::Stream;

/// What a blocking method returns: see the crate's documentation. `None` is a limit that passed.
pub(crate) fn outcome(ruby: &Ruby, completion: Option<Completion>) -> Result<RArray, Error> {
    let array = ruby.ary_new();
    let Some(completion) = completion else {
        array.push(ruby.to_symbol("timeout"))?;
        return Ok(array);
    };
    match completion {
        Completion::Ok(payload) => {
            let (json, blobs) = payload.claim();
            array.push(ruby.to_symbol("ok"))?;
            array.push(text(ruby, &json)?)?;
            let attachments = ruby.ary_new_capa(blobs.len());
            for blob in blobs {
                attachments.push(ruby.str_from_slice(&blob))?;
            }
            array.push(attachments)?;
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
