//! The first bytes of TLS connections, in which the engine reads the server's name. A server must not read another one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rustls::server::Acceptor;

#[allow(dead_code, reason = "a part of the engine, which uses more of it")]
#[path = "../../engine/src/network/client_hello.rs"]
mod client_hello;

use client_hello::Hello;

fuzz_target!(|bytes: &[u8]| {
    let ours = client_hello::read(bytes);
    let mut acceptor = Acceptor::default();
    let mut rest = bytes;
    while !rest.is_empty() && matches!(acceptor.read_tls(&mut rest), Ok(1..)) {
        match acceptor.accept() {
            Ok(None) => {}
            Ok(Some(accepted)) => {
                let hello = accepted.client_hello();
                let theirs = hello.server_name().map(str::to_ascii_lowercase);
                match (&ours, &theirs) {
                    (Hello::Name(ours), Some(theirs)) => {
                        assert_eq!(ours.trim_end_matches('.'), theirs.trim_end_matches('.'))
                    }
                    (Hello::NoName | Hello::Incomplete, Some(theirs)) => panic!("{ours:?}, but {theirs}"),
                    _ => {}
                }
                return;
            }
            Err(_) => return,
        }
    }
});
