//! The kit for tests of programs that use sandboxes, as such a test uses it.

use std::collections::BTreeMap;
use std::time::Duration;

use daytona::model::{
    CreateSandboxParams, FileUpload, GitCloneOptions, OutputOptions, PtyCreateOptions, RunCodeOptions, SandboxState,
    SpawnOptions,
};
use daytona::stream::terminal::Terminal;
use daytona::testing::{Action, Answer, Engine, Fault, Moment, Options, Rule};
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
    assert_eq!((done.len(), &done[0].action), (1, &Action::Stop));
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

#[tokio::test]
async fn no_secret_is_in_a_recording_and_no_stranger_reads_one() -> Result<()> {
    let engine = Engine::start(Options::default()).await?;
    engine.start_recording().await?;
    let token = life_with_secrets(&engine).await?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let api_url = engine.config().api_url.unwrap();
    let stranger = http.delete(format!("{api_url}/sandbox/stranger")).bearer_auth("not-the-key").send().await.unwrap();
    assert_eq!(stranger.status(), 401);
    let recording = engine.stop_recording().await?;
    assert!(token.len() > 8);
    let key = engine.config().api_key.unwrap();
    for secret in SECRETS.into_iter().chain([token.as_str(), key.as_str()]) {
        assert!(!recording.contains(secret), "{secret} is in {recording}");
    }
    assert!(recording.contains("[hidden]") && recording.contains("in the open"), "{recording}");
    assert!(!recording.contains("/sandbox/stranger"), "whoever has no key writes nothing into it");
    drop(engine);

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("life.jsonl");
    std::fs::write(&file, &recording).unwrap();
    let arguments = vec!["--replay".to_owned(), file.to_string_lossy().into_owned()];
    let again = Engine::start(Options { arguments, ..Options::default() }).await?;
    // Anything stands for what is hidden.
    life_with_secrets(&again).await?;

    let config = again.config();
    let page = config.api_url.unwrap().replace("/api", "/recording");
    let key = config.api_key.unwrap();
    let refused = http.get(&page).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert!(refused.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic"));
    let wrong = http.get(&page).basic_auth("anybody", Some("wrong")).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    for request in [http.get(&page).basic_auth("anybody", Some(&key)), http.get(&page).bearer_auth(&key)] {
        let shown = request.send().await.unwrap();
        assert_eq!((shown.status().as_u16(), &shown.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
        assert!(shown.text().await.unwrap().contains("in the open"));
    }
    Ok(())
}

#[tokio::test]
async fn terminals_and_followed_output_are_played_again() -> Result<()> {
    let engine = Engine::start(Options::default()).await?;
    engine.start_recording().await?;
    let told = life_in_a_terminal(&engine, TYPED).await?;
    let recording = engine.stop_recording().await?;
    let [_, secret, _] = SECRETS;
    assert!(!recording.contains(secret), "{recording}");
    let entries = recording.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let typed = entries.filter(|entry| entry["kind"] == "message" && entry["from"] == "client");
    let typed: String = typed.filter_map(|entry| entry["text"].as_str().map(str::to_owned)).collect();
    assert!(typed.contains("echo [hidden]") && !typed.contains("sesame"), "letter by letter, too: {typed}");
    drop(engine);

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("life.jsonl");
    std::fs::write(&file, &recording).unwrap();
    let arguments = vec!["--replay".to_owned(), file.to_string_lossy().into_owned()];
    let again = Engine::start(Options { arguments, ..Options::default() }).await?;
    let replayed = life_in_a_terminal(&again, TYPED).await?;
    assert_eq!(replayed.shown, told.shown.replace(secret, "[hidden]"));
    assert_eq!((replayed.exit_code, &replayed.printed), (told.exit_code, &told.printed));
    assert!(replayed.exit_code == Some(3) && replayed.printed.starts_with("one\ntwo\n"), "{}", replayed.printed);
    assert!(replayed.printed.contains("42"), "{}", replayed.printed);
    // Who types something else is told so.
    again.reset().await?;
    let other = life_in_a_terminal(&again, "stty -echo; PS1='$ '; echo other\r").await?;
    assert!(other.error.as_deref().unwrap_or_default().contains("other input"), "{:?}", other.error);
    Ok(())
}

/// What is typed into the terminal.
const TYPED: &str = "PS1='$ '; stty size; printf 'rea%s\\n' dy\r";

/// What a program sees of a terminal.
#[derive(Default)]
struct Shown {
    shown: String,
    exit_code: Option<i64>,
    error: Option<String>,
    printed: String,
}

/// Types into a terminal, letter by letter too, and follows what a process prints.
async fn life_in_a_terminal(engine: &Engine, first: &str) -> Result<Shown> {
    let [_, secret, _] = SECRETS;
    let env_vars = Some(BTreeMap::from([("SERVICE_API_KEY".to_owned(), secret.to_owned())]));
    let sandbox = engine.client()?.create(CreateSandboxParams { env_vars, ..Default::default() }).await?;
    let process = sandbox.process();
    let mut terminal = process.create_pty("one", PtyCreateOptions::default()).await?;
    let mut shown = Shown::default();
    terminal.write(first.as_bytes().to_vec()).await?;
    let mut bytes = Vec::new();
    let mut read = async |terminal: &mut Terminal, until: &str| -> Result<bool> {
        loop {
            if !until.is_empty() && String::from_utf8_lossy(&bytes).contains(until) {
                return Ok(true);
            }
            match terminal.next().await? {
                Some(more) => bytes.extend_from_slice(&more),
                None => return Ok(false),
            }
        }
    };
    if read(&mut terminal, "ready\r\n").await? {
        process.resize_pty_session("one", 40, 120).await?;
        for letter in format!("stty size; echo {secret} | tr a-z A-Z\r").chars() {
            terminal.write(letter.to_string()).await?;
        }
        read(&mut terminal, "40 120\r\n").await?;
        terminal.write(&b"printf '\\377\\n'; exit 3\r"[..]).await?;
        read(&mut terminal, "").await?;
    }
    let ended = terminal.wait().await?;
    (shown.exit_code, shown.error) = (ended.exit_code, ended.error);
    shown.shown = String::from_utf8_lossy(&bytes).into_owned();
    if shown.exit_code.is_some() {
        let spawned = process.spawn("echo one; echo two", SpawnOptions::default()).await?;
        let mut output = process.stream_output(spawned, OutputOptions::default()).await?;
        while let Some(chunk) = output.next().await? {
            shown.printed += &String::from_utf8_lossy(&chunk.data);
        }
        let mut run = sandbox.code_interpreter().run_code("print(6 * 7)", RunCodeOptions::default()).await?;
        while let Some(message) = run.next().await? {
            shown.printed += &format!("{message:?}\n");
        }
        sandbox.delete().await?;
    }
    Ok(shown)
}

/// Of a build, a variable and a password.
const SECRETS: [&str; 3] = ["sesame-of-the-build", "sesame-of-a-variable", "sesame/of+a password"];

/// A program that has secrets, and commands that print them; returns a token that the engine made.
async fn life_with_secrets(engine: &Engine) -> Result<String> {
    let client = engine.client()?;
    let [of_build, of_variable, password] = SECRETS;
    let params = CreateSandboxParams {
        dockerfile: Some("FROM default\n".to_owned()),
        build_secrets: Some(BTreeMap::from([("npm".to_owned(), of_build.to_owned())])),
        env_vars: Some(BTreeMap::from([("SERVICE_API_KEY".to_owned(), of_variable.to_owned())])),
        ..Default::default()
    };
    let sandbox = client.create(params).await?;
    let printed = sandbox.process().exec("echo in the open; echo $SERVICE_API_KEY", Default::default()).await?;
    assert!(printed.result.contains("in the open"), "{}", printed.result);
    sandbox.process().exec(&format!("echo {of_build} > note"), Default::default()).await?;
    let bytes = [b"\xff", of_build.as_bytes(), b"\xff"].concat();
    let file = FileUpload { destination: "bytes".to_owned(), content: Some(bytes.into()), ..Default::default() };
    sandbox.fs().upload_file(file, Default::default()).await?;
    let options = GitCloneOptions { password: Some(password.to_owned()), ..Default::default() };
    let cloned = sandbox.git().clone("http://127.0.0.1:9/nothing.git", "nothing", options).await;
    assert!(cloned.is_err());
    let access = sandbox.create_ssh_access(None).await?;
    sandbox.delete().await?;
    Ok(access.token)
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
