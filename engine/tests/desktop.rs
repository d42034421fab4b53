//! The desktop that `daytona local setup --desktop` has prepared: who has it, what it is bounded by, and what programs on it
//! cannot do to those who use it.

mod harness;
#[path = "harness/ordinary_user.rs"]
mod ordinary_user;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use harness::{Engine, id_of};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

const SNAPSHOT: &str = "daytona-desktop";

/// What a program in a sandbox needs to talk to the X server.
const X11: &str = r#"
import ctypes, time
x = ctypes.CDLL("libX11.so.6")
for name in ("XOpenDisplay", "XDefaultRootWindow", "XInternAtom", "XCreateSimpleWindow"):
    getattr(x, name).restype = ctypes.c_ulong
display = ctypes.c_void_p(x.XOpenDisplay(None))
root = ctypes.c_ulong(x.XDefaultRootWindow(display))
def atom(name):
    return ctypes.c_ulong(x.XInternAtom(display, name, 0))
"#;

/// Where `make everything` has prepared the desktop.
fn source() -> PathBuf {
    let state = std::env::var_os("DAYTONA_LOCAL_STATE_DIR").map_or_else(|| "../target/local".into(), PathBuf::from);
    let found = std::fs::canonicalize(state.join("snapshots").join(SNAPSHOT));
    found.unwrap_or_else(|error| panic!("{SNAPSHOT} in {}: {error}: run `make everything`", state.display()))
}

/// A state directory that shares the prepared desktop.
fn prepared() -> TempDir {
    let directory = TempDir::new().unwrap();
    let snapshots = directory.path().join("snapshots");
    std::fs::create_dir(&snapshots).unwrap();
    std::os::unix::fs::symlink(source(), snapshots.join(SNAPSHOT)).unwrap();
    directory
}

/// One that another user reaches: links where the file system has them, and copies elsewhere.
fn prepared_for_user() -> TempDir {
    let directory = TempDir::new().unwrap();
    let snapshots = directory.path().join("snapshots");
    std::fs::create_dir(&snapshots).unwrap();
    let copied = ["-al", "-a"].iter().any(|how| {
        let _ = std::fs::remove_dir_all(snapshots.join(SNAPSHOT));
        Command::new("cp").arg(how).arg(source()).arg(&snapshots).output().unwrap().status.success()
    });
    assert!(copied, "{} cannot be copied", source().display());
    std::os::unix::fs::chown(&snapshots, Some(ordinary_user::USER), Some(ordinary_user::USER)).unwrap();
    directory
}

struct Desktop<'a> {
    engine: &'a Engine,
    id: String,
}

impl<'a> Desktop<'a> {
    async fn start(engine: &'a Engine) -> Self {
        let desktop = Self { engine, id: id_of(&engine.create(json!({ "snapshot": SNAPSHOT })).await) };
        desktop.ok(Method::POST, "/start", json!({})).await;
        desktop
    }

    fn path(&self, path: &str) -> String {
        format!("/toolbox/{}/computeruse{path}", self.id)
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        match method {
            Method::POST => self.engine.post(&self.path(path), body).await,
            _ => self.engine.get(&self.path(path)).await,
        }
    }

    async fn ok(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, body).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    async fn get(&self, path: &str) -> Value {
        self.ok(Method::GET, path, Value::Null).await
    }

    /// Runs a program of Python in the background; returns once it has written the file `there`.
    async fn run_python(&self, program: &str) {
        self.engine.output(&self.id, &format!("cat > program.py <<'END'\n{program}\nEND")).await;
        self.engine.output(&self.id, "rm -f there; setsid python3 program.py >program.log 2>&1 &").await;
        self.until("test -e there || { cat program.log; false; }").await;
    }

    /// Waits until a command succeeds.
    async fn until(&self, command: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let (code, output) = self.engine.run(&self.id, command).await;
            if code == 0 {
                return output;
            }
            assert!(Instant::now() < deadline, "{command}: {output}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn film(&self, id: &str) -> Value {
        self.get(&format!("/recordings/{id}")).await
    }

    /// Waits until a recording has ended by itself.
    async fn interrupted(&self, id: &str) {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let film = self.film(id).await;
            if film["status"] == "failed" {
                return;
            }
            assert!(film["status"] == "recording" && Instant::now() < deadline, "{film}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Starts a recording of a screen on which something happens all the time; its id and file.
    async fn record(&self) -> (String, String) {
        self.engine.output(&self.id, "setsid xterm -e 'while :; do date +%N; done' >/dev/null 2>&1 &").await;
        let film = self.ok(Method::POST, "/recordings/start", json!({})).await;
        let text = |name: &str| film[name].as_str().unwrap().to_owned();
        (text("id"), text("filePath"))
    }

    /// How many pictures a film has that a player is able to show.
    async fn pictures(&self, file: &str) -> u64 {
        let command = format!(
            "ffprobe -v error -count_packets -select_streams v -show_entries stream=nb_read_packets -of csv=p=0 '{file}' 2>/dev/null"
        );
        self.engine.output(&self.id, &command).await.trim().parse().unwrap()
    }
}

#[tokio::test]
async fn the_desktop_is_listed_where_it_is_prepared_and_its_name_is_taken() {
    let engine = Engine::start().await;
    let names = async |engine: &Engine| {
        let (_, found) = engine.get("/api/snapshots").await;
        let items = found["items"].as_array().unwrap().iter();
        items.map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(!names(&engine).await.contains(&SNAPSHOT.to_owned()));
    let (status, error) = engine.post("/api/sandbox", json!({ "snapshot": SNAPSHOT })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    assert!(error["message"].as_str().unwrap().contains("daytona local setup --desktop"), "{error}");

    let engine = Engine::start_in(prepared(), &[]).await;
    assert!(names(&engine).await.contains(&SNAPSHOT.to_owned()));
    let (_, found) = engine.get(&format!("/api/snapshots/{SNAPSHOT}")).await;
    assert_eq!(
        (&found["name"], &found["state"], &found["general"]),
        (&json!(SNAPSHOT), &json!("active"), &json!(true))
    );
    let (status, error) = engine.post("/api/snapshots", json!({ "name": SNAPSHOT, "imageName": "a:1" })).await;
    assert_eq!(status, StatusCode::CONFLICT, "{error}");
}

#[tokio::test]
async fn an_ordinary_users_sandboxes_have_a_desktop_too() {
    let engine = ordinary_user::start_in(prepared_for_user(), &[]).await;
    assert_eq!(engine.get("/api/health").await.1["isolation"], "user-namespaces");
    let desktop = Desktop::start(&engine).await;
    assert_eq!(desktop.get("/screenshot").await["width"], 1280);
    engine.output(&desktop.id, "setsid xterm -T there -e 'cat > typed' >/dev/null 2>&1 &").await;
    let is_active =
        |windows: &Value| windows.as_array().unwrap().iter().any(|window| window["isActive"] == json!(true));
    while !is_active(&desktop.get("/display/windows").await["windows"]) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    desktop.ok(Method::POST, "/keyboard/type", json!({ "text": "Grüße\n" })).await;
    desktop.until("grep Grüße typed").await;
    // What the machine has is as read-only as without one.
    assert_ne!(engine.run(&desktop.id, "touch /usr/bin/x").await.0, 0);
}

#[tokio::test]
async fn without_isolation_there_is_no_desktop_and_it_is_said_at_once() {
    let engine = Engine::start_in(prepared(), &["0", "none"]).await;
    let (status, error) = engine.post("/api/sandbox", json!({ "snapshot": SNAPSHOT })).await;
    assert_eq!(status, StatusCode::NOT_IMPLEMENTED, "{error}");
    let id = engine.sandbox().await;
    let (status, error) = engine.post(&format!("/toolbox/{id}/computeruse/start"), json!({})).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{error}");
}

#[tokio::test]
async fn what_is_done_at_once_is_bounded() {
    let engine = Engine::start_in(prepared(), &[]).await;
    let desktop = Desktop::start(&engine).await;
    let moves = |count: usize| vec![json!({ "action": "move", "x": 1, "y": 1 }); count];
    let waits = |count: usize| vec![json!({ "action": "wait", "milliseconds": 10_000 }); count];
    let letters = "x".repeat(1 + (1 << 20));
    for (body, expected) in [
        (json!({ "actions": moves(101) }), "there are 101 actions; at most 100"),
        (json!({ "actions": waits(4) }), "pause for 40 s together; at most 30 s"),
        (
            json!({ "actions": [{ "action": "type", "text": "x".repeat(31), "delay": 1_000 }] }),
            "pause for 31 s together",
        ),
        (
            json!({ "actions": [{ "action": "move", "x": 7, "y": 7 }, { "action": "type", "text": letters }] }),
            "actions[1]",
        ),
        (json!({ "actions": [], "limitMs": 20_001 }), "limitMs is 20001"),
        (json!({ "actions": [], "quietMs": 5_001 }), "quietMs is 5001"),
        (json!({ "actions": [], "scale": 0.05 }), "scale is 0.05"),
    ] {
        let (status, error) = desktop.ask(Method::POST, "/act", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
        assert!(error["message"].as_str().unwrap().contains(expected), "{error}");
    }
    assert_ne!(desktop.get("/mouse/position").await, json!({ "x": 7, "y": 7 }));
    assert_eq!(desktop.ok(Method::POST, "/act", json!({ "actions": moves(100), "quietMs": 0 })).await["actions"], 100);
}

#[tokio::test]
async fn a_program_that_holds_the_screen_holds_up_nothing_else() {
    let engine = Engine::start_in(prepared(), &[]).await;
    let desktop = Desktop::start(&engine).await;
    let hold = "x.XGrabServer(display)\nx.XSync(display, 0)\nopen('there', 'w').close()\ntime.sleep(1000)\n";
    desktop.run_python(&format!("{X11}{hold}")).await;
    // More clients that lose patience than the toolbox has threads for files.
    let impatient = (0..600).map(async |number| {
        let path = desktop.path(if number % 2 == 0 { "/screenshot" } else { "/mouse/position" });
        let asked = engine.request(Method::GET, &path).send();
        let _ = tokio::time::timeout(Duration::from_secs(2), asked).await;
    });
    futures_util::future::join_all(impatient).await;
    assert_eq!(engine.output(&desktop.id, "echo works").await, "works");
    let (status, _) = engine.get(&format!("/toolbox/{}/files?path=.", desktop.id)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(desktop.get("/status").await["status"], "active");
    // It ends with the screen.
    desktop.ok(Method::POST, "/stop", json!({})).await;
    desktop.ok(Method::POST, "/start", json!({})).await;
    assert_eq!(desktop.get("/screenshot").await["width"], 1280);
}

#[tokio::test]
async fn what_programs_claim_of_windows_is_bounded() {
    let engine = Engine::start_in(prepared(), &[]).await;
    let desktop = Desktop::start(&engine).await;
    let claim = r#"
window = ctypes.c_ulong(x.XCreateSimpleWindow(display, root, 0, 0, 300, 200, 0, 0, 0))
part = b"title " * 10000
for _ in range(20):
    x.XChangeProperty(display, window, atom(b"_NET_WM_NAME"), atom(b"UTF8_STRING"), 8, 2, part, len(part))
many = (ctypes.c_ulong * 50000)(*([window.value] * 50000))
stack = atom(b"_NET_CLIENT_LIST_STACKING")
# The window manager may still say otherwise.
while True:
    x.XChangeProperty(display, root, stack, ctypes.c_ulong(33), 32, 0, many, 50000)
    x.XSync(display, 0)
    open("there", "w").close()
    time.sleep(0.1)
"#;
    desktop.run_python(&format!("{X11}{claim}")).await;
    let found = loop {
        let found = desktop.get("/display/windows").await;
        if found["windows"].as_array().is_some_and(|windows| !windows.is_empty()) {
            break found;
        }
    };
    let windows = found["windows"].as_array().unwrap();
    assert_eq!(windows.len(), 1_000);
    let title = windows[0]["title"].as_str().unwrap();
    assert!(title.starts_with("title title") && title.len() <= 1_024, "{}", title.len());
    // Nor can one make the screen larger than its memory.
    assert_ne!(engine.run(&desktop.id, "xrandr --fb 30000x30000").await.0, 0);
    assert_eq!(desktop.get("/screenshot").await["width"], 1280);
}

#[tokio::test]
async fn what_programs_tell_about_themselves_is_bounded() {
    let engine = Engine::start_in(prepared(), &[]).await;
    let desktop = Desktop::start(&engine).await;
    let program = r#"
import gi
gi.require_version("Gtk", "3.0")
from gi.repository import GLib, Gtk
window = Gtk.Window(title="Claims")
box = Gtk.Box()
window.add(box)
for number in range(20):
    button = Gtk.Button(label=str(number))
    button.get_accessible().set_name("n" * 200_000)
    button.get_accessible().set_description("d" * 200_000)
    box.add(button)
window.show_all()
GLib.idle_add(lambda: open("there", "w").close())
Gtk.main()
"#;
    desktop.run_python(program).await;
    let wanted = json!({ "scope": "all", "role": "push button", "limit": 10 });
    let found = desktop.ok(Method::POST, "/a11y/find", wanted).await;
    assert_eq!((found["matches"].as_array().unwrap().len(), &found["truncated"]), (10, &json!(true)));
    for node in found["matches"].as_array().unwrap() {
        assert_eq!((node["name"].as_str().unwrap().len(), node["description"].as_str().unwrap().len()), (1_000, 1_000));
    }
    let tree = desktop.get("/a11y/tree?scope=all").await.to_string();
    assert!(tree.len() < 100_000, "{}", tree.len());
}

#[tokio::test]
async fn a_film_whose_recorder_is_killed_is_kept() {
    let engine = Engine::start_in(prepared(), &[]).await;
    let desktop = Desktop::start(&engine).await;
    let (id, file) = desktop.record().await;
    // What is copied while it goes on is a film.
    desktop.until(&format!("test $(stat -c %s '{file}') -gt 100000")).await;
    let path = desktop.path(&format!("/recordings/{id}/download"));
    let part = engine.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(part.status(), StatusCode::OK);
    assert!(part.bytes().await.unwrap().len() >= 100_000);
    engine.output(&desktop.id, &format!("cp '{file}' part.mp4")).await;
    assert!(desktop.pictures("part.mp4").await > 0);
    assert_eq!(desktop.film(&id).await["status"], "recording");

    engine.output(&desktop.id, "pkill -9 ffmpeg").await;
    desktop.interrupted(&id).await;
    let pictures = desktop.pictures(&file).await;
    assert!(pictures > 0);
    let film = desktop.ok(Method::POST, "/recordings/stop", json!({ "id": id })).await;
    assert_eq!((&film["status"], desktop.pictures(&file).await), (&json!("completed"), pictures), "{film}");
    let (status, _) = desktop.ask(Method::POST, "/recordings/stop", json!({ "id": id })).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nobody_waits_while_a_film_is_being_finished() {
    let engine = Engine::start_in(prepared(), &[]).await;
    let desktop = Desktop::start(&engine).await;
    let (id, file) = desktop.record().await;
    desktop.until(&format!("test $(stat -c %s '{file}') -gt 100000")).await;
    // It will not finish by itself for now.
    engine.output(&desktop.id, "pkill -STOP ffmpeg").await;
    let mut stops: FuturesUnordered<_> =
        (0..2).map(|_| desktop.ask(Method::POST, "/recordings/stop", json!({ "id": id }))).collect();
    // One of them finishes the film; the other is told that there is none that goes on, and does not wait.
    assert_eq!(stops.next().await.unwrap().0, StatusCode::NOT_FOUND);
    assert_eq!(desktop.film(&id).await["status"], "recording");
    assert_eq!(desktop.get("/recordings").await["recordings"].as_array().unwrap().len(), 1);
    engine.output(&desktop.id, "pkill -CONT ffmpeg").await;
    let (status, film) = stops.next().await.unwrap();
    assert_eq!((status, &film["status"]), (StatusCode::OK, &json!("completed")), "{film}");
    assert!(desktop.pictures(&file).await > 0);
}

#[tokio::test]
async fn a_film_is_kept_when_the_sandbox_is_stopped() {
    let engine = Engine::start_in(prepared(), &[]).await;
    let desktop = Desktop::start(&engine).await;
    let (id, file) = desktop.record().await;
    desktop.until(&format!("test $(stat -c %s '{file}') -gt 100000")).await;
    let (status, answer) = engine.post(&format!("/api/sandbox/{}/stop", desktop.id), json!({})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (status, answer) = engine.post(&format!("/api/sandbox/{}/start", desktop.id), json!({})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(desktop.film(&id).await["status"], "failed");
    assert!(desktop.pictures(&file).await > 0);
    let film = desktop.ok(Method::POST, "/recordings/stop", json!({ "id": id })).await;
    assert_eq!(film["status"], "completed");
    let (seconds, size) = (film["durationSeconds"].as_f64().unwrap(), film["sizeBytes"].as_u64().unwrap());
    assert!(seconds > 0.0 && size >= 90_000, "{film}");
}

#[tokio::test]
async fn a_film_that_fills_the_disk_is_kept() {
    let engine = Engine::start_in(prepared(), &[]).await;
    let desktop = Desktop::start(&engine).await;
    let (id, file) = desktop.record().await;
    desktop.until(&format!("test $(stat -c %s '{file}') -gt 100000")).await;
    // Reserved, not written.
    desktop.until("fallocate -l $(($(df --output=avail -B1 . | tail -1) - 400000)) filler; test $(df --output=avail -B1 . | tail -1) -lt 4000000").await;
    desktop.interrupted(&id).await;
    assert!(desktop.pictures(&file).await > 0);
    engine.output(&desktop.id, "rm filler").await;
    let film = desktop.ok(Method::POST, "/recordings/stop", json!({ "id": id })).await;
    assert_eq!(film["status"], "completed");
}

#[tokio::test]
async fn only_the_last_trajectories_are_kept() {
    let engine = Engine::start_in(prepared(), &[]).await;
    let desktop = Desktop::start(&engine).await;
    let earlier = "mkdir -p .daytona/trajectories && cd .daytona/trajectories && echo mine > notes.html && \
                   for i in $(seq 60); do echo > $(cat /proc/sys/kernel/random/uuid).html; done";
    engine.output(&desktop.id, earlier).await;
    let begun = desktop.ok(Method::POST, "/trajectories/start", json!({})).await;
    assert_eq!(begun["removed"], 11, "{begun}");
    let left =
        engine.output(&desktop.id, "ls .daytona/trajectories | wc -l; cat .daytona/trajectories/notes.html").await;
    assert_eq!(left, "51\nmine");
    desktop.ok(Method::POST, "/trajectories/stop", json!({})).await;
}

#[tokio::test]
async fn programs_of_the_desktop_are_looked_at_started_again_and_missed() {
    let engine = Engine::start_in(prepared(), &[]).await;
    let desktop = Desktop::start(&engine).await;
    for (name, program) in
        [("dbus", "dbus-daemon"), ("xfce4", "openbox"), ("x11vnc", "x11vnc"), ("novnc", "websockify")]
    {
        assert_eq!(desktop.get(&format!("/process/{name}/status")).await["running"], true, "{name}");
        let pid = engine.output(&desktop.id, &format!("pgrep -fo {program}")).await;
        engine.output(&desktop.id, &format!("kill -9 {pid}")).await;
        desktop.until(&format!("pgrep -fo {program} | grep -vx {pid}")).await;
        while desktop.get(&format!("/process/{name}/status")).await["running"] != true {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for what in ["logs", "errors"] {
            assert!(desktop.get(&format!("/process/{name}/{what}")).await[what].is_string(), "{name}");
        }
    }
    for path in ["/process/none/status", "/process/none/logs", "/process/none/errors"] {
        let (status, error) = desktop.ask(Method::GET, path, Value::Null).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {error}");
        assert!(error["message"].as_str().unwrap().contains("xvfb"), "{error}");
    }
    // With the screen everything on it ends, and a picture is refused at once.
    engine.output(&desktop.id, "pkill -9 Xvfb").await;
    desktop.until("! pgrep Xvfb").await;
    let (status, error) = desktop.ask(Method::GET, "/screenshot", Value::Null).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{error}");
    desktop.ok(Method::POST, "/process/xvfb/restart", json!({})).await;
    assert_eq!(desktop.get("/screenshot").await["width"], 1280);
}

/// The prepared desktop is of the machine's: nothing in it names where the engine keeps its files.
#[tokio::test]
async fn a_desktop_does_not_tell_where_the_engine_keeps_its_files() {
    let engine = Engine::start_in(prepared(), &[]).await;
    let id = id_of(&engine.create(json!({ "snapshot": SNAPSHOT })).await);
    let mounts = engine.output(&id, "cat /proc/self/mountinfo").await;
    let place = engine.directory.path().file_name().unwrap().to_str().unwrap();
    assert!(mounts.contains(" /usr ") && !mounts.contains(place), "{mounts}");
}
