//! Which traces are recorded (`OTEL_TRACES_SAMPLER`).

use super::context::TraceContext;

/// Whether a trace that begins here is recorded, and whether a caller's decision counts more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sampler {
    ratio: f64,
    parent_based: bool,
}

impl Sampler {
    /// The sampler of this name, with its argument. Unknown ones record what the parent does, and all else.
    pub(super) fn named(name: Option<&str>, argument: Option<&str>) -> Self {
        let name = name.unwrap_or("parentbased_always_on");
        let (parent_based, rest) = match name.strip_prefix("parentbased_") {
            Some(rest) => (true, rest),
            None => (false, name),
        };
        let share = argument.and_then(|text| text.parse::<f64>().ok()).filter(|share| (0.0..=1.0).contains(share));
        match rest {
            "always_on" => Self { ratio: 1.0, parent_based },
            "always_off" => Self { ratio: 0.0, parent_based },
            "traceidratio" => Self { ratio: share.unwrap_or(1.0), parent_based },
            _ => Self { ratio: 1.0, parent_based: true },
        }
    }

    /// The new span with the decision.
    pub(super) fn decide(self, parent: Option<&TraceContext>) -> TraceContext {
        let span = parent.map_or_else(TraceContext::root, TraceContext::child);
        let sampled = match parent {
            Some(parent) if self.parent_based => parent.is_sampled(),
            _ => self.takes(span.trace_id),
        };
        span.sampled(sampled)
    }

    /// All participants of a trace must decide alike, so the id does.
    fn takes(self, trace_id: [u8; 16]) -> bool {
        let [.., a, b, c, d, e, f, g, h] = trace_id;
        let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1;
        self.ratio >= 1.0 || (number as f64) < self.ratio * (1_u64 << 63) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_that_does_not_record_is_followed_unless_said_otherwise() {
        let parent = TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", None).unwrap();
        let sampled = |name, parent| Sampler::named(Some(name), None).decide(parent).is_sampled();
        assert!(!Sampler::named(None, None).decide(Some(&parent)).is_sampled());
        assert!(Sampler::named(None, None).decide(None).is_sampled());
        assert!(sampled("always_on", Some(&parent)));
        assert!(!sampled("always_off", None) && !sampled("parentbased_always_off", None));
    }

    #[test]
    fn a_share_of_the_traces_is_taken_by_their_id() {
        let half = Sampler::named(Some("traceidratio"), Some("0.5"));
        let low = TraceContext::parse("00-00000000000000000000000000000001-b7ad6b7169203331-00", None).unwrap();
        let high = TraceContext::parse("00-0000000000000000ffffffffffffffff-b7ad6b7169203331-01", None).unwrap();
        assert!(half.decide(Some(&low)).is_sampled() && !half.decide(Some(&high)).is_sampled());
    }
}
