//! Whoever uses the engine, and how much.

pub mod rate_limits;
