//! What a hostile sandbox, or another user of the machine, cannot do to the engine and to other sandboxes.

mod harness;

mod git;
mod limits;
mod neighbours;
mod privileges;
mod sockets;
mod users;
