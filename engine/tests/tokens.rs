//! Tokens of an OpenID Connect issuer: people with organizations of their own, invited to others. Needs root.

mod harness;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::{Engine, id_of, read};
use reqwest::{Method, StatusCode};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

/// An issuer on this machine, with its discovery document and keys.
struct Issuer {
    url: String,
    keys: Arc<Mutex<Vec<(String, EcdsaKeyPair)>>>,
}

fn new_key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap()
}

impl Issuer {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let keys = Arc::new(Mutex::new(vec![("first".to_owned(), new_key())]));
        let discovery = json!({"issuer": url, "jwks_uri": format!("{url}/keys")});
        let shown = Arc::clone(&keys);
        let jwks = async move || {
            let key = |(id, key): &(String, EcdsaKeyPair)| {
                let point = key.public_key().as_ref();
                let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
                json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": id, "x": encode(&point[1..33]), "y": encode(&point[33..])})
            };
            Json(json!({"keys": shown.lock().unwrap().iter().map(key).collect::<Vec<_>>()}))
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(async move || Json(discovery)))
            .route("/keys", get(jwks));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, keys }
    }

    /// A token of a person, signed with the latest key.
    fn token(&self, user: &str, email: &str) -> String {
        self.token_at(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs(), user, email)
    }

    /// The same, signed some seconds after 1970.
    fn token_at(&self, now: u64, user: &str, email: &str) -> String {
        let claims = json!({"iss": self.url, "aud": "daytona", "sub": user, "iat": now, "exp": now + 600, "email": email,
            "email_verified": true, "name": user});
        let keys = self.keys.lock().unwrap();
        let (id, key) = keys.last().unwrap();
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&json!({"alg": "ES256", "kid": id})), encode(&claims));
        let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

async fn engine_of(issuer: &Issuer) -> Engine {
    Engine::start_with(TempDir::new().unwrap(), &[], &[("DAYTONA_LOCAL_OIDC_ISSUER", &issuer.url)]).await
}

async fn ask(
    engine: &Engine,
    token: &str,
    organization: &str,
    method: Method,
    path: &str,
    body: Value,
) -> (StatusCode, Value) {
    let request = engine.anonymous(method.clone(), path).bearer_auth(token);
    let request =
        if organization.is_empty() { request } else { request.header("X-Daytona-Organization-ID", organization) };
    let request = if method == Method::GET { request } else { request.json(&body) };
    read(request.send().await).await
}

#[tokio::test]
async fn a_person_has_an_organization_and_joins_others_by_invitation() {
    let issuer = Issuer::start().await;
    let engine = engine_of(&issuer).await;
    let (ada, bob) = (issuer.token("ada", "ada@example.com"), issuer.token("bob", "Bob@example.com"));
    let (status, own) = ask(&engine, &ada, "", Method::GET, "/api/organizations", json!({})).await;
    assert_eq!(status, StatusCode::OK, "{own}");
    assert_eq!((own.as_array().map(Vec::len), &own[0]["personal"]), (Some(1), &json!(true)));
    let (_, me) = ask(&engine, &ada, "", Method::GET, "/api/users/me", json!({})).await;
    assert_eq!((&me["id"], &me["emailVerified"]), (&json!("ada"), &json!(true)));

    let (_, team) = ask(&engine, &ada, "", Method::POST, "/api/organizations", json!({"name": "Team"})).await;
    let team = id_of(&team);
    let auditor = "00000000-0000-0000-0000-000000000007";
    let path = format!("/api/organizations/{team}");
    let invitation = json!({"email": "bob@example.com", "role": "member", "assignedRoleIds": [auditor]});
    let (status, invitation) =
        ask(&engine, &ada, &team, Method::POST, &format!("{path}/invitations"), invitation).await;
    assert_eq!(status, StatusCode::CREATED, "{invitation}");
    assert_eq!(ask(&engine, &bob, &team, Method::GET, "/api/sandbox", json!({})).await.0, StatusCode::FORBIDDEN);
    let accept = format!("/api/organizations/invitations/{}/accept", id_of(&invitation));
    assert_eq!(ask(&engine, &ada, "", Method::POST, &accept, json!({})).await.0, StatusCode::NOT_FOUND, "it is Bob's");
    let (_, count) = ask(&engine, &bob, "", Method::GET, "/api/organizations/invitations/count", json!({})).await;
    assert_eq!(count, json!(1));
    let (status, accepted) = ask(&engine, &bob, "", Method::POST, &accept, json!({})).await;
    assert_eq!((status, &accepted["status"]), (StatusCode::OK, &json!("accepted")));

    assert_eq!(ask(&engine, &bob, &team, Method::GET, "/api/sandbox", json!({})).await.0, StatusCode::OK);
    assert_eq!(ask(&engine, &bob, &team, Method::POST, "/api/sandbox", json!({})).await.0, StatusCode::FORBIDDEN);
    let log = format!("/api/audit/organizations/{team}?action=accept");
    let (status, entries) = ask(&engine, &bob, &team, Method::GET, &log, json!({})).await;
    assert_eq!(status, StatusCode::OK, "{entries}");
    // Bob may do everything in his own organization, which gives him nothing in others.
    let viewer = json!({"role": "member", "assignedRoleIds": []});
    let access = format!("{path}/users/bob/access");
    assert_eq!(ask(&engine, &ada, &team, Method::POST, &access, viewer).await.0, StatusCode::OK);
    for log in [log, format!("/api/audit/organizations/{team}/export")] {
        for organization in ["", team.as_str()] {
            let (status, told) = ask(&engine, &bob, organization, Method::GET, &log, json!({})).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{log} {organization:?}: {told}");
        }
    }
    let (_, roles) = ask(&engine, &bob, &team, Method::GET, &format!("{path}/users"), json!({})).await;
    assert_eq!(roles.as_array().map(Vec::len), Some(2));
    let role = json!({"name": "r", "description": "", "permissions": []});
    assert_eq!(ask(&engine, &bob, &team, Method::POST, &format!("{path}/roles"), role).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn keys_that_the_issuer_adds_are_learned_and_strangers_are_refused() {
    let issuer = Issuer::start().await;
    let engine = engine_of(&issuer).await;
    let first = issuer.token("ada", "");
    assert_eq!(ask(&engine, &first, "", Method::GET, "/api/sandbox", json!({})).await.0, StatusCode::OK);
    issuer.keys.lock().unwrap().push(("second".to_owned(), new_key()));
    let second = issuer.token("ada", "");
    // The issuer is not asked more often than every few seconds.
    let deadline = std::time::Instant::now() + Duration::from_secs(120);
    while ask(&engine, &second, "", Method::GET, "/api/sandbox", json!({})).await.0 != StatusCode::OK {
        assert!(std::time::Instant::now() < deadline, "the key is not learned");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let other = Issuer::start().await;
    assert_eq!(
        ask(&engine, &other.token("ada", ""), "", Method::GET, "/api/sandbox", json!({})).await.0,
        StatusCode::UNAUTHORIZED
    );
    let config = read(engine.anonymous(Method::GET, "/api/config").send().await).await.1;
    assert_eq!((&config["oidc"]["issuer"], &config["oidc"]["audience"]), (&json!(issuer.url), &json!("daytona")));
}

#[tokio::test]
async fn first_requests_at_the_same_moment_make_one_organization() {
    let issuer = Issuer::start().await;
    let engine = engine_of(&issuer).await;
    let token = issuer.token("ada", "ada@example.com");
    let asked = (0..16).map(|_| ask(&engine, &token, "", Method::GET, "/api/organizations", json!({})));
    let answers = futures_util::future::join_all(asked).await;
    let first = &answers[0].1;
    for (status, organizations) in &answers {
        assert_eq!((*status, organizations), (StatusCode::OK, first));
    }
    assert_eq!(first.as_array().map(Vec::len), Some(1));
}

/// Answers with the headers it was sent.
const ECHO: &str = r#"
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = str(dict(self.headers)).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)
http.server.HTTPServer(('127.0.0.1', 8080), Handler).serve_forever()
"#;

#[tokio::test]
async fn programs_of_a_public_sandbox_see_no_token_of_the_issuer() {
    let issuer = Issuer::start().await;
    let engine = engine_of(&issuer).await;
    let id = id_of(&engine.create(json!({"public": true})).await);
    let (_, preview) = engine.get(&format!("/api/sandbox/{id}/ports/8080/preview-url")).await;
    let url = preview["url"].as_str().unwrap();
    engine.output(&id, &format!("cat > echo.py <<'END'\n{ECHO}\nEND\nnohup python3 echo.py >/dev/null 2>&1 &")).await;
    harness::wait_for_response(async || {
        engine.client.get(url).send().await.ok().filter(|answer| answer.status() == StatusCode::OK)
    })
    .await;
    let seen = async |token: &str, organization: &str| {
        let request = engine.client.get(url).bearer_auth(token).header("X-Daytona-Organization-ID", organization);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.text().await.unwrap()
    };
    let (good, over) = (issuer.token("ada", ""), issuer.token_at(1, "ada", ""));
    issuer.keys.lock().unwrap().push(("new".to_owned(), new_key()));
    let unknown = issuer.token("ada", "");
    for (what, token, organization) in
        [("good", &good, ""), ("not a member", &good, "other"), ("over", &over, ""), ("of a key to come", &unknown, "")]
    {
        let seen = seen(token, organization).await;
        assert!(!seen.contains(token.as_str()), "{what}: {seen}");
    }
    let own = Issuer::start().await.token("ada", "");
    assert!(seen(&own, "").await.contains(&own), "a program's own token is its own");
}
