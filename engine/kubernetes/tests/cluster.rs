//! The promises of the crate on a real cluster, with the rights that the chart gives. `tests/kubernetes/run.sh` starts the cluster
//! and installs the chart.

#[path = "../../tests/contract/mod.rs"]
mod contract;

use std::sync::Arc;
use std::time::{Duration, Instant};

use daytona_engine::backend::{Backend, toolbox};
use daytona_kubernetes::cluster::Made;
use daytona_kubernetes::placement::{Placement, Reach};
use daytona_kubernetes::pods::{End, Life, Pods};
use daytona_kubernetes::settings::ControlPlane;
use daytona_kubernetes::{Cluster, ClusterError, Kubernetes, Runner, Settings, claim, pod, preflight};
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, PersistentVolumeClaim, Pod, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::PostParams;
use kube::{Api, Client, Config};
use serde_json::json;

const NAMESPACE: &str = "daytona-sandboxes";
/// Far more than anything here takes, on a machine that does much else.
const LIMIT: Duration = Duration::from_secs(180);

/// The cluster as its administrator sees it, for what is not the control plane's to see or do.
async fn administrator() -> Client {
    Client::try_from(Config::infer().await.unwrap()).unwrap()
}

fn settings() -> Settings {
    let control_plane = ControlPlane::Networks(vec!["10.88.0.1/32".to_owned()]);
    Settings {
        storage_class: Some("test".to_owned()),
        ..Settings::new(NAMESPACE, "daytona.invalid/stand-in:1", control_plane)
    }
}

/// The cluster with the rights of the chart's service account.
async fn cluster(settings: Settings) -> Cluster {
    let accounts: Api<ServiceAccount> = Api::namespaced(administrator().await, "daytona");
    let request = TokenRequest {
        spec: TokenRequestSpec { expiration_seconds: Some(3600), ..Default::default() },
        ..Default::default()
    };
    let answer = accounts.create_token_request("daytona", &PostParams::default(), &request).await.unwrap();
    let mut config = Config::infer().await.unwrap();
    config.auth_info = Default::default();
    config.auth_info.token = Some(answer.status.unwrap().token.into());
    Cluster::new(config, settings).unwrap()
}

fn placement(id: &str, start: &str) -> Placement {
    Placement {
        id: id.to_owned(),
        organization: "o".to_owned(),
        start: start.to_owned(),
        image: None,
        cpu: 0.5,
        memory_gib: 0.0625,
        disk_gib: 1.0,
        bootstrap: "{}".to_owned(),
        volumes: Vec::new(),
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.expect("it takes too long")
}

/// The pod once the kubelet says so of it.
async fn once(made: &Made, said: impl Fn(&Pod) -> bool) -> Pod {
    let pods: Api<Pod> = Api::namespaced(administrator().await, NAMESPACE);
    within(async {
        loop {
            let pod = pods.get(&made.name).await.unwrap();
            if said(&pod) {
                return pod;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await
}

async fn running(made: &Made) -> Pod {
    once(made, |pod| pod.status.as_ref().is_some_and(|status| status.phase.as_deref() == Some("Running"))).await
}

#[tokio::test]
async fn the_chart_gives_every_right_that_is_used_and_no_other() {
    let cluster = cluster(settings()).await;
    preflight::check(&cluster).await.unwrap();
    // And none of them anywhere else.
    let elsewhere = self::cluster(Settings { namespace: "default".to_owned(), ..settings() }).await;
    let all: usize = preflight::RIGHTS.iter().map(|right| right.verbs.len()).sum();
    assert_eq!(preflight::missing_rights(&elsewhere).await.unwrap().len(), all);
}

#[tokio::test]
async fn a_wrong_configuration_is_said_by_name() {
    let of = |settings| async move { preflight::check(&cluster(settings).await).await.unwrap_err().join("\n") };
    let wrong = of(Settings { storage_class: Some("nowhere".to_owned()), ..settings() }).await;
    assert!(wrong.contains("no storage class nowhere"), "{wrong}");
    let wrong = of(Settings { runtime_class: Some("nothing".to_owned()), ..settings() }).await;
    assert!(wrong.contains("RuntimeClass \"nothing\" not found"), "{wrong}");
    let wrong = of(Settings { namespace: "default".to_owned(), ..settings() }).await;
    assert!(wrong.contains("lacks rights in namespace default: create pods"), "{wrong}");
}

#[tokio::test]
async fn a_sandbox_starts_ends_and_starts_again() {
    let cluster = cluster(settings()).await;
    let pods = Pods::watch(&cluster);
    cluster.create_home("life", "o", 1.0).await.unwrap();
    cluster.create_home("life", "o", 1.0).await.unwrap();
    let began = Instant::now();
    let first = cluster.create_pod(&placement("life", "s1")).await.unwrap();
    assert_eq!(cluster.create_pod(&placement("life", "s1")).await.unwrap(), first);
    running(&first).await;
    eprintln!("created and reported to run: {:?}", began.elapsed());
    let began = Instant::now();
    cluster.delete_pod(&first, None).await.unwrap();
    assert_eq!(within(pods.ended(&first)).await, End::Exited);
    eprintln!("asked to end, and heard of its end: {:?}", began.elapsed());
    let second = within(cluster.create_pod(&placement("life", "s2"))).await.unwrap();
    running(&second).await;
    // A third start does not wait for anybody to end the second.
    let third = within(cluster.create_pod(&placement("life", "s3"))).await.unwrap();
    assert_ne!(second.uid, third.uid);
    running(&third).await;
    cluster.delete_pod(&second, None).await.unwrap();
    assert_eq!(*pods.follow(&third).borrow(), Life::Alive);
    cluster.delete_pod(&third, Some(Duration::ZERO)).await.unwrap();
    within(pods.ended(&third)).await;
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(administrator().await, NAMESPACE);
    let bound = claims.get(&claim::home_name("life")).await.unwrap();
    assert_eq!(bound.status.unwrap().phase.as_deref(), Some("Bound"));
    cluster.delete_claim(&claim::home_name("life")).await.unwrap();
    cluster.delete_claim(&claim::home_name("life")).await.unwrap();
}

#[tokio::test]
async fn a_running_sandbox_takes_another_size_without_a_restart() {
    let cluster = cluster(Settings { storage_class: None, ..settings() }).await;
    let made = cluster.create_pod(&placement("size", "s1")).await.unwrap();
    running(&made).await;
    cluster.resize("size", 0.25, 0.125).await.unwrap();
    let pod = once(&made, |pod| {
        let status = serde_json::to_value(&pod.status).unwrap();
        status["containerStatuses"][0]["resources"]["limits"]["memory"] == "128Mi"
    })
    .await;
    let status = serde_json::to_value(&pod.status).unwrap();
    assert_eq!(status["containerStatuses"][0]["restartCount"], 0);
    assert_eq!(status["containerStatuses"][0]["resources"]["limits"]["cpu"], "250m");
    cluster.delete_pod(&made, Some(Duration::ZERO)).await.unwrap();
}

#[tokio::test]
async fn an_image_that_is_nowhere_is_said_by_name() {
    let cluster =
        cluster(Settings { storage_class: None, image: "daytona.invalid/nowhere:1".to_owned(), ..settings() }).await;
    let pods = Pods::watch(&cluster);
    let made = cluster.create_pod(&placement("image", "s1")).await.unwrap();
    let mut life = pods.follow(&made);
    let stuck = within(life.wait_for(|life| matches!(life, Life::Stuck(_)))).await.unwrap().clone();
    assert!(matches!(&stuck, Life::Stuck(why) if why.contains("daytona.invalid/nowhere:1")), "{stuck:?}");
    cluster.delete_pod(&made, Some(Duration::ZERO)).await.unwrap();
    within(pods.ended(&made)).await;
}

#[tokio::test]
async fn a_sandbox_that_fits_nowhere_waits_and_says_why() {
    let cluster = cluster(Settings { storage_class: None, ..settings() }).await;
    let pods = Pods::watch(&cluster);
    let mut wanted = placement("large", "s1");
    wanted.memory_gib = 15.9;
    let mut made = Vec::new();
    // More than one node has.
    let waiting = within(async {
        for number in 0.. {
            let one = cluster.create_pod(&Placement { id: format!("large-{number}"), ..wanted.clone() }).await.unwrap();
            let mut life = pods.follow(&one);
            made.push(one);
            let told = life.wait_for(|life| matches!(life, Life::Waiting(_)));
            if let Ok(told) = tokio::time::timeout(Duration::from_secs(3), told).await {
                return told.unwrap().clone();
            }
        }
        unreachable!()
    })
    .await;
    assert!(matches!(&waiting, Life::Waiting(why) if why.contains("Insufficient memory")), "{waiting:?}");
    for pod in &made {
        cluster.delete_pod(pod, Some(Duration::ZERO)).await.unwrap();
    }
}

#[tokio::test]
async fn more_than_the_largest_size_is_refused_by_the_namespace() {
    let cluster = cluster(Settings { storage_class: None, ..settings() }).await;
    let mut wanted = placement("huge", "s1");
    wanted.cpu = 64.0;
    let error = cluster.create_pod(&wanted).await.unwrap_err();
    assert!(matches!(&error, ClusterError::Forbidden(why) if why.contains("maximum cpu usage")), "{error}");
}

#[tokio::test]
async fn policies_are_taken_as_they_are_and_changed_in_place() {
    let cluster = cluster(settings()).await;
    cluster.apply_policy_for_all().await.unwrap();
    for reach in [Reach::Internet, Reach::Nothing, Reach::Networks(vec!["203.0.113.0/24".to_owned()])] {
        cluster.apply_reach("policy", "o", &reach).await.unwrap();
    }
    let policies: Api<NetworkPolicy> = Api::namespaced(administrator().await, NAMESPACE);
    let policy = serde_json::to_value(policies.get("sandbox-policy").await.unwrap()).unwrap();
    assert_eq!(policy["spec"]["egress"][0]["to"], json!([{"ipBlock": {"cidr": "203.0.113.0/24"}}]));
    cluster.delete_reach("policy").await.unwrap();
    cluster.delete_reach("policy").await.unwrap();
}

#[tokio::test]
async fn the_namespace_takes_no_pod_with_more_rights() {
    let client = administrator().await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let labels = namespaces.get(NAMESPACE).await.unwrap().metadata.labels.unwrap();
    assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted");
    let mut wanted = pod::of(&placement("rights", "s1"), &Settings { storage_class: None, ..settings() });
    wanted.spec.as_mut().unwrap().containers[0].security_context = None;
    let pods: Api<Pod> = Api::namespaced(client, NAMESPACE);
    let error = pods.create(&PostParams::default(), &wanted).await.unwrap_err();
    assert!(error.to_string().contains("PodSecurity"), "{error}");
}

/// Sandboxes with the toolbox, as the engine has them made.
async fn backend() -> Arc<dyn Backend> {
    let settings = Settings { image: "daytona.invalid/sandbox:1".to_owned(), ..settings() };
    let listener = tokio::net::TcpListener::bind((ADDRESS, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    // Other tests have pods in the same namespace.
    Arc::new(Kubernetes::beside_others(Runner::new(cluster(settings).await, listener, address).await.unwrap()))
}

/// Where pods reach the tests.
const ADDRESS: &str = "10.88.0.1";

#[tokio::test(flavor = "multi_thread")]
async fn pods_keep_the_promises_of_every_backend() {
    let backend = backend().await;
    contract::keeps_its_promises(&backend, ["promise-1", "promise-2", "promise-3"]).await;
}

async fn execute(backend: &Arc<dyn Backend>, id: &str, command: &str) -> String {
    let mut sender = toolbox::open(&**backend, id).await.unwrap();
    let request = Request::post("/process/execute")
        .header(header::HOST, "toolbox")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(json!({"command": command}).to_string())))
        .unwrap();
    let answer = sender.send(request).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
    answer["result"].as_str().unwrap().trim_end().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_sandbox_gives_a_first_result() {
    let backend = backend().await;
    let mut times = Vec::new();
    for number in 0..10 {
        let id = format!("quick-{number}");
        let began = Instant::now();
        backend.create(contract::spec(&id)).await.unwrap();
        let made = began.elapsed();
        let instance = within(backend.start(contract::spec(&id))).await.unwrap();
        let started = began.elapsed();
        assert_eq!(execute(&backend, &id, "echo here").await, "here");
        times.push((began.elapsed(), made, started));
        instance.kill();
        within(instance.wait()).await;
        instance.release().await;
        backend.discard(&id).await.unwrap();
        backend.purge(&id, false).await;
    }
    times.sort();
    eprintln!(
        "create to first result: median {:?} (made {:?}, started {:?}), worst {:?}",
        times[5].0, times[5].1, times[5].2, times[9].0
    );
}
