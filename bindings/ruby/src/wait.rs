//! Waiting for a call as a Ruby thread should: without the global VM lock, and interruptible.
//!
//! Ruby interrupts the wait through an unblock function that only wakes the waiter; then interrupts are checked under
//! protection. When there is one to deliver, it comes back as an `Err`, Rust unwinds by returning, and dropping the call
//! on the way cancels it.
//!
//! Up to Ruby 3.1 a program with one Ruby thread gets a second one for each wait, which calls the unblock function outside
//! of signal handlers. That costs more than the rest of a call, so the unblock function is made to be safe in a handler
//! (an atomic store and a futex) and Ruby is told so. Elsewhere than on Linux `unpark` makes no such promise.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use daytona_bridge::{Call, Completion, Sink};
use magnus::{Error, Ruby};

/// Return instead of raising when there is an interrupt, and call the unblock function from signal handlers.
const FLAGS: c_int =
    (rb_sys::RB_NOGVL_INTR_FAIL | if cfg!(target_os = "linux") { rb_sys::RB_NOGVL_UBF_ASYNC_SAFE } else { 0 }) as c_int;

/// Starts a call and waits until it completes. `None`: `limit` passed, and the call has been cancelled.
///
/// # Errors
/// The interrupt that ended the wait: an exception of another thread or a signal, or the thread's end. The call has been
/// cancelled.
pub(crate) fn wait(
    ruby: &Ruby,
    limit: Option<Duration>,
    start: impl FnOnce(Box<dyn Sink>) -> Call,
) -> Result<Option<Completion>, Error> {
    let waiter = Arc::new(Waiter::new());
    // Cancelled on every way out; a completed call does not mind.
    let _call = start(waiter.clone().sink());
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    loop {
        let mut region = Region { waiter: &waiter, deadline, completion: None };
        let region_pointer: *mut c_void = ptr::from_mut(&mut region).cast();
        let waiter_pointer: *mut c_void = Arc::as_ptr(&waiter).cast_mut().cast();
        // Where Ruby has a helper thread, it waits for it at the end of this, and an interrupt is raised there:
        // unprotected, it would jump over what has to be dropped.
        let left = magnus::rb_sys::protect(|| {
            // SAFETY: `block` and `wake` touch nothing of Ruby, never unwind, and the pointers outlive the call: Ruby
            // does not use the unblock function after it has returned. `wake` may run in a signal handler.
            unsafe {
                rb_sys::rb_nogvl(Some(block), region_pointer, Some(wake), waiter_pointer, FLAGS);
            }
            rb_sys::Qnil.into()
        });
        left?;
        if let Some(completion) = region.completion {
            // Raised here, an interrupt that came meanwhile drops what the call has made, and that deletes it. Output of a
            // stream is returned first, because it could not be read again.
            if completion.has_made() {
                ruby.thread_check_ints()?;
            }
            return Ok(Some(completion));
        }
        ruby.thread_check_ints()?;
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Ok(None);
        }
    }
}

/// A Ruby thread that waits for one call.
struct Waiter {
    thread: Thread,
    completed: AtomicBool,
    woken: AtomicBool,
    completion: Mutex<Option<Completion>>,
}

impl Waiter {
    /// For the current thread.
    fn new() -> Self {
        Self {
            thread: thread::current(),
            completed: AtomicBool::new(false),
            woken: AtomicBool::new(false),
            completion: Mutex::new(None),
        }
    }

    /// The sink that ends the wait.
    fn sink(self: Arc<Self>) -> Box<dyn Sink> {
        Box::new(move |completion| {
            *self.slot() = Some(completion);
            self.completed.store(true, Ordering::Release);
            self.thread.unpark();
        })
    }

    /// Waits until the call completes, the deadline passes, or [`wake`](Self::wake) is called. Only on its own thread.
    fn wait(&self, deadline: Option<Instant>) -> Option<Completion> {
        loop {
            if self.completed.load(Ordering::Acquire) {
                return self.slot().take();
            }
            if self.woken.swap(false, Ordering::AcqRel) {
                return None;
            }
            match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => thread::park(),
                Some(Duration::ZERO) => return None,
                Some(left) => thread::park_timeout(left),
            }
        }
    }

    /// Ends the current or next wait early. Takes no lock and no memory: it may run in a signal handler.
    fn wake(&self) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }

    fn slot(&self) -> MutexGuard<'_, Option<Completion>> {
        self.completion.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Region<'a> {
    waiter: &'a Waiter,
    deadline: Option<Instant>,
    completion: Option<Completion>,
}

/// Runs without the global VM lock.
unsafe extern "C" fn block(region: *mut c_void) -> *mut c_void {
    // SAFETY: `wait` passes its own `Region` and waits for this function.
    let region = unsafe { &mut *region.cast::<Region<'_>>() };
    region.completion = region.waiter.wait(region.deadline);
    ptr::null_mut()
}

/// Called by Ruby, on any thread, to have `block` return soon.
unsafe extern "C" fn wake(waiter: *mut c_void) {
    // SAFETY: `wait` passes its waiter, which lives as long as the region.
    unsafe { &*waiter.cast::<Waiter>() }.wake();
}
