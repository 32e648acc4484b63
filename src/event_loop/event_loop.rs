//! The loop itself: one iteration after another, until it is stopped. Owns running and closing; must not know the
//! primitives that are built on it.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::timer_handle::TimerHandle;
use crate::awaitables::{Future, Task, future, spawn, tasks_of};
use crate::base::{Clock, Context, nanos};
use crate::current;
use crate::current::{Guard, wake_task};
use crate::error::{Deadlock, Error, ExceptionContext};
use crate::kernel::{Alarm, Batch, Entry, Handle, Kernel, Phase, Queued, Run, WaitOutcome};
use crate::node::{Core, Kind, Loop, Node, NodeRef, Watch, Watcher, guarded};
use crate::reactor::{Reactor, ReadyEvent};

/// A single-threaded event loop: asyncio's loop.
///
/// A cheap handle: clones are the same loop. When the last one goes, the loop closes. A task or callback that keeps one
/// keeps its own loop open, so take [`EventLoop::current`] there.
///
/// # Examples
/// ```
/// use oneloop::{EventLoop, sleep};
/// use std::time::Duration;
///
/// let lp = EventLoop::new()?;
/// let words = vec!["one", "loop"];
/// let sentence = lp.run_until_complete(async {
///     sleep(Duration::from_millis(1)).await;
///     words.join(" ") // the main future may borrow from its caller
/// })?;
/// assert_eq!(sentence, "one loop");
/// # Ok::<(), oneloop::Error>(())
/// ```
pub struct EventLoop {
    kernel: Rc<Loop>,
}

/// Settings of a loop to be made.
///
/// # Examples
/// ```
/// use oneloop::{Clock, EventLoop};
///
/// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
/// assert!(!lp.is_running());
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder makes nothing until build() is called"]
pub struct Builder {
    clock: Clock,
}

impl Builder {
    /// Which clock the loop lives by; the real one if nothing is said.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Makes the loop.
    ///
    /// # Errors
    /// [`Error::Io`] if the operating system has no descriptors left for it.
    pub fn build(self) -> Result<EventLoop, Error> {
        Ok(EventLoop::share(Kernel::new(self.clock)?))
    }
}

/// This thread is in the loop while this lives: see [`EventLoop::enter`].
#[must_use = "the loop is left as soon as this is dropped; write `let _in = lp.enter();`"]
#[derive(Debug)]
pub struct Entered<'a> {
    _guard: Guard,
    _loop: PhantomData<&'a EventLoop>,
}

impl EventLoop {
    /// A new loop on the machine's clock: asyncio's `new_event_loop()`.
    ///
    /// # Errors
    /// [`Error::Io`] if the operating system has no descriptors left for it.
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// A loop with other settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The loop that this thread is in: the running one, or the one entered last. asyncio's `get_event_loop()`.
    ///
    /// # Panics
    /// If this thread is in no loop.
    #[track_caller]
    pub fn current() -> Self {
        Self::share(current::expect())
    }

    /// The loop that this thread is in, if it is in one.
    pub fn try_current() -> Option<Self> {
        current::current().map(Self::share)
    }

    fn share(kernel: Rc<Loop>) -> Self {
        kernel.add_handle();
        Self { kernel }
    }

    /// Makes this the loop that `create_task`, `gather` and the like use on this thread, until the guard is dropped:
    /// for what a program prepares before the loop runs.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{EventLoop, create_task, gather};
    ///
    /// let lp = EventLoop::new()?;
    /// let sums = {
    ///     let _in = lp.enter();
    ///     gather([1, 2].map(|n| create_task(async move { n })))
    /// };
    /// assert_eq!(lp.run_until_complete(sums)?, [1, 2]);
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn enter(&self) -> Entered<'_> {
        Entered { _guard: current::enter(Rc::clone(&self.kernel)), _loop: PhantomData }
    }

    pub(crate) fn kernel(&self) -> &Rc<Loop> {
        &self.kernel
    }

    // Scheduling.

    /// Calls `f` in the next iteration, after what is queued already: asyncio's `call_soon`. What it returns is dropped.
    /// It runs in a copy of the [`Context`] of this moment, like all callbacks.
    ///
    /// # Panics
    /// If the loop is closed. A panic of `f` is reported to the exception handler, and the loop goes on.
    #[track_caller]
    pub fn call_soon<R>(&self, f: impl FnOnce() -> R + 'static) -> Handle {
        self.refuse_if_closed();
        let handle = callback(f, Location::caller());
        self.kernel.push(handle.entry(), 0);
        handle
    }

    /// Calls `f` when `delay` has passed, never earlier: asyncio's `call_later`. Callbacks with equal deadlines run in
    /// the order in which they were set.
    ///
    /// # Panics
    /// If the loop is closed. A panic of `f` is reported to the exception handler, and the loop goes on.
    #[track_caller]
    pub fn call_later<R>(&self, delay: Duration, f: impl FnOnce() -> R + 'static) -> TimerHandle {
        let deadline = self.kernel.clock().now().saturating_add(nanos(delay));
        self.set_callback(deadline, callback(f, Location::caller()))
    }

    /// Calls `f` at `when`, on the loop's own clock (see [`time`](Self::time)): asyncio's `call_at`. A time that has
    /// passed means the next iteration.
    ///
    /// # Panics
    /// If the loop is closed. A panic of `f` is reported to the exception handler, and the loop goes on.
    #[track_caller]
    pub fn call_at<R>(&self, when: Instant, f: impl FnOnce() -> R + 'static) -> TimerHandle {
        let deadline = self.kernel.clock().nanos_at(when);
        self.set_callback(deadline, callback(f, Location::caller()))
    }

    #[track_caller]
    fn set_callback(&self, deadline: u64, handle: Handle) -> TimerHandle {
        self.refuse_if_closed();
        let key = self.kernel.set_timer(deadline, Alarm::Run(handle.entry()));
        TimerHandle::new(Rc::clone(&self.kernel), key, self.kernel.clock().instant(deadline), handle)
    }

    #[track_caller]
    pub(crate) fn refuse_if_closed(&self) {
        assert!(
            self.kernel.phase() != Phase::Closed,
            "the event loop is closed, so it can schedule nothing; make a new one with EventLoop::new()"
        );
    }

    /// Starts a coroutine on this loop: [`create_task`](fn@crate::create_task).
    ///
    /// # Panics
    /// If the loop is closed.
    #[track_caller]
    pub fn create_task<F>(&self, future: F) -> Task<F::Output>
    where
        F: IntoFuture + 'static,
        F::IntoFuture: 'static,
        F::Output: 'static,
    {
        spawn(Rc::clone(&self.kernel), future.into_future(), true, Location::caller())
    }

    /// A pending future on this loop: [`create_future`](fn@crate::create_future).
    pub fn create_future<T: 'static>(&self) -> Future<T> {
        future::pending(Rc::clone(&self.kernel))
    }

    // State.

    /// What time it is on the loop's clock: asyncio's `time()`.
    pub fn time(&self) -> Instant {
        let clock = self.kernel.clock();
        clock.instant(clock.now())
    }

    /// Whether it is running.
    pub fn is_running(&self) -> bool {
        self.kernel.is_running()
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.kernel.phase() != Phase::Open
    }

    /// Ends the run after the current iteration; what it scheduled stays for the next run. Before a run: that run takes
    /// one iteration, without waiting. asyncio's `stop()`.
    pub fn stop(&self) {
        self.kernel.set_stopping(true);
    }

    /// Calls `f` with what went wrong where nobody awaits: a callback, waker or destructor that panicked, a task whose
    /// panic nobody has seen. Answers nothing; without a handler, a line goes to standard error. asyncio's
    /// `set_exception_handler`. `f` runs in the middle of things and must not panic.
    pub fn set_exception_handler(&self, f: impl Fn(&ExceptionContext) + 'static) {
        drop(self.kernel.set_handler(Some(Rc::new(f))));
    }

    /// Takes the exception handler back.
    pub fn clear_exception_handler(&self) {
        drop(self.kernel.set_handler(None));
    }

    // Running.

    /// Runs until [`stop`](Self::stop): asyncio's `run_forever()`.
    ///
    /// # Errors
    /// [`Error::Running`] inside a running loop, [`Error::Closed`] after `close`, [`Error::Deadlock`] if the clock is
    /// virtual and nothing can ever happen again, [`Error::Io`] if the operating system fails.
    ///
    /// # Examples
    /// ```
    /// use oneloop::EventLoop;
    ///
    /// let lp = EventLoop::new()?;
    /// let stopper = lp.clone();
    /// lp.call_soon(move || stopper.stop());
    /// lp.run_forever()?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn run_forever(&self) -> Result<(), Error> {
        let _running = Running::begin(self)?;
        self.iterate()
    }

    /// One iteration after another, until the loop is stopped.
    fn iterate(&self) -> Result<(), Error> {
        let mut batch = self.kernel.take_spare_batch();
        let ended = self.iterate_with(&mut batch);
        self.kernel.keep_spare_batch(batch);
        ended
    }

    fn iterate_with(&self, batch: &mut Batch<NodeRef>) -> Result<(), Error> {
        let mut woken = Vec::new();
        let mut steps = 0;
        loop {
            if self.kernel.wait(steps, &mut woken)? == WaitOutcome::Stuck {
                return Err(Error::Deadlock(self.deadlock()));
            }
            if !woken.is_empty() {
                self.admit_all(&mut woken);
            }
            self.kernel.queue_due_timers();
            steps = self.run_batch(batch);
            if self.kernel.is_stopping() {
                return Ok(());
            }
        }
    }

    #[inline(never)] // an iteration in which nothing is ready is short
    fn admit_all(&self, woken: &mut Vec<ReadyEvent<Handle>>) {
        woken.reverse();
        while let Some(ready) = woken.pop() {
            self.admit(ready);
        }
    }

    /// A descriptor is ready: who waits for it is woken, a callback that watches it takes its turn. One that was cancelled
    /// by its handle is found out here, as in asyncio.
    fn admit(&self, ready: ReadyEvent<Handle>) {
        match ready {
            ReadyEvent::Waker(waker) => guarded(&self.kernel, "Exception in waker", || waker.wake()),
            ReadyEvent::Watch(fd, direction, handle) => {
                if handle.cancelled() {
                    let taken = self.kernel.with_reactor(|reactor| {
                        let cancelled = reactor.watch_of(fd, direction).is_some_and(Handle::cancelled);
                        if cancelled { reactor.unwatch(fd, direction) } else { None }
                    });
                    drop(taken);
                } else {
                    self.kernel.push(handle.entry(), 0);
                }
            }
        }
    }

    /// Runs what is ready now; what that queues waits for the next iteration. This is where all code of users is called,
    /// but for destructors and foreign wakers. Answers how many entries there were.
    fn run_batch(&self, batch: &mut Batch<NodeRef>) -> usize {
        self.kernel.swap_batch(batch);
        let turns = batch.len();
        while let Some(entry) = batch.pop_front() {
            match entry {
                Entry::Task(task) => {
                    if task.queued().replace(false) {
                        self.kernel.start_step();
                        task.step(&task);
                    }
                }
                Entry::Timer(key) => match self.kernel.remove_timer(key) {
                    Some(Alarm::Task(key)) => wake_task(&self.kernel, key),
                    Some(Alarm::Waker(waker)) => guarded(&self.kernel, "Exception in waker", || waker.wake()),
                    Some(Alarm::Run(callback)) => self.call(callback, 0),
                    None => {}
                },
                Entry::Run(callback, index) => self.call(callback, index),
            }
        }
        turns
    }

    /// A callback sets its variables for nobody else. It enters its own context, if it has one, and is taken out of it here.
    fn call(&self, callback: Rc<dyn Run>, index: u32) {
        if current::uses_contexts() {
            self.call_in_context(callback, index);
            return;
        }
        guarded(&self.kernel, "Exception in callback", || callback.run(index));
        if current::uses_contexts() {
            self.leave_context(None);
        }
    }

    #[cold]
    fn call_in_context(&self, callback: Rc<dyn Run>, index: u32) {
        let outside = current::swap_context(None);
        guarded(&self.kernel, "Exception in callback", || callback.run(index));
        self.leave_context(outside);
    }

    #[cold]
    fn leave_context(&self, outside: Option<Context>) {
        let own = current::swap_context(outside);
        guarded(&self.kernel, "Exception in destructor", || drop(own));
    }

    /// Runs until `node` is done, and one batch more, as asyncio does.
    pub(crate) fn run_until_done(&self, node: &dyn Node) -> Result<(), Error> {
        if !std::ptr::eq(&raw const **node.core().kernel(), &raw const *self.kernel) {
            return Err(Error::ForeignLoop);
        }
        let _running = Running::begin(self)?;
        let stop = Rc::new(StopWhenDone { kernel: Rc::clone(&self.kernel) });
        let core = node.core();
        let number = self.kernel.next_watch();
        if core.is_done() {
            Rc::clone(&stop).child_done(0, core);
        } else {
            core.watchers().add(number, Watcher::Watch(Rc::clone(&stop) as Rc<dyn Watch>, 0));
        }
        let ran = self.iterate();
        drop(core.watchers().remove(number));
        match ran {
            // asyncio's future may be done although somebody stopped the loop in the same iteration
            Ok(()) if !core.is_done() => Err(Error::Stopped),
            Err(Error::Deadlock(_)) if core.is_done() => Ok(()),
            other => other,
        }
    }

    fn deadlock(&self) -> Deadlock {
        let waiting = tasks_of(&self.kernel).into_iter().map(|task| {
            let suspension = task.suspension();
            let nodes = suspension.waits_for_nodes();
            let mut waits: Vec<String> = nodes.iter().map(describe).collect();
            waits.extend(suspension.leaf().get().map(ToString::to_string));
            let what = if waits.is_empty() { "something outside the loop".to_owned() } else { waits.join(" and ") };
            format!("{} waits for {what}", task.name())
        });
        Deadlock::new(waiting.collect())
    }

    // Closing.

    /// Drops every task, callback and timer, in the loop's context, so that destructors may still use it: asyncio's
    /// `close()`. Does nothing if it is closed already. The last handle on a loop closes it too.
    ///
    /// # Errors
    /// [`Error::Running`] while it runs.
    pub fn close(&self) -> Result<(), Error> {
        if self.kernel.is_running() {
            return Err(Error::Running);
        }
        if self.kernel.phase() == Phase::Open {
            let _in = current::enter(Rc::clone(&self.kernel));
            self.kernel.set_phase(Phase::Closing);
            self.kernel.shut_door();
            // a destructor may start tasks and set timers again
            loop {
                let tasks = tasks_of(&self.kernel);
                if tasks.is_empty() && !self.kernel.has_scheduled() {
                    break;
                }
                for task in tasks {
                    task.node().abandon();
                }
                self.drop_scheduled();
            }
            self.kernel.set_phase(Phase::Closed);
            if let Some(executor) = self.kernel.shut_default_executor() {
                executor.shut_down(|| ());
            }
            guarded(&self.kernel, "Exception in destructor", || drop(self.kernel.set_handler(None)));
        }
        Ok(())
    }
}

impl EventLoop {
    /// Drops what is queued and what is set, each by itself, so that a destructor that panics spoils nothing else.
    fn drop_scheduled(&self) {
        let mut batch = Batch::new();
        self.kernel.swap_batch(&mut batch);
        for entry in batch {
            guarded(&self.kernel, "Exception in destructor", || drop(entry));
        }
        for taker in self.kernel.take_expected() {
            guarded(&self.kernel, "Exception in destructor", || drop(taker));
        }
        for alarm in self.kernel.take_timers() {
            guarded(&self.kernel, "Exception in destructor", || drop(alarm));
        }
        // what of it may call user code has a watch too, which the closing loop sees
        #[cfg(feature = "signal")]
        while let Some(thing) = self.kernel.kept().pop() {
            guarded(&self.kernel, "Exception in destructor", || drop(thing));
        }
        for watch in self.kernel.with_reactor(Reactor::take_watches) {
            guarded(&self.kernel, "Exception in destructor", || watch.cancel());
        }
    }
}

/// `f` as a callback that runs in a copy of the context of this moment.
fn callback<R>(f: impl FnOnce() -> R + 'static, created: &'static Location<'static>) -> Handle {
    if current::uses_contexts() { inheriting(f, created) } else { Handle::new(|| drop(f()), created) }
}

#[cold]
fn inheriting<R>(f: impl FnOnce() -> R + 'static, created: &'static Location<'static>) -> Handle {
    let own = current::copy_thread_context();
    let inside = move || {
        drop(current::swap_context(own));
        drop(f());
    };
    Handle::new(inside, created)
}

fn describe(node: &NodeRef) -> String {
    match node.kind() {
        Kind::Task(suspension) => suspension.name(),
        Kind::Plain => "a future".to_owned(),
        Kind::Group(group) => format!("a gathering of {}", group.children().len()),
    }
}

impl Clone for EventLoop {
    fn clone(&self) -> Self {
        Self::share(Rc::clone(&self.kernel))
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        if self.kernel.drop_handle() {
            // a handle taken during the closing may be the last again, and finds the loop closed
            let closed = self.close();
            debug_assert!(closed.is_ok(), "a running loop has a handle");
        }
    }
}

/// The same loop.
impl PartialEq for EventLoop {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.kernel, &other.kernel)
    }
}

impl Eq for EventLoop {}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop")
            .field("number", &self.kernel.number())
            .field("running", &self.is_running())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// The loop runs while this lives.
struct Running<'a> {
    lp: &'a EventLoop,
    _guard: Guard,
}

impl<'a> Running<'a> {
    fn begin(lp: &'a EventLoop) -> Result<Self, Error> {
        if current::any_running() {
            return Err(Error::Running);
        }
        if lp.kernel.phase() != Phase::Open {
            return Err(Error::Closed);
        }
        let guard = current::enter(Rc::clone(&lp.kernel));
        lp.kernel.set_running(true);
        Ok(Self { lp, _guard: guard })
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.lp.kernel.set_running(false);
        self.lp.kernel.set_stopping(false);
    }
}

/// Stops the loop one iteration after a node is done: asyncio's `_run_until_complete_cb`.
struct StopWhenDone {
    kernel: Rc<Loop>,
}

impl Watch for StopWhenDone {
    fn child_done(self: Rc<Self>, _index: u32, _child: &Core) {
        let kernel = Rc::clone(&self.kernel);
        kernel.push(self, 0);
    }
}

impl Run for StopWhenDone {
    fn run(self: Rc<Self>, _index: u32) {
        self.kernel.set_stopping(true);
    }
}
