//! What the API of a cluster may do to whoever uses it, done by a scripted one on a real socket: each promise of the crate is
//! kept in spite of it.

mod backend;
mod server;

use std::time::Duration;

use daytona_kubernetes::cluster::Made;
use daytona_kubernetes::placement::{Placement, Reach};
use daytona_kubernetes::pods::{End, Life, Pods};
use daytona_kubernetes::settings::ControlPlane;
use daytona_kubernetes::{Cluster, ClusterError, Settings, preflight};
use serde_json::json;
use server::{Answer, Server};

/// Far more than anything here takes, on a machine that does much else.
const LIMIT: Duration = Duration::from_secs(120);

fn settings() -> Settings {
    Settings::new("sandboxes", "sandbox:1", ControlPlane::Networks(vec!["10.0.0.1/32".to_owned()]))
}

fn placement(id: &str, start: &str) -> Placement {
    Placement {
        id: id.to_owned(),
        organization: "o".to_owned(),
        start: start.to_owned(),
        image: None,
        cpu: 1.0,
        memory_gib: 1.0,
        disk_gib: 3.0,
        bootstrap: "{}".to_owned(),
        volumes: Vec::new(),
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.expect("it takes too long")
}

async fn a_cluster() -> (Server, Cluster) {
    let server = Server::start().await;
    let cluster = server.cluster(settings());
    (server, cluster)
}

#[tokio::test]
async fn a_pod_of_another_start_is_not_taken_for_ones_own() {
    let (server, cluster) = a_cluster().await;
    cluster.create_pod(&placement("a", "s1")).await.unwrap();
    assert!(!cluster.delete_pod_of("sandbox-a", "s2").await.unwrap());
    assert_eq!(server.pod_names(), ["sandbox-a"]);
    assert!(cluster.delete_pod_of("sandbox-a", "s1").await.unwrap());
    assert!(!cluster.delete_pod_of("sandbox-a", "s1").await.unwrap());
    assert!(server.pod_names().is_empty());
}

#[tokio::test]
async fn a_pod_is_made_once_however_often_it_is_asked_for() {
    let (server, cluster) = a_cluster().await;
    let first = cluster.create_pod(&placement("a", "s1")).await.unwrap();
    let again = cluster.create_pod(&placement("a", "s1")).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(server.pod_names(), ["sandbox-a"]);
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_pod() {
    let (server, cluster) = a_cluster().await;
    server.script("POST", "pods", [Answer::CarryOutAndHangUp, Answer::HangUp]);
    let made = within(cluster.create_pod(&placement("a", "s1"))).await.unwrap();
    assert_eq!(server.uid_of("sandbox-a"), Some(made.uid));
}

#[tokio::test]
async fn the_pod_of_an_earlier_start_gives_way() {
    let (server, cluster) = a_cluster().await;
    // It takes some requests to go.
    server.ends_after(3);
    let first = cluster.create_pod(&placement("a", "s1")).await.unwrap();
    let second = within(cluster.create_pod(&placement("a", "s2"))).await.unwrap();
    assert_ne!(first.uid, second.uid);
    assert_eq!(server.uid_of("sandbox-a"), Some(second.uid));
}

#[tokio::test]
async fn a_busy_server_is_asked_again_when_it_says() {
    let (server, cluster) = a_cluster().await;
    server.script("POST", "pods", [Answer::Busy { retry_after: 1 }, Answer::Unavailable]);
    let began = std::time::Instant::now();
    within(cluster.create_pod(&placement("a", "s1"))).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1), "asked again before the server was ready for it");
    assert_eq!(server.count("POST", "pods"), 3);
}

#[tokio::test]
async fn a_server_that_stays_busy_is_given_up_in_time() {
    let (server, cluster) = a_cluster().await;
    let cluster = cluster.with_patience(Duration::from_secs(2));
    server.script("POST", "pods", std::iter::repeat_n(Answer::Busy { retry_after: 3600 }, 100));
    let error = within(cluster.create_pod(&placement("a", "s1"))).await.unwrap_err();
    assert!(matches!(error, ClusterError::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn a_refusal_is_said_at_once_and_by_name() {
    let (server, cluster) = a_cluster().await;
    server.script(
        "POST",
        "pods",
        [Answer::Refuse(403, "pods \"sandbox-a\" is forbidden: violates PodSecurity \"restricted:latest\"")],
    );
    let error = cluster.create_pod(&placement("a", "s1")).await.unwrap_err();
    assert!(matches!(&error, ClusterError::Forbidden(why) if why.contains("PodSecurity")), "{error}");
    server.script(
        "POST",
        "pods",
        [Answer::Refuse(403, "pods \"sandbox-a\" is forbidden: exceeded quota: sandboxes, used: pods=5")],
    );
    let error = cluster.create_pod(&placement("a", "s1")).await.unwrap_err();
    assert!(matches!(error, ClusterError::Quota(_)), "{error}");
    server.script("POST", "pods", [Answer::Refuse(422, "Pod \"sandbox-a\" is invalid: spec.runtimeClassName")]);
    let error = cluster.create_pod(&placement("a", "s1")).await.unwrap_err();
    assert!(matches!(error, ClusterError::Invalid(_)), "{error}");
    assert_eq!(server.count("POST", "pods"), 3);
}

#[tokio::test]
async fn what_is_gone_is_deleted_already_and_a_successor_is_left_alone() {
    let (server, cluster) = a_cluster().await;
    let first = cluster.create_pod(&placement("a", "s1")).await.unwrap();
    cluster.delete_pod(&first, None).await.unwrap();
    cluster.delete_pod(&first, None).await.unwrap();
    assert_eq!(server.uid_of("sandbox-a"), None);
    let second = cluster.create_pod(&placement("a", "s2")).await.unwrap();
    cluster.delete_pod(&first, None).await.unwrap();
    assert_eq!(server.uid_of("sandbox-a"), Some(second.uid));
    cluster.delete_claim("sandbox-a-home").await.unwrap();
    cluster.delete_reach("a").await.unwrap();
}

#[tokio::test]
async fn a_policy_is_what_was_applied_last() {
    let (server, cluster) = a_cluster().await;
    cluster.apply_policy_for_all().await.unwrap();
    cluster.apply_reach("a", "o", &Reach::Internet).await.unwrap();
    // Another writer is in between.
    server.script("PATCH", "networkpolicies", [Answer::Refuse(409, "the object has been modified"), Answer::HangUp]);
    within(cluster.apply_reach("a", "o", &Reach::Nothing)).await.unwrap();
    assert_eq!(server.object("networkpolicies", "sandbox-a").unwrap()["spec"]["egress"], json!([]));
    assert!(server.object("networkpolicies", "daytona-sandboxes").is_some());
    cluster.delete_reach("a").await.unwrap();
    assert!(server.object("networkpolicies", "sandbox-a").is_none());
}

#[tokio::test]
async fn a_running_pod_takes_another_size() {
    let (server, cluster) = a_cluster().await;
    cluster.create_pod(&placement("a", "s1")).await.unwrap();
    cluster.resize("a", 2.0, 4.0).await.unwrap();
    let container = &server.object("pods", "sandbox-a").unwrap()["spec"]["containers"][0];
    assert_eq!(container["resources"]["limits"], json!({"cpu": "2000m", "memory": "4096Mi"}));
    let error = cluster.resize("nobody", 1.0, 1.0).await.unwrap_err();
    assert!(matches!(error, ClusterError::Missing(_)), "{error}");
}

/// A pod, and the watch that knows of it.
async fn a_watched_pod(server: &Server, cluster: &Cluster) -> (std::sync::Arc<Pods>, Made) {
    let pods = Pods::watch(cluster);
    let made = cluster.create_pod(&placement("a", "s1")).await.unwrap();
    within(server.watched()).await;
    (pods, made)
}

#[tokio::test]
async fn an_end_is_heard_of() {
    let (server, cluster) = a_cluster().await;
    let (pods, made) = a_watched_pod(&server, &cluster).await;
    let ended = pods.ended(&made);
    let end = async {
        server.set_status(
            "sandbox-a",
            json!({"phase": "Failed", "containerStatuses": [{
            "name": "sandbox", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]}),
        );
    };
    let (end, ()) = within(async { tokio::join!(ended, end) }).await;
    assert_eq!(end, End::OutOfMemory);
}

#[tokio::test]
async fn an_end_during_a_cut_of_the_watch_is_heard_of() {
    let (server, cluster) = a_cluster().await;
    let (pods, made) = a_watched_pod(&server, &cluster).await;
    let ended = {
        let (pods, made) = (pods.clone(), made.clone());
        tokio::spawn(async move { pods.ended(&made).await })
    };
    // The event is lost with the connection, and what came after is no longer known.
    server.forget_events();
    server.remove_silently("sandbox-a");
    server.cut_watches();
    assert_eq!(within(ended).await.unwrap(), End::Exited);
    assert!(server.count("LIST", "pods") >= 2, "410 has to be followed by another list");
}

#[tokio::test]
async fn an_event_that_never_came_is_noticed_when_somebody_looks() {
    let (server, cluster) = a_cluster().await;
    let (_, made) = a_watched_pod(&server, &cluster).await;
    let pods = Pods::watch_and_look(&cluster, Duration::from_millis(200));
    server.remove_silently("sandbox-a");
    assert_eq!(within(pods.ended(&made)).await, End::Exited);
}

#[tokio::test]
async fn the_end_of_a_predecessor_is_not_that_of_its_successor() {
    let (server, cluster) = a_cluster().await;
    let (pods, first) = a_watched_pod(&server, &cluster).await;
    let second = within(cluster.create_pod(&placement("a", "s2"))).await.unwrap();
    let life = pods.follow(&second);
    assert_eq!(within(pods.ended(&first)).await, End::Exited);
    assert_eq!(*life.borrow(), Life::Alive);
}

#[tokio::test]
async fn a_pod_that_no_node_takes_and_one_without_an_image_say_why() {
    let (server, cluster) = a_cluster().await;
    let (pods, made) = a_watched_pod(&server, &cluster).await;
    let mut life = pods.follow(&made);
    server.set_status(
        "sandbox-a",
        json!({"phase": "Pending", "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}]}),
    );
    let waiting = within(life.wait_for(|life| *life != Life::Alive)).await.unwrap().clone();
    assert_eq!(waiting, Life::Waiting("0/3 nodes are available".to_owned()));
    server.set_status(
        "sandbox-a",
        json!({"phase": "Pending", "containerStatuses": [{
        "name": "sandbox", "image": "sandbox:1", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}]}),
    );
    let stuck = within(life.wait_for(|life| matches!(life, Life::Stuck(_)))).await.unwrap().clone();
    assert_eq!(stuck, Life::Stuck("ErrImagePull: not found".to_owned()));
    // Slow is not broken.
    server.set_status("sandbox-a", json!({"phase": "Running"}));
    within(life.wait_for(|life| *life == Life::Alive)).await.unwrap();
}

#[tokio::test]
async fn each_missing_right_is_named() {
    let (server, cluster) = a_cluster().await;
    preflight::check(&cluster).await.unwrap();
    server.deny("watch", "pods");
    server.deny("patch", "networkpolicies");
    let wrong = preflight::check(&cluster).await.unwrap_err();
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(
        wrong[0].contains("watch pods") && wrong[0].contains("patch networkpolicies.networking.k8s.io"),
        "{wrong:?}"
    );
    assert!(wrong[0].contains("namespace sandboxes") && !wrong[0].contains("create pods"), "{wrong:?}");
}

#[tokio::test]
async fn what_is_missing_in_the_cluster_is_named() {
    let server = Server::start().await;
    let cluster = server.cluster(Settings { storage_class: Some("fast".to_owned()), ..settings() });
    let wrong = preflight::check(&cluster).await.unwrap_err();
    assert!(wrong[0].contains("no storage class fast"), "{wrong:?}");
    server.add_storage_class("fast");
    preflight::check(&cluster).await.unwrap();
    server.script("POST", "pods", [Answer::Refuse(403, "pod rejected: RuntimeClass \"gvisor\" not found")]);
    let wrong = preflight::check(&cluster).await.unwrap_err();
    assert!(wrong[0].contains("RuntimeClass \"gvisor\" not found"), "{wrong:?}");
    assert!(server.pod_names().is_empty(), "the look made a pod");
}

#[test]
fn the_chart_grants_what_is_used() {
    let chart = include_str!("../../../../deploy/helm/daytona/templates/rights.yaml");
    let role = chart.split("---").find(|document| document.contains("kind: Role\n")).unwrap();
    let mut granted: Vec<String> = role
        .split("- apiGroups: ")
        .skip(1)
        .map(|rule| rule.lines().take(3).map(str::trim).collect::<Vec<_>>().join(" "))
        .collect();
    let mut used: Vec<String> = preflight::RIGHTS
        .iter()
        .map(|right| {
            let group = if right.group.is_empty() { "\"\"" } else { right.group };
            format!("[{group}] resources: [{}] verbs: [{}]", right.resource, right.verbs.join(", "))
        })
        .collect();
    granted.sort();
    used.sort();
    assert_eq!(granted, used);
}
