//! Directories are found in layers.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use daytona_images::directory_in;

#[test]
fn links_lead_through_layers_and_never_out_of_them() {
    let state = tempfile::tempdir().unwrap();
    let layers = ["top", "bottom"].map(|name| state.path().join(name));
    fs::create_dir_all(layers[0].join("usr")).unwrap();
    fs::create_dir_all(layers[1].join("usr/etc")).unwrap();
    let etc = |layers: &[PathBuf]| directory_in(layers, Path::new("etc")).unwrap();
    assert_eq!(etc(&layers), None);
    symlink("../../usr/etc", layers[1].join("etc")).unwrap();
    assert_eq!(etc(&layers), Some("usr/etc".into()));
    // One above shows another.
    symlink(state.path(), layers[0].join("etc")).unwrap();
    assert_eq!(etc(&layers), None, "what is on the machine is not there");
    fs::remove_file(layers[0].join("etc")).unwrap();
    fs::create_dir(layers[0].join("etc")).unwrap();
    assert_eq!(etc(&layers), Some("etc".into()));
    symlink("b", layers[1].join("a")).unwrap();
    symlink("a", layers[1].join("b")).unwrap();
    assert!(directory_in(&layers, Path::new("a")).is_err());
}
