//! What a `create` leaves behind that does not succeed: nothing when it was given up, unless that is wanted.

#[allow(dead_code, reason = "each test file uses what it needs")]
mod support;

use std::time::Duration;

use daytona::model::{CreateOptions, CreateSandboxParams, ListSandboxesQuery, SandboxInfo};
use daytona::{Client, ErrorKind, Result, cleanup};
use support::Bench;

const SLOW: &str = r#"[{"method": "POST", "path": "/api/sandbox", "do": {"delay": 2}}]"#;
/// Nothing but `creating` is heard of a sandbox.
const NEVER_STARTS: &str = r#"[{"method": "GET", "path": "/api/sandbox/", "times": 0,
    "do": {"answer": {"status": 200, "body": "{\"id\": \"x\", \"state\": \"creating\"}"}}}]"#;
const FAILS: &str = r#"[{"method": "GET", "path": "/api/sandbox/", "times": 0,
    "do": {"answer": {"status": 200, "body": "{\"id\": \"x\", \"state\": \"error\", \"errorReason\": \"no room\"}"}}}]"#;

/// Creates a sandbox whose name is `name`.
async fn create(client: &Client, name: &str, options: CreateOptions) -> Result<SandboxInfo> {
    let params = CreateSandboxParams { name: Some(name.to_owned()), ..CreateSandboxParams::default() };
    client.sandboxes().create(params, options).await
}

/// What is known of sandboxes with this name, asked around the proxy.
async fn named(bench: &Bench, name: &str) -> Vec<SandboxInfo> {
    let query = ListSandboxesQuery { name: Some(name.to_owned()), ..ListSandboxesQuery::default() };
    bench.around.sandboxes().list(query).await.unwrap().items
}

async fn until_gone(bench: &Bench, name: &str) {
    let wait = async {
        while !named(bench, name).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap();
}

fn deletions(bench: &Bench) -> usize {
    bench.proxy.seen("/api/sandbox/").iter().filter(|seen| seen.method == "DELETE").count()
}

fn within(seconds: u64) -> CreateOptions {
    CreateOptions { timeout: Some(Duration::from_secs(seconds)), ..CreateOptions::default() }
}

#[tokio::test]
async fn a_create_cancelled_before_its_answer_deletes_what_comes_of_it() {
    let bench = Bench::with(SLOW).await;
    let (creating, mut cleanups) = cleanup::scope(create(&bench.client, "slow", CreateOptions::default()));
    let on_its_way = async {
        while !bench.proxy.seen("/api/sandbox").iter().any(|seen| seen.fault.is_some()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        done = creating => panic!("{done:?}"),
        () = on_its_way => {}
    }
    cleanups.finished().await;
    // The request arrived all the same, and its sandbox was deleted.
    assert_eq!(deletions(&bench), 1);
    until_gone(&bench, "slow").await;
    assert!(cleanups.made().is_none());
}

#[tokio::test]
async fn a_create_cancelled_while_it_waits_deletes_the_sandbox() {
    let bench = Bench::with(NEVER_STARTS).await;
    let creating = create(&bench.client, "waiting", CreateOptions::default());
    let seen = async {
        while named(&bench, "waiting").await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        done = creating => panic!("{done:?}"),
        () = seen => {}
    }
    until_gone(&bench, "waiting").await;
}

#[tokio::test]
async fn a_create_that_times_out_deletes_the_sandbox_and_says_so() {
    let bench = Bench::with(NEVER_STARTS).await;
    let error = create(&bench.client, "late", within(2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let id = error.info().sandbox_id.clone().unwrap();
    let expected = format!("sandbox.create exceeded its timeout of 2 s. Sandbox {id} has been deleted.");
    assert_eq!(error.to_string(), expected);
    until_gone(&bench, "late").await;
}

#[tokio::test]
async fn a_create_that_is_to_be_kept_leaves_the_sandbox() {
    let bench = Bench::with(NEVER_STARTS).await;
    let options = CreateOptions { keep: Some(true), ..within(2) };
    let error = create(&bench.client, "kept", options).await.unwrap_err();
    let id = error.info().sandbox_id.clone().unwrap();
    assert!(error.to_string().ends_with(&format!(". Sandbox {id} goes on starting.")), "{error}");
    assert_eq!(named(&bench, "kept").await[0].id, id);
    assert_eq!(deletions(&bench), 0);
}

#[tokio::test]
async fn a_create_that_fails_leaves_the_sandbox_to_be_looked_at_and_names_it() {
    let bench = Bench::with(FAILS).await;
    let error = create(&bench.client, "failed", CreateOptions::default()).await.unwrap_err();
    let id = named(&bench, "failed").await[0].id.clone();
    assert_eq!(error.info().sandbox_id.as_deref(), Some(id.as_str()));
    assert!(error.to_string().contains(&id) && error.to_string().contains("no room"), "{error}");
}

#[tokio::test]
async fn a_sandbox_that_nobody_takes_is_deleted() {
    let bench = Bench::new().await;
    let (creating, cleanups) = cleanup::scope(create(&bench.client, "unclaimed", CreateOptions::default()));
    creating.await.unwrap();
    assert_eq!(named(&bench, "unclaimed").await.len(), 1);
    drop(cleanups.made().unwrap());
    assert!(cleanup::unsettled());
    until_gone(&bench, "unclaimed").await;

    let (creating, cleanups) = cleanup::scope(create(&bench.client, "claimed", CreateOptions::default()));
    creating.await.unwrap();
    cleanups.made().unwrap().claim();
    assert_eq!(named(&bench, "claimed").await.len(), 1);
    assert!(cleanups.made().is_none());
}
