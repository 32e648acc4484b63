//! The state of one loop: its parts, and what can be registered with them. Owns the parts; must not know what a task is,
//! nor how an iteration goes.
//!
//! Invariant: **no code of a user runs under a borrow taken here.** Every method ends its borrow before it returns and
//! calls no callback; what must be called or dropped is handed back. That a task is a type parameter proves half of it: of
//! a `P` nothing is known but how to count it and to mark it as queued, so nothing of a user's can be run by it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::alarm::Alarm;
use super::budget::Budget;
use super::deferred_drops::DeferredDrops;
use super::expected::Expected;
use super::extensions::Extensions;
use super::handle::Handle;
use super::inbox::{LoopSender, Message};
use super::life::{Life, Phase};
use super::ready_queue::{Batch, ChildTurnRef, Entry, Queued, ReadyQueue, Run, RunRef};
use super::task_table::{RunningTask, TaskTable};
use super::throwing::Throwing;
use crate::base::{Clock, PooledRc, RemoteCall, TaskKey, Ticker, unsize};
use crate::error::ExceptionContext;
use crate::reactor::{Reactor, ReadyEvent};
use crate::timer_wheel::{TimerKey, TimerWheel};

/// What a task waits for if that is no node, by name: a thin pointer, as every task has room for one.
pub(crate) type Leaf = &'static &'static str;

type ExceptionHandler = Rc<dyn Fn(&ExceptionContext)>;

/// The state of one loop.
pub(crate) struct Kernel<P> {
    clock: Ticker,
    life: Life,
    budget: Budget,
    // what runs
    ready: ReadyQueue<P>,
    tasks: TaskTable<P>,
    running_task: RunningTask<P>,
    /// What the running task is about to wait for, if that is no node.
    leaf: Cell<Option<Leaf>>,
    throwing: Throwing,
    last_watch: Cell<u64>,
    // what happens outside
    timers: RefCell<TimerWheel<Alarm>>,
    reactor: RefCell<Reactor<Handle>>,
    sender: LoopSender,
    /// Room for what one wait brings from other threads, kept for its memory.
    messages: RefCell<Vec<Message>>,
    expected: Expected,
    // what others keep here
    exception_handler: RefCell<Option<ExceptionHandler>>,
    extensions: Extensions,
    deferred_drops: DeferredDrops,
}

impl<P> fmt::Debug for Kernel<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, phase) = (self.sender.number(), self.life.phase());
        f.debug_struct("Kernel").field("number", &number).field("phase", &phase).finish_non_exhaustive()
    }
}

impl<P: Queued> Kernel<P> {
    pub(crate) fn new(clock: Clock) -> io::Result<Rc<Self>> {
        let (reactor, waker) = Reactor::new()?;
        Ok(Rc::new(Self {
            clock: Ticker::new(clock),
            life: Life::default(),
            budget: Budget::default(),
            ready: ReadyQueue::default(),
            tasks: TaskTable::default(),
            running_task: RunningTask::default(),
            leaf: Cell::new(None),
            throwing: Throwing::default(),
            last_watch: Cell::new(0),
            timers: RefCell::new(TimerWheel::new()),
            reactor: RefCell::new(reactor),
            sender: LoopSender::open(waker)?,
            messages: RefCell::default(),
            expected: Expected::default(),
            exception_handler: RefCell::new(None),
            extensions: Extensions::default(),
            deferred_drops: DeferredDrops::default(),
        }))
    }

    /// The loop's number, which the keys of its tasks carry.
    #[inline]
    pub(crate) fn number(&self) -> u16 {
        self.sender.number()
    }

    // Its parts.

    #[inline]
    pub(crate) fn clock(&self) -> &Ticker {
        &self.clock
    }

    #[inline]
    pub(crate) fn life(&self) -> &Life {
        &self.life
    }

    #[inline]
    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    #[inline]
    pub(crate) fn leaf(&self) -> &Cell<Option<Leaf>> {
        &self.leaf
    }

    #[inline]
    pub(crate) fn throwing(&self) -> &Throwing {
        &self.throwing
    }

    pub(crate) fn expected(&self) -> &Expected {
        &self.expected
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    pub(crate) fn deferred_drops(&self) -> &DeferredDrops {
        &self.deferred_drops
    }

    /// The way by which other threads reach this loop.
    pub(crate) fn sender(&self) -> LoopSender {
        self.sender
    }

    pub(crate) fn with_reactor<R>(&self, f: impl FnOnce(&mut Reactor<Handle>) -> R) -> R {
        f(&mut self.reactor.borrow_mut())
    }

    /// The handler that was set before comes back, to be dropped.
    pub(crate) fn set_exception_handler(&self, handler: Option<ExceptionHandler>) -> Option<ExceptionHandler> {
        self.exception_handler.replace(handler)
    }

    pub(crate) fn exception_handler(&self) -> Option<ExceptionHandler> {
        self.exception_handler.borrow().clone()
    }

    // The ready queue.

    #[inline]
    pub(crate) fn nothing_is_ready(&self) -> bool {
        self.ready.is_empty()
    }

    /// Queues a turn, behind what other threads have sent so far. A closed loop drops it, as it would never be taken.
    fn push(&self, entry: Entry<P>) {
        if self.life.phase() != Phase::Closed {
            self.take_messages();
            self.ready.push(entry);
        }
    }

    /// Queues something that takes a turn of its own.
    pub(crate) fn push_run(&self, run: RunRef) {
        self.push(Entry::Run(run));
    }

    /// Queues the turn that a primitive takes for one of its children.
    pub(crate) fn push_child_turn(&self, turn: ChildTurnRef, number: u32) {
        self.push(Entry::Child(turn, number));
    }

    /// Queues a task that is marked as queued, behind what other threads have sent so far. A closed loop has none.
    #[inline]
    fn push_task(&self, task: P) {
        if self.has_messages() {
            return self.push_behind_messages(task);
        }
        self.ready.push(Entry::Task(task));
    }

    #[cold]
    fn push_behind_messages(&self, task: P) {
        self.take_messages();
        self.ready.push(Entry::Task(task));
    }

    /// The batch of a run that begins; `keep_spare_batch` takes it back.
    pub(crate) fn take_spare_batch(&self) -> Batch<P> {
        self.ready.take_spare()
    }

    pub(crate) fn keep_spare_batch(&self, batch: Batch<P>) {
        self.ready.keep_spare(batch);
    }

    /// Everything that is queued, for an empty batch, which is filled from now on.
    #[inline]
    pub(crate) fn swap_batch(&self, batch: &mut Batch<P>) {
        self.ready.swap(batch);
    }

    // Tasks.

    /// The id of the next task, counted from 1, and the key that it will have.
    #[inline]
    pub(crate) fn next_task(&self) -> (u64, TaskKey) {
        self.tasks.next(self.number())
    }

    /// Takes a task in under the key that `next_task` returned. `queued` says whether it is to take its first step in the
    /// next iteration.
    #[inline]
    pub(crate) fn insert_task(&self, key: TaskKey, queued: bool, task: P) {
        let share = queued.then(|| task.clone());
        self.tasks.insert(key, task);
        if let Some(task) = share {
            task.queued().set(true);
            self.push_task(task);
        }
    }

    /// Queues a task, unless it is queued already or gone. Returns whether it was queued by this call.
    pub(crate) fn wake(&self, key: TaskKey) -> bool {
        let Some(task) = self.tasks.mark_queued(key) else { return false };
        self.push_task(task);
        true
    }

    pub(crate) fn is_queued(&self, key: TaskKey) -> bool {
        self.task(key).is_some_and(|task| task.queued().get())
    }

    /// Lets a task miss the step that it is queued for, and returns whether it was queued. It can be queued again.
    pub(crate) fn unqueue(&self, key: TaskKey) -> bool {
        self.task(key).is_some_and(|task| task.queued().replace(false))
    }

    /// A share of a task, if it still lives.
    pub(crate) fn task(&self, key: TaskKey) -> Option<P> {
        self.tasks.get(key)
    }

    /// Gives the table's share of a task back, to be dropped by the caller. If it is queued, it misses that step.
    pub(crate) fn remove_task(&self, key: TaskKey) -> Option<P> {
        self.tasks.remove(key)
    }

    /// All tasks, in no order.
    pub(crate) fn tasks(&self) -> Vec<P> {
        self.tasks.all()
    }

    /// `task` is the running one while `f` runs.
    #[inline]
    pub(crate) fn while_running<R>(&self, task: &P, f: impl FnOnce() -> R) -> R {
        self.running_task.during(task, f)
    }

    /// Shows the running task to `f`.
    #[inline]
    pub(crate) fn with_current<R>(&self, f: impl FnOnce(Option<&P>) -> R) -> R {
        self.running_task.with(f)
    }

    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method is not general enough over lifetimes")]
    pub(crate) fn current(&self) -> Option<P> {
        self.with_current(|task| task.cloned())
    }

    /// A number for a watcher's place among the others of a node.
    pub(crate) fn next_watch(&self) -> u64 {
        self.last_watch.set(self.last_watch.get() + 1);
        self.last_watch.get()
    }

    // Timers.

    /// Sets a timer. A closed loop drops it at once, as it would never be due.
    pub(crate) fn set_timer(&self, deadline: u64, alarm: Alarm) -> TimerKey {
        let key = self.timers.borrow_mut().insert(deadline, alarm);
        if self.life.phase() == Phase::Closed {
            drop(self.remove_timer(key));
        }
        key
    }

    /// Takes a timer out, whether it is due or not. If its entry was reached, what comes back is to be carried out; that
    /// the timer is gone then tells its owner.
    pub(crate) fn remove_timer(&self, key: TimerKey) -> Option<Alarm> {
        self.timers.borrow_mut().remove(key)
    }

    /// Whether a timer was neither carried out nor removed.
    pub(crate) fn has_timer(&self, key: TimerKey) -> bool {
        self.timers.borrow_mut().get_mut(key).is_some()
    }

    /// Lets a timer do something else when it is due. The alarm that is not needed comes back.
    pub(crate) fn change_timer(&self, key: TimerKey, alarm: Alarm) -> Alarm {
        match self.timers.borrow_mut().get_mut(key) {
            Some(held) => std::mem::replace(held, alarm),
            None => alarm,
        }
    }

    /// No timer is due before this time; the earliest deadline may be later.
    pub(crate) fn next_expiry(&self) -> Option<u64> {
        self.timers.borrow().next_expiry()
    }

    /// Queues every timer that is due, in order of deadline. The clock is read only if a timer is set.
    #[inline]
    pub(crate) fn queue_due_timers(&self) {
        if !self.timers.borrow().is_empty() {
            self.expire_timers();
        }
    }

    /// Queues every timer that is due, and returns whether there were any.
    pub(crate) fn expire_timers(&self) -> bool {
        let mut any = false;
        self.timers.borrow_mut().expire(self.clock.now(), |key| {
            any = true;
            self.ready.push(Entry::Timer(key));
        });
        any
    }

    // Descriptors.

    /// Whether a poll may find a descriptor.
    pub(crate) fn watches_descriptors(&self) -> bool {
        self.reactor.borrow().is_watching()
    }

    /// Polls: what became ready is added to `events`. Sleeps for `timeout` at the most (`None`: for ever), and not at all
    /// if a message has come from another thread.
    pub(crate) fn poll(&self, timeout: Option<Duration>, events: &mut Vec<ReadyEvent<Handle>>) -> io::Result<()> {
        let sleeps = timeout != Some(Duration::ZERO);
        let timeout = if sleeps && !self.sender.fall_asleep() { Some(Duration::ZERO) } else { timeout };
        let mut reactor = self.reactor.borrow_mut();
        let polled = reactor.wait(timeout, events);
        self.budget.polled();
        if reactor.has_fd_callbacks() {
            self.budget.poll_soon(); // a descriptor's callback is called in each iteration in which it is ready, as in asyncio
        }
        if sleeps {
            self.sender.wake_up();
        }
        polled
    }

    // Other threads.

    #[inline]
    pub(crate) fn has_messages(&self) -> bool {
        !self.sender.is_empty()
    }

    /// Queues what other threads have sent, in the order in which it came. This is done before anything else is queued, so
    /// that the queue is as if the threads had put it there themselves. It costs one load when nothing has come.
    #[inline]
    pub(crate) fn take_messages(&self) {
        if self.has_messages() {
            self.take_waiting_messages();
        }
    }

    #[cold]
    fn take_waiting_messages(&self) {
        let mut messages = self.messages.take();
        self.sender.take(&mut messages);
        for message in messages.drain(..) {
            let entry = match message {
                Message::Wake(key) => self.tasks.mark_queued(key).map(Entry::Task),
                Message::Run(call) => {
                    Some(Entry::Run(unsize!(PooledRc::new(RemoteTurn(Cell::new(Some(call)))) => dyn Run)))
                }
                Message::Arrived(number) => self.expected.remove(number).map(Entry::Run),
            };
            if let Some(entry) = entry {
                self.ready.push(entry);
            }
        }
        self.messages.replace(messages);
    }

    // Closing.

    /// No thread reaches the loop any more. What had come is queued, to be dropped with the rest.
    pub(crate) fn shut_inbox(&self) {
        self.sender.shut();
        self.take_messages();
    }

    /// Whether something is queued, set, watched or expected.
    pub(crate) fn has_scheduled(&self) -> bool {
        !self.ready.is_empty()
            || !self.timers.borrow().is_empty()
            || self.reactor.borrow().has_fd_callbacks()
            || !self.expected.is_empty()
    }

    /// All alarms that are set, to be dropped by the caller.
    pub(crate) fn take_timers(&self) -> impl Iterator<Item = Alarm> + use<P> {
        self.timers.replace(TimerWheel::new()).into_values()
    }
}

/// The turn of a call that another thread has sent. (A kind of entry for it alone would cost every other entry: measured.)
struct RemoteTurn(Cell<Option<RemoteCall>>);

impl Run for RemoteTurn {
    fn run(&self) {
        if let Some(call) = self.0.take() {
            call.run();
        }
    }
}

impl<P> Drop for Kernel<P> {
    /// Its number is free for another loop.
    fn drop(&mut self) {
        self.sender.abandon();
    }
}
