//! A callback that one thread asks for, another runs, and any may take back: asyncio's `_ThreadSafeHandle`. Owns the
//! closure and who may have it; must not know how it gets to the loop.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use crate::base::{RemoteCall, SentCall};

/// A callback scheduled from any thread, by [`LoopHandle::call_soon_threadsafe`](crate::LoopHandle::call_soon_threadsafe).
/// Dropping a handle leaves the callback scheduled.
///
/// # Examples
/// ```
/// use oneloop::{EventLoop, yield_now};
/// use std::{sync::mpsc, thread};
///
/// let lp = EventLoop::new()?;
/// let (handle, (said, heard)) = (lp.remote(), mpsc::channel());
/// let other = thread::spawn(move || {
///     let also_said = said.clone();
///     handle.call_soon_threadsafe(move || said.send(1)).expect("the loop is open");
///     handle.call_soon_threadsafe(move || also_said.send(2)).expect("the loop is open").cancel();
/// });
/// other.join().expect("it does not panic");
/// lp.run_until_complete(yield_now())?;
/// assert_eq!(heard.iter().collect::<Vec<i32>>(), [1]);
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone)]
pub struct ThreadsafeHandle {
    callback: Arc<dyn Callback>,
}

impl ThreadsafeHandle {
    /// A callback, and the errand that brings it to the loop.
    pub(crate) fn new(f: impl FnOnce() + Send + 'static) -> (Self, SentCall) {
        let callback = Arc::new(Once { place: Mutex::new(Place::new(f)), over: Condvar::new() });
        (Self { callback: Arc::clone(&callback) as Arc<dyn Callback> }, SentCall::new(callback))
    }

    /// Takes the callback back: it will not run, and what it holds is dropped here and now. If the loop is running it
    /// right now, on another thread, this waits for its end: **after `cancel` the callback does not run**, so what it uses
    /// may be taken down. Do not call it under a lock that the callback takes.
    pub fn cancel(&self) {
        self.callback.cancel();
    }

    /// Whether `cancel` was called. If the loop is running the callback right now, on another thread, this waits for its
    /// end, so that the answer holds.
    pub fn cancelled(&self) -> bool {
        self.callback.cancelled()
    }
}

impl fmt::Debug for ThreadsafeHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadsafeHandle").finish_non_exhaustive()
    }
}

trait Callback: RemoteCall {
    fn cancel(&self);
    fn cancelled(&self) -> bool;
}

/// `Waits` → `Runs` → `Over`, or `Waits` → `Over` when it was taken back or given up.
enum Stage<F> {
    Waits(F),
    Runs(ThreadId),
    Over,
}

struct Place<F> {
    stage: Stage<F>,
    cancelled: bool,
}

impl<F> Place<F> {
    fn new(f: F) -> Self {
        Self { stage: Stage::Waits(f), cancelled: false }
    }

    /// Takes the closure, if it is still there. The stage is `next` then.
    fn take(&mut self, next: Stage<F>) -> Option<F> {
        match std::mem::replace(&mut self.stage, next) {
            Stage::Waits(f) => Some(f),
            other => {
                self.stage = other;
                None
            }
        }
    }
}

struct Once<F> {
    place: Mutex<Place<F>>,
    /// Told when it has run.
    over: Condvar,
}

impl<F> Once<F> {
    fn lock(&self) -> MutexGuard<'_, Place<F>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place, when the closure does not run, or runs below this call.
    fn lock_unless_it_runs(&self) -> MutexGuard<'_, Place<F>> {
        let me = thread::current().id();
        let runs = |place: &mut Place<F>| matches!(place.stage, Stage::Runs(thread) if thread != me);
        self.over.wait_while(self.lock(), runs).unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: FnOnce() + Send> RemoteCall for Once<F> {
    fn run(&self) {
        let f = self.lock().take(Stage::Runs(thread::current().id()));
        if let Some(f) = f {
            let _over = IsOver(self);
            f();
        }
    }

    fn give_up(&self) {
        let f = self.lock().take(Stage::Over);
        drop(f);
    }
}

/// The closure has run when this is dropped, also by a panic.
struct IsOver<'a, F>(&'a Once<F>);

impl<F> Drop for IsOver<'_, F> {
    fn drop(&mut self) {
        self.0.lock().stage = Stage::Over;
        self.0.over.notify_all();
    }
}

impl<F: FnOnce() + Send> Callback for Once<F> {
    fn cancel(&self) {
        let mut place = self.lock_unless_it_runs();
        place.cancelled = true;
        let f = place.take(Stage::Over);
        drop(place);
        drop(f);
    }

    fn cancelled(&self) -> bool {
        self.lock_unless_it_runs().cancelled
    }
}
