//! Attacks of a hostile sandbox, or of another user of the machine, on the engine and on other sandboxes.

mod harness;
#[path = "../../../../engine/tests/harness/internet.rs"]
mod internet;
#[path = "../../../../engine/tests/harness/ssh.rs"]
mod openssh;

mod disk;
mod git;
mod limits;
mod neighbours;
mod network;
mod own_size;
mod privileges;
mod sockets;
mod ssh;
mod users;
