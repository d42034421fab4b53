//! The examples, which the documentation quotes, do what they say.

#[path = "support/local.rs"]
mod local;

use std::path::{Path, PathBuf};
use std::process::Command;

use local::{Home, program};

/// Names, and some of what they print.
const EXAMPLES: [(&str, &[&str]); 16] = [
    ("first", &["hello\n"]),
    ("desktop", &["active\n", "1280 x 720 pixels\n", "640 x 360 pixels", "3 actions, the screen is at rest: "]),
    ("files", &["2 files, 18 bytes", "-rw-------"]),
    ("git", &["main main.py Untracked", "ahead Some(0) behind Some(0)", "Ann Say hello"]),
    (
        "images",
        &["pip install matplotlib numpy 'pandas>=2'\n", "copies package.json\n", "base-rust Active", "made from it\n"],
    ),
    ("interpreter", &["12.57\n", "ZeroDivisionError: division by zero", "hello\n", "NameError"]),
    (
        "language_servers",
        &[
            "Basket has [\"__init__\", \"add\"]",
            "completes to ",
            "Basket is in file:///",
            "problem in line 4 ",
            "changes in file:///",
        ],
    ),
    (
        "life",
        &["Some(Paused)\nSome(Started)", "kept\n", "2 2 5", "original\ncopied\n", "Some(30) Some(", "test\n", " of "],
    ),
    ("network", &["dns example.com true default", "reaches only Some(\"pypi.org,*.pythonhosted.org\")"]),
    (
        "processes",
        &["hello from /tmp", "line: done", "apple\npear\n", "exit code 5", "port 8000", "hello world from /tmp"],
    ),
    ("previews", &["<h1>Hello</h1>\n\n", "until 2", "expired", "HTTP/1.0 200 OK"]),
    ("secrets", &["dtn_secret_", "[\"api.example.com\"] dtn_secret_"]),
    ("ssh", &["ssh -p ", "true\nfalse\n"]),
    ("telemetry", &["hello\n"]),
    ("terminals", &["30 100", "exit code Some(7)", "left: []"]),
    ("webhooks", &["msg_p5jXN8AQM9LWM0D4loKWxJek", "204\n401\n"]),
];

/// Gives an engine what `daytona local setup` has installed for the tests: by links, where the file system has them.
fn take_over_setup(directory: &Path) {
    let state = std::env::var_os("DAYTONA_LOCAL_STATE_DIR").map_or_else(|| "../target/local".into(), PathBuf::from);
    let (from, to) = (state.join("snapshots"), directory.join("snapshots"));
    std::fs::create_dir_all(&to).unwrap();
    for name in ["default", "daytona-desktop"] {
        let copied = ["-al", "-a"].iter().any(|how| {
            let _ = std::fs::remove_dir_all(to.join(name));
            Command::new("cp").arg(how).arg(from.join(name)).arg(&to).output().unwrap().status.success()
        });
        assert!(copied, "{} of {} cannot be copied: run `make everything`", name, from.display());
    }
}

#[test]
fn the_examples_do_what_they_say() {
    let home = Home::new();
    take_over_setup(home.directory());
    // `cargo test` builds them beside the directory of the tests.
    let built = std::env::current_exe().unwrap();
    let directory = built.ancestors().nth(2).unwrap().join("examples");
    for (name, expected) in EXAMPLES {
        let output = Command::new(directory.join(name))
            .env("DAYTONA_API_URL", "local")
            .env("DAYTONA_LOCAL_BINARY", program())
            .env("DAYTONA_LOCAL_STATE_DIR", home.directory())
            .output()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        for text in expected {
            assert!(printed.contains(text), "{name}: no {text:?} in {printed}");
        }
    }
}
