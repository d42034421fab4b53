//! The parser of downloads: however a body is cut, it says the same, and it never keeps much.

#![no_main]

use bytes::Bytes;
use daytona::stream::multipart::{MultipartEvent, MultipartParser};
use libfuzzer_sys::fuzz_target;

/// What a body says: the events, with the pieces of a part put together, and whether it was whole.
fn read(body: &[u8], cut: usize) -> (Vec<MultipartEvent>, bool) {
    let mut parser = MultipartParser::new("b");
    let mut events = Vec::new();
    let mut data = Vec::new();
    for piece in body.chunks(cut) {
        parser.push(Bytes::copy_from_slice(piece));
        loop {
            match parser.next_event() {
                Ok(Some(MultipartEvent::Data(more))) => {
                    assert!(!more.is_empty());
                    data.extend_from_slice(&more);
                }
                Ok(Some(event)) => {
                    if !data.is_empty() {
                        events.push(MultipartEvent::Data(std::mem::take(&mut data).into()));
                    }
                    events.push(event);
                }
                Ok(None) => break,
                Err(_) => return (events, false),
            }
        }
    }
    if !data.is_empty() {
        events.push(MultipartEvent::Data(data.into()));
    }
    (events, parser.finish().is_ok())
}

fuzz_target!(|input: (u8, &[u8])| {
    let (cut, body) = input;
    let whole = read(body, body.len().max(1));
    let cut = read(body, usize::from(cut).max(1));
    // A header that cannot be read ends both, with what came before it.
    assert_eq!(whole, cut);
    // The type that announces the boundary comes from the other side, too.
    let _ = MultipartParser::from_content_type(&String::from_utf8_lossy(body));
});
