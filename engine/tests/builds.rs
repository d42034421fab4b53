//! Sandboxes and snapshots made from Dockerfiles, and roots that have nothing of the machine's.

mod harness;

use std::time::{Duration, Instant};

use harness::{Engine, id_of, read};
use nix::sys::signal::Signal;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A root with one static program, which is all programs and the shell.
const BUSYBOX: &str = r#"
FROM default AS tools
FROM scratch
COPY --from=tools /usr/bin/busybox /bin/sh
COPY <<EOF /etc/passwd
root:x:0:0::/root:/bin/sh
app:x:1001:1002::/srv/app:/bin/sh
EOF
COPY <<EOF /etc/group
web:x:33:app
EOF
ENV GREETING="from the image" EMPTY=
WORKDIR /srv/work
"#;

/// The sandbox or snapshot at this path, once nothing happens to it any more.
async fn settled(engine: &Engine, path: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let (status, found) = engine.get(path).await;
        assert_eq!(status, StatusCode::OK, "{found}");
        let in_between =
            ["pending", "pending_build", "building", "building_snapshot", "pulling", "creating", "starting"];
        if !in_between.contains(&found["state"].as_str().unwrap()) && found["state"] != "snapshotting" {
            return found;
        }
        assert!(Instant::now() < deadline, "{found}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A sandbox built from a Dockerfile, with what else the request has, once it has started or failed.
async fn built(engine: &Engine, dockerfile: &str, mut body: Value) -> Value {
    body["buildInfo"] = json!({"dockerfileContent": dockerfile});
    let (status, sandbox) = engine.post("/api/sandbox", body).await;
    assert_eq!(status, StatusCode::OK, "{sandbox}");
    settled(engine, &format!("/api/sandbox/{}", id_of(&sandbox))).await
}

async fn started(engine: &Engine, dockerfile: &str, body: Value) -> String {
    let sandbox = built(engine, dockerfile, body).await;
    assert_eq!(sandbox["state"], "started", "{sandbox}");
    id_of(&sandbox)
}

#[tokio::test]
async fn a_build_is_pending_at_first_and_its_log_is_followed() {
    let engine = Engine::start().await;
    let body = json!({"name": "built", "buildInfo": {"dockerfileContent": BUSYBOX}});
    let created = engine.request(Method::POST, "/api/sandbox").json(&body).send().await;
    let (status, sandbox) = read(created).await;
    assert_eq!((status, &sandbox["state"]), (StatusCode::OK, &json!("pending_build")), "{sandbox}");
    assert_eq!((&sandbox["cpu"], &sandbox["memory"], &sandbox["disk"]), (&json!(1), &json!(1), &json!(3)));
    let (_, answer) = engine.get("/api/sandbox/built/build-logs-url").await;
    let path = answer["url"].as_str().unwrap().strip_prefix(&engine.origin).unwrap().to_owned();
    assert_eq!(path, format!("/sandboxes/{}/build-logs", id_of(&sandbox)));
    let log = harness::wait_for_response(async || {
        let response = engine.request(Method::GET, &format!("{path}?follow=true")).send().await.unwrap();
        (response.status() == StatusCode::OK).then_some(response)
    })
    .await;
    let log = log.text().await.unwrap();
    assert!(log.contains("COPY --from=tools"), "{log}");
    let sandbox = settled(&engine, "/api/sandbox/built").await;
    assert_eq!((&sandbox["state"], &sandbox["user"]), (&json!("started"), &json!("root")), "{sandbox}");
    assert_eq!(sandbox["buildInfo"]["dockerfileContent"], BUSYBOX);
    // The same again is there already.
    let again = started(&engine, BUSYBOX, json!({})).await;
    assert_eq!(engine.output(&again, "echo here").await, "here");
}

#[tokio::test]
async fn an_image_brings_its_user_directory_and_environment() {
    let engine = Engine::start().await;
    let id = started(&engine, BUSYBOX, json!({"env": {"EMPTY": "set by the client"}})).await;
    assert_eq!(
        engine.output(&id, "pwd; id -u; echo $GREETING $EMPTY $HOME $USER").await,
        "/srv/work\n0\nfrom the image set by the client /root root"
    );
    assert_eq!(
        engine.output(&id, "ls /").await,
        "bin\ndev\netc\nproc\nroot\nsrv\nsys\ntmp",
        "nothing of the machine's"
    );
    assert_eq!(engine.output(&id, "cat /etc/hostname").await, id[..12]);
    assert_eq!(engine.output(&id, "echo x >/tmp/a && mount | grep -c ' / '").await, "1");

    let dockerfile =
        format!("{BUSYBOX}USER app\nENTRYPOINT [\"/bin/sh\", \"-c\", \"echo entered as $(id -u); sleep 1000\"]\n");
    let sandbox = built(&engine, &dockerfile, json!({"name": "app"})).await;
    assert_eq!((&sandbox["state"], &sandbox["user"]), (&json!("started"), &json!("app")), "{sandbox}");
    assert_eq!(engine.output("app", "id -u; id -g; id -G; echo $HOME").await, "1001\n1002\n1002 33\n/srv/app");
    assert_eq!(engine.run("app", "echo x >/etc/new").await.0, 1, "root's files are root's");
    let log = harness::wait_for_response(async || {
        let (_, log) = engine.get("/toolbox/app/process/session/entrypoint/logs").await;
        log.to_string().contains("entered as 1001").then_some(log)
    })
    .await;
    assert!(log.to_string().contains("entered as 1001"));

    let root = started(&engine, &dockerfile, json!({"user": "root"})).await;
    assert_eq!(engine.output(&root, "id -u").await, "0");
    let nobody = built(&engine, &dockerfile, json!({"user": "nobody"})).await;
    assert_eq!(nobody["state"], "error");
    assert!(nobody["errorReason"].as_str().unwrap().contains("the image has no user nobody"), "{nobody}");
}

#[tokio::test]
async fn layers_over_the_default_root_cover_the_machines_directories() {
    let engine = Engine::start().await;
    let dockerfile = "FROM default\nCOPY --chmod=755 <<EOF /usr/local/bin/greet\n#!/bin/sh\necho hello from a layer\nEOF\n\
                      COPY <<EOF /etc/greeting\nhi\nEOF\nCOPY <<EOF /srv/data\nkept\nEOF\nENV MODE=built\n";
    let id = started(&engine, dockerfile, json!({})).await;
    assert_eq!(
        engine.output(&id, "greet; cat /etc/greeting /srv/data; echo $MODE").await,
        "hello from a layer\nhi\nkept\nbuilt"
    );
    assert_eq!(engine.output(&id, "whoami; pwd; python3 -c 'print(1 + 1)'").await, "daytona\n/home/daytona\n2");
    let (_, sandbox) = engine.post(&format!("/api/sandbox/{id}/stop"), json!({})).await;
    assert_eq!(sandbox["state"], "stopped");
    engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await;
    assert_eq!(engine.output(&id, "greet").await, "hello from a layer");
}

#[tokio::test]
async fn what_an_image_lacks_is_said_at_once() {
    let engine = Engine::start().await;
    let id = started(&engine, BUSYBOX, json!({})).await;
    let toolbox = format!("/toolbox/{id}");
    let (_, answer) =
        engine.post(&format!("{toolbox}/process/code-run"), json!({"code": "print(1)", "language": "python"})).await;
    assert!(answer.to_string().contains("python"), "{answer}");
    let (status, answer) =
        engine.post(&format!("{toolbox}/git/clone"), json!({"url": "https://example.com/a.git", "path": "a"})).await;
    assert!(status.is_client_error() || status.is_server_error(), "{answer}");
    assert!(answer.to_string().contains("git"), "{answer}");
    let (status, answer) = engine.post(&format!("{toolbox}/process/interpreter/context"), json!({})).await;
    assert!(!status.is_success() && answer.to_string().contains("python"), "{status}: {answer}");

    let bare = started(&engine, "FROM scratch\nCOPY <<EOF /only\nfile\nEOF\n", json!({})).await;
    let (code, output) = engine.run(&bare, "echo there is no shell").await;
    assert_ne!(code, 0, "{output}");
    assert!(!output.is_empty());
    assert!(output.contains("the sandbox has no shell") && output.contains("/bin/sh"), "{output}");
    for (path, body) in [
        ("session", json!({"sessionId": "none"})),
        ("pty", json!({"id": "none", "cols": 80, "rows": 24})),
        ("pty", json!({"id": "none", "cols": 80, "rows": 24})),
    ] {
        let (status, answer) = engine.post(&format!("/toolbox/{bare}/process/{path}"), body).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{path}: {answer}");
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains("the sandbox has no shell") && message.contains("`spawn`"), "{path}: {answer}");
    }
    let (_, sessions) = engine.get(&format!("/toolbox/{bare}/process/pty")).await;
    assert_eq!(sessions["sessions"], json!([]), "nothing is left of it");
    let (status, file) =
        read(engine.request(Method::GET, &format!("/toolbox/{bare}/files/download?path=/only")).send().await).await;
    assert_eq!((status, file), (StatusCode::OK, json!("file\n")));
}

#[tokio::test]
async fn a_root_may_have_another_c_library() {
    let engine = Engine::start().await;
    let (program, loader) = ("/srv/hello.c", "/lib/ld-musl-*.so.1");
    let dockerfile = format!(
        r#"
FROM default AS tools
COPY <<EOF {program}
#include <stdio.h>
int main(int count, char **words) {{
    for (int at = 1; at < count; at++) printf("%s of musl\n", words[at]);
    return count;
}}
EOF
RUN musl-gcc -o /srv/hello {program} && cp {loader} /srv
FROM scratch
COPY --from=tools /usr/bin/busybox /bin/sh
COPY --from=tools /srv/hello /bin/
COPY --from=tools /srv/ld-musl-*.so.1 /lib/
RUN ["/bin/hello"]
"#
    );
    // A command of the build finds the loader, too: its exit code is the program's own.
    let failed = built(&engine, &dockerfile, json!({})).await;
    assert!(failed["errorReason"].as_str().unwrap_or_default().contains("exit code 1"), "{failed}");
    let id = started(&engine, dockerfile.trim_end().trim_end_matches("RUN [\"/bin/hello\"]"), json!({})).await;
    let (code, output) = engine.run(&id, "/bin/hello words").await;
    assert_eq!((code, output.trim()), (2, "words of musl"));
    let toolbox = format!("/toolbox/{id}/process");
    let (status, answer) = engine.post(&format!("{toolbox}/session"), json!({"sessionId": "one"})).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let command = json!({"command": "/bin/hello session; cat /etc/hosts | grep -c localhost"});
    let (status, answer) = engine.post(&format!("{toolbox}/session/one/exec"), command).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert!(answer.to_string().contains("session of musl"), "{answer}");
    let (status, answer) = engine.post(&format!("{toolbox}/pty"), json!({"id": "one", "cols": 80, "rows": 24})).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    // Without the loader it says what is missing of the program, and that is not the program.
    let (code, output) = engine.run(&id, "mv /lib /gone; /bin/hello words; echo after").await;
    assert_eq!((code, output.ends_with("after\n") || output.ends_with("after")), (0, true), "{output}");
    assert!(output.contains("not found"), "{output}");
}

#[tokio::test]
async fn an_image_may_have_a_link_at_etc() {
    let engine = Engine::start().await;
    let linked = r#"
FROM default AS tools
FROM scratch AS linked
COPY --from=tools /usr/bin/busybox /bin/sh
COPY <<EOF /usr/etc/passwd
root:x:0:0::/root:/bin/sh
app:x:1001:1002::/srv/app:/bin/sh
EOF
RUN ["/bin/sh", "-c", "rm -rf /etc && ln -s usr/etc /etc"]
"#;
    // Commands find the image's accounts there, and names to look up, of which nothing stays.
    let looks = format!(
        "{linked}USER app\nRUN [\"/bin/sh\", \"-c\", \"grep ^app: /etc/passwd; cat /etc/resolv.conf /etc/hosts\"]\n\
         FROM scratch\nCOPY --from=linked /bin /bin/\nCOPY --from=1 / /image/\n"
    );
    let (status, made) = engine.post("/api/sandbox", json!({"buildInfo": {"dockerfileContent": looks}})).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let path = format!("/api/sandbox/{}", id_of(&made));
    let made = settled(&engine, &path).await;
    assert_eq!(made["state"], "started", "{made}");
    assert_eq!(engine.output(&id_of(&made), "ls /image/usr/etc; readlink /image/etc").await, "passwd\nusr/etc");

    let seen = format!(
        "{linked}USER app\nRUN [\"/bin/sh\", \"-c\", \"grep ^app: /etc/passwd && grep nameserver \
                        /etc/resolv.conf && grep localhost /etc/hosts\"]\n"
    );
    let id = started(&engine, &seen, json!({})).await;
    let look =
        "id -u; readlink /etc; grep -c ^app: /etc/passwd; grep -c nameserver /etc/resolv.conf; cat /etc/hostname";
    let expected = |id: &str| format!("1001\nusr/etc\n1\n1\n{}", &id[..12]);
    assert_eq!(engine.output(&id, look).await, expected(&id));
    let path = format!("/api/sandbox/{id}");
    let (status, fork) = engine.post(&format!("{path}/fork"), json!({})).await;
    assert_eq!(status, StatusCode::OK, "{fork}");
    assert_eq!(engine.output(&id_of(&fork), look).await, expected(&id_of(&fork)));
    for change in ["stop", "start"] {
        let (status, answer) = engine.post(&format!("{path}/{change}"), json!({})).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    assert_eq!(engine.output(&id, look).await, expected(&id));
    // What makes programs trust the engine in the place of the hosts of secrets covers no link either.
    let secret = json!({"name": "key", "value": "sesame", "hosts": ["api.example"]});
    let (status, answer) = engine.post("/api/secret", secret).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let id = started(&engine, &seen, json!({"secrets": [{"KEY": "key"}]})).await;
    assert_eq!(engine.output(&id, look).await, expected(&id));
    let trusts =
        "grep -q BEGIN.CERTIFICATE $SSL_CERT_FILE && grep -q BEGIN.CERTIFICATE $NODE_EXTRA_CA_CERTS && echo both";
    assert_eq!(engine.output(&id, trusts).await, "both");
    assert_eq!(std::fs::read_dir(engine.directory.path().join("build-steps")).unwrap().count(), 0);
}

#[tokio::test]
async fn such_a_sandbox_does_what_others_do() {
    let engine = Engine::start().await;
    let id = started(&engine, BUSYBOX, json!({"disk": 2})).await;
    let path = format!("/api/sandbox/{id}");
    engine.output(&id, "echo kept >note; rm /etc/group; mkdir /new; echo x >/new/file").await;
    let (status, fork) = engine.post(&format!("{path}/fork"), json!({})).await;
    assert_eq!((status, &fork["state"]), (StatusCode::OK, &json!("started")), "{fork}");
    let look = "cat note /new/file; ls /etc; echo $GREETING";
    let seen = "kept\nx\nhostname\nhosts\npasswd\nresolv.conf\nfrom the image";
    assert_eq!(engine.output(&id_of(&fork), look).await, seen);
    assert_eq!(engine.output(&id_of(&fork), "cat /etc/hostname").await, id_of(&fork)[..12]);
    engine.post(&format!("{path}/pause"), json!({})).await;
    engine.post(&format!("{path}/start"), json!({})).await;
    engine.post(&format!("{path}/stop"), json!({})).await;
    let (status, resized) = engine.post(&format!("{path}/resize"), json!({"cpu": 2, "disk": 3})).await;
    assert_eq!(status, StatusCode::OK, "{resized}");
    let (status, archived) = engine.post(&format!("{path}/archive"), json!({})).await;
    assert_eq!((status, &archived["state"]), (StatusCode::OK, &json!("archived")), "{archived}");
    let engine = engine.restart_after(Signal::SIGKILL).await;
    engine.post(&format!("{path}/start"), json!({})).await;
    assert_eq!(engine.output(&id, look).await, seen);
}

#[tokio::test]
async fn a_build_that_fails_says_which_instruction_and_why() {
    let engine = Engine::start().await;
    for (dockerfile, reason) in [
        ("FROM default\nCOPY nothing /x\n", "COPY nothing /x"),
        ("FROM default\nRUN echo the last words; exit 3\n", "exit code 3:\nthe last words"),
        ("FROM default\nFROB x\n", "FROB"),
        ("", "Dockerfile"),
        ("FROM registry.invalid/nobody:1\n", "registry.invalid/nobody:1"),
    ] {
        let sandbox = built(&engine, dockerfile, json!({})).await;
        assert_eq!(sandbox["state"], "build_failed", "{dockerfile}: {sandbox}");
        assert!(sandbox["errorReason"].as_str().unwrap().contains(reason), "{dockerfile}: {sandbox}");
        let path = format!("/api/sandbox/{}", id_of(&sandbox));
        let log = engine.request(Method::GET, &format!("{path}/build-logs?follow=true")).send().await.unwrap();
        assert!(log.text().await.unwrap().contains(reason));
        assert_eq!(engine.post(&format!("{path}/start"), json!({})).await.0, StatusCode::BAD_REQUEST);
        assert_eq!(engine.delete(&path).await.0, StatusCode::OK);
    }
    let body = json!({"name": "broken", "buildInfo": {"dockerfileContent": "FROM default\nCOPY nothing /x\n"}});
    engine.post("/api/snapshots", body).await;
    let snapshot = settled(&engine, "/api/snapshots/broken").await;
    assert_eq!(snapshot["state"], "build_failed");
    assert!(snapshot["errorReason"].as_str().unwrap().contains("COPY nothing /x"), "{snapshot}");
    let (status, error) = engine.post("/api/sandbox", json!({"snapshot": "broken"})).await;
    assert_eq!((status, &error["message"]), (StatusCode::BAD_REQUEST, &json!("Snapshot broken is build_failed")));
    engine.post("/api/snapshots", json!({"name": "gone", "imageName": "registry.invalid/nobody:1"})).await;
    assert_eq!(settled(&engine, "/api/snapshots/gone").await["state"], "error");
}

#[tokio::test]
async fn a_snapshot_gives_its_sandboxes_image_size_and_program() {
    let engine = Engine::start().await;
    let body = json!({"name": "box", "cpu": 2, "disk": 2, "buildInfo": {"dockerfileContent": BUSYBOX}});
    engine.post("/api/snapshots", body).await;
    let snapshot = settled(&engine, "/api/snapshots/box").await;
    assert_eq!(snapshot["state"], "active", "{snapshot}");
    assert!(snapshot["size"].as_f64().unwrap() > 0.0);
    let sandbox = engine.create(json!({"snapshot": "box"})).await;
    let shown = (&sandbox["snapshot"], &sandbox["cpu"], &sandbox["disk"], &sandbox["user"]);
    assert_eq!(shown, (&json!("box"), &json!(2), &json!(2), &json!("root")));
    assert_eq!(engine.output(&id_of(&sandbox), "echo $GREETING").await, "from the image");
    // What a sandbox is made from stays as long as it does.
    engine.delete("/api/snapshots/box").await;
    let engine = engine.restart_after(Signal::SIGTERM).await;
    engine.post(&format!("/api/sandbox/{}/start", id_of(&sandbox)), json!({})).await;
    assert_eq!(engine.output(&id_of(&sandbox), "echo $GREETING").await, "from the image");
}

#[tokio::test]
async fn a_sandbox_becomes_a_snapshot_while_it_runs() {
    let engine = Engine::start().await;
    let default = engine.sandbox().await;
    let other = started(&engine, BUSYBOX, json!({})).await;
    for (id, name) in [(&default, "one"), (&other, "two")] {
        engine.output(id, "echo kept >note; (while :; do echo x >>busy; done) >/dev/null 2>&1 &").await;
        let path = format!("/api/sandbox/{id}");
        let (status, sandbox) = engine.post(&format!("{path}/snapshot"), json!({"name": name})).await;
        assert_eq!((status, &sandbox["state"]), (StatusCode::OK, &json!("snapshotting")), "{sandbox}");
        assert_eq!(settled(&engine, &path).await["state"], "started");
        let snapshot = settled(&engine, &format!("/api/snapshots/{name}")).await;
        assert_eq!((&snapshot["state"], &snapshot["sourceSandboxId"]), (&json!("active"), &json!(id)), "{snapshot}");
        let (_, page) = engine.get(&format!("/api/snapshots?sourceSandboxId={id}")).await;
        assert_eq!((&page["total"], &page["items"][0]["name"]), (&json!(1), &json!(name)));
        engine.output(id, "echo changed >note").await;
        let copy = engine.create(json!({"snapshot": name})).await;
        assert_eq!(
            engine.output(&id_of(&copy), "cat note; cat /etc/hostname").await,
            format!("kept\n{}", &id_of(&copy)[..12])
        );
        let (status, error) = engine.post(&format!("{path}/snapshot"), json!({"name": name})).await;
        assert_eq!(status, StatusCode::CONFLICT, "{error}");
        assert_eq!(engine.get(&path).await.1["state"], "started");
    }
    assert_eq!(engine.output(&other, "echo $GREETING").await, "from the image");
    engine.delete("/api/snapshots/one").await;
    harness::wait_for(|| {
        let files = std::fs::read_dir(engine.directory.path().join("snapshot-files")).unwrap().count();
        (files == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn snapshots_are_compared_and_the_cache_is_cleared() {
    let engine = Engine::start().await;
    for (name, text) in [("one", "one"), ("two", "two")] {
        let dockerfile = format!("FROM default\nCOPY <<EOF /srv/same\nx\nEOF\nCOPY <<EOF /etc/told\n{text}\nEOF\n");
        engine.post("/api/snapshots", json!({"name": name, "buildInfo": {"dockerfileContent": dockerfile}})).await;
        assert_eq!(settled(&engine, &format!("/api/snapshots/{name}")).await["state"], "active");
    }
    let (status, answer) = engine.get("/api/snapshots/one/diff?with=two").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer, json!({"items": [{"path": "/etc/told", "change": "changed"}], "total": 1, "more": false}));
    let (_, answer) = engine.get("/api/snapshots/default/diff?with=two").await;
    let paths: Vec<_> = answer["items"].as_array().unwrap().iter().map(|item| item["path"].clone()).collect();
    assert_eq!(paths, ["/etc/told", "/srv/same"]);
    assert_eq!(engine.get("/api/snapshots/one/diff?with=nobody").await.0, StatusCode::NOT_FOUND);

    let (_, cache) = engine.get("/api/build-cache").await;
    assert_eq!(cache["items"].as_array().unwrap().len(), 3, "{cache}");
    engine.delete("/api/snapshots/two").await;
    while engine.get("/api/snapshots/two").await.0 != StatusCode::NOT_FOUND {}
    let (status, cleared) = engine.delete("/api/build-cache").await;
    assert_eq!((status, &cleared["steps"], &cleared["layers"]), (StatusCode::OK, &json!(3), &json!(1)), "{cleared}");
    let sandbox = engine.create(json!({"snapshot": "one"})).await;
    assert_eq!(engine.output(&id_of(&sandbox), "cat /etc/told /srv/same").await, "one\nx");
}

#[tokio::test]
async fn commands_of_a_build_run_in_its_root() {
    let engine = Engine::start().await;
    let dockerfile = "FROM default\nRUN echo $(id -u) made >/srv/made && echo x >/etc/made && rm /etc/made\n";
    let id = started(&engine, dockerfile, json!({})).await;
    assert_eq!(engine.output(&id, "cat /srv/made; ls /etc/made 2>/dev/null || true").await, "0 made");
    let dockerfile = format!("{BUSYBOX}USER app\nRUN [\"/bin/sh\", \"-c\", \"id -u >/tmp/uid; ls / >/tmp/list\"]\n");
    let id = started(&engine, &dockerfile, json!({})).await;
    assert_eq!(engine.output(&id, "cat /tmp/uid /tmp/list").await, "1001\nbin\ndev\netc\nproc\nsrv\nsys\ntmp");
}

#[tokio::test]
async fn a_build_that_nobody_wants_any_more_ends() {
    let engine = Engine::start().await;
    // More than two builds wait for each other.
    let mut ids = Vec::new();
    for number in 0..6 {
        let body = json!({"buildInfo": {"dockerfileContent": format!("FROM default\nRUN sleep 10{number}0\n")}});
        let created = engine.request(Method::POST, "/api/sandbox").json(&body).send().await;
        ids.push(id_of(&read(created).await.1));
    }
    for id in &ids {
        let (status, _) = read(engine.request(Method::DELETE, &format!("/api/sandbox/{id}")).send().await).await;
        assert!(status == StatusCode::OK, "{status}");
    }
    for id in &ids {
        let path = format!("/api/sandbox/{id}");
        harness::wait_for_response(async || (engine.get(&path).await.0 == StatusCode::NOT_FOUND).then_some(())).await;
    }
}

#[tokio::test]
async fn nobody_inside_an_image_reaches_the_machine() {
    let engine = Engine::start().await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("hosts"), "the machine's").unwrap();
    let target = outside.path().display().to_string();
    let dockerfile = format!("{BUSYBOX}COPY --from=tools --chmod=4755 /usr/bin/busybox /bin/busybox\n");
    let id = started(&engine, &dockerfile, json!({})).await;
    for forbidden in [
        "mount -t tmpfs x /tmp",
        "mount -o remount,rw /proc/sys",
        "mknod /tmp/disk b 8 0 && cat /tmp/disk",
        "umount /proc",
        "mv /dev /old",
        "ls /proc/1/root/home",
        &format!("ls {target}"),
        "echo 1 >/proc/sys/kernel/panic",
        "chroot /proc/1/root ls",
    ] {
        let (code, output) = engine.run(&id, forbidden).await;
        assert_ne!(code, 0, "{forbidden}: {output}");
    }
    // What the next start finds are links out of the root.
    engine
        .output(&id, &format!("mv /etc /old && ln -s {target} /etc && rm -r /srv/work && ln -s {target} /srv/work"))
        .await;
    engine.post(&format!("/api/sandbox/{id}/stop"), json!({})).await;
    let (_, restarted) = engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await;
    let (_, forked) = engine.post(&format!("/api/sandbox/{id}/fork"), json!({})).await;
    for sandbox in [restarted, forked] {
        assert_eq!(sandbox["state"], "started", "{sandbox}");
    }
    let files: Vec<_> = std::fs::read_dir(outside.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["hosts"]);
    assert_eq!(std::fs::read_to_string(outside.path().join("hosts")).unwrap(), "the machine's");

    let user = started(&engine, &format!("{dockerfile}USER app\n"), json!({})).await;
    assert_eq!(engine.output(&user, "busybox id -u").await, "1001");
    assert_ne!(engine.run(&user, "cat /proc/1/environ").await.0, 0);
}

#[tokio::test]
async fn an_engine_without_isolation_refuses_images() {
    let engine = Engine::start_in(tempfile::tempdir().unwrap(), &["0", "none"]).await;
    let refused = built(&engine, "FROM default\nENV A=b\n", json!({})).await;
    assert_eq!(refused["state"], "error");
    assert!(refused["errorReason"].as_str().unwrap().contains("images need isolation"), "{refused}");
}

#[tokio::test]
async fn a_build_that_takes_too_long_is_given_up_and_says_so() {
    let directory = tempfile::TempDir::new().unwrap();
    let engine = Engine::start_with(directory, &[], &[("DAYTONA_LOCAL_TESTING", "true")]).await;
    let body = json!({"name": "slow", "buildInfo": {"dockerfileContent": "FROM default\nRUN sleep 100000\n"}});
    assert_eq!(engine.post("/api/snapshots", body).await.0, StatusCode::OK);
    harness::wait_for_response(async || {
        (engine.get("/api/snapshots/slow").await.1["state"] == "building").then_some(())
    })
    .await;
    assert_eq!(engine.post("/api/testing/clock", json!({"advance": "3h"})).await.0, StatusCode::OK);
    let failed = settled(&engine, "/api/snapshots/slow").await;
    assert_eq!(failed["state"], "build_failed", "{failed}");
    assert!(failed["errorReason"].as_str().unwrap().contains("longer than 120 minutes"), "{failed}");
}

#[tokio::test]
async fn no_program_of_an_image_is_the_toolboxs_user() {
    let engine = Engine::start().await;
    for dockerfile in ["FROM default\nUSER 65536\nRUN true\n", "FROM default\nRUN true\nUSER 7:65536\n"] {
        let failed = built(&engine, dockerfile, json!({})).await;
        assert!(failed["errorReason"].as_str().unwrap_or_default().contains("0 to 65534"), "{failed}");
    }
}

#[tokio::test]
async fn registries_of_this_machine_are_those_of_the_first_organization() {
    let engine = Engine::start().await;
    let announced = harness::announcement(engine.directory.path()).expect("engine.json");
    let own = announced["organizationId"].as_str().unwrap().to_owned();
    let ask = async |organization: &str, method: Method, path: &str, body: Value| {
        let request = engine.request(method, path).header("X-Daytona-Organization-ID", organization);
        read(request.json(&body).send().await).await
    };
    let (_, other) = ask(&own, Method::POST, "/api/organizations", json!({"name": "Other"})).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (organization, reason) in [(id_of(&other), "private network"), (own.clone(), "cannot be reached")] {
        let wanted = json!({"name": "x", "imageName": format!("{free}/app:1")});
        let (status, made) = ask(&organization, Method::POST, "/api/snapshots", wanted).await;
        assert_eq!(status, StatusCode::OK, "{made}");
        let path = format!("/api/snapshots/{}", id_of(&made));
        let failed = harness::wait_for_response(async || {
            let (_, found) = ask(&organization, Method::GET, &path, json!({})).await;
            (found["state"] == "error").then_some(found)
        })
        .await;
        assert!(failed["errorReason"].as_str().unwrap().contains(reason), "{failed}");
    }
}

#[tokio::test]
async fn a_snapshot_deleted_while_it_is_made_leaves_nothing() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    engine.output(&id, "head -c 200M /dev/urandom > much").await;
    let files = engine.directory.path().join("snapshot-files");
    let taken = engine.request(Method::POST, &format!("/api/sandbox/{id}/snapshot")).json(&json!({"name": "brief"}));
    let (status, answer) = read(taken.send().await).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    harness::wait_for(|| std::fs::read_dir(&files).is_ok_and(|mut all| all.next().is_some()).then_some(())).await;
    assert_eq!(engine.delete("/api/snapshots/brief").await.0, StatusCode::OK);
    settled(&engine, &format!("/api/sandbox/{id}")).await;
    harness::wait_for(|| std::fs::read_dir(&files).is_ok_and(|mut all| all.next().is_none()).then_some(())).await;
}
