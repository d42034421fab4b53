//! Packets of the event gateway.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| daytona::fuzzing::packet(text));
