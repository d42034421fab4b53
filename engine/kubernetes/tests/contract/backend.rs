//! The engine's backend on the scripted cluster. Of a pod's toolbox there is as much as a start needs: it calls home.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use daytona_engine::backend::{
    Backend, Feature, FoundState, Instance, NetworkLimit, Reach, Refusal, Resources, Spec, Work,
};
use daytona_kubernetes::{Cluster, Kubernetes, Runner, Settings, pod};
use daytona_remote_toolbox::{Bootstrap, call_home};
use tokio::net::TcpListener;

use crate::server::{Answer, Server};
use crate::{LIMIT, placement, settings, within};

fn spec(id: &str) -> Spec {
    Spec {
        id: id.to_owned(),
        organization_id: "o".to_owned(),
        resources: Resources { cpu: 1, memory_gib: 1, disk_gib: 3 },
        user: "daytona".to_owned(),
        env: BTreeMap::new(),
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

async fn runner(cluster: Cluster) -> Runner {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    Runner::new(cluster, listener, address).await.unwrap()
}

async fn a_backend(server: &Server) -> Kubernetes {
    Kubernetes::new(runner(server.cluster(settings())).await)
}

/// Waits until something is so.
async fn until(is_so: impl Fn() -> bool) {
    within(async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// Starts a sandbox that was made, in whose pod a toolbox listens.
async fn started(server: &Server, backend: &Kubernetes, id: &str) -> Arc<dyn Instance> {
    let name = format!("sandbox-{id}");
    let former = server.uid_of(&name);
    let toolbox = async {
        until(|| server.uid_of(&name).is_some_and(|uid| Some(uid) != former)).await;
        let pod = server.object("pods", &name).unwrap();
        let bootstrap = pod["metadata"]["annotations"][pod::BOOTSTRAP].as_str().unwrap();
        let bootstrap: Bootstrap = serde_json::from_str(bootstrap).unwrap();
        call_home::call(&bootstrap.id, &bootstrap.call_home.unwrap(), pod::PORT, LIMIT).await.unwrap();
    };
    let (instance, ()) = within(async { tokio::join!(backend.start(spec(id)), toolbox) }).await;
    instance.unwrap()
}

/// What is found, by sandbox.
async fn found(backend: &Kubernetes) -> BTreeMap<String, &'static str> {
    let state = |state: FoundState| match state {
        FoundState::Stopped => "stopped",
        FoundState::Archived => "archived",
        FoundState::Running(_) => "running",
        FoundState::Discarded => "discarded",
    };
    within(backend.list()).await.unwrap().into_iter().map(|found| (found.id, state(found.state))).collect()
}

fn states<'a>(of: impl IntoIterator<Item = (&'a str, &'static str)>) -> BTreeMap<String, &'static str> {
    of.into_iter().map(|(id, state)| (id.to_owned(), state)).collect()
}

#[tokio::test]
async fn sandboxes_of_a_killed_engine_have_stopped_when_the_next_one_looks() {
    let server = Server::start().await;
    // An engine that was killed has left two, and one whose policy it had deleted already.
    let cluster = server.cluster(settings());
    let left = a_backend(&server).await;
    for id in ["a", "b"] {
        left.create(spec(id)).await.unwrap();
    }
    for id in ["a", "b", "c"] {
        cluster.create_pod(&placement(id, "s1")).await.unwrap();
    }
    assert_eq!(server.pod_names().len(), 3);

    let next = a_backend(&server).await;
    assert_eq!(found(&next).await, states([("a", "stopped"), ("b", "stopped"), ("c", "discarded")]));
    assert!(server.pod_names().is_empty(), "what is said to have stopped runs");

    // What is held is kept, and not what stands beside it.
    let running = started(&server, &next, "a").await;
    cluster.create_pod(&placement("b", "s2")).await.unwrap();
    assert_eq!(found(&next).await, states([("a", "running"), ("b", "stopped")]));
    assert_eq!(server.pod_names(), ["sandbox-a"]);
    assert!(!running.has_ended());
}

#[tokio::test]
async fn a_pod_that_does_not_end_is_not_said_to_have_stopped() {
    let server = Server::start().await;
    let backend = a_backend(&server).await;
    backend.create(spec("a")).await.unwrap();
    server.cluster(settings()).create_pod(&placement("a", "s1")).await.unwrap();
    server.script("DELETE", "pods", [Answer::Refuse(403, "pods \"sandbox-a\" is forbidden: no right")]);
    let error = format!("{:#}", within(backend.list()).await.unwrap_err());
    assert!(error.contains("pod sandbox-a") && error.contains("no right"), "{error}");
}

#[tokio::test]
async fn pods_of_others_are_left_alone_where_there_are_others() {
    let server = Server::start().await;
    let cluster = server.cluster(settings());
    cluster.create_pod(&placement("a", "s1")).await.unwrap();
    let backend = Kubernetes::beside_others(runner(cluster).await);
    assert_eq!(found(&backend).await, states([("a", "discarded")]));
    assert_eq!(server.pod_names(), ["sandbox-a"]);
}

#[tokio::test]
async fn a_start_whose_answers_are_lost_leaves_no_pod() {
    let server = Server::start().await;
    let cluster = server.cluster(settings()).with_patience(Duration::from_secs(2));
    let backend = Kubernetes::new(runner(cluster).await);
    backend.create(spec("a")).await.unwrap();
    // It is made, and nobody is told.
    let lost = std::iter::once(Answer::CarryOutAndHangUp).chain(std::iter::repeat_n(Answer::HangUp, 1000));
    server.script("POST", "pods", lost);
    let error = format!("{:#}", within(backend.start(spec("a"))).await.unwrap_err());
    assert!(error.contains("does not answer"), "{error}");
    until(|| server.pod_names().is_empty()).await;
}

#[tokio::test]
async fn a_start_that_nobody_waits_for_leaves_no_pod() {
    let server = Server::start().await;
    let backend = a_backend(&server).await;
    backend.create(spec("a")).await.unwrap();
    // Given up as soon as the pod is there: its toolbox never calls.
    tokio::select! {
        started = backend.start(spec("a")) => panic!("{started:?}"),
        () = until(|| !server.pod_names().is_empty()) => {}
    }
    until(|| server.pod_names().is_empty()).await;
    // Given up while the pod is asked for. It is made afterwards.
    server.script("POST", "pods", std::iter::repeat_n(Answer::Unavailable, 1000));
    let asked = server.count("POST", "pods");
    let mut start: Work<'_, Arc<dyn Instance>> = backend.start(spec("a"));
    tokio::select! {
        started = &mut start => panic!("{started:?}"),
        () = until(|| server.count("POST", "pods") > asked) => {}
    }
    let last = server.last_body("POST", "pods");
    drop(start);
    let looks = server.count("GET", "pods");
    until(|| server.count("GET", "pods") > looks).await;
    server.make("pods", last);
    assert_eq!(server.pod_names(), ["sandbox-a"]);
    until(|| server.pod_names().is_empty()).await;
}

#[tokio::test]
async fn what_was_given_up_is_not_made_again_by_a_late_change() {
    let server = Server::start().await;
    let backend = a_backend(&server).await;
    backend.create(spec("a")).await.unwrap();
    let instance = started(&server, &backend, "a").await;
    instance.kill();
    within(instance.wait()).await;
    // Two that come at once with the end of the sandbox, and one that comes after it.
    let change = || Arc::clone(&instance).set_reach(Box::new(|| Reach::Nothing));
    let (before, given_up, beside) = within(async { tokio::join!(change(), backend.discard("a"), change()) }).await;
    before.and(given_up).and(beside).unwrap();
    within(change()).await.unwrap();
    assert!(server.object("networkpolicies", "sandbox-a").is_none(), "it exists again");
    backend.purge("a", false).await;
    assert_eq!(found(&backend).await, BTreeMap::new());
    // Another one of the same id is as good as any.
    backend.create(spec("a")).await.unwrap();
    let again = started(&server, &backend, "a").await;
    within(again.set_reach(Box::new(|| Reach::Nothing))).await.unwrap();
    let policy = server.object("networkpolicies", "sandbox-a").unwrap();
    assert_eq!(policy["spec"]["egress"], serde_json::json!([]));
}

#[tokio::test]
async fn a_sandbox_that_starts_is_given_up_when_it_has_started() {
    let server = Server::start().await;
    let backend = a_backend(&server).await;
    backend.create(spec("a")).await.unwrap();
    // The start goes first, and applies the policy.
    let both = async { tokio::join!(started(&server, &backend, "a"), backend.discard("a")) };
    let (instance, given_up) = within(both).await;
    given_up.unwrap();
    assert!(server.object("networkpolicies", "sandbox-a").is_none(), "it exists again");
    drop(instance);
    until(|| server.pod_names().is_empty()).await;
}

#[tokio::test]
async fn health_promises_no_more_than_is_known_of_policies() {
    let server = Server::start().await;
    let backend = a_backend(&server).await;
    assert_eq!(backend.limits().network, NetworkLimit::Unrestricted);
    assert!(backend.notes().iter().any(|note| note.contains("--policies-enforced")), "{:?}", backend.notes());
    let enforced = Settings { policies_enforced: true, ..settings() };
    let backend = Kubernetes::new(runner(server.cluster(enforced)).await);
    assert_eq!(backend.limits().network, NetworkLimit::Internet);
    assert!(!backend.notes().iter().any(|note| note.contains("policies")), "{:?}", backend.notes());
    assert!(matches!(backend.check(Feature::Domains), Err(Refusal::Missing(_))));
}
