//! Commands, code, sessions, logs and terminals.

use daytona::model::ProcessInfo;
use daytona::ops::Process;
use daytona::stream::log_demux::LogChannel;
use daytona::stream::logs::LogStream;
use daytona::stream::terminal::Terminal;
use serde_json::{Value, json};

use super::{Arguments, Called, Request, text, unknown, value};

pub(super) async fn call(process: &Process, name: &str, args: &Arguments, request: &Request) -> Called {
    let session = || args.text("sessionId");
    let command = || args.text("commandId");
    let spawned = || args.get::<ProcessInfo>("process");
    match name {
        "exec" => value(process.exec(&args.text("command")?, args.options()?).await?),
        "code_run" => value(process.code_run(&args.text("code")?, &args.text("language")?, args.options()?).await?),
        "create_session" => value(process.create_session(&session()?).await?),
        "get_session" => value(process.get_session(&session()?).await?),
        "list_sessions" => value(process.list_sessions().await?),
        "delete_session" => value(process.delete_session(&session()?).await?),
        "execute_session_command" => {
            value(process.execute_session_command(&session()?, args.get("request")?, args.options()?).await?)
        }
        "get_session_command" => value(process.get_session_command(&session()?, &command()?).await?),
        "get_session_command_logs" => value(process.get_session_command_logs(&session()?, &command()?).await?),
        "stream_session_command_logs" => {
            let stream = process.stream_session_command_logs(&session()?, &command()?).await?;
            read_logs(stream, request).await
        }
        "send_session_command_input" => {
            value(process.send_session_command_input(&session()?, &command()?, &args.text("data")?).await?)
        }
        "get_entrypoint_session" => value(process.get_entrypoint_session().await?),
        "get_entrypoint_logs" => value(process.get_entrypoint_logs().await?),
        "stream_entrypoint_logs" => read_logs(process.stream_entrypoint_logs().await?, request).await,
        "create_pty" => drive(process.create_pty(&session()?, args.options()?).await?, request).await,
        "connect_pty" => drive(process.connect_pty(&session()?).await?, request).await,
        "list_pty_sessions" => value(process.list_pty_sessions().await?),
        "get_pty_session_info" => value(process.get_pty_session_info(&session()?).await?),
        "resize_pty_session" => {
            value(process.resize_pty_session(&session()?, args.get("rows")?, args.get("cols")?).await?)
        }
        "kill_pty_session" => value(process.kill_pty_session(&session()?).await?),
        "spawn" => value(process.spawn(&args.text("command")?, args.options()?).await?),
        "list_spawned" => value(process.list_spawned().await?),
        "get_spawned" => value(process.get_spawned(&args.text("processId")?).await?),
        "stream_output" => read_logs(process.stream_output(spawned()?, args.options()?).await?, request).await,
        "write_stdin" => value(process.write_stdin(spawned()?, args.get("data")?).await?),
        "close_stdin" => value(process.close_stdin(spawned()?).await?),
        "wait_spawned" => value(process.wait_spawned(spawned()?, args.options()?).await?),
        "signal_spawned" => value(process.signal_spawned(spawned()?, &args.text("signal")?).await?),
        "release_spawned" => value(process.release_spawned(spawned()?).await?),
        "wait_for_port" => value(process.wait_for_port(args.get("port")?, args.options()?).await?),
        "wait_for_log" => {
            value(process.wait_for_log(&session()?, &command()?, &args.text("pattern")?, args.options()?).await?)
        }
        _ => Err(unknown(name)),
    }
}

async fn read_logs(mut stream: LogStream, request: &Request) -> Called {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    if request.detach {
        return value(Value::Null);
    }
    while let Some(chunk) = stream.next().await? {
        match chunk.channel {
            LogChannel::Stdout => stdout.extend_from_slice(&chunk.data),
            LogChannel::Stderr => stderr.extend_from_slice(&chunk.data),
        }
    }
    value(json!({ "stdout": text(&stdout), "stderr": text(&stderr) }))
}

async fn drive(mut terminal: Terminal, request: &Request) -> Called {
    for input in &request.input {
        terminal.write(input.clone()).await?;
    }
    if request.detach {
        terminal.disconnect().await;
        return value(Value::Null);
    }
    let mut output = Vec::new();
    while let Some(piece) = terminal.next().await? {
        output.extend_from_slice(&piece);
    }
    let result = terminal.wait().await?;
    value(json!({ "output": text(&output), "exitCode": result.exit_code, "error": result.error }))
}
