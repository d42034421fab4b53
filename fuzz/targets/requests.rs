//! JSON bodies of requests to the toolbox. They are read and judged as always, and nothing is done.

#![no_main]

use std::sync::OnceLock;

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use libfuzzer_sys::fuzz_target;
use tower_service::Service;

fn router() -> Router {
    static ROUTER: OnceLock<Router> = OnceLock::new();
    ROUTER.get_or_init(daytona_toolbox::fuzzing::router).clone()
}

fuzz_target!(|input: (u8, &[u8])| {
    let (route, body) = input;
    let (method, path) = daytona_toolbox::fuzzing::ROUTES[usize::from(route) % daytona_toolbox::fuzzing::ROUTES.len()];
    let request = Request::builder().method(method).uri(path).body(Body::from(body.to_vec())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let response = runtime.block_on(async { router().call(request).await.unwrap() });
    assert_ne!(response.status(), StatusCode::INTERNAL_SERVER_ERROR, "{method} {path}");
    assert_ne!(response.status(), StatusCode::NOT_FOUND, "{method} {path}");
});
