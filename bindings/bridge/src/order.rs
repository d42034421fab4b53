//! What changes one thing happens in the order in which it was asked for.
//!
//! Calls run on several threads and would overtake each other. A [`turn`] is taken while the call is started, on the caller's
//! thread, so programs that do not wait for one write before the next get the order they wrote down.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use serde::Deserialize;
use tokio::sync::OwnedMutexGuard;

/// Takes the next turn at what the mutex guards; the future is ready when it has come.
pub(crate) fn turn<T: Send + 'static>(
    mutex: &Arc<tokio::sync::Mutex<T>>,
) -> impl Future<Output = OwnedMutexGuard<T>> + Send + use<T> {
    let mut lock: Pin<Box<dyn Future<Output = OwnedMutexGuard<T>> + Send>> = Box::pin(mutex.clone().lock_owned());
    // The first look puts it in the queue.
    let mut ready = match lock.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(guard) => Some(guard),
        Poll::Pending => None,
    };
    poll_fn(move |cx| match ready.take() {
        Some(guard) => Poll::Ready(guard),
        None => lock.as_mut().poll(cx),
    })
}

/// The queues of a client's operations.
#[derive(Default)]
pub(crate) struct Queues(Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>);

impl Queues {
    /// The turn of an operation, if it is one that must not overtake others.
    pub(crate) fn turn(
        &self,
        op: &str,
        params: &[u8],
    ) -> Option<impl Future<Output = OwnedMutexGuard<()>> + Send + use<>> {
        let name = queue(op, params)?;
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|_, queue| queue.strong_count() > 0);
        let known = queues.get(&name).and_then(Weak::upgrade);
        let queue = known.unwrap_or_else(|| {
            let new = Arc::default();
            queues.insert(name, Arc::downgrade(&new));
            new
        });
        Some(turn(&queue))
    }
}

/// What an operation changes: the input of a process or command, the size of a terminal.
fn queue(op: &str, params: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        target: Option<Id<'a>>,
        args: Args<'a>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Args<'a> {
        #[serde(borrow)]
        process: Option<Id<'a>>,
        session_id: Option<&'a str>,
        command_id: Option<&'a str>,
    }
    #[derive(Deserialize)]
    struct Id<'a> {
        id: &'a str,
    }
    let what = match op {
        "process.write_stdin" | "process.close_stdin" | "process.send_session_command_input" => "input",
        "process.resize_pty_session" => "size",
        _ => return None,
    };
    let Params { target, args } = serde_json::from_slice(params).ok()?;
    let object = args.process.map(|process| process.id).or(args.session_id)?;
    Some(format!("{what} {} {object} {}", target?.id, args.command_id.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_come_in_the_order_they_were_taken() {
        let mutex = Arc::new(tokio::sync::Mutex::new(Vec::new()));
        let turns: Vec<_> = (0..50).map(|number| (number, turn(&mutex))).collect();
        let tasks: Vec<_> = turns
            .into_iter()
            .rev()
            .map(|(number, turn)| tokio::spawn(async move { turn.await.push(number) }))
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*mutex.lock().await, (0..50).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_turn_that_is_given_up_holds_nobody_up() {
        let mutex = Arc::new(tokio::sync::Mutex::new(()));
        let (first, second, third) = (turn(&mutex), turn(&mutex), turn(&mutex));
        drop(second);
        drop(first);
        third.await;
    }

    #[test]
    fn only_what_changes_the_same_thing_waits() {
        let params = |id: &str| format!(r#"{{"target": {{"id": "s"}}, "args": {{"process": {{"id": "{id}"}}}}}}"#);
        let input = queue("process.write_stdin", params("a").as_bytes());
        assert_eq!(input, queue("process.close_stdin", params("a").as_bytes()));
        assert!(input.is_some() && input != queue("process.write_stdin", params("b").as_bytes()));
        let size = br#"{"target": {"id": "s"}, "args": {"sessionId": "a", "rows": 1, "cols": 1}}"#;
        assert!(queue("process.resize_pty_session", size).is_some_and(|size| Some(size) != input));
        assert_eq!(queue("process.wait_spawned", params("a").as_bytes()), None);
    }
}
