//! The kit for tests of programs that use sandboxes, as such a test uses it.

use std::time::Duration;

use daytona::model::{CreateSandboxParams, SandboxState};
use daytona::testing::{Answer, Engine, Fault, Moment, Options, Rule};
use daytona::{ErrorKind, Result};
use serde_json::json;

// region: agent
#[tokio::test]
async fn an_idle_sandbox_stops() -> Result<()> {
    let engine = Engine::start(Options::default()).await?;
    let params = CreateSandboxParams { auto_stop_interval: Some(15), ..Default::default() };
    let mut sandbox = engine.client()?.create(params).await?;
    engine.advance(Duration::from_secs(15 * 60)).await?;
    sandbox.refresh().await?;
    assert_eq!(sandbox.info().state, Some(SandboxState::Stopped));
    Ok(())
}

#[tokio::test]
async fn a_lost_answer() -> Result<()> {
    let engine = Engine::start(Options::default()).await?;
    let sandbox = engine.client()?.create(Default::default()).await?;
    engine.add_faults(&[Rule::new("/process/execute", Fault::Drop(Moment::After))]).await?;
    assert!(sandbox.process().exec("make deploy", Default::default()).await.is_err());
    Ok(())
}
// endregion

#[tokio::test]
async fn an_engine_is_seeded_moved_broken_and_reset() -> Result<()> {
    let engine = Engine::start(Options::default()).await?;
    let client = engine.client()?;
    let made = engine.seed(vec![json!({"name": "old", "state": "stopped"}), json!({"name": "new"})]).await?;
    assert_eq!((&made[0]["state"], &made[1]["state"]), (&json!("stopped"), &json!("started")));

    let before = engine.now().await?;
    let done = engine.advance(Duration::from_secs(15 * 60)).await?;
    assert_eq!((done.len(), done[0].action.as_str()), (1, "stop"));
    assert_eq!(Some(done[0].sandbox_id.as_str()), made[1]["id"].as_str());
    assert!(engine.now().await? > before);

    let answer = Answer { status: 403, body: r#"{"message": "not today"}"#.to_owned(), ..Answer::default() };
    let rule = Rule { times: 2, ..Rule::new("/sandbox", Fault::Answer(answer)) };
    engine.add_faults(std::slice::from_ref(&rule)).await?;
    assert_eq!(client.get("old").await.unwrap_err().kind(), ErrorKind::Authorization);
    assert_eq!(engine.faults().await?, [Rule { times: 1, ..rule }]);
    engine.clear_faults().await?;
    assert_eq!(engine.faults().await?, []);
    client.get("old").await?;
    let refused = engine.add_faults(&[Rule::new("", Fault::Delay(-1.0))]).await.unwrap_err();
    assert!(refused.to_string().contains("-1"), "{refused}");

    engine.reset().await?;
    assert_eq!(client.get("old").await.unwrap_err().kind(), ErrorKind::NotFound);
    let shown = format!("{engine:?}");
    assert!(!shown.contains(engine.config().api_key.as_deref().unwrap()), "{shown}");
    Ok(())
}

#[tokio::test]
async fn what_was_recorded_is_answered_again_without_sandboxes() -> Result<()> {
    let engine = Engine::start(Options::default()).await?;
    engine.start_recording().await?;
    let told = life_of_a_sandbox(&engine).await?;
    let recording = engine.stop_recording().await?;
    assert!(!recording.contains(engine.config().api_key.as_deref().unwrap()), "no keys are in it");
    assert_eq!(engine.stop_recording().await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(engine.recording_page(&recording).await?.contains("echo one > note"));
    drop(engine);

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("life.jsonl");
    std::fs::write(&file, &recording).unwrap();
    let arguments = vec!["--replay".to_owned(), file.to_string_lossy().into_owned()];
    let again = Engine::start(Options { arguments, ..Options::default() }).await?;
    assert_eq!(life_of_a_sandbox(&again).await?, told);
    // What was not recorded is not made up.
    let other = again.client()?.get("nobody").await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::NotFound);
    Ok(())
}

/// What a program sees of a sandbox, from its beginning to its end.
async fn life_of_a_sandbox(engine: &Engine) -> Result<Vec<String>> {
    let client = engine.client()?;
    let mut told = Vec::new();
    let sandbox = client.create(Default::default()).await?;
    told.push(format!("{:?}", sandbox.info().state));
    let process = sandbox.process();
    for command in ["echo one > note; cat note", "echo two; exit 3"] {
        let answer = process.exec(command, Default::default()).await?;
        told.push(format!("{} {}", answer.exit_code, answer.result));
    }
    let note = sandbox.fs().download_file("note", Default::default()).await?;
    told.push(String::from_utf8_lossy(note.as_ref()).into_owned());
    let missing = sandbox.fs().get_file_info("missing").await.unwrap_err();
    told.push(format!("{:?}", missing.kind()));
    sandbox.delete().await?;
    Ok(told)
}

#[tokio::test]
async fn an_engine_that_cannot_start_says_why() {
    let options = Options { arguments: vec!["--isolation".into(), "nonsense".into()], ..Options::default() };
    let error = Engine::start(options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.to_string().contains("nonsense"), "{error}");
    let options = Options { binary: Some("/not/there".into()), ..Options::default() };
    let error = Engine::start(options).await.unwrap_err();
    assert!(error.to_string().contains("DAYTONA_LOCAL_BINARY"), "{error}");
}
