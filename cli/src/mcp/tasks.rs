//! Calls that go on as tasks, of all connections: a limited number at once, and a limited amount of results that nobody has
//! fetched. Where there is no more room, results go whose tasks began first.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmcp::model::{CallToolResult, DetailedTask, ErrorData, Task};
use rmcp::task_manager::{TaskContext, TaskExit, TaskManager, TaskOptions};

/// How long a call may take, and how long its result is kept.
const LIFE: Duration = Duration::from_secs(6 * 60 * 60);
/// Tasks that run at once.
const RUNNING: usize = 100;
/// Tasks that are remembered, with those that have ended.
const REMEMBERED: usize = 1000;
/// The most of all results together, in bytes.
const RESULTS: usize = 64 << 20;

/// The tasks.
#[derive(Clone, Default)]
pub struct Tasks {
    kept: Arc<Mutex<Vec<Kept>>>,
}

struct Kept {
    id: String,
    /// Of this task alone: those of `rmcp` forget nothing before its time.
    manager: TaskManager,
    /// Size of the result in bytes, when there is one.
    size: Arc<AtomicUsize>,
}

impl Kept {
    fn is_running(&self) -> bool {
        self.manager.running_task_count() > 0
    }
}

impl Tasks {
    /// Whether another one may begin.
    pub fn has_room(&self) -> bool {
        self.lock().iter().filter(|task| task.is_running()).count() < RUNNING
    }

    /// Begins a task.
    pub fn spawn<F>(&self, work: impl FnOnce(TaskContext) -> F) -> Task
    where
        F: Future<Output = Result<CallToolResult, TaskExit>> + Send + 'static,
    {
        let mut kept = self.lock();
        let (manager, size) = (TaskManager::new(), Arc::new(AtomicUsize::new(0)));
        let (all, result_size) = (self.clone(), size.clone());
        let options = TaskOptions::new().with_ttl_ms(LIFE.as_millis() as u64);
        let task = manager.spawn(options, |context| {
            let work = work(context);
            Box::pin(async move {
                let done = work.await;
                let length = done.as_ref().ok().and_then(|result| serde_json::to_vec(result).ok());
                result_size.store(length.map_or(0, |text| text.len()), Ordering::Relaxed);
                make_room(&mut all.lock());
                done
            })
        });
        kept.push(Kept { id: task.task_id.clone(), manager, size });
        make_room(&mut kept);
        task
    }

    /// How far a task has come.
    ///
    /// # Errors
    /// When there is none of this id, or none any more.
    pub fn get(&self, id: &str) -> Result<DetailedTask, ErrorData> {
        self.manager(id).get_task(id)
    }

    /// Answers questions of a task, of which there are none.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub fn update(&self, id: &str) -> Result<(), ErrorData> {
        self.manager(id).update_task(id, [])
    }

    /// Asks a task to end.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub fn cancel(&self, id: &str) -> Result<(), ErrorData> {
        self.manager(id).cancel_task(id)
    }

    /// Ends all of them.
    pub fn shutdown(&self) {
        for task in self.lock().drain(..) {
            task.manager.shutdown();
        }
    }

    /// Who knows the task: for an unknown one, somebody who says so.
    fn manager(&self, id: &str) -> TaskManager {
        let kept = self.lock();
        kept.iter().find(|task| task.id == id).map(|task| task.manager.clone()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what has ended, until there is room for the rest.
fn make_room(kept: &mut Vec<Kept>) {
    // Those whose time is over know nothing any more.
    kept.retain(|task| task.manager.get_task(&task.id).is_ok());
    loop {
        let size: usize = kept.iter().map(|task| task.size.load(Ordering::Relaxed)).sum();
        if size <= RESULTS && kept.len() <= REMEMBERED {
            return;
        }
        let Some(oldest) = kept.iter().position(|task| !task.is_running()) else { return };
        kept.remove(oldest);
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::{ContentBlock, TaskStatus};
    use tokio::task::yield_now;

    use super::*;

    fn large() -> CallToolResult {
        CallToolResult::success(vec![ContentBlock::text("x".repeat(RESULTS / 3))])
    }

    async fn ended(tasks: &Tasks, id: &str) {
        while tasks.get(id).is_ok_and(|found| found.task.status == TaskStatus::Working) {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn results_that_nobody_fetches_take_limited_room() {
        let tasks = Tasks::default();
        let mut ids = Vec::new();
        for _ in 0..4 {
            let task = tasks.spawn(|_| async { Ok(large()) });
            ended(&tasks, &task.task_id).await;
            ids.push(task.task_id);
        }
        let task = tasks.spawn(|_| async { Ok(CallToolResult::success(vec![])) });
        ended(&tasks, &task.task_id).await;
        let known: Vec<_> = ids.iter().map(|id| tasks.get(id).is_ok()).collect();
        assert_eq!(known, [false, false, true, true]);
        assert!(tasks.get(&task.task_id).is_ok() && tasks.get("none").is_err());
    }

    #[tokio::test]
    async fn a_limited_number_runs_at_once() {
        let tasks = Tasks::default();
        let begin = || {
            tasks.spawn(|context| async move {
                context.cancelled().await;
                Err(TaskExit::Cancelled)
            })
        };
        let all: Vec<_> = (0..RUNNING).map(|_| begin()).collect();
        let first = &all[0];
        assert!(!tasks.has_room());
        tasks.cancel(&first.task_id).unwrap();
        ended(&tasks, &first.task_id).await;
        assert!(tasks.has_room());
        tasks.shutdown();
        assert!(tasks.get(&first.task_id).is_err());
    }
}
