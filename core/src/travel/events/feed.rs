//! The changes of all sandboxes, in order, for whoever asks from a position on.
//!
//! A task listens to the hub from the first question on. What it knows of every sandbox it compares with a list of all of
//! them whenever the hub has connected, and every two seconds while it has not. So nothing that happens while nobody pushes is
//! lost, and a change that is both pushed and found is told once.
//!
//! Nothing here belongs to a subscriber: positions are numbers, so a call that is given up loses nothing, and there is nothing to close.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::packet::Why;
use super::{Push, Pushed};
use crate::client::Client;
use crate::error::Result;
use crate::model::{ListSandboxesQuery, SandboxEvent, SandboxEvents, SandboxInfo, SandboxState};
use crate::travel::deadline;

/// Changes that are kept.
const KEPT: usize = 10_000;
/// How long the feed goes on without a question.
const IDLE: Duration = Duration::from_secs(300);
/// How often sandboxes are listed while nothing is pushed.
const POLL: Duration = Duration::from_secs(2);
/// Sandboxes asked for at once.
const PAGE: i64 = 200;

/// The changes that a client knows.
#[derive(Debug)]
pub(crate) struct Feed {
    told: Mutex<Told>,
    /// Sent after each change.
    news: watch::Sender<()>,
    /// Held while the first list is made.
    beginning: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Told {
    /// Names this run of the feed in positions.
    run: String,
    /// Position of the first change that is kept.
    first: u64,
    changes: VecDeque<SandboxEvent>,
    known: HashMap<String, SandboxInfo>,
    asked: Instant,
    task: Option<JoinHandle<()>>,
}

impl Default for Feed {
    fn default() -> Self {
        let told = Told {
            run: String::new(),
            first: 0,
            changes: VecDeque::new(),
            known: HashMap::new(),
            asked: Instant::now(),
            task: None,
        };
        Self { told: Mutex::new(told), news: watch::Sender::new(()), beginning: tokio::sync::Mutex::default() }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let Some(task) = self.told().task.take() {
            task.abort();
        }
    }
}

impl Feed {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to listen unless it does; afterwards nothing is missed.
    pub(crate) async fn begin(&self, client: &Client) -> Result<()> {
        let _beginning = self.beginning.lock().await;
        let listening = {
            let mut told = self.told();
            told.asked = Instant::now();
            told.task.as_ref().is_some_and(|task| !task.is_finished())
        };
        if listening {
            return Ok(());
        }
        let mut pushed = client.event_hub().await?.map(super::EventHub::subscribe_all);
        if let Some(pushed) = &mut pushed {
            pushed.settled().await;
        }
        // What is pushed while the list is made waits.
        let known = all(client).await?;
        let mut told = self.told();
        told.run = uuid::Uuid::new_v4().simple().to_string();
        (told.first, told.known) = (0, known.into_iter().map(|sandbox| (sandbox.id.clone(), sandbox)).collect());
        told.changes.clear();
        told.task = Some(tokio::spawn(deadline::beside_operations(listen(client.weak(), pushed))));
        Ok(())
    }

    /// The position that a text stands for, if the changes after it are kept.
    pub(crate) fn position(&self, text: &str) -> Option<u64> {
        let told = self.told();
        let number = text.strip_prefix(&told.run)?.strip_prefix('-')?.parse().ok()?;
        (told.first..=told.next()).contains(&number).then_some(number)
    }

    /// The position after everything that is known.
    pub(crate) fn now(&self) -> u64 {
        self.told().next()
    }

    /// The same as texts name it.
    pub(crate) fn now_as_text(&self) -> String {
        let told = self.told();
        told.text(told.next())
    }

    /// Waits for changes after a position, of one sandbox or all, to some states or all.
    pub(crate) async fn after(
        &self,
        position: u64,
        sandbox_id: Option<&str>,
        states: Option<&[SandboxState]>,
    ) -> SandboxEvents {
        let mut news = self.news.subscribe();
        let _waiting = Waiting(self);
        loop {
            let found = self.found(position, sandbox_id, states);
            if !found.events.is_empty() {
                return found;
            }
            if news.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The same without waiting. Without changes the position stays, unless what follows it would soon be forgotten.
    pub(crate) fn known_after(
        &self,
        position: u64,
        sandbox_id: Option<&str>,
        states: Option<&[SandboxState]>,
    ) -> SandboxEvents {
        let mut found = self.found(position, sandbox_id, states);
        let told = self.told();
        if found.events.is_empty() && told.next().saturating_sub(position) < (KEPT / 2) as u64 {
            found.position = told.text(position);
        }
        found
    }

    fn found(&self, position: u64, sandbox_id: Option<&str>, states: Option<&[SandboxState]>) -> SandboxEvents {
        let is_wanted = |change: &&SandboxEvent| {
            sandbox_id.is_none_or(|id| id == change.sandbox_id)
                && states.is_none_or(|states| change.state.as_ref().is_some_and(|state| states.contains(state)))
        };
        let told = self.told();
        let passed = usize::try_from(position.saturating_sub(told.first)).unwrap_or(usize::MAX);
        let changes = told.changes.iter().skip(passed);
        SandboxEvents { events: changes.filter(is_wanted).cloned().collect(), position: told.text(told.next()) }
    }

    /// Takes in what is known of a sandbox now.
    fn learn(&self, mut sandbox: SandboxInfo, why: Why) {
        let mut told = self.told();
        let before = told.known.get(&sandbox.id);
        // A list may be older than what was pushed.
        if before.is_some_and(|before| before.updated_at > sandbox.updated_at) {
            return;
        }
        let old_state = before.and_then(|before| before.state.clone());
        let is_known = before.is_some();
        let state = sandbox.state.clone();
        let is_gone = state == Some(SandboxState::Destroyed);
        // A sandbox that is deleted gives its name away.
        if is_gone || state == Some(SandboxState::Destroying) {
            sandbox.name = before.map_or(sandbox.name, |before| before.name.clone());
        }
        if is_gone {
            if told.known.remove(&sandbox.id).is_none() {
                return;
            }
        } else {
            told.known.insert(sandbox.id.clone(), sandbox.clone());
        }
        if is_known && old_state == state {
            return;
        }
        let SandboxInfo { id: sandbox_id, name, error_reason, updated_at: at, .. } = sandbox;
        let Why { cause, actor } = why;
        told.tell(SandboxEvent { sandbox_id, old_state, state, name, error_reason, at, cause, actor });
        drop(told);
        self.news.send_replace(());
    }

    /// Takes in a list of all sandboxes: those that are not in it are gone.
    fn learn_all(&self, sandboxes: Vec<SandboxInfo>) {
        let gone: Vec<_> = {
            let told = self.told();
            let listed: std::collections::HashSet<_> = sandboxes.iter().map(|sandbox| &sandbox.id).collect();
            told.known.values().filter(|known| !listed.contains(&known.id)).cloned().collect()
        };
        sandboxes.into_iter().for_each(|sandbox| self.learn(sandbox, Why::default()));
        for mut sandbox in gone {
            sandbox.state = Some(SandboxState::Destroyed);
            self.learn(sandbox, Why::default());
        }
    }

    /// Whether nobody waits for changes, nor has for long.
    fn is_idle(&self) -> bool {
        self.news.receiver_count() == 0 && self.told().asked.elapsed() > IDLE
    }
}

/// A question that may wait for longer than the feed goes on without one; it counts until its end.
struct Waiting<'a>(&'a Feed);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.told().asked = Instant::now();
    }
}

impl Told {
    fn next(&self) -> u64 {
        self.first + self.changes.len() as u64
    }

    fn text(&self, position: u64) -> String {
        format!("{}-{position}", self.run)
    }

    fn tell(&mut self, change: SandboxEvent) {
        self.changes.push_back(change);
        if self.changes.len() > KEPT {
            self.changes.pop_front();
            self.first += 1;
        }
    }
}

/// Listens until nobody has asked for long, or the client is gone.
async fn listen(client: crate::client::WeakClient, mut pushed: Option<Pushed>) {
    let mut look_at = Instant::now() + POLL;
    loop {
        let connected = pushed.as_ref().is_some_and(Pushed::is_connected);
        let pause = if connected { IDLE } else { look_at.saturating_duration_since(Instant::now()) };
        let change = async {
            match &mut pushed {
                Some(pushed) => pushed.next().await,
                None => std::future::pending().await,
            }
        };
        let change = tokio::time::timeout(pause, change).await.ok();
        let Some(client) = client.upgrade() else { return };
        let feed = client.feed();
        if feed.is_idle() {
            return;
        }
        match change {
            Some(Push::Sandbox(sandbox, why)) => feed.learn(*sandbox, why),
            Some(Push::Part(id)) => {
                if let Ok(sandbox) = client.sandboxes().get(&id).await {
                    feed.learn(sandbox, Why::default());
                }
            }
            Some(Push::Disconnected) => {}
            // What happened before was not pushed; and while nothing is pushed, looking is all there is.
            Some(Push::Connected) | None => {
                match all(&client).await {
                    Ok(sandboxes) => feed.learn_all(sandboxes),
                    Err(error) => tracing::debug!(%error, "sandboxes could not be listed; they are asked for again"),
                }
                look_at = Instant::now() + POLL;
            }
        }
    }
}

/// All sandboxes.
async fn all(client: &Client) -> Result<Vec<SandboxInfo>> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let query = ListSandboxesQuery { cursor, limit: Some(PAGE), ..Default::default() };
        let part = client.sandboxes().list(query).await?;
        found.extend(part.items);
        cursor = part.next_cursor.filter(|cursor| !cursor.is_empty());
        if cursor.is_none() {
            return Ok(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(sandbox_id: &str) -> SandboxEvent {
        SandboxEvent { sandbox_id: sandbox_id.to_owned(), ..SandboxEvent::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_waits_for_long_keeps_the_feed_awake() {
        let feed = Feed::default();
        {
            let mut waiting = std::pin::pin!(feed.after(0, None, None));
            assert!(tokio::time::timeout(2 * IDLE, &mut waiting).await.is_err());
            assert!(!feed.is_idle());
        }
        // The next one has time to come.
        assert!(!feed.is_idle());
        tokio::time::advance(2 * IDLE).await;
        assert!(feed.is_idle());
    }

    #[test]
    fn who_waits_for_few_changes_is_not_left_behind_by_many_others() {
        let feed = Feed::default();
        let read = |text: &str| feed.position(text).unwrap();
        let mut position = feed.now();
        feed.told().tell(change("other"));
        assert_eq!(read(&feed.known_after(position, Some("mine"), None).position), position);
        for _ in 0..3 * KEPT / 1000 {
            (0..1000).for_each(|_| feed.told().tell(change("other")));
            let found = feed.known_after(position, Some("mine"), None);
            assert!(found.events.is_empty());
            position = read(&found.position);
        }
        feed.told().tell(change("mine"));
        assert_eq!(feed.known_after(position, Some("mine"), None).events.len(), 1);
    }
}
