//! Secrets (additions 2.6): values that sandboxes use without having them.
//!
//! A sandbox finds a placeholder in its environment. The value stays with the engine, in its database, which only the engine's
//! user reads; it is put into requests on their way to the hosts it may be sent to (`network`), and no answer ever has it.

pub mod mounting;
pub mod record;
pub mod table;
