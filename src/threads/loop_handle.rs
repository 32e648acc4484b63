//! A loop as other threads see it: asyncio's `call_soon_threadsafe` and `run_coroutine_threadsafe`. Owns the handle that is
//! `Send`; must not know how messages travel.

use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use super::callback::ThreadsafeHandle;
use super::future::{Reply, ThreadsafeFuture};
use crate::awaitables::spawn;
use crate::current;
use crate::error::{Closed, ExceptionContext, Panic, TaskError};
use crate::event_loop::EventLoop;
use crate::kernel::{LoopSender, Message};
use crate::node::call_exception_handler;

/// A loop as other threads see it, from [`EventLoop::remote`]: the one part of a loop that may go to another thread, to any
/// number of them, and stay there when the loop is gone. It does not keep the loop open; when that is closed, every
/// method says so and does nothing.
///
/// What is sent takes its place in the loop's queue at once, as asyncio's `call_soon_threadsafe` does, in the order of the
/// calls; a sleeping loop is woken, with one write for all that comes until it is awake.
///
/// # Examples
/// ```
/// use oneloop::{EventLoop, run, sleep};
/// use std::{thread, time::Duration};
///
/// let word = run(async {
///     let handle = EventLoop::current().remote();
///     let other = thread::spawn(move || {
///         let asked = handle.run_coroutine_threadsafe(|| async {
///             sleep(Duration::from_millis(1)).await; // on the loop's thread
///             "done"
///         });
///         asked.expect("the loop is open").result().expect("it returns")
///     });
///     oneloop::to_thread(move || other.join().expect("it does not panic")).await
/// })?;
/// assert_eq!(word, "done");
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone)]
pub struct LoopHandle {
    door: LoopSender,
}

impl EventLoop {
    /// A handle on this loop for other threads.
    pub fn remote(&self) -> LoopHandle {
        LoopHandle { door: self.kernel().door() }
    }
}

impl LoopHandle {
    /// A handle on the loop that this thread is in.
    ///
    /// # Panics
    /// If this thread is in no loop.
    #[track_caller]
    pub fn current() -> Self {
        EventLoop::current().remote()
    }

    /// Calls `f` on the loop's thread in its next iteration, after what is queued already: asyncio's
    /// `call_soon_threadsafe`. What it returns is dropped there. A panic of `f` is reported to the loop's exception handler.
    ///
    /// If the loop closes before `f` has run, `f` is dropped by the thread that closes it.
    ///
    /// # Errors
    /// If the loop is closed; `f` has been dropped here then.
    pub fn call_soon_threadsafe<R>(&self, f: impl FnOnce() -> R + Send + 'static) -> Result<ThreadsafeHandle, Closed> {
        let (handle, errand) = ThreadsafeHandle::new(|| drop(f()));
        self.door.send(Message::Run(errand)).map_err(|_| Closed)?;
        Ok(handle)
    }

    /// Starts a coroutine on the loop: asyncio's `run_coroutine_threadsafe`. What travels is `f`, which makes the coroutine
    /// on the loop's thread, so the coroutine itself need not be `Send`; its value must be, as it travels back.
    ///
    /// # Errors
    /// If the loop is closed; `f` has been dropped here then.
    #[track_caller]
    pub fn run_coroutine_threadsafe<F, C>(&self, f: F) -> Result<ThreadsafeFuture<C::Output>, Closed>
    where
        F: FnOnce() -> C + Send + 'static,
        C: IntoFuture + 'static,
        C::IntoFuture: 'static,
        C::Output: Send + 'static,
    {
        let (future, reply) = ThreadsafeFuture::new(self.door);
        let created = Location::caller();
        self.call_soon_threadsafe(move || start(f, reply, created))?;
        Ok(future)
    }

    /// Ends the loop's run after the iteration in which this arrives, as [`EventLoop::stop`] does. Does nothing if the loop
    /// is closed.
    pub fn stop(&self) {
        // a closed loop has stopped
        let _ = self.call_soon_threadsafe(|| EventLoop::current().stop());
    }

    /// Whether the loop is closed.
    pub fn is_closed(&self) -> bool {
        !self.door.is_open()
    }
}

/// The same loop.
impl PartialEq for LoopHandle {
    fn eq(&self, other: &Self) -> bool {
        self.door.is(other.door)
    }
}

impl Eq for LoopHandle {}

impl fmt::Debug for LoopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopHandle")
            .field("number", &self.door.number())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// Makes the coroutine on the loop's thread and starts it, unless it was cancelled on the way.
fn start<F, C>(f: F, reply: Reply<C::Output>, created: &'static Location<'static>)
where
    F: FnOnce() -> C,
    C: IntoFuture + 'static,
    C::IntoFuture: 'static,
    C::Output: Send + 'static,
{
    if reply.is_settled() {
        return;
    }
    let kernel = current::expect();
    match catch_unwind(AssertUnwindSafe(|| f().into_future())) {
        Ok(coroutine) => {
            let task = spawn(kernel, coroutine, true, created);
            let handle = task.handle();
            if reply.starts(handle.suspension()) {
                handle.add_done_callback(move |_| reply.settle(task.into_result()));
            } else {
                handle.cancel();
            }
        }
        Err(payload) => {
            let exception = Panic::new(payload);
            reply.settle(Err(TaskError::Panicked(exception.clone())));
            let message = "Exception in callback";
            call_exception_handler(
                &kernel,
                &ExceptionContext { message, exception: exception.into(), task: None, created: Some(created) },
            );
        }
    }
}
