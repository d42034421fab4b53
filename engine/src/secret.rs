//! Random secrets and comparing them.

/// Lower-case letters and digits, as the wire's tokens are.
const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// A random string of `length` lower-case letters and digits.
pub fn token(length: usize) -> String {
    let mut token = String::with_capacity(length);
    let mut random = [0u8; 64];
    while token.len() < length {
        getrandom::fill(&mut random).expect("the kernel has random bytes");
        // 252 is the largest multiple of 36 in a byte: no letter is likelier than another.
        let letters = random.iter().filter(|byte| **byte < 252);
        token.extend(letters.map(|byte| char::from(ALPHABET[usize::from(byte % 36)])).take(length - token.len()));
    }
    token
}

/// Whether two secrets are equal, in a time that does not tell where they differ.
pub fn equal(left: &str, right: &str) -> bool {
    left.len() == right.len() && left.bytes().zip(right.bytes()).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0
}
