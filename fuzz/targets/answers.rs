//! JSON answers of servers: every type of the model, and errors.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &[u8])| daytona::fuzzing::answer(input.0, input.1));
