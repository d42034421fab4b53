//! The toolbox of a sandbox that runs on another machine than the proxy, such as in a pod.
//!
//! On one machine, the toolbox serves a Unix socket that only the engine can reach. Over a network, each side proves who it is:
//!
//! * The toolbox shows a certificate that the control plane has made for this one start ([`Identity`]); the proxy accepts no
//!   other ([`tls`]).
//! * Whoever connects has the start's [`Token`]. It is asked for once a connection, by an HTTP upgrade; without it, a peer reaches no
//!   route of the toolbox ([`server`]). From there on, the connection is what the Unix socket would be, and the proxy uses it as
//!   that ([`Connector`]).
//! * The toolbox gets certificate, key and token when it *calls home* with a one-time secret ([`call_home`], [`homes`]), before any
//!   program of the sandbox runs. Nothing that a program could read holds them afterwards.
//!
//! | module | subject |
//! |---|---|
//! | [`identity`] | certificates, keys, tokens, and what a toolbox is given at its start |
//! | [`tls`] | TLS 1.3 between two sides that know each other's certificate |
//! | [`door`] | connections that have not been let in yet: few, small, and not for long |
//! | [`server`] | asking for the token, and serving the toolbox to who has it |
//! | [`connector`] | the proxy's side of that |
//! | [`bootstrap`] | the file with which a toolbox starts |
//! | [`call_home`], [`homes`] | telling the control plane that a toolbox listens: the toolbox's side, and the control plane's |
//! | [`pod`] | being the first process of a pod |
//! | [`confine`] | giving up what neither the toolbox nor its programs need |
//! | [`log`] | one JSON object a line |

pub mod bootstrap;
pub mod call_home;
pub mod confine;
pub mod connector;
pub mod door;
pub mod homes;
pub mod identity;
pub mod log;
pub mod pod;
pub mod server;
pub mod tls;

pub use bootstrap::{Bootstrap, CallHome};
pub use connector::Connector;
pub use homes::{Home, Homes, NotHome, serve_homes};
pub use identity::{Certificate, Grant, Identity, Start, Token};

/// The port at which a toolbox listens unless it is told another.
pub const PORT: u16 = 2280;
