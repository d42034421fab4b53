//! Packages that `daytona local setup` prepares work inside a sandbox, without network. Preparing needs it once.

mod harness;

use daytona_engine::setup::{self, Outcome};
use harness::Engine;

#[tokio::test]
async fn prepared_sandboxes_have_packages_and_typescript() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    assert_eq!(setup::run(&path, &mut |_| {}).unwrap(), Outcome::Prepared);
    assert_eq!(setup::run(&path, &mut |_| {}).unwrap(), Outcome::AlreadyDone);

    let engine = Engine::start_in(directory, &[]).await;
    let id = engine.sandbox().await;
    let plot = "import matplotlib.pyplot as plot, numpy, pandas; plot.plot(numpy.arange(3)); plot.savefig('a.png')";
    engine.output(&id, &format!("python3 -c \"{plot}\" && test -s a.png")).await;
    let script = "echo 'const sum: number = 1 + 2; console.log(sum)'";
    for program in ["npx ts-node", "ts-node"] {
        let command = format!("cd /tmp && {script} | {program} -T -O '{{\"module\":\"CommonJS\"}}'");
        assert_eq!(engine.output(&id, &command).await, "3");
    }
    let versions =
        engine.output(&id, "tsc --version && ty --version && ruff --version && git init -q repository").await;
    assert!(versions.starts_with("Version 5."), "ts-node needs a TypeScript before 7: {versions}");
    engine.output(&id, "typescript-language-server --version").await;
    let mounts = engine.output(&id, "cat /proc/self/mountinfo").await;
    let place = engine.directory.path().file_name().unwrap().to_str().unwrap();
    assert!(mounts.contains(" /opt/daytona ") && !mounts.contains(place), "{mounts}");
    assert_ne!(engine.run(&id, "touch /opt/daytona/python/x").await.0, 0);
}
