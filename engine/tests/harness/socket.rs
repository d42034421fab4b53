//! WebSockets through the engine.

use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::harness::Engine;

impl Engine {
    /// Opens an authorised WebSocket; `path` starts after the origin.
    pub async fn socket(&self, path: &str) -> WebSocketStream<TcpStream> {
        let address = self.origin.strip_prefix("http://").expect("an HTTP origin");
        let mut request = format!("ws://{address}{path}").into_client_request().expect("an address");
        for (name, value) in [
            ("authorization", format!("Bearer {}", self.api_key)),
            ("x-daytona-sdk-version", "0.226.1".to_owned()),
            ("sec-websocket-protocol", "X-Daytona-Pty-Exit-Control".to_owned()),
        ] {
            request.headers_mut().insert(name, value.parse().expect("a header value"));
        }
        let tcp = TcpStream::connect(address).await.expect("the engine accepts");
        let config = WebSocketConfig::default().max_message_size(None);
        client_async_with_config(request, tcp, Some(config)).await.expect("the engine upgrades").0
    }
}
