//! Waiting for a call as a Ruby thread should: without the global VM lock, and interruptible.
//!
//! `rb_thread_call_without_gvl2` hardly ever raises, and is protected for when it does. Ruby interrupts it through an unblock function that only wakes
//! the waiter; then interrupts are checked under protection. When there is one to deliver, it comes back as an `Err`,
//! Rust unwinds by returning, and dropping the call on the way cancels it.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use daytona_bridge::{Call, Completion, Sink, Waiter};
use magnus::{Error, Ruby};

/// How long one wait without a limit lasts before it begins again. Any length will do: an interrupt ends it.
const SLICE: Duration = Duration::from_secs(3600);

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
    let waiter = Waiter::new();
    // Cancelled on every way out; a completed call does not mind.
    let _call = start(waiter.sink());
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    loop {
        let slice = deadline.map_or(SLICE, |deadline| deadline.saturating_duration_since(Instant::now()));
        let mut region = Region { waiter: &waiter, slice, completion: None };
        let region_pointer: *mut c_void = ptr::from_mut(&mut region).cast();
        let waiter_pointer: *mut c_void = Arc::as_ptr(&waiter).cast_mut().cast();
        // Up to Ruby 3.1 the main thread of a program without others waits for a helper at the end of this, where an
        // interrupt is raised: unprotected, it would jump over what has to be dropped.
        let left = magnus::rb_sys::protect(|| {
            // SAFETY: `block` and `wake` touch nothing of Ruby, never unwind, and the pointers outlive the call: Ruby
            // does not use the unblock function after it has returned.
            unsafe {
                rb_sys::rb_thread_call_without_gvl2(Some(block), region_pointer, Some(wake), waiter_pointer);
            }
            rb_sys::Qnil.into()
        });
        left?;
        if let Some(completion) = region.completion {
            // Raised here, an interrupt that came meanwhile drops what the call has made, and that deletes it. Output of a
            // stream is returned first, because nobody could get it back.
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

struct Region<'a> {
    waiter: &'a Waiter,
    slice: Duration,
    completion: Option<Completion>,
}

/// Runs without the global VM lock.
unsafe extern "C" fn block(region: *mut c_void) -> *mut c_void {
    // SAFETY: `wait` passes its own `Region` and waits for this function.
    let region = unsafe { &mut *region.cast::<Region<'_>>() };
    region.completion = region.waiter.wait(region.slice);
    ptr::null_mut()
}

/// Called by Ruby, on any thread, to have `block` return soon.
unsafe extern "C" fn wake(waiter: *mut c_void) {
    // SAFETY: `wait` passes its waiter, which lives as long as the region.
    unsafe { &*waiter.cast::<Waiter>() }.wake();
}
