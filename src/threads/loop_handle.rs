//! The handle on a loop for other threads: asyncio's `call_soon_threadsafe` and `run_coroutine_threadsafe`. Owns what a
//! thread may ask of a loop; must not know the inbox.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use super::callback::ThreadsafeHandle;
use super::future::{Reply, ThreadsafeFuture};
use crate::awaitables::{self, Task};
use crate::base::RemoteCall;
use crate::current::{self, CarriedContext};
use crate::error::{Closed, ExceptionContext, Panic, TaskError};
use crate::event_loop::EventLoop;
use crate::inspect::CallGraph;
use crate::kernel::{LoopSender, Message};
use crate::node::call_exception_handler;
use crate::observe::LoopMetrics;

/// A handle on a loop for other threads, from [`EventLoop::remote`]. It is the only part of a loop that is `Send`. Any
/// number of threads may have one, also after the loop is gone. It does not keep the loop open: when the loop is
/// closed, every method returns an error and does nothing.
///
/// Calls enter the loop's queue in the order in which they were made, as those of asyncio's `call_soon_threadsafe` do.
/// A sleeping loop is woken, by one write for all calls that come until it is awake.
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
#[doc(alias = "Handle")]
#[doc(alias = "Proxy")]
#[derive(Clone)]
pub struct LoopHandle {
    sender: LoopSender,
}

impl EventLoop {
    /// A handle on this loop for other threads. It is `Send`, which the loop is not.
    pub fn remote(&self) -> LoopHandle {
        LoopHandle { sender: self.kernel().sender() }
    }
}

impl<T: Send + 'static> Task<T> {
    /// This task as a future for other threads, which may wait for its value, and cancel it: asyncio's
    /// `run_coroutine_threadsafe` for a task that exists already. If that future is dropped, the task runs on.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{create_task, run, sleep, to_thread};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let asked = create_task(async {
    ///         sleep(Duration::from_millis(1)).await;
    ///         42
    ///     });
    ///     let asked = asked.into_threadsafe();
    ///     assert_eq!(to_thread(move || asked.result().expect("it returns")).await, 42);
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn into_threadsafe(self) -> ThreadsafeFuture<T> {
        let (future, reply) = ThreadsafeFuture::new(self.join.core().kernel().sender());
        if self.done() {
            reply.settle(self.into_result());
        } else {
            settle_at_its_end(reply, self);
        }
        future
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

    /// Calls `f` on the loop's thread in its next iteration, after everything that is queued already: asyncio's
    /// `call_soon_threadsafe`. The return value is dropped there. A panic of `f` is reported to the loop's exception
    /// handler.
    ///
    /// If it is called in the loop itself, `f` runs in a copy of the current [`Context`](crate::Context), like every
    /// callback. From another thread it runs in one with the values that go along, of variables made by
    /// [`ContextVar::new_send`](crate::ContextVar::new_send); those of all others stay on their thread.
    ///
    /// If the loop closes before `f` has run, `f` is dropped by the thread that closes it.
    ///
    /// Nothing holds back a thread that sends faster than the loop runs, and what it has sent takes memory until then.
    /// A thread that may be as fast waits for a result now and then: that of
    /// [`run_coroutine_threadsafe`](Self::run_coroutine_threadsafe), say of a put into a bounded
    /// [`Queue`](crate::Queue).
    ///
    /// # Errors
    /// If the loop is closed. Then `f` is dropped on this thread.
    pub fn call_soon_threadsafe<R>(&self, f: impl FnOnce() -> R + Send + 'static) -> Result<ThreadsafeHandle, Closed> {
        let own = if current::uses_contexts() { self.own_loop() } else { None };
        // in the loop itself the callback has a copy of the whole context
        let carried = if own.is_some() { CarriedContext::default() } else { CarriedContext::current() };
        let (handle, call) = ThreadsafeHandle::new(move || carried.run(|| drop(f())));
        self.queue(call, own)?;
        Ok(handle)
    }

    /// Queues a call by way of the loop itself, if that is given.
    fn queue(&self, call: RemoteCall, own: Option<EventLoop>) -> Result<(), Closed> {
        match own {
            Some(lp) if lp.is_closed() => Err(Closed),
            Some(lp) => {
                lp.call_soon(move || call.run());
                Ok(())
            }
            None => self.sender.send(Message::Run(call)).map_err(|_| Closed),
        }
    }

    /// As `call_soon_threadsafe`, for what the crate calls: compiled once.
    pub(super) fn call_boxed(&self, f: Box<dyn FnOnce() + Send>) -> Result<ThreadsafeHandle, Closed> {
        self.call_soon_threadsafe(f)
    }

    /// Starts a coroutine on the loop: asyncio's `run_coroutine_threadsafe`. `f` is sent to the loop's thread and makes
    /// the coroutine there, so the coroutine itself need not be `Send`. Its value must be, because it is sent back.
    /// [`ThreadsafeFuture::result`] waits for it.
    ///
    /// # Errors
    /// If the loop is closed. Then `f` is dropped on this thread.
    #[track_caller]
    pub fn run_coroutine_threadsafe<F, C>(&self, f: F) -> Result<ThreadsafeFuture<C::Output>, Closed>
    where
        F: FnOnce() -> C + Send + 'static,
        C: IntoFuture + 'static,
        C::IntoFuture: 'static,
        C::Output: Send + 'static,
    {
        let (future, reply) = ThreadsafeFuture::new(self.sender);
        let created = Location::caller();
        self.call_soon_threadsafe(move || start(f, reply, created))?;
        Ok(future)
    }

    /// Asks the loop who waits for whom: [`EventLoop::call_graph`], for other threads. The loop answers in its next
    /// iteration; no task is made for it that the graph would show. [`ThreadsafeFuture::result_timeout`] waits for the
    /// answer with a limit, since a loop that does not run, or is stuck in a step, gives none. Which step that is, an
    /// [`Activity`](crate::observe::Activity) tells.
    ///
    /// If it is called in the loop itself, the answer is there at once.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{EventLoop, TaskError, run, to_thread};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let remote = EventLoop::current().remote();
    ///     let asked = to_thread(move || -> Result<_, TaskError> {
    ///         remote.call_graph()?.result_timeout(Duration::from_secs(60)) // a limit for a loop that is stuck
    ///     });
    ///     let graph = asked.await.expect("the loop is not stuck");
    ///     assert!(graph.to_string().contains("a call in another thread"), "{graph}");
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the loop is closed.
    #[doc(alias = "capture_call_graph")]
    pub fn call_graph(&self) -> Result<ThreadsafeFuture<CallGraph>, Closed> {
        self.ask(EventLoop::call_graph)
    }

    /// Asks the loop what it has counted: [`EventLoop::metrics`], for other threads. In everything else it is as
    /// [`call_graph`](Self::call_graph).
    ///
    /// # Examples
    /// ```
    /// use oneloop::{EventLoop, TaskError, run, to_thread};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let remote = EventLoop::current().remote();
    ///     let asked = to_thread(move || -> Result<_, TaskError> {
    ///         remote.metrics()?.result_timeout(Duration::from_secs(60)) // a limit for a loop that is stuck
    ///     });
    ///     let metrics = asked.await.expect("the loop is not stuck");
    ///     assert_eq!((metrics.tasks, metrics.tasks_created), (1, 1));
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the loop is closed.
    pub fn metrics(&self) -> Result<ThreadsafeFuture<LoopMetrics>, Closed> {
        self.ask(EventLoop::metrics)
    }

    /// Has the loop look at itself.
    fn ask<T: Send + 'static>(&self, look: fn(&EventLoop) -> T) -> Result<ThreadsafeFuture<T>, Closed> {
        let (future, reply) = ThreadsafeFuture::new(self.sender);
        match self.own_loop() {
            Some(lp) if lp.is_closed() => return Err(Closed),
            Some(lp) => reply.settle(Ok(look(&lp))),
            None => drop(self.call_boxed(Box::new(move || reply.settle(Ok(look(&EventLoop::current())))))?),
        }
        Ok(future)
    }

    /// The loop itself, if this thread is in it.
    fn own_loop(&self) -> Option<EventLoop> {
        EventLoop::try_current().filter(|lp| lp.kernel().sender().is(self.sender))
    }

    /// Ends the loop's run after its next iteration, as [`EventLoop::stop`] does. Does nothing if the loop is closed.
    pub fn stop(&self) {
        // fails if the loop is closed, and then it has stopped
        let _ = self.call_boxed(Box::new(|| EventLoop::current().stop()));
    }

    /// Whether the loop is closed.
    pub fn is_closed(&self) -> bool {
        !self.sender.is_open()
    }
}

/// Equal if they are handles on the same loop.
impl PartialEq for LoopHandle {
    fn eq(&self, other: &Self) -> bool {
        self.sender.is(other.sender)
    }
}

impl Eq for LoopHandle {}

impl Hash for LoopHandle {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sender.epoch().hash(state);
    }
}

impl fmt::Debug for LoopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopHandle")
            .field("number", &self.sender.number())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// Makes the coroutine, on the loop's thread, and starts it, unless it has been cancelled meanwhile.
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
            settle_at_its_end(reply, awaitables::start(kernel, coroutine, created));
        }
        Err(payload) => {
            let exception = Panic::new(payload);
            reply.set_retrieved(); // by the handler, to which it is reported below
            reply.settle(Err(TaskError::Panicked(exception.clone())));
            let message = "Exception in callback";
            call_exception_handler(
                &kernel,
                &ExceptionContext { message, exception: exception.into(), task: None, created: Some(created) },
            );
        }
    }
}

/// Sends the outcome of the task when it has ended; cancels it, if that is not wanted any more.
fn settle_at_its_end<T: Send + 'static>(reply: Reply<T>, task: Task<T>) {
    let handle = task.handle();
    if reply.set_task(handle.state()) {
        handle.add_done_callback(move |_| reply.settle(task.into_result()));
    } else {
        handle.cancel();
    }
}
