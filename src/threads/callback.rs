//! A callback that one thread schedules, another runs, and any may cancel: asyncio's `_ThreadSafeHandle`. Owns the
//! closure and the stage of its call; must not know the loop's inbox.

use std::fmt;

use crate::base::concurrency::{Arc, Condvar, Mutex, MutexGuard, lock, wait_while};
use crate::base::{RemoteCall, RemoteFn, ThreadId, this_thread};

/// A callback scheduled from any thread, by
/// [`LoopHandle::call_soon_threadsafe`](crate::LoopHandle::call_soon_threadsafe). Dropping a handle leaves the callback
/// scheduled.
///
/// # Examples
/// ```
/// use oneloop::{EventLoop, yield_now};
/// use std::{sync::mpsc, thread};
///
/// let lp = EventLoop::new()?;
/// let (handle, (sender, receiver)) = (lp.remote(), mpsc::channel());
/// let other = thread::spawn(move || {
///     let second = sender.clone();
///     handle.call_soon_threadsafe(move || sender.send(1)).expect("the loop is open");
///     handle.call_soon_threadsafe(move || second.send(2)).expect("the loop is open").cancel();
/// });
/// other.join().expect("it does not panic");
/// lp.run_until_complete(yield_now())?;
/// assert_eq!(receiver.iter().collect::<Vec<i32>>(), [1]);
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone)]
pub struct ThreadsafeHandle {
    call: Arc<dyn CancellableCall>,
}

impl ThreadsafeHandle {
    /// A handle on a call of `f`, and the call itself, to be sent to the loop.
    pub(crate) fn new(f: impl FnOnce() + Send + 'static) -> (Self, RemoteCall) {
        let call = Arc::new(Call { state: Mutex::new(CallState::new(f)), ended: Condvar::new() });
        (Self { call: Arc::clone(&call) as Arc<dyn CancellableCall> }, RemoteCall::new(call))
    }

    /// Cancels the callback: it will not run, and what it holds is dropped before this returns. If the loop is running
    /// it right now, on another thread, this waits for its end. So **after `cancel` the callback does not run**, and
    /// what it uses may be taken down. Do not call it while holding a lock that the callback takes.
    pub fn cancel(&self) {
        self.call.cancel();
    }

    /// Whether `cancel` was called. If the loop is running the callback right now, on another thread, this waits for
    /// its end, so that the result does not change afterwards.
    pub fn cancelled(&self) -> bool {
        self.call.cancelled()
    }
}

impl fmt::Debug for ThreadsafeHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadsafeHandle").finish_non_exhaustive()
    }
}

trait CancellableCall: RemoteFn {
    fn cancel(&self);
    fn cancelled(&self) -> bool;
}

/// `Waiting` → `Running` → `Over`, or `Waiting` → `Over` when it is cancelled or discarded.
enum CallStage<F> {
    Waiting(F),
    Running(ThreadId),
    Over,
}

struct CallState<F> {
    stage: CallStage<F>,
    cancelled: bool,
}

impl<F> CallState<F> {
    fn new(f: F) -> Self {
        Self { stage: CallStage::Waiting(f), cancelled: false }
    }

    /// If the call waits, takes its closure and goes to stage `next`.
    fn take(&mut self, next: CallStage<F>) -> Option<F> {
        match std::mem::replace(&mut self.stage, next) {
            CallStage::Waiting(f) => Some(f),
            other => {
                self.stage = other;
                None
            }
        }
    }
}

struct Call<F> {
    state: Mutex<CallState<F>>,
    /// Notified when the closure has run.
    ended: Condvar,
}

impl<F> Call<F> {
    fn lock(&self) -> MutexGuard<'_, CallState<F>> {
        lock(&self.state)
    }

    /// Locks the state, once the closure does not run on another thread. If it runs on this thread, this is a call from
    /// the closure itself, which cannot wait for its own end.
    fn lock_when_not_running(&self) -> MutexGuard<'_, CallState<F>> {
        let me = this_thread();
        let runs = |state: &CallState<F>| matches!(state.stage, CallStage::Running(thread) if thread != me);
        wait_while(&self.ended, self.lock(), runs)
    }
}

// A closure is never called or dropped under the lock: it is code of a user.

impl<F: FnOnce() + Send> RemoteFn for Call<F> {
    fn call(&self) {
        let f = self.lock().take(CallStage::Running(this_thread()));
        if let Some(f) = f {
            let _end = EndOnDrop(self);
            f();
        }
    }

    fn discard(&self) {
        let f = self.lock().take(CallStage::Over);
        drop(f);
    }
}

/// Marks a call as over when it is dropped, also by a panic of the closure.
struct EndOnDrop<'a, F>(&'a Call<F>);

impl<F> Drop for EndOnDrop<'_, F> {
    fn drop(&mut self) {
        self.0.lock().stage = CallStage::Over;
        self.0.ended.notify_all();
    }
}

impl<F: FnOnce() + Send> CancellableCall for Call<F> {
    fn cancel(&self) {
        let mut state = self.lock_when_not_running();
        state.cancelled = true;
        let f = state.take(CallStage::Over);
        drop(state);
        drop(f);
    }

    fn cancelled(&self) -> bool {
        self.lock_when_not_running().cancelled
    }
}
