//! A WebSocket client that keeps everything it hears.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::Toolbox;

pub struct Socket {
    pub stream: WebSocketStream<TcpStream>,
    /// The subprotocol the server chose.
    pub protocol: Option<String>,
    /// Bytes of all binary messages so far.
    pub output: Vec<u8>,
    /// All text messages so far.
    pub texts: Vec<Value>,
}

/// How a connection ended: code and reason of the close frame, if there was one.
pub type Ended = Option<(u16, String)>;

impl Toolbox {
    /// Opens a WebSocket with further request headers.
    pub async fn try_connect(&self, path: &str, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header value"));
        }
        let tcp = TcpStream::connect(self.address).await?;
        let config = WebSocketConfig::default().max_message_size(None);
        let (stream, response) = client_async_with_config(request, tcp, Some(config)).await?;
        let protocol = response.headers().get("sec-websocket-protocol").and_then(|v| v.to_str().ok());
        Ok(Socket { protocol: protocol.map(str::to_owned), stream, output: Vec::new(), texts: Vec::new() })
    }

    pub async fn connect(&self, path: &str, headers: &[(&'static str, &str)]) -> Socket {
        self.try_connect(path, headers).await.expect("the toolbox upgrades")
    }
}

impl Socket {
    pub async fn send_text(&mut self, text: impl Into<Utf8Bytes>) {
        self.stream.send(Message::Text(text.into())).await.expect("the server reads");
    }

    pub async fn send(&mut self, data: impl Into<Bytes>) {
        self.stream.send(Message::Binary(data.into())).await.expect("the server reads");
    }

    /// Takes the next message; the ending when there is none.
    async fn take(&mut self) -> Result<(), Ended> {
        match self.stream.next().await {
            Some(Ok(Message::Binary(data))) => self.output.extend_from_slice(&data),
            Some(Ok(Message::Text(text))) => {
                self.texts.push(serde_json::from_str(&text).unwrap_or_else(|_| json!(text.as_str())));
            }
            Some(Ok(Message::Close(frame))) => {
                // Reading on lets the library finish the closing handshake.
                while let Some(Ok(_)) = self.stream.next().await {}
                return Err(frame.map(|frame| (frame.code.into(), frame.reason.to_string())));
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(None),
        }
        Ok(())
    }

    /// Reads until the server closes.
    pub async fn finish(&mut self) -> Ended {
        loop {
            if let Err(ended) = self.take().await {
                return ended;
            }
        }
    }

    /// Reads until the binary output contains `text`.
    pub async fn read_until(&mut self, text: &str) {
        while !self.text().contains(text) {
            if let Err(ended) = self.take().await {
                panic!("closed with {ended:?} before {text:?} came: {:?}", self.text());
            }
        }
    }

    /// Reads until a text message satisfies the condition.
    pub async fn read_message(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut seen = 0;
        loop {
            if let Some(found) = self.texts[seen..].iter().find(|text| wanted(text)) {
                return found.clone();
            }
            seen = self.texts.len();
            if let Err(ended) = self.take().await {
                panic!("closed with {ended:?} before the message came: {:?}", self.texts);
            }
        }
    }

    /// The binary output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }
}
