//! Processes: commands and programs with a result, processes that live, sessions.
//!
//! ```text
//! DAYTONA_API_URL=local cargo run -p daytona --example processes
//! ```

use std::time::Duration;

use daytona::model::{
    CodeRunOptions, ExecOptions, OutputOptions, SessionExecuteRequest, SpawnOptions, WaitForLogOptions, WaitOptions,
};
use daytona::stream::log_demux::LogChannel;
use daytona::{Client, Config, ErrorKind, Result, Sandbox};

async fn exec(sandbox: &Sandbox) -> Result<()> {
    // region: exec
    let options = ExecOptions {
        cwd: Some("/tmp".into()),
        env: Some([("GREETING".into(), "hello".into())].into()),
        timeout: Some(Duration::from_secs(10)),
    };
    let response = sandbox.process().exec(r#"echo "$GREETING from $PWD""#, options).await?;
    print!("{} {}", response.exit_code, response.result);
    // endregion
    Ok(())
}

async fn code_run(sandbox: &Sandbox) -> Result<()> {
    // region: code-run
    let program = "import sys; print(sum(map(int, sys.argv[1:])))";
    let argv = ["1", "2", "3"].map(String::from).to_vec();
    let response = sandbox.code_run(program, CodeRunOptions { argv: Some(argv), ..Default::default() }).await?;
    print!("{} {}", response.exit_code, response.result);
    // endregion
    Ok(())
}

async fn spawn(sandbox: &Sandbox) -> Result<()> {
    // region: spawn
    let process = sandbox.spawn("echo building; echo careful >&2; echo done", SpawnOptions::default()).await?;
    let mut output = process.output(OutputOptions::default()).await?;
    while let Some(chunk) = output.next().await? {
        println!("{:?}: {:?}", chunk.channel, String::from_utf8_lossy(&chunk.data));
    }
    println!("exit code {}", process.wait(WaitOptions::default()).await?);

    // Each reader has the whole output.
    for line in process.text(LogChannel::Stdout, OutputOptions::default()).await?.lines() {
        println!("line: {line}");
    }
    process.release().await?; // Ends it with everything it started.
    // endregion
    Ok(())
}

async fn stdin(sandbox: &Sandbox) -> Result<()> {
    // region: stdin
    let process = sandbox.spawn("sort", SpawnOptions { stdin: Some(true), ..Default::default() }).await?;
    process.write_stdin("pear\n".into()).await?;
    process.write_stdin("apple\n".into()).await?;
    process.close_stdin().await?;
    print!("{}", process.text(LogChannel::Stdout, OutputOptions::default()).await?);
    process.release().await?;
    // endregion
    Ok(())
}

async fn signals(sandbox: &Sandbox) -> Result<()> {
    let command = "trap 'echo cleaning up; exit 5' TERM; echo ready; while :; do sleep 0.1; done";
    // region: signals
    let process = sandbox.spawn(command, SpawnOptions::default()).await?;
    process.wait_for_log("ready", WaitForLogOptions::default()).await?;
    process.signal("SIGTERM").await?;
    match process.wait(WaitOptions { timeout: Some(Duration::from_secs(5)) }).await {
        Ok(code) => println!("exit code {code}"),
        Err(error) if error.kind().is(ErrorKind::Timeout) => process.signal("SIGKILL").await?, // To the whole tree.
        Err(error) => return Err(error),
    }
    // endregion
    process.release().await
}

async fn reattach(sandbox: &Sandbox) -> Result<()> {
    // region: reattach
    let process = sandbox.spawn("echo first; sleep 1000", SpawnOptions::default()).await?;
    let process_id = process.id(); // All that it takes, from any program.

    let found = sandbox.attach(process_id).await?;
    found.wait_for_log("first", WaitForLogOptions::default()).await?;
    let now = OutputOptions { follow: Some(false), ..Default::default() };
    println!("{} wrote so far: {}", found.info().command, found.text(LogChannel::Stdout, now).await?);
    found.release().await?;
    // endregion
    Ok(())
}

async fn waits(sandbox: &Sandbox) -> Result<()> {
    // region: waits
    let server = sandbox.spawn("python3 -um http.server --bind 127.0.0.1 8000", SpawnOptions::default()).await?;
    sandbox.process().wait_for_port(8000, WaitOptions { timeout: Some(Duration::from_secs(10)) }).await?;
    let regex = WaitForLogOptions { regex: Some(true), ..Default::default() };
    println!("{}", server.wait_for_log(r"port \d+", regex).await?);
    server.release().await?;
    // endregion
    Ok(())
}

async fn sessions(sandbox: &Sandbox) -> Result<()> {
    // region: sessions
    let process = sandbox.process();
    let request = |command: &str| SessionExecuteRequest { command: command.into(), ..Default::default() };
    process.create_session("build").await?;
    process.execute_session_command("build", request("cd /tmp && NAME=world"), WaitOptions::default()).await?;
    let hello = request(r#"echo "hello $NAME from $PWD""#);
    let response = process.execute_session_command("build", hello, WaitOptions::default()).await?;
    println!("{}", response.stdout.unwrap_or_default());
    process.delete_session("build").await?;
    // endregion
    Ok(())
}

async fn tour(sandbox: &Sandbox) -> Result<()> {
    exec(sandbox).await?;
    code_run(sandbox).await?;
    spawn(sandbox).await?;
    stdin(sandbox).await?;
    signals(sandbox).await?;
    reattach(sandbox).await?;
    waits(sandbox).await?;
    sessions(sandbox).await
}

#[tokio::main]
async fn main() -> Result<()> {
    let daytona = Client::new(Config::default())?;
    let sandbox = daytona.create(Default::default()).await?;
    let toured = tour(&sandbox).await;
    sandbox.delete().await?; // Also after a failure.
    toured
}
