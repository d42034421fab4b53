//! The size of a picture, from the head of its file: PNG, JPEG or WebP in Base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Base64 characters that hold the head of a PNG or WebP; whole groups of four.
const HEAD: usize = 64;

/// Width and height in pixels, where the file tells them.
pub(crate) fn image_size(base64: &str) -> Option<(u32, u32)> {
    let head = STANDARD.decode(base64.get(..HEAD.min(base64.len() / 4 * 4))?).ok()?;
    match head.get(..4)? {
        b"\x89PNG" => Some((big(head.get(16..20)?), big(head.get(20..24)?))),
        b"RIFF" => webp(&head),
        [0xff, 0xd8, ..] => jpeg(&STANDARD.decode(base64).ok()?),
        _ => None,
    }
}

fn big(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn little(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn webp(head: &[u8]) -> Option<(u32, u32)> {
    match head.get(12..16)? {
        b"VP8L" => {
            let bits = little(head.get(21..25)?);
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => Some((little(head.get(24..27)?) + 1, little(head.get(27..30)?) + 1)),
        b"VP8 " => Some((little(head.get(26..28)?) & 0x3fff, little(head.get(28..30)?) & 0x3fff)),
        _ => None,
    }
}

/// Segment by segment to the first frame.
fn jpeg(file: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let (marker, length) = (*file.get(at + 1)?, big(file.get(at + 2..at + 4)?));
        let is_frame = (0xc0..=0xcf).contains(&marker) && ![0xc4, 0xc8, 0xcc].contains(&marker);
        if is_frame {
            return Some((big(file.get(at + 7..at + 9)?), big(file.get(at + 5..at + 7)?)));
        }
        at += 2 + usize::try_from(length).ok()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_every_format_and_nothing_from_others() {
        let png = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x05\0\0\0\x02\xd0".as_slice(), &[0; 40]].concat();
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x0b\x08\x02\xd0\x05\0\x01\0\0\0".as_slice();
        let bits: u32 = (1280 - 1) | (720 - 1) << 14;
        let webp = [b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f".as_slice(), &bits.to_le_bytes(), &[0; 40]].concat();
        for file in [&png, jpeg, &webp] {
            assert_eq!(image_size(&STANDARD.encode(file)), Some((1280, 720)));
            for length in 0..17 {
                assert_eq!(image_size(&STANDARD.encode(&file[..length])), None);
            }
        }
        assert_eq!(image_size("no picture"), None);
        assert_eq!(image_size("ääää"), None);
    }
}
