//! Calling home: a secret is good once, from there, in time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use daytona_remote_toolbox::call_home::{self, Arrival, Refused};
use daytona_remote_toolbox::door::Limits;
use daytona_remote_toolbox::{CallHome, Certificate, Grant, Homes, Identity, NotHome, Token, serve_homes, tls};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::served::until_closed;

const LONG: Duration = Duration::from_secs(120);

struct Control {
    homes: Arc<Homes>,
    address: SocketAddr,
    certificate: Certificate,
    task: JoinHandle<()>,
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn control(lifetime: Duration) -> Control {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, identity, homes) = (listener.local_addr().unwrap(), Identity::make().unwrap(), Homes::new(lifetime));
    let certificate = identity.certificate().clone();
    let served = Arc::clone(&homes);
    let task = tokio::spawn(async move { serve_homes(listener, &identity, served, Limits::default()).await.unwrap() });
    Control { homes, address, certificate, task }
}

impl Control {
    fn home(&self, secret: &Token) -> CallHome {
        CallHome { address: self.address, certificate: self.certificate.clone(), secret: secret.clone() }
    }

    async fn call(&self, id: &str, secret: &Token) -> anyhow::Result<Option<Grant>> {
        call_home::call(id, &self.home(secret), 2280, LONG).await
    }

    async fn is_refused(&self, id: &str, secret: &Token) -> bool {
        self.call(id, secret).await.is_err_and(|error| error.is::<Refused>())
    }

    /// What a call with just this body is answered.
    async fn send(&self, body: &[u8]) -> String {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        let mut stream = tls::connect(&tls::client(&self.certificate).unwrap().into(), tcp).await.unwrap();
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            call_home::PATH,
            body.len()
        );
        let _ = stream.write_all(&[head.as_bytes(), body].concat()).await;
        until_closed(&mut stream).await
    }
}

fn grant() -> Grant {
    Grant { identity: Identity::make().unwrap(), token: Token::random(), sandbox: None }
}

fn arrival(id: &str, secret: &Token, attempt: &Token) -> Vec<u8> {
    let (id, version) = (id.to_owned(), "1".to_owned());
    let arrival = Arrival { id, secret: secret.clone(), attempt: attempt.clone(), port: 2280, version };
    serde_json::to_vec(&arrival).unwrap()
}

#[tokio::test]
async fn a_toolbox_that_calls_is_given_what_it_needs_and_found() {
    let control = control(LONG).await;
    let given = grant();
    let secret = control.homes.expect("a", Some(&given), None).unwrap();
    let waiting = tokio::spawn({
        let homes = Arc::clone(&control.homes);
        async move { homes.wait_for_home("a").await }
    });
    let got = control.call("a", &secret).await.unwrap().unwrap();
    assert!(got.token.matches(given.token.reveal().as_bytes()));
    assert_eq!(got.identity.certificate(), given.identity.certificate());
    let home = waiting.await.unwrap().unwrap();
    assert_eq!(home.address, "127.0.0.1:2280".parse().unwrap());
    // Who asks later is told at once.
    assert_eq!(control.homes.wait_for_home("a").await.unwrap(), home);
}

#[tokio::test]
async fn a_secret_is_good_once() {
    let control = control(LONG).await;
    let secret = control.homes.expect("a", Some(&grant()), None).unwrap();
    control.call("a", &secret).await.unwrap();
    assert!(control.is_refused("a", &secret).await);
    // The next start has another one.
    let next = control.homes.expect("a", Some(&grant()), None).unwrap();
    assert!(control.is_refused("a", &secret).await);
    control.call("a", &next).await.unwrap();
}

#[tokio::test]
async fn the_process_whose_answer_was_lost_is_answered_again_and_no_other() {
    let control = control(LONG).await;
    let secret = control.homes.expect("a", Some(&grant()), None).unwrap();
    let attempt = Token::random();
    let first = control.send(&arrival("a", &secret, &attempt)).await;
    let again = control.send(&arrival("a", &secret, &attempt)).await;
    let body = |answer: &str| -> Value { serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap() };
    assert!(first.starts_with("HTTP/1.1 200 ") && again.starts_with("HTTP/1.1 200 "), "{first} {again}");
    assert_eq!(body(&first), body(&again));
    let other = control.send(&arrival("a", &secret, &Token::random())).await;
    assert!(other.starts_with("HTTP/1.1 401 "), "{other}");
}

#[tokio::test]
async fn other_secrets_ids_and_addresses_are_refused_in_the_same_words() {
    let control = control(LONG).await;
    let secret = control.homes.expect("a", Some(&grant()), None).unwrap();
    let others = control.homes.expect("b", Some(&grant()), None).unwrap();
    let elsewhere = control.homes.expect("c", Some(&grant()), Some("192.0.2.1".parse().unwrap())).unwrap();
    let attempt = Token::random();
    let mut answers = Vec::new();
    for (id, secret) in
        [("a", &others), ("b", &secret), ("nobody", &secret), ("c", &elsewhere), ("a", &Token::random())]
    {
        assert!(control.is_refused(id, secret).await, "{id}");
        let answer = control.send(&arrival(id, secret, &attempt)).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert!(!answer.contains(secret.reveal()), "{answer}");
        answers.push(answer.split("\r\n\r\n").nth(1).unwrap().to_owned());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    // None of them has used it up.
    control.call("a", &secret).await.unwrap();
}

#[tokio::test]
async fn secrets_expire_and_are_forgotten() {
    let control = control(Duration::from_millis(50)).await;
    let secret = control.homes.expect("a", Some(&grant()), None).unwrap();
    assert_eq!(control.homes.wait_for_home("a").await, Err(NotHome::Late));
    assert!(control.is_refused("a", &secret).await);
    assert_eq!(control.homes.wait_for_home("nobody").await, Err(NotHome::NotExpected));

    let control = self::control(LONG).await;
    let secret = control.homes.expect("a", Some(&grant()), None).unwrap();
    let mut waiting = Box::pin(control.homes.wait_for_home("a"));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    control.homes.forget("a");
    assert_eq!(waiting.await, Err(NotHome::NotExpected));
    assert!(control.is_refused("a", &secret).await);
}

#[tokio::test]
async fn what_is_no_call_is_refused() {
    let control = control(LONG).await;
    assert!(control.send(b"{}").await.starts_with("HTTP/1.1 400 "));
    let long = control.send(&[b' '; 8192]).await;
    assert!(long.starts_with("HTTP/1.1 413 "), "{long}");
    assert!(!format!("{:?}", control.homes).contains("secret"));
}

#[tokio::test]
async fn a_toolbox_calls_again_until_the_control_plane_is_there() {
    let home = control(LONG).await;
    let secret = home.homes.expect("a", Some(&grant()), None).unwrap();
    // Takes the first connections and answers nothing.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let to = home.address;
    let between = tokio::spawn(async move {
        for _ in 0..2 {
            drop(listener.accept().await.unwrap());
        }
        let (mut from, _) = listener.accept().await.unwrap();
        let mut to = TcpStream::connect(to).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
    });
    let called = CallHome { address, ..home.home(&secret) };
    assert!(call_home::call("a", &called, 2280, LONG).await.unwrap().is_some());
    between.await.unwrap();
}

#[tokio::test]
async fn a_control_plane_with_another_certificate_is_told_nothing() {
    let control = control(LONG).await;
    let secret = control.homes.expect("a", Some(&grant()), None).unwrap();
    let other = Identity::make().unwrap().certificate().clone();
    let called = CallHome { certificate: other, ..control.home(&secret) };
    let error = call_home::call("a", &called, 2280, Duration::ZERO).await.unwrap_err();
    assert!(format!("{error:#}").contains("another certificate"), "{error:#}");
    control.call("a", &secret).await.unwrap();
}
