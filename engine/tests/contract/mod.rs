//! What every backend promises, tried out on one. Any crate with a backend includes this file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use daytona_engine::backend::{Backend, FoundState, Instance, Reach, Resources, Spec, toolbox};
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use serde_json::{Value, json};

/// Longer than anything here takes on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A plain sandbox with this id.
pub fn spec(id: &str) -> Spec {
    Spec {
        id: id.to_owned(),
        organization_id: "contract".to_owned(),
        resources: Resources { cpu: 1, memory_gib: 1, disk_gib: 3 },
        user: "daytona".to_owned(),
        env: BTreeMap::from([("CONTRACT".to_owned(), id.to_owned())]),
        image: None,
        template: None,
        entrypoint: ["sleep", "infinity"].map(str::to_owned).to_vec(),
        reach: Reach::All,
        secrets: None,
        volumes: Vec::new(),
        has_desktop: false,
        waiting: false,
    }
}

/// Goes through a sandbox's life, and what may go wrong in it. `ids` are three that the backend does not know; nothing is left of
/// them afterwards.
pub async fn keeps_its_promises(backend: &Arc<dyn Backend>, ids: [&str; 3]) {
    let [one, two, unknown] = ids;
    for id in ids {
        assert_eq!(found(backend, id).await, None, "{id} is new");
    }

    // Nobody is there yet, which is no error for those who want it so.
    backend.discard(unknown).await.expect("what is not there is gone");
    backend.purge(unknown, false).await;
    assert!(backend.connect(unknown).await.is_err(), "nobody is there");
    assert!(backend.start(spec(unknown)).await.is_err(), "what was not made does not start");
    backend.discard(unknown).await.expect("nothing of a start that failed is in the way");
    backend.purge(unknown, false).await;

    // Made twice, it is one.
    backend.create(spec(one)).await.expect("it is made");
    backend.create(spec(one)).await.expect("it is there");
    assert_eq!(found(backend, one).await, Some("stopped"));
    let instance = backend.start(spec(one)).await.expect("it starts");
    assert!(!instance.has_ended());
    assert_eq!(found(backend, one).await, Some("running"));
    assert_eq!(run(backend, one, "echo \"$CONTRACT\"; echo kept > ~/file").await, one);

    // Started twice, it is the same: what runs in it goes on.
    run(backend, one, "nohup sleep 1000 > /dev/null 2>&1 & echo $! > ~/pid").await;
    let same = backend.start(spec(one)).await.expect("it runs");
    assert_eq!(run(backend, one, "kill -0 $(cat ~/pid) && echo alive").await, "alive");

    // Another one does not see its files.
    backend.create(spec(two)).await.expect("the second is made");
    // Two who start it at once have the same sandbox.
    let (left, right) = tokio::join!(backend.start(spec(two)), backend.start(spec(two)));
    let (left, right) = (left.expect("it starts"), right.expect("it starts"));
    assert_eq!(run(backend, two, "ls ~/file 2> /dev/null || echo none").await, "none");
    end(&left, Instance::kill).await;
    assert!(right.has_ended(), "both are one");
    right.release().await;

    // Stopped, it keeps its files and can start again.
    end(&instance, Instance::terminate).await;
    assert!(same.has_ended(), "both are one");
    same.release().await;
    assert!(backend.connect(one).await.is_err(), "it has ended");
    assert_eq!(found(backend, one).await, Some("stopped"));
    let again = backend.start(spec(one)).await.expect("it starts again");
    assert_eq!(run(backend, one, "cat ~/file").await, "kept");
    assert!(instance.has_ended() && !again.has_ended(), "the former has ended, the new one has not");
    // Taking back what the former had, once more, takes nothing of the new one's.
    instance.release().await;
    assert_eq!(run(backend, one, "echo here").await, "here");
    end(&again, Instance::kill).await;

    // Given up, it is gone, however often.
    for id in [one, two] {
        backend.discard(id).await.expect("it is given up");
        backend.discard(id).await.expect("it is gone");
        backend.purge(id, true).await;
        assert!(matches!(found(backend, id).await, None | Some("discarded")), "{id} is gone");
        backend.forget(id).await;
        backend.purge(id, false).await;
        assert_eq!(found(backend, id).await, None, "nothing is left of {id}");
        assert!(backend.start(spec(id)).await.is_err(), "what is gone does not start");
        backend.discard(id).await.expect("nothing of a start that failed is in the way");
        backend.purge(id, false).await;
    }
    let left: BTreeSet<_> = backend.list().await.expect("a list").into_iter().map(|found| found.id).collect();
    assert!(ids.iter().all(|id| !left.contains(*id)), "{left:?}");
}

/// Ends a sandbox in this way, waits, and takes back what it had.
async fn end(instance: &Arc<dyn Instance>, how: fn(&(dyn Instance + 'static))) {
    how(&**instance);
    tokio::time::timeout(PATIENCE, instance.wait()).await.expect("it ends");
    assert!(instance.has_ended());
    Arc::clone(instance).release().await;
}

async fn found(backend: &Arc<dyn Backend>, id: &str) -> Option<&'static str> {
    let list = backend.list().await.expect("a list");
    let mut those = list.into_iter().filter(|found| found.id == id);
    let state = those.next().map(|found| match found.state {
        FoundState::Stopped => "stopped",
        FoundState::Archived => "archived",
        FoundState::Running(_) => "running",
        FoundState::Discarded => "discarded",
    });
    assert!(those.next().is_none(), "{id} is listed twice");
    state
}

/// What a command prints, without the last newline.
async fn run(backend: &Arc<dyn Backend>, id: &str, command: &str) -> String {
    let mut sender = toolbox::open(&**backend, id).await.expect("it takes connections");
    let request = Request::post("/process/execute")
        .header(header::HOST, "toolbox")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(json!({"command": command}).to_string())))
        .expect("a request");
    let answer = tokio::time::timeout(PATIENCE, sender.send(request)).await.expect("it answers").expect("it answers");
    let body = answer.into_body().collect().await.expect("a whole answer").to_bytes();
    let answer: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(answer["exitCode"], 0, "{command}: {answer}");
    answer["result"].as_str().expect("a result").trim_end_matches('\n').to_owned()
}
