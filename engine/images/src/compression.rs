//! Reading what may be compressed with gzip or zstd, told by its first bytes.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The second to fourth byte of a frame of zstd that carries no content; the first one is 0x50 to 0x5f.
const ZSTD_SKIPPED: [u8; 3] = [0x2a, 0x4d, 0x18];

/// The content of `reader`, decompressed where it is compressed.
pub(crate) fn decompress<'a>(reader: impl Read + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
    let mut first = Vec::new();
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    reader.by_ref().take(4).read_to_end(&mut first)?;
    let is_zstd = first.starts_with(&ZSTD) || first.get(1..4) == Some(&ZSTD_SKIPPED[..]);
    let is_gzip = first.starts_with(&GZIP);
    let whole = io::Cursor::new(first).chain(reader);
    Ok(if is_gzip {
        Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(BufReader::new(whole))))
    } else if is_zstd {
        Box::new(Zstd { state: Frames::Between(Box::new(BufReader::new(whole))) })
    } else {
        Box::new(whole)
    })
}

type Source<'a> = Box<dyn BufRead + Send + 'a>;

/// All frames of a zstd stream, one after the other.
struct Zstd<'a> {
    state: Frames<'a>,
}

enum Frames<'a> {
    Between(Source<'a>),
    Within(Box<StreamingDecoder<Source<'a>, ruzstd::decoding::FrameDecoder>>),
    Ended,
}

impl Read for Zstd<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, Frames::Ended) {
                Frames::Ended => return Ok(0),
                Frames::Between(mut source) => {
                    if source.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    self.state = next_frame(source)?;
                }
                Frames::Within(mut decoder) => {
                    let count = decoder.read(buffer)?;
                    if count > 0 || buffer.is_empty() {
                        self.state = Frames::Within(decoder);
                        return Ok(count);
                    }
                    self.state = Frames::Between(decoder.into_inner());
                }
            }
        }
    }
}

fn next_frame(mut source: Source<'_>) -> io::Result<Frames<'_>> {
    // The decoder takes its source along when it meets a frame to skip, so that is looked for here.
    let mut magic = [0; 4];
    source.read_exact(&mut magic)?;
    if magic[1..] == ZSTD_SKIPPED && magic[0] & 0xf0 == 0x50 {
        let mut length = [0; 4];
        source.read_exact(&mut length)?;
        io::copy(&mut source.by_ref().take(u32::from_le_bytes(length).into()), &mut io::sink())?;
        return Ok(Frames::Between(source));
    }
    let whole: Source<'_> = Box::new(io::Cursor::new(magic).chain(source));
    match StreamingDecoder::new(whole) {
        Ok(decoder) => Ok(Frames::Within(Box::new(decoder))),
        Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::BadMagicNumber(_))) => {
            Err(io::Error::other("what follows the compressed content is not compressed"))
        }
        Err(error) => Err(io::Error::other(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn plain_gzip_and_zstd_are_told_apart() {
        let text = b"the same text ".repeat(10_000);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text).unwrap();
        let zstd = ruzstd::encoding::compress_to_vec(&text[..], ruzstd::encoding::CompressionLevel::Fastest);
        let skipped = [&[0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &zstd].concat();
        for packed in [text.clone(), gzip.finish().unwrap(), zstd, skipped] {
            let mut read = Vec::new();
            decompress(&packed[..]).unwrap().read_to_end(&mut read).unwrap();
            assert!(read == text);
        }
        let mut empty = Vec::new();
        decompress(&b""[..]).unwrap().read_to_end(&mut empty).unwrap();
        assert!(empty.is_empty());
    }

    #[test]
    fn several_frames_are_one_stream() {
        let [one, two] = [&b"one"[..], b"two"]
            .map(|text| ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest));
        let both = [one, two].concat();
        let mut read = String::new();
        decompress(&both[..]).unwrap().read_to_string(&mut read).unwrap();
        assert_eq!(read, "onetwo");
    }
}
