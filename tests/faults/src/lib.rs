//! A proxy that breaks connections as a script says (README.md).
//!
//! It works on bytes: one request a connection, its head read and matched, everything else copied. So it can cut an answer at
//! any byte, whatever the protocol above. A client that hangs up is hung up on upstream. It can also keep what it passes on, for
//! tests that compare requests with the contract.

mod head;
mod proxy;
mod record;
mod script;

pub use proxy::{Proxy, Seen};
pub use record::Recorded;
pub use script::{Answer, Cut, Drop, Fault, Rule, parse};
