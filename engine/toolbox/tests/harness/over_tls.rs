//! The toolbox as a pod's is reached: over TCP and TLS, with a token.

use axum::Router;
use daytona_remote_toolbox::server::serve_router;
use daytona_remote_toolbox::{Connector, Identity, Token};
use tokio::net::TcpListener;

/// The environment variable that asks for it.
pub const WANTED: &str = "DAYTONA_TEST_TOOLBOX_OVER_TLS";

/// Serves the routes at a port of their own, and leads every connection of `listener` there, as a proxy does.
pub async fn serve(listener: TcpListener, router: Router) {
    let remote = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (address, identity, token) =
        (remote.local_addr().expect("bound"), Identity::make().expect("a key"), Token::random());
    let connector = Connector::new(address, identity.certificate(), &token).expect("a client");
    let lead = async {
        loop {
            let (mut from, _) = listener.accept().await.expect("a connection");
            let connector = connector.clone();
            tokio::spawn(async move {
                let mut to = connector.connect().await.expect("the toolbox lets its proxy in");
                // Either side going away is how connections end.
                let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
            });
        }
    };
    tokio::select! {
        served = serve_router(remote, &identity, token, router) => served.expect("a usable identity"),
        () = lead => {}
    }
}
