//! Images come from archives and layouts on disk, and nothing in them leads out of the store.

mod common;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::Bench;
use daytona_images::{Cancel, Digest, Error, Image};
use serde_json::json;
use tar::{Builder, EntryType, Header};

/// An archive of entries: kind, name, and content or the target of a link.
fn archive(entries: &[(EntryType, &str, &str)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (kind, name, content) in entries {
        let mut header = Header::new_ustar();
        header.set_entry_type(*kind);
        header.set_mode(if *kind == EntryType::Directory { 0o755 } else { 0o4755 });
        header.set_size(0);
        // The library refuses names that a hostile archive has.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        let data = match kind {
            EntryType::Symlink | EntryType::Link => {
                header.as_old_mut().linkname[..content.len()].copy_from_slice(content.as_bytes());
                ""
            }
            _ => content,
        };
        header.set_size(data.len() as u64);
        header.set_cksum();
        builder.append(&header, data.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Writes what `docker save` would: a configuration and layers.
fn save(bench: &Bench, layers: &[Vec<u8>]) -> std::path::PathBuf {
    let path = bench.directory.path().join("saved.tar");
    let mut builder = Builder::new(fs::File::create(&path).unwrap());
    let mut add = |name: &str, content: &[u8]| {
        let mut header = Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, content).unwrap();
    };
    let ids: Vec<_> = layers.iter().map(Digest::of).collect();
    let config = json!({
        "architecture": if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" },
        "os": "linux",
        "config": { "Env": ["A=1"], "Cmd": ["/x"], "WorkingDir": "/w" },
        "rootfs": { "type": "layers", "diff_ids": ids },
    });
    add("config.json", config.to_string().as_bytes());
    let names: Vec<_> = (0..layers.len()).map(|number| format!("{number}/layer.tar")).collect();
    for (name, layer) in names.iter().zip(layers) {
        add(name, layer);
    }
    add("manifest.json", json!([{ "Config": "config.json", "Layers": names }]).to_string().as_bytes());
    builder.finish().unwrap();
    path
}

fn import(bench: &Bench, path: &Path) -> Result<Image, Error> {
    bench.store.import(path, "base:1", &mut |_| {}, &Cancel::default()).map(|named| named.image)
}

const FILE: EntryType = EntryType::Regular;
const DIRECTORY: EntryType = EntryType::Directory;

#[test]
fn a_saved_image_is_a_base_for_builds() {
    let bench = Bench::new();
    let lower = archive(&[
        (DIRECTORY, "etc/", ""),
        (FILE, "etc/old", "old"),
        (FILE, "etc/passwd", "me:x:12:34::/home/me:/bin/sh\n"),
    ]);
    let upper = archive(&[
        (FILE, "etc/.wh.old", ""),
        (FILE, "etc/new", "new"),
        (DIRECTORY, "d/", ""),
        (FILE, "d/.wh..wh..opq", ""),
    ]);
    import(&bench, &save(&bench, &[lower, upper])).unwrap();
    bench.context(&[("a.txt", "a")]);
    let image = bench.build("FROM base:1\nCOPY --chown=me a.txt /etc/\n").unwrap();
    assert_eq!(image.layers.len(), 3);
    assert_eq!((image.config.env[0].1.as_str(), image.config.workdir.as_str()), ("1", "/w"));
    assert_eq!(bench.text(&image, "etc/new"), "new");
    assert!(bench.build("FROM base:1\nRUN true\n").is_err(), "there is nobody to run commands");
    match bench.build("FROM scratch\nCOPY --from=base:1 /etc/old /\n") {
        Err(Error::Instruction { reason, .. }) => assert!(reason.contains("etc/old"), "{reason}"),
        other => panic!("a whiteout did not hide a file: {other:?}"),
    }
    if nix::unistd::geteuid().is_root() {
        use std::os::unix::fs::MetadataExt;
        let found = bench.find(&image, "etc/a.txt").unwrap().metadata().unwrap();
        assert_eq!((found.uid(), found.gid()), (12, 34));
    }
}

#[test]
fn an_exported_image_comes_back_the_same() {
    let bench = Bench::new();
    bench.context(&[("a.txt", "a"), ("d/b.txt", "b")]);
    let image = bench.build("FROM scratch\nCOPY a.txt /a\nCOPY d /d\nENV A=1\nEXPOSE 80\nCMD [\"/a\"]\n").unwrap();
    let target = bench.directory.path().join("layout");
    bench.store.export(&image, &target, "latest", &Cancel::default()).unwrap();
    let other = Bench::new();
    let back = other.store.import(&target, "back", &mut |_| {}, &Cancel::default()).unwrap();
    assert_eq!(back.image, image);
    assert_eq!(other.text(&back.image, "d/b.txt"), "b");
    // A blob that was changed is noticed.
    let third = Bench::new();
    let blob = fs::read_dir(target.join("blobs/sha256")).unwrap().map(|entry| entry.unwrap().path());
    for path in blob.filter(|path| fs::read(path).unwrap().starts_with(&[0x1f, 0x8b])) {
        let length = fs::metadata(&path).unwrap().len();
        let mut changed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        changed.write_all(&archive(&[(FILE, "a", "other")])).unwrap();
        let mut changed = changed.finish().unwrap();
        changed.resize(usize::try_from(length).unwrap(), 0);
        fs::write(&path, changed).unwrap();
    }
    assert!(third.store.import(&target, "back", &mut |_| {}, &Cancel::default()).is_err());
    assert!(third.store.names().unwrap().is_empty());
}

#[test]
fn hostile_archives_are_refused_or_contained() {
    let outside = |bench: &Bench| bench.directory.path().join("outside");
    for (name, entries, refused) in [
        ("names that climb", vec![(FILE, "../../../../outside", "x")], true),
        ("names that climb in the middle", vec![(FILE, "a/../../../../../outside", "x")], true),
        ("whiteouts that climb", vec![(FILE, ".wh...", "")], true),
        ("links to files of the machine", vec![(EntryType::Link, "passwd", "/etc/passwd")], true),
        ("links that climb", vec![(EntryType::Link, "x", "../../../../context/a.txt")], true),
        ("files below files", vec![(FILE, "a", "x"), (FILE, "a/b", "x")], true),
        ("a link as a directory", vec![(EntryType::Symlink, "up", "../../.."), (FILE, "up/outside", "x")], false),
        ("an absolute link as a directory", vec![(EntryType::Symlink, "up", "/"), (FILE, "up/outside", "x")], false),
        ("a link in a file's place", vec![(EntryType::Symlink, "f", "../../../outside"), (FILE, "f", "x")], false),
        ("devices", vec![(EntryType::Block, "disk", ""), (EntryType::Char, "memory", "")], false),
    ] {
        let bench = Bench::new();
        bench.context(&[("a.txt", "a")]);
        let imported = import(&bench, &save(&bench, &[archive(&entries)]));
        assert_eq!(imported.is_err(), refused, "{name}: {imported:?}");
        assert!(!outside(&bench).exists(), "{name}");
        assert!(!bench.directory.path().join("images/outside").exists(), "{name}");
        if let Ok(image) = imported {
            assert!(bench.find(&image, "disk").is_none() && bench.find(&image, "memory").is_none(), "{name}");
        }
        // Programs in it may be set-user-id: nobody else gets there.
        let mode = fs::metadata(bench.directory.path().join("images")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
        let left = fs::read_dir(bench.directory.path().join("images/tmp")).unwrap().count();
        assert_eq!(left, 0, "{name} left something half made");
    }
}

#[test]
fn archives_beyond_the_limits_are_refused() {
    let mut options = common::options();
    options.limits.bytes = 1000;
    options.limits.entries = 10;
    let large = "x".repeat(1001);
    let names: Vec<_> = (0..11).map(|number| number.to_string()).collect();
    let many: Vec<_> = names.iter().map(|name| (FILE, name.as_str(), "")).collect();
    for entries in [vec![(FILE, "large", large.as_str())], many] {
        let bench = Bench::new();
        let saved = save(&bench, &[archive(&entries)]);
        let store = daytona_images::Store::open(&bench.directory.path().join("small"), options.clone()).unwrap();
        let imported = store.import(&saved, "x", &mut |_| {}, &Cancel::default());
        assert!(matches!(imported, Err(Error::Image { .. } | Error::Refused(_))), "{imported:?}");
    }
}

#[test]
fn headers_are_not_read_into_memory_whatever_their_size() {
    for (size, refused) in [(10_000, false), (8 << 20, true)] {
        let mut builder = Builder::new(Vec::new());
        let comment = "x".repeat(size);
        builder.append_pax_extensions([("comment", comment.as_bytes())]).unwrap();
        let mut header = Header::new_ustar();
        header.set_path("file").unwrap();
        header.set_mode(0o644);
        header.set_size(1);
        header.set_cksum();
        builder.append(&header, &b"x"[..]).unwrap();
        let bench = Bench::new();
        let imported = import(&bench, &save(&bench, &[builder.into_inner().unwrap()]));
        assert_eq!(imported.is_err(), refused, "{size}: {imported:?}");
    }
}

#[test]
fn content_of_what_is_no_file_counts() {
    let mut options = common::options();
    options.limits.bytes = 1000;
    let bench = Bench::new();
    let mut builder = Builder::new(Vec::new());
    let mut header = Header::new_ustar();
    header.set_path("device").unwrap();
    header.set_entry_type(EntryType::Char);
    header.set_size(2000);
    header.set_cksum();
    builder.append(&header, &[b'x'; 2000][..]).unwrap();
    let path = bench.directory.path().join("context.tar");
    fs::write(&path, builder.into_inner().unwrap()).unwrap();
    let store = daytona_images::Store::open(&bench.directory.path().join("small"), options).unwrap();
    let build = daytona_images::Build {
        dockerfile: "FROM scratch\n".to_owned(),
        contexts: vec![path],
        ..daytona_images::Build::default()
    };
    let built = store.build(&build, &daytona_images::NoRunner, &mut |_| {}, &Cancel::default());
    assert!(built.is_err_and(|error| error.to_string().contains("more than 1000 bytes")));
}
