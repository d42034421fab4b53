//! What hostile archives get.

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, Header};

use super::*;

/// Name, kind, target of a link, content.
type Crafted<'a> = (&'a [u8], EntryType, &'a [u8], &'a [u8]);

/// An archive as no honest tar makes it: the names go into the header as they are.
fn crafted(entries: &[Crafted]) -> Vec<u8> {
    let mut archive = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, kind, link, content) in entries {
        let mut header = Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link);
        header.set_entry_type(*kind);
        header.set_mode(0o6755);
        header.set_size(content.len() as u64);
        header.set_cksum();
        archive.append(&header, *content).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn unpack_to(root: &Path, archive: &[u8]) -> Result<DirectoryResult> {
    let destination = root.join("to");
    unpack(archive, &destination, "to", &Exclude::new(&[]).unwrap(), &Arc::default())
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn names_that_lead_out_end_the_transfer() {
    let absolute = std::env::temp_dir().join("daytona-escape");
    let absolute = absolute.to_str().unwrap().as_bytes();
    for name in [&b"../escape"[..], b"a/../../escape", absolute, b"a/.."] {
        let root = tempfile::tempdir().unwrap();
        let error = unpack_to(root.path(), &crafted(&[(name, EntryType::Regular, b"", b"x")])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidFilePath, "{error}");
        assert_eq!(names(root.path()), ["to"]);
    }
    let link = crafted(&[(b"hard", EntryType::Link, b"../../etc/passwd", b"")]);
    let root = tempfile::tempdir().unwrap();
    assert_eq!(unpack_to(root.path(), &link).unwrap_err().kind(), ErrorKind::InvalidFilePath);
}

#[test]
fn links_of_the_archive_are_not_written_through() {
    let root = tempfile::tempdir().unwrap();
    let archive = crafted(&[
        (b"out", EntryType::Symlink, b"..", b""),
        (b"out/escape", EntryType::Regular, b"", b"inside"),
        (b"in", EntryType::Symlink, b"out", b""),
        (b"dev", EntryType::Char, b"", b""),
        (b"disk", EntryType::Block, b"", b""),
    ]);
    let result = unpack_to(root.path(), &archive).unwrap();
    assert_eq!(names(root.path()), ["to"]);
    assert_eq!(fs::read(root.path().join("to/out/escape")).unwrap(), b"inside");
    let mut skipped: Vec<_> = result.skipped.into_iter().map(|s| s.path).collect();
    skipped.sort();
    assert_eq!(skipped, ["dev", "disk", "out"]);
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(root.path().join("to/out/escape")).unwrap());
        assert_eq!(mode & 0o7000, 0, "set-user-id is not taken over");
    }
}

#[test]
fn an_archive_cut_anywhere_is_an_error_and_leaves_whole_files_only() {
    let content: Vec<u8> = (0..40_000u32).map(|n| ((n * n) >> 5) as u8).collect();
    let archive = crafted(&[(b"a", EntryType::Regular, b"", &content), (b"b", EntryType::Regular, b"", &content)]);
    for cut in (0..archive.len() - 1).step_by(997) {
        let root = tempfile::tempdir().unwrap();
        let error = unpack_to(root.path(), &archive[..cut]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection, "cut at {cut}");
        for name in names(&root.path().join("to")) {
            assert!(fs::read(root.path().join("to").join(name)).unwrap() == content, "cut at {cut}");
        }
    }
}

/// Header blocks of an entry that announces `size` bytes, and as much of `content` as is given.
fn announced(name: &str, kind: EntryType, size: u64, content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o777);
    header.set_size(size);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn zipped(blocks: &[u8]) -> Vec<u8> {
    let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
    io::Write::write_all(&mut zip, blocks).unwrap();
    zip.finish().unwrap()
}

#[test]
fn names_and_attributes_without_measure_are_refused() {
    let measure = usize::try_from(MAX_HEADERS).unwrap();
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader] {
        let root = tempfile::tempdir().unwrap();
        // It announces gigabytes; that it is refused before they have come shows in the error.
        let archive = zipped(&announced("././@LongLink", kind, 1 << 33, &vec![b'a'; 2 * measure]));
        let error = unpack_to(root.path(), &archive).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnprocessableEntity, "{kind:?}: {error}");
        assert_eq!(names(&root.path().join("to")), [""; 0]);
    }
    for name in ["a".repeat(5000), "a/".repeat(2000), "a/".repeat(400)] {
        let root = tempfile::tempdir().unwrap();
        let mut archive = announced("././@LongLink", EntryType::GNULongName, name.len() as u64, name.as_bytes());
        archive.extend(announced("short", EntryType::Directory, 0, b""));
        let error = unpack_to(root.path(), &zipped(&archive)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidFilePath, "{error}");
    }
    let root = tempfile::tempdir().unwrap();
    let mut archive = vec![];
    for _ in 0..3 {
        // What an entry has too much of is read past, and counts for no header.
        archive.extend(announced("dev", EntryType::Char, 2 * MAX_HEADERS, &vec![b'a'; 2 * measure]));
        archive.extend(announced("file", EntryType::Regular, 2 * MAX_HEADERS, &vec![b'a'; 2 * measure]));
    }
    archive.extend(announced("link", EntryType::Symlink, 0, b""));
    let result = unpack_to(root.path(), &zipped(&archive)).unwrap();
    assert_eq!((result.files, result.skipped.len()), (3, 4));
}

#[test]
fn a_sparse_file_ends_the_transfer_before_it_fills_the_disk() {
    let mut header = Header::new_gnu();
    header.as_mut_bytes()[..4].copy_from_slice(b"huge");
    header.set_entry_type(EntryType::GNUSparse);
    header.set_mode(0o644);
    header.set_size(0);
    // One hole of 8 GiB.
    let sparse = header.as_gnu_mut().unwrap();
    sparse.sparse[0].offset.copy_from_slice(b"77777777777\0");
    sparse.sparse[0].numbytes.copy_from_slice(b"00000000000\0");
    sparse.realsize.copy_from_slice(b"77777777777\0");
    header.set_cksum();
    let root = tempfile::tempdir().unwrap();
    let error = unpack_to(root.path(), &zipped(header.as_bytes())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnprocessableEntity, "{error}");
    assert_eq!(names(&root.path().join("to")), [""; 0]);
}

#[cfg(unix)]
#[test]
fn nothing_gets_permissions_that_the_umask_withholds() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("probe")).unwrap();
    let mode = |path: PathBuf| std::os::unix::fs::MetadataExt::mode(&fs::metadata(path).unwrap()) & 0o7777;
    let allowed = mode(root.path().join("probe"));
    // With no umask at all, this could not fail.
    assert_ne!(allowed, 0o777);
    let mut archive = announced("directory", EntryType::Directory, 0, b"");
    archive.extend(announced("file", EntryType::Regular, 0, b""));
    unpack_to(root.path(), &zipped(&archive)).unwrap();
    assert_eq!(mode(root.path().join("to/directory")), allowed);
    assert_eq!(mode(root.path().join("to/file")), allowed);
}
