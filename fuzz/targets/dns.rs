//! Messages of DNS: questions of sandboxes, and answers of servers.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "a part of the engine, which uses more of it")]
#[path = "../../engine/src/network/dns.rs"]
mod dns;

use dns::Question;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (message, answer) = input;
    dns::addresses(answer);
    let Some(question) = Question::read(message) else { return };
    // What is sent on asks the same, and nothing else.
    let alone = question.alone(message);
    assert_eq!(Question::read(&alone).as_ref(), Some(&question));
    assert!(alone.len() <= message.len());
    let mut restored = answer.to_vec();
    question.restore(message, &mut restored);
    assert_eq!(restored.len(), answer.len());
    for answer in [dns::error(&alone, dns::REFUSED), dns::nothing(&alone)] {
        assert_eq!(dns::addresses(&answer), []);
    }
});
