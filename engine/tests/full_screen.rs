//! Programs that use the whole screen, in a terminal through the engine, seen as a person would see them.

mod harness;
#[path = "harness/socket.rs"]
mod socket;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use harness::Engine;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// Programs that these tests need and not every machine has.
const PROGRAMS: [&str; 3] = ["vi", "less", "top"];

/// How long something may take to be shown.
const PATIENCE: Duration = Duration::from_secs(120);

/// A terminal of a sandbox, and what it shows.
struct Terminal<'a> {
    engine: &'a Engine,
    path: String,
    socket: WebSocketStream<TcpStream>,
    screen: vt100::Parser,
    /// The control message that told the shell's end.
    exited: Option<Value>,
    closed: bool,
}

impl<'a> Terminal<'a> {
    /// Creates a terminal of 80 by 24 with a plain prompt.
    async fn open(engine: &'a Engine, sandbox: &str, id: &str) -> Self {
        let query = format!("create-connect?id={id}&cols=80&rows=24");
        let mut terminal = Self::connect(engine, sandbox, id, &query).await;
        terminal.send("PS1='$ '; clear\r").await;
        terminal.wait("a prompt", |screen| screen.contents().trim_end() == "$").await;
        terminal
    }

    async fn connect(engine: &'a Engine, sandbox: &str, id: &str, route: &str) -> Self {
        let path = format!("/toolbox/{sandbox}/process/pty/{id}");
        let socket = engine.socket(&format!("/toolbox/{sandbox}/process/pty/{route}")).await;
        Self { engine, path, socket, screen: vt100::Parser::new(24, 80, 0), exited: None, closed: false }
    }

    async fn send(&mut self, keys: impl Into<Vec<u8>>) {
        self.socket.send(Message::Binary(keys.into().into())).await.expect("the terminal reads");
    }

    /// Shows the next output; not at all when the connection has ended.
    async fn read(&mut self) {
        match self.socket.next().await {
            Some(Ok(Message::Binary(output))) => self.screen.process(&output),
            Some(Ok(Message::Text(text))) => {
                let control: Value = serde_json::from_str(&text).expect("a control message");
                if control["status"] == "exited" {
                    self.exited = Some(control);
                }
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => self.closed = true,
        }
    }

    /// Reads until the screen is as wanted.
    async fn wait(&mut self, what: &str, wanted: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !wanted(self.screen.screen()) {
            let read = timeout_at(deadline, self.read()).await;
            assert!(read.is_ok() && !self.closed, "{what} is not shown:\n{}", self.screen.screen().contents());
        }
    }

    /// Reads to the end; the exit code.
    async fn exit_code(&mut self) -> Value {
        let deadline = Instant::now() + PATIENCE;
        while !self.closed {
            timeout_at(deadline, self.read()).await.expect("the terminal ends");
        }
        self.exited.as_ref().expect("an exited message")["exitCode"].clone()
    }

    async fn resize(&mut self, rows: u16, cols: u16) {
        self.screen.screen_mut().set_size(rows, cols);
        let (status, answer) =
            self.engine.post(&format!("{}/resize", self.path), json!({"rows": rows, "cols": cols})).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
}

/// A row of the screen without what is blank at its end.
fn row(screen: &vt100::Screen, number: u16) -> String {
    let (_, columns) = screen.size();
    screen.rows(0, columns).nth(number.into()).unwrap_or_default().trim_end().to_owned()
}

async fn sandbox(engine: &Engine) -> String {
    let id = engine.sandbox().await;
    for program in PROGRAMS {
        let (code, _) = engine.run(&id, &format!("command -v {program}")).await;
        assert_eq!(code, 0, "these tests need {program}");
    }
    id
}

#[tokio::test]
async fn an_editor_edits_a_file_and_fills_the_screen_it_is_given() {
    let engine = Engine::start().await;
    let id = sandbox(&engine).await;
    let mut terminal = Terminal::open(&engine, &id, "t").await;
    terminal.send("vi -u NONE file\r").await;
    terminal.wait("an empty file", |screen| (1..23).all(|number| row(screen, number) == "~")).await;
    assert!(terminal.screen.screen().alternate_screen());
    terminal.send("ifirst line\rsecönd line\x1b").await;
    terminal.wait("the text", |screen| row(screen, 0) == "first line" && row(screen, 1) == "secönd line").await;
    terminal.resize(40, 100).await;
    terminal.wait("the larger file", |screen| (2..39).all(|number| row(screen, number) == "~")).await;
    terminal.send("ggdd:wq\r").await;
    terminal.wait("the shell's screen", |screen| !screen.alternate_screen()).await;
    assert_eq!(engine.output(&id, "cat file").await, "secönd line");
    terminal.send("clear; stty size\r").await;
    terminal.wait("the size", |screen| row(screen, 0) == "40 100").await;
}

#[tokio::test]
async fn a_pager_shows_page_after_page() {
    let engine = Engine::start().await;
    let id = sandbox(&engine).await;
    let mut terminal = Terminal::open(&engine, &id, "t").await;
    terminal.send("seq 1000 | less\r").await;
    terminal
        .wait("the first page", |screen| row(screen, 0) == "1" && row(screen, 22) == "23" && row(screen, 23) == ":")
        .await;
    terminal.send(" ").await;
    terminal.wait("the second page", |screen| row(screen, 0) == "24" && row(screen, 22) == "46").await;
    terminal.send("/^777\r").await;
    terminal.wait("what was searched for", |screen| row(screen, 0) == "777").await;
    terminal.send("G").await;
    terminal.wait("the end", |screen| row(screen, 22) == "1000" && row(screen, 23) == "(END)").await;
    terminal.send("q").await;
    terminal.wait("the shell's screen", |screen| !screen.alternate_screen()).await;
}

#[tokio::test]
async fn monitors_show_the_sandboxs_own_processes() {
    let engine = Engine::start().await;
    let id = sandbox(&engine).await;
    engine.output(&id, "echo 'while :; do sleep 1; done' > a-program; nohup sh a-program >/dev/null 2>&1 &").await;
    for program in ["top -d 1", "htop -d 10"] {
        // Other programs are tested where they happen to be installed.
        if engine.run(&id, &format!("command -v {}", program.split(' ').next().unwrap())).await.0 != 0 {
            continue;
        }
        let mut terminal = Terminal::open(&engine, &id, "t").await;
        terminal.send(format!("{program}\r")).await;
        terminal
            .wait("a table of processes", |screen| {
                let shown = screen.contents();
                ["PID", "USER", "daytona"].iter().all(|word| shown.contains(word)) && shown.contains("sh")
            })
            .await;
        terminal.resize(30, 120).await;
        // Bars reach the edge.
        let coloured = |cell: &vt100::Cell| cell.inverse() || cell.bgcolor() != vt100::Color::Default;
        let at_the_edge = |screen: &vt100::Screen| (0..30).any(|number| screen.cell(number, 119).is_some_and(coloured));
        terminal.wait("the wider table", at_the_edge).await;
        terminal.send("q").await;
        // A program that ends throws away what was typed ahead.
        let prompt = |screen: &vt100::Screen| row(screen, screen.cursor_position().0).ends_with('$');
        terminal.wait("the prompt", prompt).await;
        terminal.send("exit 0\r").await;
        assert_eq!(terminal.exit_code().await, 0);
    }
}

#[tokio::test]
async fn colours_are_those_of_the_terminals_kind() {
    let engine = Engine::start().await;
    let id = sandbox(&engine).await;
    let mut terminal = Terminal::open(&engine, &id, "t").await;
    terminal.send("clear; mkdir d; ls --color=auto; tput colors; tput setaf 200; echo pi''nk\r").await;
    terminal.wait("the output", |screen| screen.contents().contains("pink")).await;
    let screen = terminal.screen.screen();
    let cell = |text: &str| {
        let number = (0..24).find(|number| row(screen, *number) == text).expect("a row of its own");
        screen.cell(number, 0).expect("a cell").clone()
    };
    assert_eq!(cell("256").fgcolor(), vt100::Color::Default);
    assert_eq!((cell("d").fgcolor(), cell("d").bold()), (vt100::Color::Idx(4), true));
    assert_eq!(cell("pink").fgcolor(), vt100::Color::Idx(200));
}

#[tokio::test]
async fn several_clients_see_the_same_screen_and_may_all_type() {
    let engine = Engine::start().await;
    let id = sandbox(&engine).await;
    let mut first = Terminal::open(&engine, &id, "t").await;
    let mut second = Terminal::connect(&engine, &id, "t", "t/connect").await;
    first.send("vi -u NONE shared\r").await;
    for client in [&mut first, &mut second] {
        client.wait("an empty file", |screen| (1..23).all(|number| row(screen, number) == "~")).await;
    }
    first.send("ione ").await;
    first.wait("the first word", |screen| row(screen, 0) == "one").await;
    second.send("two").await;
    for client in [&mut first, &mut second] {
        client.wait("both words", |screen| row(screen, 0) == "one two").await;
    }
    second.send("\x1b:q!\r").await;
    first.wait("the shell's screen", |screen| !screen.alternate_screen()).await;
    first.send("sleep 1000\r").await;
    engine.output(&id, "until pgrep -xf 'sleep 1000' >/dev/null; do sleep 0.01; done").await;
    second.send("\x03").await;
    first.wait("the interruption", |screen| screen.contents().contains("^C")).await;
    first.send("exit $((100 + $?))\r").await;
    // 130, what Ctrl-C ends a program with, and a hundred.
    assert_eq!((first.exit_code().await, second.exit_code().await), (json!(230), json!(230)));
}

#[tokio::test]
async fn killing_a_terminal_ends_an_editor_that_asks_for_more() {
    let engine = Engine::start().await;
    let id = sandbox(&engine).await;
    let mut terminal = Terminal::open(&engine, &id, "t").await;
    terminal.send("vi -u NONE file\r").await;
    terminal.wait("an empty file", |screen| (1..23).all(|number| row(screen, number) == "~")).await;
    assert_eq!(engine.delete(&terminal.path).await.0, StatusCode::OK);
    assert_eq!(terminal.exit_code().await, 137);
    assert_eq!(engine.run(&id, "pgrep -x vi || pgrep vim").await.0, 1);
}

#[tokio::test]
async fn ten_megabytes_are_pasted_into_a_file_byte_for_byte() {
    const SIZE: usize = 10 << 20;
    let engine = Engine::start().await;
    let id = sandbox(&engine).await;
    let mut terminal = Terminal::open(&engine, &id, "t").await;
    terminal.send("clear; stty raw -echo; echo re''ady; cat > file\r").await;
    terminal.wait("readiness", |screen| screen.contents().contains("ready")).await;
    // Every byte there is, in no order that repeats soon.
    let paste: Vec<u8> = (0..SIZE).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for piece in paste.chunks(60_000) {
        terminal.send(piece).await;
    }
    engine.output(&id, &format!("until [ $(stat -c %s file) -ge {SIZE} ]; do sleep 0.01; done")).await;
    let request = engine.request(reqwest::Method::GET, &format!("/toolbox/{id}/files/download?path=file"));
    let arrived = request.send().await.unwrap().bytes().await.unwrap();
    assert!(arrived == paste, "the paste changed on the way");
    assert_eq!(engine.delete(&terminal.path).await.0, StatusCode::OK);
    assert_eq!(terminal.exit_code().await, 137);
}
