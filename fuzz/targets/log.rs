//! The demultiplexer of logs: however a log is cut, it says the same.

#![no_main]

use daytona::stream::log_demux::{LogChannel, LogDemux};
use libfuzzer_sys::fuzz_target;

fn read(log: &[u8], cut: usize) -> Vec<(LogChannel, Vec<u8>)> {
    let mut outputs: Vec<(LogChannel, Vec<u8>)> = Vec::new();
    let mut out = |channel: LogChannel, bytes: &[u8]| {
        assert!(!bytes.is_empty());
        match outputs.last_mut() {
            Some((last, content)) if *last == channel => content.extend_from_slice(bytes),
            _ => outputs.push((channel, bytes.to_vec())),
        }
    };
    let mut demux = LogDemux::new();
    for piece in log.chunks(cut) {
        demux.push(piece, &mut out);
    }
    demux.finish(&mut out);
    outputs
}

fuzz_target!(|input: (u8, &[u8])| {
    let (cut, log) = input;
    assert_eq!(read(log, usize::from(cut).max(1)), read(log, log.len().max(1)));
    daytona::fuzzing::log(log);
});
