//! The event hub against a hand-written gateway.

use std::time::Duration;

use daytona::events::{Change, EventHub, EventHubConfig, EventSubscription, EventTiming};
use daytona::proxy::Proxies;
use daytona::tls::Tls;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, Uri};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::Message;

const OPEN: &str = r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

/// The server's side of one connection.
struct Gateway {
    socket: WebSocketStream<TcpStream>,
    uri: Uri,
    headers: HeaderMap,
}

impl Gateway {
    async fn accept(listener: &TcpListener) -> Self {
        let (tcp, _) = listener.accept().await.unwrap();
        let (mut uri, mut headers) = Default::default();
        #[allow(clippy::result_large_err)]
        let judge = |request: &Request, response: Response| {
            (uri, headers) = (request.uri().clone(), request.headers().clone());
            Ok(response)
        };
        let socket = tokio_tungstenite::accept_hdr_async(tcp, judge).await.unwrap();
        Self { socket, uri, headers }
    }

    /// Accepts a connection and its credentials.
    async fn accept_client(listener: &TcpListener) -> Self {
        let mut gateway = Self::accept(listener).await;
        gateway.send(OPEN).await;
        assert_eq!(gateway.receive().await.unwrap(), r#"40{"token":"sesame"}"#);
        gateway.send(r#"40{"sid":"n"}"#).await;
        gateway
    }

    async fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The next text, or `None` when the client is gone.
    async fn receive(&mut self) -> Option<String> {
        loop {
            match self.socket.next().await? {
                Ok(Message::Text(text)) => return Some(text.to_string()),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    async fn push_state(&mut self, id: &str, state: &str) {
        let event = format!(r#"42["sandbox.state.updated",{{"sandbox":{{"id":"{id}","state":"{state}"}}}}]"#);
        self.send(&event).await;
    }
}

async fn listen() -> (TcpListener, EventHubConfig) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = daytona::events::Gateway {
        api_url: format!("http://{}/prefix/api", listener.local_addr().unwrap()).parse().unwrap(),
        token: "sesame".into(),
    };
    assert!(!format!("{gateway:?}").contains("sesame"));
    let config = EventHubConfig {
        gateway: std::sync::Arc::new(move || Some(gateway.clone())),
        source: "sdk-test".into(),
        sdk_version: "1.2.3".into(),
        organization_id: Some("org 1".into()),
        tls: Tls::new(None).unwrap(),
        proxies: Proxies::none(),
        timing: EventTiming { first_retry: Duration::from_millis(10), ..EventTiming::default() },
    };
    (listener, config)
}

async fn connected(listener: &TcpListener, subscription: &mut EventSubscription) -> Gateway {
    let gateway = Gateway::accept_client(listener).await;
    assert_eq!(subscription.changed().await, Change::Connected);
    gateway
}

fn state(state: &str) -> Change {
    Change::State(state.into())
}

#[tokio::test]
async fn a_subscriber_gets_the_states_of_its_sandbox_alone() {
    let (listener, config) = listen().await;
    assert!(!format!("{config:?}").contains("sesame"));
    let hub = EventHub::new(config);
    assert!(!hub.is_connected());
    let mut a = hub.subscribe("a");
    let mut b = hub.subscribe("b");
    let mut gateway = connected(&listener, &mut a).await;
    assert_eq!(b.changed().await, Change::Connected);
    assert!(hub.is_connected() && a.is_connected());

    assert_eq!(gateway.uri.path(), "/prefix/api/socket.io/");
    let query = gateway.uri.query().unwrap();
    assert_eq!(query, "organizationId=org+1&source=sdk-test&sdkVersion=1.2.3&EIO=4&transport=websocket");
    assert!(!gateway.headers.contains_key("authorization"));

    gateway.send(r#"42["volume.created",{"id":"a","state":"x"}]"#).await;
    gateway.push_state("c", "x").await;
    gateway.push_state("a", "started").await;
    assert_eq!(a.changed().await, state("started"));
    gateway.send(r#"42["sandbox.created",{"id":"b","state":"creating"}]"#).await;
    assert_eq!(b.changed().await, state("creating"));
    gateway.push_state("a", "stopped").await;
    assert_eq!(a.changed().await, state("stopped"));

    // A later subscriber shares the connection and starts with what happens next.
    let mut late = hub.subscribe("a");
    assert!(late.is_connected());
    gateway.push_state("a", "archived").await;
    assert_eq!(late.changed().await, state("archived"));
}

#[tokio::test]
async fn pings_of_the_gateway_are_answered() {
    let (listener, config) = listen().await;
    let hub = EventHub::new(config);
    let mut subscription = hub.subscribe("a");
    let mut gateway = connected(&listener, &mut subscription).await;
    for _ in 0..3 {
        gateway.send("2").await;
        assert_eq!(gateway.receive().await.unwrap(), "3");
    }
}

#[tokio::test]
async fn a_server_without_gateway_is_not_asked_again_by_every_subscriber() {
    let (listener, mut config) = listen().await;
    config.timing.first_retry = Duration::from_secs(3600);
    config.timing.last_retry = Duration::from_secs(3600);
    let hub = EventHub::new(config);
    let first = hub.subscribe("a");
    let (mut tcp, _) = listener.accept().await.unwrap();
    let mut request = [0; 4096];
    assert!(tcp.read(&mut request).await.unwrap() > 0);
    tcp.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    // The client hangs up, having understood.
    while tcp.read(&mut request).await.is_ok_and(|n| n > 0) {}
    for id in 0..20 {
        let subscription = hub.subscribe(&id.to_string());
        tokio::task::yield_now().await;
        assert!(!subscription.is_connected());
    }
    drop(first);
    let second = hub.subscribe("a");
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert!(!second.is_connected());
    assert!(futures_util::FutureExt::now_or_never(listener.accept()).is_none());
}

#[tokio::test]
async fn refused_credentials_and_silence_are_tried_again_later() {
    let (listener, mut config) = listen().await;
    config.timing.connect = Duration::from_millis(100);
    let hub = EventHub::new(config);
    let mut subscription = hub.subscribe("a");

    let mut refusing = Gateway::accept(&listener).await;
    refusing.send(OPEN).await;
    assert!(refusing.receive().await.unwrap().starts_with("40"));
    refusing.send(r#"44{"message":"no"}"#).await;
    assert_eq!(refusing.receive().await, None);
    assert!(!subscription.is_connected());

    // Accepts TCP and never answers.
    let (mut silent, _) = listener.accept().await.unwrap();
    while silent.read(&mut [0; 4096]).await.is_ok_and(|n| n > 0) {}
    assert!(!subscription.is_connected());

    connected(&listener, &mut subscription).await;
}

#[tokio::test]
async fn a_lost_connection_is_told_and_made_again() {
    let (listener, config) = listen().await;
    let hub = EventHub::new(config);
    let mut subscription = hub.subscribe("a");
    drop(connected(&listener, &mut subscription).await);
    assert_eq!(subscription.changed().await, Change::Disconnected);

    let mut leaving = connected(&listener, &mut subscription).await;
    leaving.send("41").await;
    assert_eq!(subscription.changed().await, Change::Disconnected);

    let mut silent = Gateway::accept(&listener).await;
    silent.send(r#"0{"sid":"s","pingInterval":20,"pingTimeout":20}"#).await;
    silent.send(r#"40{"sid":"n"}"#).await;
    assert_eq!(subscription.changed().await, Change::Connected);
    assert_eq!(subscription.changed().await, Change::Disconnected);

    let mut gateway = connected(&listener, &mut subscription).await;
    gateway.push_state("a", "started").await;
    assert_eq!(subscription.changed().await, state("started"));
}

#[tokio::test]
async fn nobody_listening_ends_the_connection_and_a_subscriber_brings_it_back() {
    let (listener, mut config) = listen().await;
    config.timing.idle = Duration::from_millis(10);
    let hub = EventHub::new(config);
    for _ in 0..2 {
        let mut subscription = hub.subscribe("a");
        let mut gateway = connected(&listener, &mut subscription).await;
        drop(subscription);
        assert_eq!(gateway.receive().await.as_deref(), Some("41"));
        assert_eq!(gateway.receive().await, None);
        assert!(!hub.is_connected());
    }
}

#[tokio::test]
async fn dropping_the_hub_hangs_up() {
    let (listener, config) = listen().await;
    let hub = EventHub::new(config);
    let mut subscription = hub.subscribe("a");
    let mut gateway = connected(&listener, &mut subscription).await;
    drop(hub);
    assert_eq!(gateway.receive().await, None);
    assert!(!subscription.is_connected());
    assert_eq!(subscription.changed().await, Change::Disconnected);

    // Also while it is still connecting.
    let (listener, config) = listen().await;
    let hub = EventHub::new(config);
    let _subscription = hub.subscribe("a");
    let (mut tcp, _) = listener.accept().await.unwrap();
    drop(hub);
    while tcp.read(&mut [0; 4096]).await.is_ok_and(|n| n > 0) {}
}

#[test]
fn without_a_runtime_subscribing_does_nothing() {
    let config = tokio::runtime::Runtime::new().unwrap().block_on(listen()).1;
    let hub = EventHub::new(config);
    assert!(!hub.subscribe("a").is_connected());
}
