//! SSH: guesses of tokens, and strangers who only take places.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::harness::{Engine, at_both_levels};
use crate::openssh::{Access, ended};

at_both_levels![
    guesses_open_nothing_and_disturb_nobody_who_is_in,
    strangers_who_say_nothing_keep_others_out_for_a_while_only,
];

/// Time for what a loaded machine may take long for.
const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until a token is let in.
async fn let_in(access: &Access) {
    let deadline = Instant::now() + PATIENCE;
    while !ended(access.ssh(&[], &["true"])).await.status.success() {
        assert!(Instant::now() < deadline, "the right token is not let in");
        sleep(Duration::from_millis(300)).await;
    }
}

async fn guesses_open_nothing_and_disturb_nobody_who_is_in(engine: &Engine) {
    let bystander = engine.bystander().await;
    let id = engine.create(json!({})).await;
    let access = Access::of(engine, &id).await;
    let mut inside = access.ssh(&[], &["while read line; do echo heard $line; done"]);
    let mut inside = inside.stdin(Stdio::piped()).spawn().expect("ssh runs");
    let mut input = inside.stdin.take().expect("piped");
    let mut output = BufReader::new(inside.stdout.take().expect("piped")).lines();
    let mut heard = async |word: &str| {
        input.write_all(format!("{word}\n").as_bytes()).await.expect("the session takes input");
        let line = timeout(PATIENCE, output.next_line()).await.expect("an answer").expect("a line");
        assert_eq!(line, Some(format!("heard {word}")));
    };
    heard("before").await;

    // Whatever is close to the right one, and whatever a program might take for a pattern, a path or a query.
    let token = &access.token;
    let (most, swapped) = (&token[..token.len() - 1], token.chars().rev().collect::<String>());
    let near = [most.to_owned(), format!("{token}x"), token.to_uppercase(), swapped, format!("x{most}")];
    let odd = ["%", "*", "' OR 1=1 --", "../../etc/passwd", "root", &id, &engine.api_key].map(str::to_owned);
    let guesses = near.into_iter().chain(odd).chain((0..20).map(|number| format!("{number}{token}")));
    let tried = guesses.filter(|guess| guess != token).map(|token| Access { token, ..access.clone() });
    let mut running = tokio::task::JoinSet::new();
    for wrong in tried {
        // Under `-l`, since a guess may look like anything.
        let mut guess = tokio::process::Command::new("ssh");
        guess.args(wrong.options()).args(["-p", &wrong.port, "-l", &wrong.token, "127.0.0.1", "cat ~/mine; id"]);
        guess.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        running.spawn(ended(guess));
    }
    let ends = running.join_all().await;
    assert!(ends.iter().all(|end| end.status.code() == Some(255) && end.stdout.is_empty()), "{ends:?}");
    heard("after").await;
    engine.assert_unharmed(&bystander).await;
    let_in(&access).await;
}

async fn strangers_who_say_nothing_keep_others_out_for_a_while_only(engine: &Engine) {
    let bystander = engine.bystander().await;
    let access = Access::of(engine, &engine.create(json!({})).await).await;
    let mut strangers = Vec::new();
    for _ in 0..200 {
        if let Ok(stranger) = TcpStream::connect(format!("127.0.0.1:{}", access.port)).await {
            strangers.push(stranger);
        }
    }
    engine.assert_unharmed(&bystander).await;
    // They keep their connections open, and lose their places all the same.
    let_in(&access).await;
    drop(strangers);
}
