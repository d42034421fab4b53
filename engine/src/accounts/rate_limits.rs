//! Limits of requests in fixed windows of time (wire 2.1, 7).
//!
//! Each request of the control plane belongs to one throttler: that of its route, or `anonymous` without valid credentials.
//! Clients are counted apart, by organization or, when anonymous, by address. A window begins with the first request in it.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

use crate::clock::steady_millis;

/// Windows kept at once; the oldest go first.
const MOST_WINDOWS: usize = 10_000;

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Throttler {
    /// Requests without valid credentials.
    Anonymous,
    /// All requests that no other throttler counts.
    Authenticated,
    /// Creating sandboxes.
    SandboxCreate,
    /// Starting, stopping, deleting and otherwise changing the state of sandboxes.
    SandboxLifecycle,
}

/// Requests per minute in the platform's tiers: general, creating, life cycle.
const TIERS: [[u32; 3]; 4] =
    [[10_000, 300, 10_000], [20_000, 400, 20_000], [40_000, 500, 40_000], [50_000, 600, 50_000]];

impl Throttler {
    const ALL: [Self; 4] = [Self::Anonymous, Self::Authenticated, Self::SandboxCreate, Self::SandboxLifecycle];

    /// Its name in headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Authenticated => "authenticated",
            Self::SandboxCreate => "sandbox-create",
            Self::SandboxLifecycle => "sandbox-lifecycle",
        }
    }

    /// The one that counts a request with valid credentials; `path` starts after `/api`.
    pub fn of(method: &Method, path: &str) -> Self {
        let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
        match (method, parts.as_slice()) {
            (&Method::POST, ["sandbox"]) => Self::SandboxCreate,
            (&Method::DELETE, ["sandbox", _]) => Self::SandboxLifecycle,
            (
                &Method::POST,
                [
                    "sandbox",
                    _,
                    "start" | "stop" | "archive" | "recover" | "resize" | "pause" | "resume" | "fork" | "snapshot"
                    | "backup",
                ],
            ) => Self::SandboxLifecycle,
            _ => Self::Authenticated,
        }
    }
}

/// So many requests in a window of so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What is limited.
    pub throttler: Throttler,
    /// Requests.
    pub requests: u32,
    /// Seconds.
    pub seconds: u32,
}

/// Limits as people give them: `sandbox-create=300/60` (requests, seconds; 60 when left out), or `tier-1` to `tier-4`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits(pub Vec<Limit>);

impl FromStr for Limits {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(tier) = text.strip_prefix("tier-") {
            let tier = tier.parse::<usize>().ok().and_then(|tier| TIERS.get(tier.checked_sub(1)?));
            let numbers = tier.ok_or_else(|| format!("{text:?} is not a tier: use tier-1 to tier-4"))?;
            let throttlers = [Throttler::Authenticated, Throttler::SandboxCreate, Throttler::SandboxLifecycle];
            let limit =
                |(throttler, requests): (Throttler, &u32)| Limit { throttler, requests: *requests, seconds: 60 };
            return Ok(Self(throttlers.into_iter().zip(numbers).map(limit).collect()));
        }
        let wrong = || {
            let names = Throttler::ALL.map(Throttler::name).join(", ");
            format!(
                "{text:?} is not a limit: write THROTTLER=REQUESTS/SECONDS with a throttler of {names}, or tier-1 to tier-4"
            )
        };
        let (name, numbers) = text.split_once('=').ok_or_else(wrong)?;
        let (requests, seconds) = numbers.split_once('/').unwrap_or((numbers, "60"));
        let positive = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0).ok_or_else(wrong);
        let throttler = Throttler::ALL.into_iter().find(|throttler| throttler.name() == name).ok_or_else(wrong)?;
        Ok(Self(vec![Limit { throttler, requests: positive(requests)?, seconds: positive(seconds)? }]))
    }
}

struct Window {
    /// In the engine's steady time.
    began: i64,
    seen: u32,
}

/// The limits in force, and who has used how much of them.
#[derive(Default)]
pub struct RateLimits {
    limits: HashMap<Throttler, Limit>,
    windows: Mutex<HashMap<(Throttler, String), Window>>,
}

/// What a client is told after a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    limit: Limit,
    /// Requests left in the window.
    remaining: u32,
    /// Seconds until the next window.
    reset: u64,
    /// Whether the request may be carried out.
    pub allowed: bool,
}

impl RateLimits {
    /// Limits in force; of several for one throttler the last one holds.
    pub fn new(limits: impl IntoIterator<Item = Limits>) -> Self {
        let limits = limits.into_iter().flat_map(|limits| limits.0).map(|limit| (limit.throttler, limit)).collect();
        Self { limits, windows: Mutex::default() }
    }

    /// Counts a request of `who`; `None` where there is no limit.
    pub fn count(&self, throttler: Throttler, who: &str) -> Option<Verdict> {
        let limit = *self.limits.get(&throttler)?;
        let lasts = i64::from(limit.seconds) * 1000;
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= MOST_WINDOWS {
            self.forget(&mut windows);
        }
        let now = steady_millis();
        let window = windows.entry((throttler, who.to_owned())).or_insert(Window { began: now, seen: 0 });
        if now - window.began >= lasts {
            *window = Window { began: now, seen: 0 };
        }
        window.seen = window.seen.saturating_add(1);
        let left = (lasts - (now - window.began)).unsigned_abs();
        Some(Verdict {
            limit,
            remaining: limit.requests.saturating_sub(window.seen),
            reset: left.div_ceil(1000),
            allowed: window.seen <= limit.requests,
        })
    }

    /// Forgets windows that are over, or the oldest half.
    fn forget(&self, windows: &mut HashMap<(Throttler, String), Window>) {
        windows.retain(|(throttler, _), window| {
            self.limits
                .get(throttler)
                .is_some_and(|limit| steady_millis() - window.began < i64::from(limit.seconds) * 1000)
        });
        if windows.len() >= MOST_WINDOWS {
            let mut began: Vec<_> = windows.values().map(|window| window.began).collect();
            began.sort_unstable();
            let middle = began[began.len() / 2];
            windows.retain(|_, window| window.began > middle);
        }
    }

    /// The limits as `GET /config` shows them.
    pub fn document(&self) -> Value {
        let names = [
            ("failedAuth", Throttler::Anonymous),
            ("authenticated", Throttler::Authenticated),
            ("sandboxCreate", Throttler::SandboxCreate),
            ("sandboxLifecycle", Throttler::SandboxLifecycle),
        ];
        let known = names.iter().filter_map(|(name, throttler)| {
            let limit = self.limits.get(throttler)?;
            Some(((*name).to_owned(), json!({"ttl": limit.seconds, "limit": limit.requests})))
        });
        Value::Object(known.collect())
    }

    /// The limit of a throttler, if it has one.
    pub fn get(&self, throttler: Throttler) -> Option<Limit> {
        self.limits.get(&throttler).copied()
    }
}

impl Verdict {
    /// Adds the documented headers.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let name = self.limit.throttler.name();
        let mut set = |prefix: &str, number: u64| {
            let header = format!("{prefix}-{name}").parse::<HeaderName>().expect("throttlers have plain names");
            headers.insert(header, HeaderValue::from(number));
        };
        set("x-ratelimit-limit", self.limit.requests.into());
        set("x-ratelimit-remaining", self.remaining.into());
        set("x-ratelimit-reset", self.reset);
        if !self.allowed {
            set("retry-after", self.reset);
            headers.insert(http::header::RETRY_AFTER, HeaderValue::from(self.reset));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_people_write_them() {
        let limit = Limit { throttler: Throttler::SandboxCreate, requests: 3, seconds: 10 };
        assert_eq!("sandbox-create=3/10".parse(), Ok(Limits(vec![limit])));
        assert_eq!("sandbox-create=3".parse(), Ok(Limits(vec![Limit { seconds: 60, ..limit }])));
        assert_eq!("tier-2".parse::<Limits>().map(|limits| limits.0[1].requests), Ok(400));
        for wrong in ["", "tier-5", "tier-0", "sandbox-create", "sandbox-create=0/1", "sandboxes=1/1", "anonymous=1/0"]
        {
            assert!(wrong.parse::<Limits>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn every_client_has_its_own_window_and_only_the_surplus_is_refused() {
        let limits = RateLimits::new(["authenticated=2/60".parse().unwrap()]);
        let allowed =
            |who| limits.count(Throttler::Authenticated, who).map(|verdict| (verdict.allowed, verdict.remaining));
        assert_eq!([allowed("a"), allowed("a"), allowed("a")], [Some((true, 1)), Some((true, 0)), Some((false, 0))]);
        assert_eq!(allowed("b"), Some((true, 1)));
        assert_eq!(limits.count(Throttler::SandboxCreate, "a"), None);
    }

    #[test]
    fn many_clients_do_not_fill_the_memory() {
        let limits = RateLimits::new(["anonymous=1/3600".parse().unwrap()]);
        for who in 0..=2 * MOST_WINDOWS {
            limits.count(Throttler::Anonymous, &who.to_string());
        }
        assert!(limits.windows.lock().unwrap().len() <= MOST_WINDOWS);
    }

    #[test]
    fn routes_belong_to_their_throttlers() {
        assert_eq!(Throttler::of(&Method::POST, "/sandbox/"), Throttler::SandboxCreate);
        assert_eq!(Throttler::of(&Method::POST, "/sandbox/x/stop"), Throttler::SandboxLifecycle);
        assert_eq!(Throttler::of(&Method::DELETE, "/sandbox/x"), Throttler::SandboxLifecycle);
        assert_eq!(Throttler::of(&Method::GET, "/sandbox/x"), Throttler::Authenticated);
        assert_eq!(Throttler::of(&Method::POST, "/sandbox/x/ssh-access"), Throttler::Authenticated);
    }
}
