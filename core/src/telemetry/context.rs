//! The place of a span in its trace, as it travels (W3C Trace Context).

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// The most of a `tracestate` that is passed on; longer ones are dropped whole.
const MAX_STATE_BYTES: usize = 512;
const SAMPLED: u8 = 1;

/// A span that others may be children of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    pub(super) flags: u8,
    pub(super) state: Option<HeaderValue>,
}

impl TraceContext {
    /// Reads a context from the values of the headers `traceparent` and `tracestate`. `None` when the first is not valid; an invalid
    /// second is left out.
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let mut parts = traceparent.trim().split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let [version] = bytes::<1>(version)?;
        // Later versions may have more parts; this one has not.
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        let (trace_id, span_id, [flags]) = (bytes::<16>(trace)?, bytes::<8>(span)?, bytes::<1>(flags)?);
        let state = tracestate
            .map(str::trim)
            .filter(|state| !state.is_empty() && state.len() <= MAX_STATE_BYTES && state.is_ascii())
            .and_then(|state| HeaderValue::from_str(state).ok());
        (trace_id != [0; 16] && span_id != [0; 8]).then_some(Self { trace_id, span_id, flags: flags & SAMPLED, state })
    }

    /// The value of the header `traceparent`.
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-{:02x}", hexadecimal(&self.trace_id), hexadecimal(&self.span_id), self.flags)
    }

    /// The first span of a new trace.
    pub(crate) fn root() -> Self {
        Self { trace_id: random(), span_id: random(), flags: 0, state: None }
    }

    /// A new span of the same trace.
    pub(super) fn child(&self) -> Self {
        Self { span_id: random(), ..self.clone() }
    }

    pub(super) fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    pub(super) fn sampled(mut self, sampled: bool) -> Self {
        self.flags = u8::from(sampled);
        self
    }

    /// Puts the context into the headers of a request.
    pub(crate) fn inject(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_str(&self.traceparent()) {
            headers.insert(TRACEPARENT, value);
            headers.extend(self.state.clone().map(|state| (TRACESTATE, state)));
        }
    }
}

/// Random bytes that are not all zero, which would stand for no id.
fn random<const N: usize>() -> [u8; N] {
    let mut id = [0; N];
    if getrandom::fill(&mut id).is_err() || id == [0; N] {
        id[N - 1] = 1;
    }
    id
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return None;
    }
    let mut bytes = [0; N];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_context_is_read_and_written_as_it_travels() {
        let context = TraceContext::parse(PARENT, Some("vendor=1")).unwrap();
        assert_eq!(context.traceparent(), PARENT);
        let child = context.child();
        assert!(child.traceparent().starts_with(&format!("00-{TRACE}-")) && child.traceparent().ends_with("-01"));
        assert_ne!(child.span_id, context.span_id);
        let mut headers = HeaderMap::new();
        child.inject(&mut headers);
        assert_eq!(headers["tracestate"], "vendor=1");
    }

    #[test]
    fn what_is_not_a_context_is_none() {
        let zero = "0".repeat(32);
        for wrong in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            &format!("00-{zero}-b7ad6b7169203331-01"),
            "00-0af7651916cd43dd8448eb211c8031é-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceContext::parse(wrong, None), None, "{wrong}");
        }
        // A later version may say more than is known of it.
        assert!(TraceContext::parse(&format!("01-{TRACE}-b7ad6b7169203331-01-more"), None).is_some());
    }

    #[test]
    fn a_state_that_no_header_can_carry_is_left_out() {
        for state in ["", "a\r\nb: c", "ä=1", &"x".repeat(513)] {
            assert_eq!(TraceContext::parse(PARENT, Some(state)).unwrap().state, None, "{state}");
        }
    }
}
