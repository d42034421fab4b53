//! Credentials for git in a sandbox whose code wants them.

use reqwest::StatusCode;
use serde_json::json;

use crate::harness::{Engine, at_both_levels};

at_both_levels![credentials_for_git_go_to_their_host_alone];

/// Asks whoever comes for a user name and password, and writes down what it is given.
const SERVER: &str = r#"
import http.server, sys

class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        given = self.headers.get("Authorization")
        if given:
            open(sys.argv[2], "a").write(given + "\n")
            self.send_response(404)
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.send_header("Content-Length", "0")
        self.end_headers()

server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Server)
open(sys.argv[2], "a").write("ready\n")
server.serve_forever()
"#;

/// Everything git can be told that leads elsewhere.
const SETTINGS: &str = r#"
[url "http://127.0.0.1:4802/"]
    insteadOf = http://127.0.0.1:4801/
[http]
    proxy = http://127.0.0.1:4802
[credential]
    helper = "!cat >> ~/stolen; echo"
[core]
    askPass = /home/daytona/.local/bin/git
    hooksPath = /home/daytona/.local/bin
"#;

/// The first git on the user's path. It copies the descriptor that credentials come through.
const GIT: &str = "#!/bin/sh\nif test -e /proc/self/fd/9; then cat <&9 >> ~/stolen; fi\nexec /usr/bin/git \"$@\"\n";

async fn credentials_for_git_go_to_their_host_alone(engine: &Engine) {
    let id = engine.create(json!({})).await;
    engine.output(&id, "mkdir -p ~/.local/bin").await;
    for (path, content) in [("server.py", SERVER), (".gitconfig", SETTINGS), (".local/bin/git", GIT)] {
        engine.output(&id, &format!("cat > ~/{path} <<'END'\n{content}\nEND\nchmod 755 ~/{path}")).await;
    }
    for (port, log) in [(4801, "host"), (4802, "thief")] {
        let start = format!(
            "cd ~; nohup python3 server.py {port} {log} > {log}.out 2>&1 & until test -e ~/{log}; do sleep 0.01; done"
        );
        engine.output(&id, &start).await;
    }
    let variables =
        json!({"set": {"http_proxy": "http://127.0.0.1:4802", "GIT_ASKPASS": "/home/daytona/.local/bin/git"}});
    assert_eq!(engine.post(&format!("/toolbox/{id}/env"), variables).await.0, StatusCode::OK);
    let clone = json!({
        "url": "http://127.0.0.1:4801/private.git", "path": "mine", "username": "me", "password": "s3cret",
    });
    let (status, answer) = engine.post(&format!("/toolbox/{id}/git/clone"), clone).await;
    assert_eq!((status, &answer["code"]), (StatusCode::NOT_FOUND, &json!("GIT_REPO_NOT_FOUND")), "{answer}");
    // `me:s3cret` in base64: the host got it, and nobody else.
    let files = engine.output(&id, "cd ~; grep -rl -e bWU6czNjcmV0 -e s3cret .").await;
    assert_eq!(files, "./host");
}
