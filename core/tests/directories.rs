//! Directories on their way to and from a sandbox, in the real engine.

#[allow(dead_code, reason = "each test file uses what it needs")]
mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use daytona::ErrorKind;
use daytona::model::{DirectoryOptions, DirectoryResult};
use support::Bench;

async fn upload(bench: &Bench, local: &Path, remote: &str, exclude: &[&str]) -> daytona::Result<DirectoryResult> {
    let options = options(exclude);
    bench.fs().upload_dir(local.to_str().unwrap(), remote, options).await?.finish().await
}

async fn download(bench: &Bench, remote: &str, local: &Path, exclude: &[&str]) -> daytona::Result<DirectoryResult> {
    let options = options(exclude);
    bench.fs().download_dir(remote, local.to_str().unwrap(), options).await?.finish().await
}

fn options(exclude: &[&str]) -> DirectoryOptions {
    DirectoryOptions {
        exclude: Some(exclude.iter().map(|s| (*s).to_owned()).collect()),
        timeout: Some(Duration::from_secs(60)),
    }
}

/// Nothing of a transfer is left in the sandbox.
async fn nothing_left(bench: &Bench) {
    bench.until("ls -A /tmp | grep -c daytona-", "0\n").await;
}

const NAMES: [&str; 6] = ["plain", "with space", "quo'te\"s", "line\nbreak", "ünï/cödé", "-rf"];

#[tokio::test]
async fn everything_comes_back_as_it_went() {
    let bench = Bench::new().await;
    let local = tempfile::tempdir().unwrap();
    let source = local.path().join("source");
    for (index, name) in NAMES.iter().enumerate() {
        let path = source.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, vec![index as u8; index * 70_000]).unwrap();
    }
    fs::create_dir_all(source.join("empty/dir")).unwrap();
    fs::write(source.join("run.sh"), "#!/bin/sh\necho ran\n").unwrap();
    fs::set_permissions(source.join("run.sh"), fs::Permissions::from_mode(0o750)).unwrap();
    fs::set_permissions(source.join("empty/dir"), fs::Permissions::from_mode(0o500)).unwrap();
    symlink("run.sh", source.join("link")).unwrap();
    symlink("nowhere", source.join("dangling")).unwrap();
    fs::hard_link(source.join("run.sh"), source.join("same")).unwrap();
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(200));
    fs::create_dir_all(source.join(&long).parent().unwrap()).unwrap();
    fs::write(source.join(&long), "long").unwrap();

    for remote in ["work dir/new", "/tmp/-x", "work dir/new"] {
        let sent = upload(&bench, &source, remote, &[]).await.unwrap();
        assert_eq!((sent.files, sent.bytes), (9, 70_000 * 15 + 2 * 19 + 4), "{remote}");
        assert_eq!(sent.skipped, []);
    }
    assert_eq!(
        bench.sh("cd 'work dir/new' && ./link && stat -c %a run.sh && readlink dangling").await,
        "ran\n750\nnowhere\n"
    );

    // A hard link of the sandbox's own comes as a file of its own or as a link, but with its content.
    bench.sh("cd 'work dir/new' && ln plain twin && echo x > plain").await;
    let target = local.path().join("deep/target");
    let received = download(&bench, "work dir/new", &target, &[]).await.unwrap();
    assert_eq!((received.files, received.skipped.len()), (10, 0));
    for (index, name) in NAMES.iter().enumerate().skip(1) {
        assert!(fs::read(target.join(name)).unwrap() == vec![index as u8; index * 70_000], "{name:?}");
    }
    assert_eq!(fs::read(target.join("twin")).unwrap(), b"x\n");
    assert_eq!(fs::read(target.join(&long)).unwrap(), b"long");
    assert_eq!(fs::read_link(target.join("link")).unwrap(), Path::new("run.sh"));
    assert_eq!(fs::read_link(target.join("dangling")).unwrap(), Path::new("nowhere"));
    let metadata = |name: &str| fs::metadata(target.join(name)).unwrap();
    assert_eq!(metadata("run.sh").mode() & 0o777, 0o750);
    assert_eq!(metadata("empty/dir").mode() & 0o777, 0o500);
    assert_eq!(metadata("run.sh").mtime(), fs::metadata(source.join("run.sh")).unwrap().mtime());
    nothing_left(&bench).await;
}

#[tokio::test]
async fn what_is_excluded_stays_where_it_is() {
    let bench = Bench::new().await;
    let local = tempfile::tempdir().unwrap();
    for path in
        ["a.py", "a.pyc", "node_modules/x/y.js", "sub/node_modules/z.js", "sub/b.pyc", "build/out/o", "sub/build/s"]
    {
        let path = local.path().join("source").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    let exclude = ["node_modules", "*.pyc", "build/**"];
    upload(&bench, &local.path().join("source"), "up", &exclude).await.unwrap();
    assert_eq!(bench.sh("cd up && find . -type f | sort").await, "./a.py\n./sub/build/s\n");
    upload(&bench, &local.path().join("source"), "all", &[]).await.unwrap();
    let received = download(&bench, "all", &local.path().join("down"), &exclude).await.unwrap();
    assert_eq!(received.files, 2);
    assert!(local.path().join("down/sub/build/s").exists() && !local.path().join("down/sub/node_modules").exists());
    let error = upload(&bench, &local.path().join("source"), "up", &["a["]).await.unwrap_err();
    assert!(error.kind() == ErrorKind::InvalidArgument && error.to_string().contains("a["), "{error}");
}

#[tokio::test]
async fn nothing_is_written_outside_the_destination() {
    let bench = Bench::new().await;
    let local = tempfile::tempdir().unwrap();
    let (target, outside) = (local.path().join("target"), local.path().join("outside"));
    fs::create_dir_all(&target).unwrap();
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("kept"), "kept").unwrap();
    // The sandbox's links lead out; the local directory has a link that leads out, too.
    bench
        .sh(
            "mkdir -p evil/sub && cd evil && ln -s /etc/passwd abs && ln -s ../../outside up && ln -s ../sub sub/in && \
             mkfifo pipe && echo new > trap && mkdir door && echo in > door/kept && echo ok > good",
        )
        .await;
    symlink(outside.join("kept"), target.join("trap")).unwrap();
    let received = download(&bench, "evil", &target, &["door"]).await.unwrap();
    let mut skipped: Vec<_> = received.skipped.iter().map(|s| s.path.as_str()).collect();
    skipped.sort_unstable();
    assert_eq!(skipped, ["abs", "pipe", "up"]);
    assert!(received.skipped.iter().any(|s| s.reason.contains("/etc/passwd")));
    // A link that had a file's name was replaced, and what it led to is as it was.
    assert_eq!(fs::read_to_string(target.join("trap")).unwrap(), "new\n");
    assert!(!fs::symlink_metadata(target.join("trap")).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(target.join("good")).unwrap(), "ok\n");
    // A directory that is a link outside is not followed: the transfer ends.
    symlink(&outside, target.join("door")).unwrap();
    download(&bench, "evil", &target, &[]).await.unwrap_err();
    assert_eq!(fs::read_to_string(outside.join("kept")).unwrap(), "kept");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

#[tokio::test]
async fn a_failure_is_told_and_leaves_nothing_behind() {
    let bench = Bench::new().await;
    let local = tempfile::tempdir().unwrap();
    let source = local.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("file"), vec![7; 3 << 20]).unwrap();
    let error = upload(&bench, &local.path().join("missing"), "x", &[]).await.unwrap_err();
    assert!(error.kind() == ErrorKind::InvalidArgument && error.to_string().contains("missing"), "{error}");
    let error = upload(&bench, &source.join("file"), "x", &[]).await.unwrap_err();
    assert!(error.to_string().contains("no directory"), "{error}");
    for (remote, why) in [("/proc/x/y", "/proc"), ("taken", "taken")] {
        bench.sh("echo file > taken").await;
        let error = upload(&bench, &source, remote, &[]).await.unwrap_err();
        assert!(error.kind() == ErrorKind::UnprocessableEntity && error.to_string().contains(why), "{error}");
    }
    let error = download(&bench, "nowhere", &local.path().join("d"), &[]).await.unwrap_err();
    assert!(error.kind() == ErrorKind::FileNotFound && error.to_string().contains("nowhere"), "{error}");
    assert!(!local.path().join("d").exists());
    // A connection that breaks on the way.
    upload(&bench, &source, "good", &[]).await.unwrap();
    bench.script(r#"[{"path": "/files/bulk-download", "do": {"cut": {"after": 700}}}]"#);
    let error = download(&bench, "good", &local.path().join("half"), &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
    assert_eq!(fs::read_dir(local.path().join("half")).map_or(0, Iterator::count), 0);
    nothing_left(&bench).await;
}

#[tokio::test]
async fn one_that_is_given_up_leaves_nothing_behind() {
    let bench = Bench::new().await;
    let local = tempfile::tempdir().unwrap();
    let source = local.path().join("source");
    fs::create_dir(&source).unwrap();
    let noise: Vec<u8> = (0..60u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    fs::write(source.join("noise"), noise).unwrap();
    let mut transfer = bench.fs().upload_dir(source.to_str().unwrap(), "given-up", options(&[])).await.unwrap();
    let progress = transfer.next().await.unwrap().expect("60 MiB take longer than a report");
    assert_eq!((progress.total_files, progress.total_bytes), (Some(1), Some(60 << 20)));
    drop(transfer);
    nothing_left(&bench).await;
    // What it began to unpack goes after the archive.
    bench.until("ls -A | grep -c given-up", "0\n").await;
}

#[tokio::test]
async fn a_full_disk_is_told_and_leaves_no_half_file() {
    let bench = Bench::new().await;
    let local = tempfile::tempdir().unwrap();
    let small = local.path().join("small");
    fs::create_dir(&small).unwrap();
    nix::mount::mount(Some("none"), &small, Some("tmpfs"), nix::mount::MsFlags::empty(), Some("size=1m")).unwrap();
    bench.sh("mkdir big && head -c 300000 /dev/urandom > big/a && head -c 3000000 /dev/urandom > big/b").await;
    let outcome = download(&bench, "big", &small, &[]).await;
    let left: Vec<_> = fs::read_dir(&small).unwrap().map(|e| e.unwrap().file_name()).collect();
    nix::mount::umount(&small).unwrap();
    let error = outcome.unwrap_err();
    assert!(error.to_string().contains('b') && format!("{error:?}").contains("space"), "{error:?}");
    assert!(left.iter().all(|name| name == "a"), "{left:?}");
}
