//! `/computeruse/trajectories`: what is done on the desktop, step by step, as one page.
//!
//! While a trajectory is recorded, every action of mouse, keyboard and accessibility tree becomes a step: the screen before and
//! after it, the window and the node that it was meant for. The page is complete after every step, so that nothing is lost when
//! the sandbox is stopped. It loads nothing, and shows what programs say of themselves as text only.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::actions::Place;
use super::errors::{display_failed, not_started};
use super::picture::Format;
use super::screen::{Area, Screen, WindowShown};
use super::{Purpose, with_screen};
use crate::errors::ApiError;
use crate::extract::Json;
use crate::{State, Toolbox};

/// The page up to its first step.
const PAGE: &str = include_str!("trajectory.html");

/// The most steps of a page.
const MOST_STEPS: usize = 1_000;

/// The largest page in bytes.
const LARGEST: usize = 128 << 20;

/// What of earlier pages is kept when another one begins.
const KEPT: Kept = Kept { pages: 49, bytes: 384 << 20, age: Duration::from_secs(7 * 24 * 60 * 60) };

/// The longest label.
const LONGEST_LABEL: usize = 100;

/// The quality of the pictures.
const QUALITY: u8 = 85;

/// Time without a change after which an action has had its effect, and the most that is waited for that.
const REST: (Duration, Duration) = (Duration::from_millis(150), Duration::from_secs(2));

/// Time that programs have to say what an action is meant for.
const PATIENCE: Duration = Duration::from_secs(3);

/// What stands for a text that goes into a field for passwords.
const HIDDEN: &str = "[secret]";

pub(super) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/computeruse/trajectories/start", post(start))
        .route("/computeruse/trajectories/stop", post(stop))
}

type Answer = Result<axum::Json<Value>, ApiError>;

/// The trajectory that is being recorded.
#[derive(Default)]
pub(super) struct Trajectories {
    running: Mutex<Option<Trajectory>>,
}

/// What an action is meant for.
pub(super) enum Target {
    /// What is at a place of the screen.
    Place(Place),
    /// What has the keyboard's focus.
    Focus,
    /// A node of the accessibility tree.
    Node(String),
}

struct Trajectory {
    id: String,
    path: PathBuf,
    started: OffsetDateTime,
    steps: usize,
    size: usize,
    pictures: usize,
    /// The last picture in the page, which the next step may begin with.
    last: Vec<u8>,
    /// Why there are no more steps, where that is so.
    problem: Option<String>,
}

/// The screen at some moment.
struct Sight {
    picture: Vec<u8>,
    size: (u16, u16),
    window: Option<WindowShown>,
}

/// How much of earlier pages is kept: so many, so large together, no older.
struct Kept {
    pages: usize,
    bytes: u64,
    age: Duration,
}

impl Trajectories {
    /// Ends the one that is being recorded.
    pub(super) async fn end(&self) {
        *self.running.lock().await = None;
    }
}

/// Does something, as a step of the trajectory that is being recorded, if there is one.
pub(super) async fn recorded<T>(
    toolbox: &State,
    told: Value,
    target: Target,
    work: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    // Held meanwhile: steps are done one after the other, so that the pictures show what each of them has done.
    let mut place = toolbox.desktop.trajectories.running.lock().await;
    let Some(trajectory) = place.as_mut().filter(|trajectory| trajectory.problem.is_none()) else {
        drop(place);
        return work.await;
    };
    let at = if let Target::Place(place) = target { Some(place) } else { None };
    let before = look(toolbox, at, false).await.ok();
    let node = timeout(PATIENCE, ask(toolbox, &target)).await.unwrap_or_default();
    let result = work.await;
    let after = look(toolbox, at, true).await.ok();
    let mut step = json!({
        "time": now(), "action": without_secrets(told, &node), "node": node,
        "window": before.as_ref().and_then(|sight| sight.window.as_ref()).map(shown),
        "error": result.as_ref().err().map(|error| error.message.as_str()),
    });
    if let (Some((x, y)), Some(before)) = (at, &before) {
        // In parts of the picture, whatever size that is shown in.
        let part = |value: i32, whole: u16| f64::from(value) / f64::from(whole.max(1));
        step["place"] = json!([part(x, before.size.0), part(y, before.size.1)]);
    }
    trajectory.add(step, before, after);
    result
}

/// The screen, and the window that matters: at a place, or in front. `rests` waits until an action has had its effect.
async fn look(toolbox: &State, at: Option<Place>, rests: bool) -> Result<Sight, ApiError> {
    with_screen(State::clone(toolbox), Purpose::Input, move |screen| {
        if rests {
            screen.wait_for_rest(REST.0, REST.1).map_err(display_failed)?;
        }
        let (width, height) = screen.size().map_err(display_failed)?;
        let area = Area { x: 0, y: 0, width: width.into(), height: height.into() };
        let picture = screen.picture(area, true).map_err(display_failed)?;
        Ok(Sight {
            picture: picture.encode(Format::Jpeg, QUALITY).map_err(display_failed)?,
            size: (width, height),
            window: window(screen, at),
        })
    })
    .await
}

fn window(screen: &mut Screen, at: Option<Place>) -> Option<WindowShown> {
    let contains = |area: &Area, (x, y): Place| {
        let inside = |value: i32, from: i32, length: u32| {
            value >= from && i64::from(value) < i64::from(from) + i64::from(length)
        };
        inside(x, area.x, area.width) && inside(y, area.y, area.height)
    };
    let matters = |window: &WindowShown| at.map_or(window.is_active, |at| contains(&window.area, at));
    screen.windows().ok()?.into_iter().rev().find(matters)
}

/// The node that an action is meant for, as programs describe it; nothing where none does.
async fn ask(toolbox: &State, target: &Target) -> Value {
    let question = match target {
        Target::Place((x, y)) => json!({ "op": "at", "x": x, "y": y }),
        Target::Focus => json!({ "op": "focused" }),
        Target::Node(id) => json!({ "op": "describe", "id": id }),
    };
    let answer = toolbox.desktop.accessibility.ask(toolbox, &question).await.unwrap_or_default();
    answer.get("ok").and_then(|found| found.get("node")).cloned().unwrap_or_default()
}

/// What was asked for, without what goes into a field for passwords.
fn without_secrets(mut told: Value, node: &Value) -> Value {
    let is_secret = node["role"].as_str().is_some_and(|role| role.contains("password"));
    for name in ["text", "value", "key", "keys"] {
        if is_secret && told.get(name).is_some() {
            told[name] = HIDDEN.into();
        }
    }
    told
}

fn shown(window: &WindowShown) -> Value {
    let Area { x, y, width, height } = window.area;
    json!({ "id": window.id, "title": window.title, "x": x, "y": y, "width": width, "height": height })
}

fn now() -> String {
    OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default()
}

impl Trajectory {
    /// Writes a step behind the others. What goes wrong ends the recording, not the action.
    fn add(&mut self, mut step: Value, before: Option<Sight>, after: Option<Sight>) {
        let mut text = String::new();
        for (name, sight) in [("before", before), ("after", after)] {
            let Some(Sight { picture, .. }) = sight else { continue };
            if self.pictures == 0 || picture != self.last {
                text.push_str(&call("picture", &Value::from(STANDARD.encode(&picture))));
                self.pictures += 1;
                self.last = picture;
            }
            step[name] = (self.pictures - 1).into();
        }
        text.push_str(&call("step", &step));
        if self.steps >= MOST_STEPS || self.size + text.len() > LARGEST {
            let mebibytes = LARGEST >> 20;
            self.problem = Some(format!(
                "the page is full: it holds {MOST_STEPS} actions and {mebibytes} MiB. Stop the trajectory and start another one"
            ));
            return;
        }
        let file = std::fs::OpenOptions::new().append(true).open(&self.path);
        match file.and_then(|mut file| file.write_all(text.as_bytes())) {
            Ok(()) => (self.steps, self.size) = (self.steps + 1, self.size + text.len()),
            Err(error) => {
                // Half a step would break the page.
                let whole = std::fs::OpenOptions::new().write(true).open(&self.path);
                let _ = whole.and_then(|file| file.set_len(self.size as u64));
                let Kept { pages, bytes, age } = KEPT;
                self.problem = Some(format!(
                    "writing {}: {error}. Earlier pages are in the same directory: the last {pages} of the last {} days, up to \
                     {} MiB",
                    self.path.display(),
                    age.as_secs() / (24 * 60 * 60),
                    bytes >> 20,
                ));
            }
        }
    }

    fn describe(&self, ended: Option<String>) -> Value {
        let mut told = json!({
            "id": self.id,
            "filePath": self.path.to_string_lossy(),
            "startTime": self.started.format(&Rfc3339).unwrap_or_default(),
            "actions": self.steps,
            "sizeBytes": self.size,
        });
        if let Some(ended) = ended {
            told["endTime"] = ended.into();
        }
        if let Some(problem) = &self.problem {
            told["problem"] = problem.as_str().into();
        }
        told
    }
}

/// A call of one of the page's functions. The value cannot end the script: a `<` is written in another way.
fn call(function: &str, value: &Value) -> String {
    let value = value.to_string().replace('<', "\\u003c");
    format!("<script>{function}({value})</script>\n")
}

#[derive(Deserialize)]
struct Start {
    label: Option<String>,
}

async fn start(toolbox: State, Json(Start { label }): Json<Start>) -> Answer {
    let label = label.unwrap_or_default();
    if label.chars().count() > LONGEST_LABEL {
        return Err(ApiError::bad_request(format!("label is longer than {LONGEST_LABEL} characters")));
    }
    // It begins with the desktop, and ends with it.
    with_screen(State::clone(&toolbox), Purpose::View, |screen| screen.size().map_err(|_| not_started())).await?;
    let mut running = toolbox.desktop.trajectories.running.lock().await;
    if let Some(one) = running.as_ref() {
        let id = &one.id;
        return Err(ApiError::conflict(format!("the trajectory {id} is being recorded: stop it first")));
    }
    let directory = toolbox.config.home.join(".daytona/trajectories");
    std::fs::create_dir_all(&directory).map_err(|error| ApiError::file(&error, &directory))?;
    let removed = prune(&directory, &KEPT);
    let (id, started) = (uuid::Uuid::new_v4().to_string(), OffsetDateTime::now_utc());
    let path = directory.join(format!("{id}.html"));
    let about = json!({ "label": label, "startTime": started.format(&Rfc3339).unwrap_or_default() });
    let text = format!("{PAGE}{}", call("begin", &about));
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| ApiError::file(&error, &path))?;
    let size = text.len();
    let one = Trajectory { id, path, started, steps: 0, size, pictures: 0, last: Vec::new(), problem: None };
    let mut answer = one.describe(None);
    if removed > 0 {
        answer["removed"] = removed.into();
    }
    *running = Some(one);
    Ok(axum::Json(answer))
}

/// Removes earlier pages, the oldest first, until no more is left than is kept. Answers how many are gone.
fn prune(directory: &Path, kept: &Kept) -> usize {
    let now = SystemTime::now();
    let page = |entry: std::fs::DirEntry| {
        let path = entry.path();
        let stem = path.file_stem()?.to_str()?;
        // What somebody else has put there stays.
        let is_page = path.extension().is_some_and(|kind| kind == "html") && uuid::Uuid::parse_str(stem).is_ok();
        let found = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
        is_page.then(|| (found.modified().unwrap_or(SystemTime::UNIX_EPOCH), found.len(), path))
    };
    let mut pages: Vec<_> = std::fs::read_dir(directory).into_iter().flatten().flatten().filter_map(page).collect();
    pages.sort_by(|one, other| other.cmp(one));
    let (mut count, mut bytes, mut removed) = (0, 0, 0);
    for (changed, length, path) in pages {
        (count, bytes) = (count + 1, bytes + length);
        let is_old = now.duration_since(changed).is_ok_and(|age| age > kept.age);
        if (is_old || count > kept.pages || bytes > kept.bytes) && std::fs::remove_file(path).is_ok() {
            removed += 1;
        }
    }
    removed
}

async fn stop(toolbox: State) -> Answer {
    toolbox.display()?;
    let ended = toolbox.desktop.trajectories.running.lock().await.take();
    let Some(one) = ended else { return Err(ApiError::not_found("no trajectory is being recorded")) };
    Ok(axum::Json(one.describe(Some(now()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty(path: PathBuf) -> Trajectory {
        let (id, started) = ("one".to_owned(), OffsetDateTime::UNIX_EPOCH);
        Trajectory { id, path, started, steps: 0, size: 0, pictures: 0, last: Vec::new(), problem: None }
    }

    fn sight(picture: &[u8]) -> Option<Sight> {
        Some(Sight { picture: picture.to_vec(), size: (1, 1), window: None })
    }

    #[test]
    fn a_picture_that_two_steps_share_is_written_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("page.html");
        std::fs::write(&path, "").unwrap();
        let mut trajectory = empty(path.clone());
        trajectory.add(json!({}), sight(b"a"), sight(b"b"));
        trajectory.add(json!({}), sight(b"b"), sight(b"b"));
        let page = std::fs::read_to_string(path).unwrap();
        assert_eq!(page.matches("picture(").count(), 2, "{page}");
        assert!(page.ends_with("step({\"after\":1,\"before\":1})</script>\n"), "{page}");
    }

    #[test]
    fn what_a_program_says_of_itself_cannot_end_the_script() {
        let written = call("step", &json!({ "title": "</script><script>alert(1)</script>" }));
        assert_eq!(written.matches("</script>").count(), 1, "{written}");
    }

    #[test]
    fn what_goes_into_a_field_for_passwords_is_not_written() {
        let told = json!({ "action": "type", "text": "hunter2" });
        let hidden = without_secrets(told.clone(), &json!({ "role": "password text" }));
        assert_eq!(hidden, json!({ "action": "type", "text": HIDDEN }));
        assert_eq!(without_secrets(told.clone(), &Value::Null), told);
    }

    #[test]
    fn only_the_last_pages_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let (now, day) = (SystemTime::now(), Duration::from_secs(24 * 60 * 60));
        let page = |number: u32, bytes: usize| {
            let path = directory.path().join(format!("00000000-0000-4000-8000-{number:012}.html"));
            std::fs::write(&path, vec![b'x'; bytes]).unwrap();
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.set_modified(now.checked_sub(day * number).unwrap()).unwrap();
        };
        let left = || {
            let entries = std::fs::read_dir(directory.path()).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names.iter().map(|name| name.trim_end_matches(".html")[24..].parse().unwrap()).collect::<Vec<u32>>()
        };
        (1..=6).for_each(|number| page(number, 10));
        let kept = |pages, bytes, days| Kept { pages, bytes, age: day * days };
        assert_eq!(prune(directory.path(), &kept(9, 1_000, 9)), 0);
        assert_eq!((prune(directory.path(), &kept(9, 1_000, 5)), left()), (2, vec![1, 2, 3, 4]));
        assert_eq!((prune(directory.path(), &kept(3, 1_000, 9)), left()), (1, vec![1, 2, 3]));
        assert_eq!((prune(directory.path(), &kept(9, 25, 9)), left()), (1, vec![1, 2]));
        // Nothing of anybody else's.
        std::fs::write(directory.path().join("notes.html"), "mine").unwrap();
        assert_eq!(prune(directory.path(), &kept(0, 0, 0)), 2);
        assert!(directory.path().join("notes.html").exists());
        assert_eq!(prune(&directory.path().join("none"), &KEPT), 0);
    }

    #[test]
    fn a_page_that_cannot_be_written_says_why_and_ends() {
        let mut trajectory = empty("/nowhere/page.html".into());
        trajectory.add(json!({}), None, None);
        assert_eq!(trajectory.steps, 0);
        assert!(trajectory.describe(None)["problem"].as_str().unwrap().contains("/nowhere/page.html"));
    }
}
