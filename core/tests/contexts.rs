//! Local files of images on their way to a build: told of, sent once, given up, and never all in memory.

#[path = "support/local.rs"]
mod local;

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use daytona::Client;
use daytona::model::{Context, CreateSnapshotParams};
use local::Home;

/// Bytes of what is uploaded: in parts, and more than may be in memory.
const SIZE: u64 = 256 << 20;

/// The most by which memory may grow meanwhile, in KiB.
const MOST_GROWTH: u64 = 96 << 10;

/// The largest memory of this process so far, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn params(name: &str, file: &Path) -> CreateSnapshotParams {
    let source_path = file.to_string_lossy().into_owned();
    CreateSnapshotParams {
        name: name.to_owned(),
        dockerfile: Some("FROM scratch\nCOPY none /\n".to_owned()),
        contexts: Some(vec![Context { source_path, archive_path: Some("file".to_owned()), ..Context::default() }]),
        ..Default::default()
    }
}

/// The lines of a build that fails once its context is there.
async fn lines(client: &Client, params: CreateSnapshotParams) -> Vec<String> {
    let mut build = client.snapshots().create_with_logs(params, Default::default()).await.unwrap();
    let mut lines = Vec::new();
    while let Ok(Some(line)) = build.next().await {
        lines.push(line.text);
    }
    lines
}

#[tokio::test]
async fn contexts_are_sent_once_and_never_all_in_memory() {
    let home = Home::new();
    let client = home.client();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("large");
    File::create(&file).unwrap().set_len(SIZE).unwrap();
    client.snapshots().push_access().await.unwrap();

    let segments = home.directory().join("objects/segments");
    let left = || fs::read_dir(&segments).map_or(0, Iterator::count);
    let building = tokio::spawn({
        let (client, params) = (client.clone(), params("given-up", &file));
        async move { client.snapshots().create(params, Default::default()).await }
    });
    while left() == 0 {
        assert!(!building.is_finished());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    building.abort();
    while left() > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let before = peak();
    let told = lines(&client, params("first", &file)).await;
    let growth = peak() - before;
    assert!(growth < MOST_GROWTH, "memory grew by {growth} KiB");
    let shown = file.display();
    assert!(told[0].starts_with(&format!("Uploading {shown}: 2684")), "{told:?}");
    assert!(told.contains(&format!("Uploading {shown}: 50 %")), "{told:?}");
    assert!(left() > 0);

    let told = lines(&client, params("second", &file)).await;
    assert_eq!(told[0], format!("{shown} is uploaded already"), "{told:?}");
    home.stop();
}
