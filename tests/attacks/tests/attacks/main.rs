//! Attacks of a hostile sandbox, or of another user of the machine, on the engine and on other sandboxes.

mod harness;

mod git;
mod limits;
mod neighbours;
mod privileges;
mod sockets;
mod users;
