//! Why a sandbox changes, and who asked for it: on events, webhooks and entries of the audit log.
//!
//! An operation has the cause of whatever began it, also in tasks that go on when a request has been answered.

use serde_json::{Map, Value, json};

use crate::accounts::caller;

tokio::task_local! {
    static CAUSE: Cause;
}

/// Why a sandbox changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    reason: &'static str,
    actor: Option<Actor>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Actor {
    id: String,
    email: String,
    key_name: Option<String>,
}

impl Cause {
    /// It was not used for as long as it may be.
    pub const AUTO_STOP: Self = Self::of_engine("autoStop");
    /// The same, for sandboxes that pause.
    pub const AUTO_PAUSE: Self = Self::of_engine("autoPause");
    /// It was stopped for long.
    pub const AUTO_ARCHIVE: Self = Self::of_engine("autoArchive");
    /// It was stopped for longer.
    pub const AUTO_DELETE: Self = Self::of_engine("autoDelete");
    /// Its time to live was over.
    pub const TIME_TO_LIVE: Self = Self::of_engine("timeToLive");
    /// The kernel ended it at its limit of memory.
    pub const OUT_OF_MEMORY: Self = Self::of_engine("outOfMemory");
    /// Its first process ended by itself.
    pub const EXITED: Self = Self::of_engine("exited");
    /// The engine ended.
    pub const ENGINE_STOPPED: Self = Self::of_engine("engineStopped");
    /// The engine did it by itself for another reason, such as keeping a pool filled.
    const ENGINE: Self = Self::of_engine("engine");

    const fn of_engine(reason: &'static str) -> Self {
        Self { reason, actor: None }
    }

    /// The cause of what is done now: a request, or what [`within`] says.
    pub fn current() -> Self {
        CAUSE.try_with(Cause::clone).unwrap_or_else(|_| match caller::known() {
            Some(caller) => Self {
                reason: "request",
                actor: Some(Actor {
                    id: caller.user_id.clone(),
                    email: caller.email.clone(),
                    key_name: caller.key_name.clone(),
                }),
            },
            None => Self::ENGINE,
        })
    }

    /// Its word on the wire.
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// Adds `cause`, and `actor` where somebody asked for the change.
    pub fn tell(&self, fields: &mut Map<String, Value>) {
        fields.insert("cause".to_owned(), json!(self.reason));
        if let Some(actor) = &self.actor {
            let told = json!({"id": actor.id, "email": actor.email, "apiKeyName": actor.key_name});
            fields.insert("actor".to_owned(), told);
        }
    }
}

/// Does something for a cause.
pub async fn within<T>(cause: Cause, work: impl Future<Output = T>) -> T {
    CAUSE.scope(cause, work).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::accounts::caller::Caller;

    #[tokio::test]
    async fn a_task_has_the_cause_of_whoever_began_it() {
        assert_eq!(Cause::current(), Cause::ENGINE);
        let caller = Caller { user_id: "u".to_owned(), key_name: Some("k".to_owned()), ..Caller::default() };
        let cause = caller::within(Arc::new(caller), async { Cause::current() }).await;
        let told = tokio::spawn(within(cause, async {
            let mut fields = Map::new();
            Cause::current().tell(&mut fields);
            fields
        }));
        let told = told.await.unwrap();
        assert_eq!(
            Value::Object(told),
            json!({"cause": "request", "actor": {"id": "u", "email": "", "apiKeyName": "k"}})
        );
        assert_eq!(within(Cause::AUTO_STOP, async { Cause::current().reason() }).await, "autoStop");
    }
}
