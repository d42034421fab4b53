//! Unpacking: whatever an archive holds, nothing is written outside of its destination.

#![no_main]

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use tar::{EntryType, Header};

/// An archive with sums that are right, so that more than the first header is read, or any bytes.
#[derive(Arbitrary, Debug)]
enum Archive<'a> {
    Entries(Vec<Entry<'a>>),
    Blocks(&'a [u8]),
    Zipped(&'a [u8]),
}

#[derive(Arbitrary, Debug)]
struct Entry<'a> {
    kind: u8,
    name: &'a [u8],
    link: &'a [u8],
    mode: u32,
    size: Option<u32>,
    content: &'a [u8],
}

/// The kinds that mean something, more often than the others.
const KINDS: &[u8] = b"000112223456555gxLKSLKx\0";

fn put(field: &mut [u8], text: &[u8]) {
    let length = text.len().min(field.len());
    field[..length].copy_from_slice(&text[..length]);
}

fn blocks(entries: &[Entry]) -> Vec<u8> {
    let mut blocks = Vec::new();
    for entry in entries.iter().take(16) {
        let mut header = Header::new_gnu();
        put(&mut header.as_mut_bytes()[..100], entry.name);
        put(&mut header.as_mut_bytes()[157..257], entry.link);
        header.set_entry_type(EntryType::new(KINDS[usize::from(entry.kind) % KINDS.len()]));
        header.set_mode(entry.mode);
        header.set_size(entry.size.map_or(entry.content.len() as u64, u64::from));
        header.set_cksum();
        blocks.extend_from_slice(header.as_bytes());
        blocks.extend_from_slice(entry.content);
        blocks.resize(blocks.len().next_multiple_of(512), 0);
    }
    blocks
}

fn zip(blocks: &[u8]) -> Vec<u8> {
    let mut zip = GzEncoder::new(Vec::new(), Compression::none());
    zip.write_all(blocks).unwrap();
    zip.finish().unwrap()
}

fuzz_target!(|archive: Archive| {
    let archive = match archive {
        Archive::Entries(entries) => zip(&blocks(&entries)),
        Archive::Blocks(blocks) => zip(blocks),
        Archive::Zipped(bytes) => bytes.to_vec(),
    };
    let root = tempfile::Builder::new().prefix("fuzz-").tempdir_in(base()).unwrap();
    fs::write(root.path().join("outside"), "outside").unwrap();
    let whole = daytona::fuzzing::unpack(&archive, &root.path().join("to"));
    assert_eq!(fs::read(root.path().join("outside")).unwrap(), b"outside");
    let names: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| name == "outside" || whole && name == "to"), "{names:?}");
});

/// In memory where there is such a place.
fn base() -> &'static str {
    if fs::metadata("/dev/shm").is_ok() { "/dev/shm" } else { "/tmp" }
}
