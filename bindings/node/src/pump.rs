//! Where the outcomes of calls wait for the event loop.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::ffi::c_void;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use daytona_bridge::{Call, Completion};
use napi::bindgen_prelude::{Array, BufferSlice, Env, Error, Function, JsValue, Result};
use napi::sys;
use napi_derive::napi;

use crate::stream::Stream;

const DONE: u8 = 0;
const FAILED: u8 = 1;
const CANCELLED: u8 = 2;

/// Elements of the array of outcomes that belong to one of them.
const PARTS: u32 = 5;

/// The calls of one JavaScript thread, and their outcomes.
#[napi]
pub struct Pump {
    queue: Arc<Queue>,
    /// The calls in flight; dropping one cancels it. Only the thread of the pump gets here.
    calls: RefCell<HashMap<u32, Call>>,
}

#[napi]
impl Pump {
    /// A pump for the calling thread.
    ///
    /// `wake` is called on that thread when there are outcomes, once for all that queue up until `drain`. The pump keeps
    /// the event loop alive while calls are in flight.
    #[napi(constructor)]
    pub fn new(env: &Env, wake: Function<(), ()>) -> Result<Self> {
        let queue = Arc::new(Queue { outcomes: Mutex::default(), waker: Mutex::new(None) });
        *lock(&queue.waker) = Some(Waker::new(env, &wake)?);
        // Registered after the waker, so it runs before the environment takes the waker apart.
        // SAFETY: the environment is the calling thread's; the hook gets a reference count of its own.
        let status = unsafe {
            let argument = Arc::into_raw(queue.clone()).cast_mut().cast();
            sys::napi_add_env_cleanup_hook(env.raw(), Some(forget_waker), argument)
        };
        check(status)?;
        Ok(Self { queue, calls: RefCell::default() })
    }

    /// Takes all outcomes there are, five elements each: the id the call was started under; 0 = done, 1 = failed, 2 = cancelled;
    /// the result or the error as JSON, empty = nothing; attachments, if there are any; the stream that was opened, if there is one.
    /// Never blocks.
    #[napi]
    pub fn drain<'env>(&self, env: &'env Env) -> Result<Array<'env>> {
        let outcomes = std::mem::take(&mut *lock(&self.queue.outcomes));
        let mut array = env.create_array(outcomes.len() as u32 * PARTS)?;
        let mut calls = self.calls.borrow_mut();
        for ((id, completion), at) in outcomes.into_iter().zip((0..).step_by(PARTS as usize)) {
            calls.remove(&id);
            put(env, &mut array, at, id, completion)?;
        }
        if calls.is_empty() {
            self.hold(env, false)?;
        }
        Ok(array)
    }

    /// Ends a call as cancelled unless it has completed. May be called any number of times.
    #[napi]
    pub fn cancel(&self, id: u32) {
        if let Some(call) = self.calls.borrow().get(&id) {
            call.cancel();
        }
    }
}

impl Pump {
    /// Starts a call whose outcome comes here.
    pub(crate) fn start(
        &self,
        env: &Env,
        id: u32,
        start: impl FnOnce(Box<dyn daytona_bridge::Sink>) -> Call,
    ) -> Result<()> {
        let queue = self.queue.clone();
        let call = start(Box::new(move |completion| queue.push(id, completion)));
        let mut calls = self.calls.borrow_mut();
        calls.insert(id, call);
        if calls.len() == 1 {
            self.hold(env, true)?;
        }
        Ok(())
    }

    /// Keeps the event loop alive, or lets it end.
    fn hold(&self, env: &Env, hold: bool) -> Result<()> {
        let waker = lock(&self.queue.waker);
        let Some(Waker(function)) = *waker else { return Ok(()) };
        // SAFETY: a function in the queue has not been taken apart, and this is the thread it belongs to.
        check(unsafe {
            if hold {
                sys::napi_ref_threadsafe_function(env.raw(), function)
            } else {
                sys::napi_unref_threadsafe_function(env.raw(), function)
            }
        })
    }
}

/// What the bridge's threads see of a pump.
struct Queue {
    outcomes: Mutex<VecDeque<(u32, Completion)>>,
    /// `None` once the JavaScript thread is ending. Used only under the lock, so nobody is in it when it ends.
    waker: Mutex<Option<Waker>>,
}

impl Queue {
    fn push(&self, id: u32, completion: Completion) {
        let mut outcomes = lock(&self.outcomes);
        outcomes.push_back((id, completion));
        let first = outcomes.len() == 1;
        drop(outcomes);
        if first {
            let mut waker = lock(&self.waker);
            if waker.as_ref().is_some_and(|waker| !waker.wake()) {
                *waker = None;
            }
        }
    }
}

/// A thread-safe function: what calls `wake` on the JavaScript thread.
struct Waker(sys::napi_threadsafe_function);

// SAFETY: thread-safe functions are made for being called from any thread.
unsafe impl Send for Waker {}

impl Waker {
    fn new(env: &Env, wake: &Function<(), ()>) -> Result<Self> {
        let name = env.create_string("daytona")?;
        let mut function = ptr::null_mut();
        // SAFETY: the values belong to this environment. One user, who never releases it: it ends with the environment.
        unsafe {
            check(sys::napi_create_threadsafe_function(
                env.raw(),
                wake.raw(),
                ptr::null_mut(),
                name.raw(),
                0,
                1,
                ptr::null_mut(),
                None,
                ptr::null_mut(),
                None,
                &raw mut function,
            ))?;
            check(sys::napi_unref_threadsafe_function(env.raw(), function))?;
        }
        Ok(Self(function))
    }

    /// Whether the function may be called again.
    fn wake(&self) -> bool {
        // SAFETY: the owner drops this before the function is taken apart.
        let status = unsafe {
            sys::napi_call_threadsafe_function(self.0, ptr::null_mut(), sys::ThreadsafeFunctionCallMode::nonblocking)
        };
        status == sys::Status::napi_ok
    }
}

/// The environment ends: from here on nobody calls into it.
unsafe extern "C" fn forget_waker(queue: *mut c_void) {
    // SAFETY: the hook runs once and owns the reference count it was registered with.
    let queue = unsafe { Arc::from_raw(queue.cast::<Queue>().cast_const()) };
    *lock(&queue.waker) = None;
}

fn check(status: sys::napi_status) -> Result<()> {
    if status == sys::Status::napi_ok {
        Ok(())
    } else {
        Err(Error::new(status.into(), "the event loop cannot be woken"))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes an outcome into the array of all.
fn put(env: &Env, array: &mut Array<'_>, at: u32, id: u32, completion: Completion) -> Result<()> {
    let (status, (json, blobs), stream) = match completion {
        Completion::Ok(payload) => (DONE, payload.claim(), None),
        Completion::Stream(stream, info) => (DONE, info.claim(), Some(Stream::new(stream))),
        Completion::Error(json) => (FAILED, (json, Vec::new()), None),
        Completion::Cancelled => (CANCELLED, Default::default(), None),
    };
    array.set(at, id)?;
    array.set(at + 1, status)?;
    array.set(at + 2, String::from_utf8_lossy(&json).as_ref())?;
    if !blobs.is_empty() {
        let blobs = blobs.into_iter().map(|blob| BufferSlice::from_data(env, Vec::from(blob)));
        array.set(at + 3, blobs.collect::<Result<Vec<_>>>()?)?;
    }
    if let Some(stream) = stream {
        array.set(at + 4, stream)?;
    }
    Ok(())
}
