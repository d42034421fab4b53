//! The parsers of streamed bodies give the same result however the stream is cut.

use bytes::Bytes;
use daytona::stream::log_demux::{LogChannel, LogDemux};
use daytona::stream::multipart::{MultipartEvent, MultipartParser, PartHeader};
use daytona::stream::utf8::Utf8Decoder;

/// A small deterministic generator: a failing case is found again with the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn bytes(&mut self, alphabet: &[&[u8]], pieces: usize) -> Vec<u8> {
        (0..pieces).flat_map(|_| alphabet[self.below(alphabet.len())].to_vec()).collect()
    }

    /// `bytes` cut into pieces, some of them empty.
    fn cut<'a>(&mut self, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let limit = bytes.len().min(7) + 1;
            let (piece, rest) = bytes.split_at(self.below(limit));
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }
}

/// Every way to cut `bytes` in two, and byte by byte.
fn cuts(bytes: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    (0..=bytes.len()).map(|at| vec![&bytes[..at], &bytes[at..]]).chain([bytes.chunks(1).collect()])
}

// --- logs

/// Both channels, and the order of channel changes that had output.
#[derive(Debug, Default, PartialEq, Clone)]
struct Log {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    order: Vec<LogChannel>,
}

impl Log {
    fn add(&mut self, channel: LogChannel, bytes: &[u8]) {
        if self.order.last() != Some(&channel) {
            self.order.push(channel);
        }
        match channel {
            LogChannel::Stdout => self.stdout.extend_from_slice(bytes),
            LogChannel::Stderr => self.stderr.extend_from_slice(bytes),
        }
    }
}

fn demultiplex(pieces: &[&[u8]]) -> Log {
    let mut log = Log::default();
    let mut demux = LogDemux::new();
    for piece in pieces {
        demux.push(piece, &mut |channel, bytes| {
            assert!(!bytes.is_empty());
            log.add(channel, bytes);
        });
    }
    demux.finish(&mut |channel, bytes| log.add(channel, bytes));
    log
}

/// The definition, byte by byte over the whole log.
fn reference(log: &[u8]) -> Log {
    let mut result = Log::default();
    let mut current = None;
    let mut rest = log;
    while let Some(&first) = rest.first() {
        if rest.starts_with(&[1, 1, 1]) || rest.starts_with(&[2, 2, 2]) {
            current = Some(if first == 1 { LogChannel::Stdout } else { LogChannel::Stderr });
            rest = &rest[3..];
        } else {
            if let Some(channel) = current {
                result.add(channel, &rest[..1]);
            }
            rest = &rest[1..];
        }
    }
    result
}

#[test]
fn a_log_is_split_the_same_wherever_frames_end() {
    let log = b"lost\x01\x01\x01out\n\x02\x02\x02err \x01\x01 \x02 \x01\x02\n\x01\x01\x01\x01\x01\n\x02\x02\x02\xc3\xa9\x02\x02";
    let expected = reference(log);
    assert_eq!(expected.stdout, b"out\n\x01\x01\n");
    for cut in cuts(log) {
        assert_eq!(demultiplex(&cut), expected, "{cut:?}");
    }
    for one in 0..=log.len() {
        for two in one..=log.len() {
            assert_eq!(demultiplex(&[&log[..one], &log[one..two], &log[two..]]), expected, "{one} {two}");
        }
    }
}

#[test]
fn a_marker_that_ends_a_frame_leaks_nothing() {
    let log = demultiplex(&[b"\x01\x01\x01one\n\x02\x02\x02", b"two\n\x01\x01\x01", b"three\n"]);
    assert_eq!((&log.stdout[..], &log.stderr[..]), (&b"one\nthree\n"[..], &b"two\n"[..]));
}

#[test]
fn every_short_log_is_split_by_the_definition() {
    // All logs of up to 8 bytes over the alphabet that matters, cut everywhere.
    for length in 0..=8 {
        for number in 0..3usize.pow(length) {
            let log: Vec<u8> = (0..length).map(|place| b"\x01\x02x"[number / 3usize.pow(place) % 3]).collect();
            let marked = [b"\x02\x02\x02".as_slice(), &log].concat();
            let (bare, expected) = (reference(&log), reference(&marked));
            for at in 0..=log.len() {
                assert_eq!(demultiplex(&[&log[..at], &log[at..]]), bare, "{log:?} {at}");
                let at = at + 3;
                assert_eq!(demultiplex(&[&marked[..at], &marked[at..]]), expected, "{log:?} {at}");
            }
        }
    }
}

#[test]
fn random_logs_in_random_frames_are_split_by_the_definition() {
    let mut random = Random(0x5eed_1005);
    for _ in 0..2000 {
        let log = random.bytes(&[b"\x01", b"\x02", b"\x01\x01\x01", b"\x02\x02\x02", b"text\n", b"\xff"], 40);
        let pieces = random.cut(&log);
        assert_eq!(demultiplex(&pieces), reference(&log), "{pieces:?}");
    }
}

#[test]
fn large_frames_are_handed_on_in_one_piece_without_copying() {
    let frame = [b"\x01\x01\x01".as_slice(), &vec![b'x'; 4 << 20]].concat();
    let mut demux = LogDemux::new();
    let mut pieces = Vec::new();
    demux.push(&frame, &mut |_, bytes: &[u8]| pieces.push(bytes.as_ptr_range()));
    assert_eq!(pieces, [frame[3..].as_ptr_range()]);
}

// --- text

fn decode(pieces: &[&[u8]]) -> String {
    let mut decoder = Utf8Decoder::new();
    let mut text = String::new();
    for piece in pieces {
        decoder.push(piece, &mut text);
    }
    decoder.finish(&mut text);
    text
}

#[test]
fn text_is_the_same_wherever_chunks_end() {
    let valid = "a é € 😀 \u{feff}\u{10ffff}".as_bytes();
    let broken =
        b"\xc3 \xe2\x82 \xf0\x9f\x98 \xff\xfe \xed\xa0\x80 \xc0\xaf \xf4\x90\x80\x80 \xe2\x82\xe2\x82\xac\xf0\x9f";
    for bytes in [valid, broken] {
        for cut in cuts(bytes) {
            assert_eq!(decode(&cut), String::from_utf8_lossy(bytes), "{cut:?}");
        }
    }
}

#[test]
fn random_bytes_in_random_chunks_decode_as_in_one() {
    let mut random = Random(0x7e57);
    let alphabet: &[&[u8]] =
        &[b"a", "é".as_bytes(), "€".as_bytes(), "😀".as_bytes(), b"\x80", b"\xe2", b"\xf0", b"\x9f", b"\xc3", b"\xff"];
    for _ in 0..2000 {
        let bytes = random.bytes(alphabet, 20);
        let pieces = random.cut(&bytes);
        assert_eq!(decode(&pieces), String::from_utf8_lossy(&bytes), "{pieces:?}");
    }
}

// --- multipart

const TYPE: &str = "multipart/form-data; boundary=DAYTONA-FILE-BOUNDARY";

/// A part and its whole content.
type Part = (PartHeader, Vec<u8>);

/// Parses pieces; the parts, and whether the end was seen.
fn parse(content_type: &str, pieces: &[&[u8]]) -> daytona::Result<Vec<Part>> {
    let mut parser = MultipartParser::from_content_type(content_type)?;
    let mut parts: Vec<Part> = Vec::new();
    let (mut open, mut ended) = (false, false);
    for piece in pieces {
        parser.push(Bytes::copy_from_slice(piece));
        while let Some(event) = parser.next_event()? {
            assert!(!ended, "nothing follows the end");
            match event {
                MultipartEvent::PartStart(header) => {
                    assert!(!std::mem::replace(&mut open, true));
                    parts.push((header, Vec::new()));
                }
                MultipartEvent::Data(data) => {
                    assert!(open && !data.is_empty());
                    parts.last_mut().unwrap().1.extend_from_slice(&data);
                }
                MultipartEvent::PartEnd => assert!(std::mem::take(&mut open)),
                MultipartEvent::End => ended = !open,
            }
        }
    }
    parser.finish()?;
    assert!(ended);
    Ok(parts)
}

fn part(headers: &str, content: &[u8]) -> Vec<u8> {
    [b"--DAYTONA-FILE-BOUNDARY\r\n", headers.as_bytes(), b"\r\n\r\n", content, b"\r\n"].concat()
}

fn body(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), b"--DAYTONA-FILE-BOUNDARY--\r\n".to_vec()].concat()
}

fn file_headers(name: &str, length: Option<usize>) -> String {
    let length = length.map(|l| format!("Content-Length: {l}\r\n")).unwrap_or_default();
    format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n{length}Content-Type: text/plain")
}

#[test]
fn a_download_of_several_files_is_the_same_wherever_chunks_end() {
    let evil = b"\r\n--DAYTONA-FILE-BOUNDARY--\r\n\r\n--DAYTONA-FILE-BOUNDARY\r\n\r\n";
    let near = b"\r\r\n\r\n-\r\n--DAYTONA-FILE-BOUND\r\n--DAYTONA-FILE-BOUNDARYx\r\n--DAYTONA-FILE-BOUNDARY-\r";
    let error = br#"{"statusCode":404,"message":"file not found: c","code":"FILE_NOT_FOUND"}"#;
    let body = body(&[
        part(&file_headers("evil", Some(evil.len())), evil),
        part(&file_headers("empty", Some(0)), b""),
        part(&file_headers("near", None), near),
        part("Content-Disposition: form-data; name=\"error\"; filename=\"c\"", error),
        part(&file_headers("none", None), b""),
    ]);
    let whole = parse(TYPE, &[&body]).unwrap();
    let contents: Vec<_> = whole.iter().map(|(h, c)| (h.filename.as_deref().unwrap(), &c[..])).collect();
    let expected = [("evil", &evil[..]), ("empty", b""), ("near", near), ("c", error), ("none", b"")];
    assert_eq!(contents, expected);
    assert_eq!(whole[0].0.content_length, Some(evil.len() as u64));
    assert_eq!(whole[3].0.name.as_deref(), Some("error"));
    for cut in cuts(&body) {
        assert_eq!(parse(TYPE, &cut).unwrap(), whole, "{cut:?}");
    }
}

#[test]
fn a_download_cut_off_anywhere_is_an_error() {
    let body = body(&[part(&file_headers("a", Some(3)), b"abc"), part(&file_headers("b", None), b"def")]);
    let closed = body.len() - "\r\n".len();
    for length in 0..closed {
        let error = parse(TYPE, &[&body[..length]]).unwrap_err();
        assert!(error.to_string().starts_with("Truncated multipart response"), "{error}");
    }
    for length in closed..=body.len() {
        assert_eq!(parse(TYPE, &[&body[..length]]).unwrap().len(), 2);
    }
    let error = parse(TYPE, &[&body[..closed - 30]]).unwrap_err();
    assert!(error.to_string().contains("\"b\""), "{error}");
}

#[test]
fn random_contents_in_random_chunks_arrive_unchanged() {
    let mut random = Random(0xf11e);
    let alphabet: &[&[u8]] =
        &[b"\r", b"\n", b"-", b"\r\n--", b"DAYTONA-FILE-BOUNDARY", b"\r\n--DAYTONA-FILE-BOUNDARY", b"x", b"\0"];
    for _ in 0..1000 {
        // A boundary can stand in the content only where the length is announced.
        let counted = random.bytes(alphabet, 12);
        let plain = random.bytes(&alphabet[..5], 12);
        let plain = if plain.windows(25).any(|w| w == b"\r\n--DAYTONA-FILE-BOUNDARY") { vec![] } else { plain };
        let body = body(&[
            part(&file_headers("counted", Some(counted.len())), &counted),
            part(&file_headers("plain", None), &plain),
        ]);
        let pieces = random.cut(&body);
        let parts = parse(TYPE, &pieces).unwrap();
        assert_eq!((&parts[0].1, &parts[1].1), (&counted, &plain), "{pieces:?}");
    }
}

#[test]
fn a_file_that_grew_while_it_was_read_is_complete() {
    let grown = body(&[part(&file_headers("log", Some(3)), b"abcdef"), part(&file_headers("proc", Some(0)), b"42\n")]);
    for cut in cuts(&grown) {
        let parts = parse(TYPE, &cut).unwrap();
        assert_eq!((&parts[0].1[..], &parts[1].1[..]), (&b"abcdef"[..], &b"42\n"[..]));
    }
}

#[test]
fn file_names_are_decoded() {
    let name = |disposition: &[u8]| {
        let headers = [b"--b\r\nContent-disposition: form-data; name=\"file\"; ".as_slice(), disposition].concat();
        let body = [&headers[..], b"\r\n\r\n\r\n--b--"].concat();
        parse("multipart/mixed; charset=x; boundary=\"b\"", &[&body]).map(|mut p| p.remove(0).0.filename.unwrap())
    };
    assert_eq!(name(b"filename=\"_\"; filename*=utf-8''%2Ftmp%2F%C3%BC%20%E2%82%AC.txt").unwrap(), "/tmp/ü €.txt");
    assert_eq!(name(b"filename*=UTF-8'en'a; filename=\"b\"").unwrap(), "a");
    assert_eq!(name(b"filename*=iso-8859-1''caf%E9").unwrap(), "café");
    assert_eq!(name(b"filename=\"caf\xe9\"").unwrap(), "café");
    assert_eq!(name("filename=\"café\"".as_bytes()).unwrap(), "café");
    assert_eq!(name(br#"filename="C:\\dir\\a \"b\"; c=d.txt""#).unwrap(), r#"C:\dir\a "b"; c=d.txt"#);
    assert_eq!(name(b"filename=plain.txt ; other=1").unwrap(), "plain.txt");
    assert_eq!(name(b"flag; filename=\r\n \"folded\"").unwrap(), "folded");
    for broken in [&b"filename*=utf-8''%FF"[..], b"filename*=utf-8''%4", b"filename*=x''a", b"filename*=a"] {
        assert!(name(broken).is_err(), "{broken:?}");
    }
}

#[test]
fn other_content_types_are_refused() {
    for content_type in
        ["application/json", "multipart/form-data", "multipart/related; boundary=b", "text/x; boundary=b"]
    {
        assert!(MultipartParser::from_content_type(content_type).is_err(), "{content_type}");
    }
}

#[test]
fn preamble_padding_and_epilogue_are_ignored() {
    let body = b"hello\r\n--b \t\r\nContent-Length: 1\r\n\r\nx\r\n--b--\r\nbye\r\n--b\r\n";
    for cut in cuts(body) {
        let parts = parse("multipart/mixed; boundary=b", &cut).unwrap();
        assert_eq!((parts.len(), &parts[0].1[..]), (1, &b"x"[..]));
    }
}

#[test]
fn endless_headers_are_an_error() {
    let mut parser = MultipartParser::new("b");
    parser.push(Bytes::from_static(b"--b\r\n"));
    let line = Bytes::from(vec![b'x'; 1024]);
    let error = (0..100).find_map(|_| {
        parser.push(line.clone());
        parser.next_event().err()
    });
    assert!(error.unwrap().to_string().contains("headers"));
}

#[test]
fn file_contents_are_not_copied() {
    let body = Bytes::from(body(&[part(&file_headers("big", None), &vec![b'x'; 1 << 20])]));
    let mut parser = MultipartParser::new("DAYTONA-FILE-BOUNDARY");
    parser.push(body.clone());
    let mut largest = 0;
    while let Some(event) = parser.next_event().unwrap() {
        if let MultipartEvent::Data(data) = event {
            assert!(body.as_ptr_range().contains(&data.as_ptr()));
            largest = largest.max(data.len());
        }
    }
    assert_eq!(largest, 1 << 20);
}
