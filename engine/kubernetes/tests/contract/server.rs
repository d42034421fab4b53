//! As much of a cluster's API as the crate uses, on a real socket, and what a real one may do to its clients.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use daytona_kubernetes::{Cluster, Settings};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

/// What happens to a request instead of what it asks for.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// The connection breaks before anything is done.
    HangUp,
    /// It is done, and the connection breaks before the answer.
    CarryOutAndHangUp,
    /// 429, as the server's flow control answers: without a document.
    Busy { retry_after: u32 },
    /// 503.
    Unavailable,
    /// A status with a message.
    Refuse(u16, &'static str),
}

#[derive(Default)]
struct Cell {
    objects: BTreeMap<(String, String), Value>,
    version: u64,
    /// Events with their versions, since the last time that they were forgotten.
    events: Vec<(u64, Value)>,
    /// Versions before this one are too old to watch from.
    oldest: u64,
    watches: Vec<mpsc::UnboundedSender<Result<Bytes, Infallible>>>,
    scripts: HashMap<(&'static str, &'static str), VecDeque<Answer>>,
    counts: HashMap<(String, String), usize>,
    bodies: HashMap<(String, String), Value>,
    denied: HashSet<(String, String)>,
    /// Requests for which a deleted pod is still there.
    linger: usize,
    lingering: HashMap<String, usize>,
}

/// The server. It ends with the test's runtime.
pub struct Server {
    cell: Shared,
    address: std::net::SocketAddr,
}

#[derive(Clone)]
struct Shared {
    cell: Arc<Mutex<Cell>>,
    watches: watch::Sender<usize>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cell = Shared { cell: Arc::default(), watches: watch::Sender::new(0) };
        let router = Router::new().fallback(answer).with_state(cell.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { cell, address }
    }

    /// The crate, as a client of this server.
    pub fn cluster(&self, settings: Settings) -> Cluster {
        let config = kube::Config::new(format!("http://{}", self.address).parse().unwrap());
        Cluster::new(config, settings).unwrap()
    }

    fn lock(&self) -> MutexGuard<'_, Cell> {
        self.cell.lock()
    }

    /// Answers the next requests with this method for this resource in another way than they ask for.
    pub fn script(&self, method: &'static str, resource: &'static str, answers: impl IntoIterator<Item = Answer>) {
        self.lock().scripts.insert((method, resource), answers.into_iter().collect());
    }

    /// Requests so far; `LIST` and `WATCH` apart from `GET`.
    pub fn count(&self, method: &str, resource: &str) -> usize {
        self.lock().counts.get(&(method.to_owned(), resource.to_owned())).copied().unwrap_or(0)
    }

    /// What the last of them asked for.
    pub fn last_body(&self, method: &str, resource: &str) -> Value {
        self.lock().bodies[&(method.to_owned(), resource.to_owned())].clone()
    }

    /// Carries a request out late that was answered already.
    pub fn make(&self, resource: &str, mut object: Value) {
        let mut cell = self.lock();
        object["metadata"]["uid"] = json!(format!("uid-{}", cell.version + 1));
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        cell.put(resource, &name, object, "ADDED");
    }

    pub fn object(&self, resource: &str, name: &str) -> Option<Value> {
        self.lock().objects.get(&(resource.to_owned(), name.to_owned())).cloned()
    }

    pub fn uid_of(&self, pod: &str) -> Option<String> {
        Some(self.object("pods", pod)?["metadata"]["uid"].as_str()?.to_owned())
    }

    pub fn pod_names(&self) -> Vec<String> {
        self.lock().objects.keys().filter(|(resource, _)| resource == "pods").map(|(_, name)| name.clone()).collect()
    }

    /// Deleted pods are there for some more requests.
    pub fn ends_after(&self, requests: usize) {
        self.lock().linger = requests;
    }

    pub fn deny(&self, verb: &str, resource: &str) {
        self.lock().denied.insert((verb.to_owned(), resource.to_owned()));
    }

    pub fn add_storage_class(&self, name: &str) {
        let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}, "provisioner": "test"});
        self.lock().objects.insert(("storageclasses".to_owned(), name.to_owned()), class);
    }

    /// What a kubelet would report.
    pub fn set_status(&self, pod: &str, status: Value) {
        let mut cell = self.lock();
        let mut changed = cell.objects[&("pods".to_owned(), pod.to_owned())].clone();
        changed["status"] = status;
        cell.put("pods", pod, changed, "MODIFIED");
    }

    /// Removes a pod without telling anybody.
    pub fn remove_silently(&self, pod: &str) {
        self.lock().objects.remove(&("pods".to_owned(), pod.to_owned()));
    }

    /// Whoever goes on watching from an earlier version is told 410.
    pub fn forget_events(&self) {
        let mut cell = self.lock();
        cell.version += 1;
        cell.oldest = cell.version;
        cell.events.clear();
    }

    pub fn cut_watches(&self) {
        self.lock().watches.clear();
    }

    /// Waits until somebody watches.
    pub async fn watched(&self) {
        self.cell.watches.subscribe().wait_for(|count| *count > 0).await.unwrap();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Cell> {
        self.cell.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cell {
    fn put(&mut self, resource: &str, name: &str, mut object: Value, event: &str) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.objects.insert((resource.to_owned(), name.to_owned()), object.clone());
        self.tell(resource, event, &object);
        object
    }

    fn remove(&mut self, resource: &str, name: &str) {
        if let Some(mut object) = self.objects.remove(&(resource.to_owned(), name.to_owned())) {
            self.version += 1;
            object["metadata"]["resourceVersion"] = json!(self.version.to_string());
            self.tell(resource, "DELETED", &object);
        }
    }

    fn tell(&mut self, resource: &str, event: &str, object: &Value) {
        if resource == "pods" {
            let event = json!({"type": event, "object": object});
            let line = Bytes::from(format!("{event}\n"));
            self.watches.retain(|watch| watch.send(Ok(line.clone())).is_ok());
            self.events.push((self.version, event));
        }
    }

    /// Lets pods go that have been deleted long enough.
    fn age(&mut self) {
        let mut gone = Vec::new();
        for (name, left) in &mut self.lingering {
            *left = left.saturating_sub(1);
            if *left == 0 {
                gone.push(name.clone());
            }
        }
        for name in gone {
            self.lingering.remove(&name);
            self.remove("pods", &name);
        }
    }
}

/// The connection ends in the middle of the answer.
fn hang_up() -> Response {
    let broken = stream::once(async { Err::<Bytes, _>(std::io::Error::other("hung up")) });
    Response::builder().header("content-length", "1000").body(Body::from_stream(broken)).unwrap()
}

fn status(code: u16, message: &str) -> Response {
    let reason = match code {
        403 => "Forbidden",
        404 => "NotFound",
        409 => "AlreadyExists",
        410 => "Expired",
        _ => "",
    };
    let document = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason, "code": code});
    (StatusCode::from_u16(code).unwrap(), axum::Json(document)).into_response()
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    // `.../namespaces/NAMESPACE/RESOURCE[/NAME[/SUBRESOURCE]]`, or `/apis/GROUP/VERSION/RESOURCE[/NAME]`.
    let rest = match segments.iter().position(|segment| *segment == "namespaces") {
        Some(at) => &segments[at + 2..],
        None => &segments[3..],
    };
    let (resource, name) = (rest[0], rest.get(1).copied());
    let word = match (&parts.method, name) {
        (&Method::GET, None) if query.contains("watch=") => "WATCH",
        (&Method::GET, None) => "LIST",
        (method, _) => method.as_str(),
    };
    let mut cell = shared.lock();
    *cell.counts.entry((word.to_owned(), resource.to_owned())).or_default() += 1;
    cell.bodies.insert((word.to_owned(), resource.to_owned()), body.clone());
    cell.age();
    let scripted = cell
        .scripts
        .iter_mut()
        .find(|((method, of), _)| *method == word && *of == resource)
        .and_then(|(_, answers)| answers.pop_front());
    match scripted {
        Some(Answer::HangUp) => return hang_up(),
        Some(Answer::CarryOutAndHangUp) => {
            carry_out(&shared, &mut cell, word, resource, name, &query, &body);
            return hang_up();
        }
        Some(Answer::Busy { retry_after }) => {
            let after = [("retry-after", retry_after.to_string())];
            return (StatusCode::TOO_MANY_REQUESTS, after, "Too many requests, please try again later.")
                .into_response();
        }
        Some(Answer::Unavailable) => return status(503, "etcd leader changed"),
        Some(Answer::Refuse(code, message)) => return status(code, message),
        None => {}
    }
    carry_out(&shared, &mut cell, word, resource, name, &query, &body)
}

fn carry_out(
    shared: &Shared,
    cell: &mut Cell,
    word: &str,
    resource: &str,
    name: Option<&str>,
    query: &str,
    body: &Value,
) -> Response {
    let key = |name: &str| (resource.to_owned(), name.to_owned());
    match (word, name) {
        ("POST", None) if resource == "selfsubjectaccessreviews" => {
            let wanted = &body["spec"]["resourceAttributes"];
            let of = |name: &str| wanted[name].as_str().unwrap_or_default().to_owned();
            let allowed = !cell.denied.contains(&(of("verb"), of("resource")));
            let mut review = body.clone();
            review["status"] = json!({"allowed": allowed});
            (StatusCode::CREATED, axum::Json(review)).into_response()
        }
        ("POST", None) => {
            let name = body["metadata"]["name"].as_str().unwrap();
            if cell.objects.contains_key(&key(name)) {
                return status(409, &format!("{resource} \"{name}\" already exists"));
            }
            let mut object = body.clone();
            object["metadata"]["uid"] = json!(format!("uid-{}", cell.version + 1));
            let dry = query.contains("dryRun=All");
            let object = if dry { object } else { cell.put(resource, name, object, "ADDED") };
            (StatusCode::CREATED, axum::Json(object)).into_response()
        }
        ("GET", Some(name)) => match cell.objects.get(&key(name)) {
            Some(object) => axum::Json(object.clone()).into_response(),
            None => status(404, &format!("{resource} \"{name}\" not found")),
        },
        ("LIST", None) => {
            let items: Vec<_> =
                cell.objects.iter().filter(|((of, _), _)| of == resource).map(|(_, object)| object.clone()).collect();
            let metadata = json!({"resourceVersion": cell.version.to_string()});
            axum::Json(json!({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items}))
                .into_response()
        }
        ("WATCH", None) => watch_from(shared, cell, query),
        ("PATCH", Some(name)) => {
            let known = cell.objects.get(&key(name)).cloned();
            let object = match (resource, known) {
                ("networkpolicies", known) => {
                    let mut object = body.clone();
                    let uid = known.map_or_else(
                        || json!(format!("uid-{}", cell.version + 1)),
                        |known| known["metadata"]["uid"].clone(),
                    );
                    object["metadata"]["uid"] = uid;
                    object
                }
                (_, Some(mut known)) => {
                    let resources = body["spec"]["containers"][0]["resources"].clone();
                    known["spec"]["containers"][0]["resources"] = resources;
                    known
                }
                (_, None) => return status(404, &format!("{resource} \"{name}\" not found")),
            };
            axum::Json(cell.put(resource, name, object, "MODIFIED")).into_response()
        }
        ("DELETE", Some(name)) => {
            let Some(mut object) = cell.objects.get(&key(name)).cloned() else {
                return status(404, &format!("{resource} \"{name}\" not found"));
            };
            let wanted = &body["preconditions"]["uid"];
            if wanted.is_string() && *wanted != object["metadata"]["uid"] {
                return status(409, "the UID in the precondition does not match");
            }
            if resource == "pods" && cell.linger > 0 {
                object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
                let object = cell.put(resource, name, object, "MODIFIED");
                let linger = cell.linger;
                cell.lingering.entry(name.to_owned()).or_insert(linger);
                return axum::Json(object).into_response();
            }
            cell.remove(resource, name);
            axum::Json(json!({"kind": "Status", "apiVersion": "v1", "status": "Success"})).into_response()
        }
        _ => status(405, &format!("{word} {resource} is not scripted")),
    }
}

fn watch_from(shared: &Shared, cell: &mut Cell, query: &str) -> Response {
    let from: u64 = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("resourceVersion="))
        .and_then(|version| version.parse().ok())
        .unwrap_or(0);
    let (sender, receiver) = mpsc::unbounded_channel();
    if from < cell.oldest {
        // As a real server does: 200, and then an event that says so.
        let gone = json!({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "status": "Failure",
            "message": "too old resource version", "reason": "Expired", "code": 410}});
        let _ = sender.send(Ok(Bytes::from(format!("{gone}\n"))));
    } else {
        for (version, event) in &cell.events {
            if *version > from {
                let _ = sender.send(Ok(Bytes::from(format!("{event}\n"))));
            }
        }
        cell.watches.push(sender);
    }
    shared.watches.send_modify(|count| *count += 1);
    let events = stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    Response::builder().header("content-type", "application/json").body(Body::from_stream(events)).unwrap()
}
