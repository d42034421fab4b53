//! `RUN`: commands of builds, isolated as sandboxes are.

mod harness;

use std::time::{Duration, Instant};

use harness::{Engine, id_of};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A root of one static program, which is all programs and the shell.
const BUSYBOX: &str = "FROM default AS tools\nFROM scratch\nCOPY --from=tools /usr/bin/busybox /bin/\n\
                       RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n";

/// A sandbox built from a Dockerfile, once it has started or failed, and the build's log.
async fn built(engine: &Engine, dockerfile: &str) -> (Value, String) {
    let body = json!({"buildInfo": {"dockerfileContent": dockerfile}});
    let (status, sandbox) = engine.post("/api/sandbox", body).await;
    assert_eq!(status, StatusCode::OK, "{sandbox}");
    let path = format!("/api/sandbox/{}", id_of(&sandbox));
    let deadline = Instant::now() + Duration::from_secs(120);
    let sandbox = loop {
        let (_, found) = engine.get(&path).await;
        if !["pending_build", "building_snapshot", "creating", "starting"].contains(&found["state"].as_str().unwrap()) {
            break found;
        }
        assert!(Instant::now() < deadline, "{found}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let log = engine.request(Method::GET, &format!("{path}/build-logs")).send().await.unwrap();
    (sandbox, log.text().await.unwrap())
}

async fn started(engine: &Engine, dockerfile: &str) -> String {
    let (sandbox, log) = built(engine, dockerfile).await;
    assert_eq!(sandbox["state"], "started", "{sandbox}\n{log}");
    id_of(&sandbox)
}

async fn failed(engine: &Engine, dockerfile: &str) -> String {
    let (sandbox, log) = built(engine, dockerfile).await;
    assert_eq!(sandbox["state"], "build_failed", "{sandbox}\n{log}");
    sandbox["errorReason"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn commands_change_the_root_and_nothing_else_of_the_engine_is_in_it() {
    let engine = Engine::start().await;
    let dockerfile = format!(
        "{BUSYBOX}ENV A=\"of the image\"\nARG B=argument\nRUN mkdir /made && echo \"$A, $B, $(id -u), $PWD\" > /made/file\n\
         RUN <<EOF\nset -e\ncd /made\necho more >> file\nrm -rf /bin/vi\nEOF\n\
         RUN <<EOF\n#!/bin/sh\necho \"script\" >> /made/file\nEOF\n\
         USER 7:8\nWORKDIR /work\nRUN id -u; id -g; pwd\nUSER root\nRUN chown 7:8 /work && ls -A / > /made/root\n"
    );
    let id = started(&engine, &dockerfile).await;
    assert_eq!(engine.output(&id, "cat /made/file").await.trim(), "of the image, argument, 0, /\nmore\nscript");
    assert_eq!(
        engine.output(&id, "ls /bin/vi /tmp/.daytona-script /etc/hosts 2>/dev/null; stat -c %u:%g /work").await.trim(),
        "/etc/hosts\n7:8"
    );
    let root = engine.output(&id, "cat /made/root").await;
    // Where the machine names authorities of its own, their certificates are shown, and belong to no image.
    let names: Vec<_> = root.split_whitespace().filter(|name| *name != ".daytona-certificates.crt").collect();
    assert_eq!(names, ["bin", "dev", "etc", "made", "proc", "sys", "tmp", "work"]);
    let (_, log) = built(&engine, &dockerfile).await;
    assert!(log.contains("Using cache") && !log.contains("Not cached"), "{log}");
}

#[tokio::test]
async fn a_command_that_fails_says_which_how_and_what_it_printed() {
    let engine = Engine::start().await;
    let reason =
        failed(&engine, &format!("{BUSYBOX}RUN echo first; echo the cause >&2; exit 3\nRUN echo never\n")).await;
    assert!(reason.contains("RUN echo first") && reason.contains("exit code 3"), "{reason}");
    assert!(reason.contains("first\nthe cause"), "{reason}");
    let reason = failed(&engine, "FROM scratch\nRUN echo\n").await;
    assert!(reason.contains("/bin/sh: the image has no such program"), "{reason}");
}

#[tokio::test]
async fn commands_on_the_engines_own_root_make_a_layer_over_it() {
    let engine = Engine::start().await;
    if !nix::unistd::geteuid().is_root() {
        // An ordinary user's sandboxes see the machine's directories read-only.
        return;
    }
    let dockerfile = "FROM default\nRUN echo x > /usr/local/share/of-the-build && echo y > /etc/of-the-build && \
                      mkdir -p /opt/z && rm /etc/os-release && mv /usr/share/terminfo /usr/share/moved 2>/dev/null; true\n\
                      RUN cat /usr/local/share/of-the-build /etc/of-the-build > /opt/z/both\n\
                      RUN ! command -v python3 || python -c 'import sys; print(\"Python\", sys.version_info.major)'\n";
    let id = started(&engine, dockerfile).await;
    assert_eq!(engine.output(&id, "cat /opt/z/both").await.trim(), "x\ny");
    engine.output(&id, "! command -v python3 || python --version").await;
    assert_eq!(engine.output(&id, "ls /etc/os-release 2>/dev/null; ls -d /usr/bin").await.trim(), "/usr/bin");
    let other = started(&engine, "FROM default\nENV A=1\n").await;
    assert_eq!(engine.output(&other, "ls -d /usr/local/share/of-the-build /opt/z 2>/dev/null; true").await.trim(), "");
}

#[tokio::test]
async fn commands_see_nothing_of_the_machine() {
    let engine = Engine::start().await;
    let state = engine.directory.path();
    let dockerfile = format!(
        "{BUSYBOX}RUN ls -d {state} 2>/dev/null; ls /proc/1/root/{state} 2>/dev/null; \
         [ $(ls /proc | grep -c '^[0-9]') -lt 8 ] && ! mount -t tmpfs none /tmp 2>/dev/null && \
         ! mknod /disk b 8 0 2>/dev/null && ! chroot /proc/1/root ls {state} 2>/dev/null && echo nothing\n\
         RUN --network=none ! wget -T 2 -q -O- http://1.1.1.1 && echo unreachable\n",
        state = state.display()
    );
    let (sandbox, log) = built(&engine, &dockerfile).await;
    assert_eq!(sandbox["state"], "started", "{log}");
    assert!(log.contains("\nnothing\n") && log.contains("\nunreachable\n"), "{log}");
    assert!(!log.contains(&format!("\n{}\n", state.display())), "{log}");
}

#[tokio::test]
async fn caches_outlive_a_build_and_are_not_in_the_image() {
    let engine = Engine::start().await;
    let step = |text: &str| {
        format!(
            "{BUSYBOX}RUN --mount=type=cache,target=/var/cache/x echo {text} >> /var/cache/x/log && cat /var/cache/x/log\n"
        )
    };
    let (_, log) = built(&engine, &step("one")).await;
    assert!(log.contains("\none\n"), "{log}");
    let (sandbox, log) = built(&engine, &step("two")).await;
    assert!(log.contains("\none\ntwo\n"), "{log}");
    assert_eq!(engine.output(&id_of(&sandbox), "ls -d /var/cache/x 2>/dev/null; true").await.trim(), "");
}

#[tokio::test]
async fn a_build_that_is_given_up_ends_its_command_and_leaves_nothing() {
    let engine = Engine::start().await;
    let body =
        json!({"name": "slow", "buildInfo": {"dockerfileContent": format!("{BUSYBOX}RUN echo begun; sleep 1000\n")}});
    let (_, snapshot) = engine.post("/api/snapshots", body).await;
    let id = id_of(&snapshot);
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let log = engine.request(Method::GET, &format!("/api/snapshots/{id}/build-logs")).send().await.unwrap();
        if log.text().await.unwrap().contains("begun") {
            break;
        }
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    engine.request(Method::DELETE, &format!("/api/snapshots/{id}")).send().await.unwrap();
    let steps = engine.directory.path().join("build-steps");
    while std::fs::read_dir(&steps).unwrap().count() > 0
        || engine.get(&format!("/api/snapshots/{id}")).await.0 == StatusCode::OK
    {
        assert!(Instant::now() < deadline, "the build goes on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(std::fs::read_dir(engine.directory.path().join("images/tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_build_that_waits_for_others_can_be_given_up() {
    let engine = Engine::start().await;
    let create = async |text: &str| {
        let build = json!({"dockerfileContent": format!("{BUSYBOX}RUN echo begun {text}; sleep 1000\n")});
        id_of(&engine.post("/api/sandbox", json!({"buildInfo": build})).await.1)
    };
    let state = async |id: &str| engine.get(&format!("/api/sandbox/{id}")).await.1["state"].clone();
    let mut ids = Vec::new();
    for text in ["one", "two"] {
        let id = create(text).await;
        let deadline = Instant::now() + Duration::from_secs(60);
        while state(&id).await != "building_snapshot" {
            assert!(Instant::now() < deadline);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        ids.push(id);
    }
    let waiting = create("three").await;
    assert_eq!(state(&waiting).await, "pending_build");
    let path = format!("/api/sandbox/{waiting}");
    let deleted = engine.delete(&path);
    let (status, answer) = tokio::time::timeout(Duration::from_secs(60), deleted).await.expect("it waits for others");
    assert_eq!(status, StatusCode::OK, "{answer}");
    for id in ids {
        assert_eq!(state(&id).await, "building_snapshot");
        engine.delete(&format!("/api/sandbox/{id}")).await;
    }
}

#[tokio::test]
async fn commands_trust_whom_the_machine_trusts_and_images_keep_nothing_of_it() {
    let directory = tempfile::tempdir().unwrap();
    // Any file will do, of those that sandboxes may see.
    let variables =
        [("SSL_CERT_FILE", "/usr/lib/os-release"), ("PIP_CERT", "/usr/lib/os-release"), ("CURL_CA_BUNDLE", "")];
    let engine = Engine::start_with(directory, &[], &variables).await;
    let dockerfile = format!(
        "{BUSYBOX}ENV PIP_CERT=/of/the/image\nRUN grep ^ID= $SSL_CERT_FILE && echo \"$PIP_CERT ${{CURL_CA_BUNDLE:-none}}\"\n"
    );
    let (sandbox, log) = built(&engine, &dockerfile).await;
    assert_eq!(sandbox["state"], "started", "{sandbox}\n{log}");
    assert!(log.contains("\nID=") && log.contains("\n/of/the/image none\n"), "{log}");
    let id = id_of(&sandbox);
    assert_eq!(engine.output(&id, "grep -c ^ID= $SSL_CERT_FILE; echo $PIP_CERT").await, "1\n/of/the/image");
    // The image itself has nothing of it.
    let copied = format!("{dockerfile}FROM scratch\nCOPY --from=1 / /image/\nCOPY --from=1 /bin /bin/\n");
    let (sandbox, log) = built(&engine, &copied).await;
    assert_eq!(sandbox["state"], "started", "{sandbox}\n{log}");
    let listed = engine.output(&id_of(&sandbox), "ls -A /image /image/etc 2>/dev/null; true").await;
    assert!(listed.contains("bin") && !listed.contains("certificates") && !listed.contains("resolv.conf"), "{listed}");
    // Wherever its /etc leads, they are there, and nothing is looked for outside its root.
    let linked = format!("{dockerfile}RUN rm -rf /etc && ln -s /var/lib /etc\nRUN grep -c ^ID= $SSL_CERT_FILE\n");
    let (sandbox, log) = built(&engine, &linked).await;
    assert_eq!(sandbox["state"], "started", "{sandbox}\n{log}");
    assert_eq!(engine.output(&id_of(&sandbox), "grep -c ^ID= $SSL_CERT_FILE; ls -A /var 2>/dev/null; true").await, "1");
}

/// A snapshot that is built, once it is usable or has failed, and the build's log.
async fn snapshot(engine: &Engine, name: &str, build: Value) -> (Value, String) {
    let (status, made) = engine.post("/api/snapshots", json!({"name": name, "buildInfo": build})).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let path = format!("/api/snapshots/{}", id_of(&made));
    let made = harness::wait_for_response(async || {
        let (_, made) = engine.get(&path).await;
        matches!(made["state"].as_str(), Some("active" | "build_failed")).then_some(made)
    })
    .await;
    let log = engine.request(Method::GET, &format!("{path}/build-logs")).send().await.unwrap();
    (made, log.text().await.unwrap())
}

/// Files below a directory that have a text.
fn with_text(directory: &std::path::Path, text: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            found.extend(with_text(&entry.path(), text));
        } else if kind.is_file() && entry.metadata().is_ok_and(|metadata| metadata.len() < 16 << 20) {
            let content = std::fs::read(entry.path()).unwrap_or_default();
            found.extend(has(&content, text.as_bytes()).then(|| entry.path()));
        }
    }
    found
}

fn has(content: &[u8], text: &[u8]) -> bool {
    content.windows(text.len()).any(|part| part == text)
}

#[tokio::test]
async fn secrets_are_read_by_commands_and_kept_by_nothing() {
    let engine = Engine::start().await;
    let dockerfile = format!(
        "{BUSYBOX}RUN --mount=type=secret,id=token,required=true cat /run/secrets/token; echo; \
         stat -c '%a %u' /run/secrets/token; wc -c < /run/secrets/token > /size\n\
         RUN --mount=type=secret,id=token,target=/etc/x,mode=0440,uid=7 --mount=type=secret,id=token,env=TOKEN \
         stat -c '%a %u' /etc/x; echo \"is $TOKEN\"\n\
         RUN --mount=type=secret,id=other ls /run/secrets 2>/dev/null; echo none\n"
    );
    let build = |secret: &str| json!({"dockerfileContent": dockerfile, "secrets": {"token": secret}});
    let (made, log) = snapshot(&engine, "one", build("sesame-open-up")).await;
    assert_eq!(made["state"], "active", "{made}\n{log}");
    for line in ["***", "400 0", "440 7", "is ***", "none"] {
        assert!(log.lines().any(|known| known == line), "{line}: {log}");
    }
    let id = id_of(&engine.create(json!({"snapshot": "one"})).await);
    assert_eq!(
        engine.output(&id, "cat /size; ls -d /run/secrets /etc/x 2>/dev/null; env").await.lines().next(),
        Some("14")
    );
    assert!(!engine.output(&id, "ls -A / /etc /run 2>/dev/null; true").await.contains("secrets"));
    // The engine's own root has a /run of its own.
    let own = "FROM default\nRUN --mount=type=secret,id=token --mount=type=cache,target=/run/cache/x \
               wc -c < /run/secrets/token; touch /run/cache/x/y && ls /run/cache/x; echo >> /opt/made\n";
    let build_own = json!({"dockerfileContent": own, "secrets": {"token": "sesame-open-up"}});
    let (made, log) = snapshot(&engine, "own", build_own).await;
    assert_eq!(made["state"], "active", "{made}\n{log}");
    assert!(log.contains("\n14\ny\n"), "{log}");
    // Another secret does not make another step.
    let (made, log) = snapshot(&engine, "two", build("sesame-close-up")).await;
    assert_eq!(made["state"], "active", "{made}");
    assert!(!log.contains("Not cached"), "{log}");
    let told = [made.to_string(), log, engine.get("/api/build-cache").await.1.to_string()].concat();
    assert!(!told.contains("sesame"), "{told}");
    assert_eq!(with_text(engine.directory.path(), "sesame-"), Vec::<std::path::PathBuf>::new());

    let (made, _) = snapshot(&engine, "three", json!({"dockerfileContent": format!("{dockerfile}#\n")})).await;
    assert_eq!(made["state"], "active", "what is done already needs no secret: {made}");
    let without = format!("{BUSYBOX}RUN --mount=type=secret,id=token,required=true true\n");
    let (made, _) = snapshot(&engine, "four", json!({"dockerfileContent": without})).await;
    assert!(made["errorReason"].as_str().unwrap_or_default().contains("no secret \"token\""), "{made}");
    for secrets in [json!(["a"]), json!({"a": 1}), json!({"a": "x".repeat((64 << 10) + 1)})] {
        let build = json!({"dockerfileContent": dockerfile, "secrets": secrets});
        let (status, refused) = engine.post("/api/snapshots", json!({"name": "five", "buildInfo": build})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
        assert!(refused["message"].to_string().contains("buildInfo.secrets"), "{refused}");
    }
}

#[tokio::test]
async fn links_in_a_cache_lead_nowhere_on_the_machine() {
    let engine = Engine::start().await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("file"), "kept").unwrap();
    for (name, mount) in [
        ("file", "--mount=type=secret,id=token,target=/run/c/out/file"),
        ("directory", "--mount=type=cache,target=/run/c/out/directory"),
    ] {
        let dockerfile = format!(
            "FROM default\nRUN --mount=type=cache,target=/run/c ln -sfn {} /run/c/out\n\
             RUN --mount=type=cache,target=/run/c {mount} true\n",
            outside.path().display()
        );
        let build = json!({"dockerfileContent": dockerfile, "secrets": {"token": "sesame-open-up"}});
        let (made, log) = snapshot(&engine, name, build).await;
        assert_eq!(made["state"], "build_failed", "{made}\n{log}");
    }
    assert_eq!(std::fs::read_to_string(outside.path().join("file")).unwrap(), "kept");
    assert!(!outside.path().join("directory").exists());
}

#[tokio::test]
async fn the_file_system_of_a_failed_command_can_be_looked_at() {
    let engine = Engine::start().await;
    let dockerfile = format!(
        "{BUSYBOX}ARG MODE=careful\nENV LEVEL=3\nWORKDIR /work\nRUN --mount=type=secret,id=token echo $MODE > made; exit 7\nRUN never\n"
    );
    let build =
        |keep: bool| json!({"dockerfileContent": dockerfile, "keepFailedStep": keep, "secrets": {"token": "sesame"}});
    let (made, _) = snapshot(&engine, "plain", build(false)).await;
    assert_eq!((&made["state"], &made["failedStep"]), (&json!("build_failed"), &Value::Null), "{made}");
    let (made, _) = snapshot(&engine, "kept", build(true)).await;
    assert_eq!(made["state"], "build_failed", "{made}");
    let name = made["failedStep"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let id = id_of(&engine.create(json!({"snapshot": name})).await);
    let output = engine.output(&id, "cat made; pwd; echo $MODE $LEVEL; ls -d /run/secrets 2>/dev/null; true").await;
    assert_eq!(output.trim(), "careful\n/work\ncareful 3");
    let (_, list) = engine.get("/api/snapshots").await;
    assert!(list["items"].as_array().unwrap().iter().all(|item| item["name"] != name.as_str()), "{list}");

    // It goes with the snapshot, and what was made from it stays.
    engine.request(Method::DELETE, &format!("/api/snapshots/{}", id_of(&made))).send().await.unwrap();
    harness::wait_for_response(async || {
        (engine.get(&format!("/api/snapshots/{name}")).await.0 == StatusCode::NOT_FOUND).then_some(())
    })
    .await;
    assert_eq!(engine.output(&id, "cat made").await.trim(), "careful");
}

#[tokio::test]
async fn ten_file_systems_of_failed_commands_are_kept() {
    let engine = Engine::start().await;
    let failed = async |name: &str| {
        let build = json!({"dockerfileContent": "FROM default\nRUN exit 7\n", "keepFailedStep": true});
        let (made, log) = snapshot(&engine, name, build).await;
        assert_eq!(made["state"], "build_failed", "{made}\n{log}");
        (id_of(&made), made["failedStep"].as_str().map(str::to_owned))
    };
    let mut kept = Vec::new();
    for number in 0..10 {
        let (id, step) = failed(&format!("kept-{number}")).await;
        kept.push((id, step.expect("one of ten is kept")));
    }
    assert_eq!(failed("too-many").await.1, None);
    // One goes, with its snapshot, and there is room for another.
    let (id, step) = &kept[0];
    engine.request(Method::DELETE, &format!("/api/snapshots/{id}")).send().await.unwrap();
    harness::wait_for_response(async || {
        (engine.get(&format!("/api/snapshots/{step}")).await.0 == StatusCode::NOT_FOUND).then_some(())
    })
    .await;
    assert!(failed("another").await.1.is_some());
}
