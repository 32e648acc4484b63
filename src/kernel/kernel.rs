//! The state of one loop: its parts together, and what can be registered with them. Owns the parts; must not know what
//! a task is, nor how an iteration goes.
//!
//! Invariant: **no code of a user runs under a borrow taken here.** Every method ends its borrow before it returns and
//! calls no callback. What must be called or dropped is returned to the caller (but a closed loop drops a new entry or
//! timer itself, when the borrow has ended). The type parameter proves half of this:
//! nothing is known of a task `P` but how to clone the pointer and how to mark it as queued, so no method can run a
//! task.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::rc::Rc;

use super::alarm::Alarm;
use super::await_tree::AwaitTree;
use super::budget::Budget;
use super::deferred_drops::DeferredDrops;
use super::enclosing::Enclosing;
use super::expected::Expected;
use super::extensions::Extensions;
use super::handle::Handle;
use super::holders::Holders;
use super::host::Host;
use super::inbox::Message;
use super::journal::Journal;
use super::life::{Life, Phase};
use super::loop_sender::{LoopReceiver, LoopSender};
use super::notes::Notes;
use super::ready_queue::{ChildTurnRef, Entry, Queued, ReadyQueue, RunRef};
use super::running_step::RunningStep;
use super::tally::Tally;
use super::task_table::{RunningTask, TaskTable};
use super::throwing::Throwing;
use crate::base::{Clock, NEVER, TaskKey, Ticker};
use crate::error::ExceptionContext;
use crate::reactor::{Reactor, ReadyEvent};
use crate::timer_wheel::{TimerKey, TimerWheel};

type ExceptionHandler = Rc<dyn Fn(&ExceptionContext)>;

/// The state of one loop.
pub(crate) struct Kernel<P: Queued> {
    pub(super) clock: Ticker,
    pub(super) life: Life,
    pub(super) budget: Budget,
    pub(super) tally: Tally,
    // what runs
    pub(super) ready: ReadyQueue<P>,
    pub(super) tasks: TaskTable<P>,
    running_task: RunningTask<P>,
    step: RunningStep,
    // cancellations inside the running task
    throwing: Throwing,
    enclosing: Enclosing<P>,
    await_tree: AwaitTree<P>,
    /// The number of the watcher that was registered last with a node of this loop.
    last_watch: Cell<u64>,
    // what happens outside of the loop
    pub(super) timers: RefCell<TimerWheel<Alarm>>,
    pub(super) reactor: RefCell<Reactor<Handle>>,
    /// Empty; kept from one turn or run to the next for its memory.
    pub(super) spare_events: Cell<Vec<ReadyEvent<Handle>>>,
    pub(super) receiver: LoopReceiver,
    expected: Expected,
    // what other folders keep here
    exception_handler: RefCell<Option<ExceptionHandler>>,
    extensions: Extensions,
    deferred_drops: DeferredDrops,
    notes: Notes<P>,
    holders: Holders,
    pub(super) journal: Journal,
    pub(super) host: Host,
}

impl<P: Queued> Drop for Kernel<P> {
    fn drop(&mut self) {
        self.receiver.set_generation(self.tasks.last_generation());
    }
}

impl<P: Queued> fmt::Debug for Kernel<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, phase) = (self.receiver.sender().number(), self.life.phase());
        f.debug_struct("Kernel").field("number", &number).field("phase", &phase).finish_non_exhaustive()
    }
}

impl<P: Queued> Kernel<P> {
    pub(crate) fn new(clock: Clock) -> io::Result<Rc<Self>> {
        let (reactor, waker) = Reactor::new()?;
        let receiver = LoopReceiver::open(waker)?;
        let clock = Ticker::new(clock);
        let timers = TimerWheel::new(clock.now());
        Ok(Rc::new(Self {
            clock,
            life: Life::default(),
            budget: Budget::default(),
            tally: Tally::default(),
            ready: ReadyQueue::default(),
            tasks: TaskTable::behind(receiver.generation()),
            running_task: RunningTask::default(),
            step: RunningStep::of_loop(receiver.sender().number(), receiver.generation()),
            throwing: Throwing::default(),
            enclosing: Enclosing::default(),
            await_tree: AwaitTree::default(),
            last_watch: Cell::new(0),
            timers: RefCell::new(timers),
            reactor: RefCell::new(reactor),
            spare_events: Cell::default(),
            receiver,
            expected: Expected::default(),
            exception_handler: RefCell::new(None),
            extensions: Extensions::default(),
            deferred_drops: DeferredDrops::default(),
            notes: Notes::default(),
            holders: Holders::default(),
            journal: Journal::default(),
            host: Host::default(),
        }))
    }

    /// The number of the loop, which the keys of its tasks contain.
    #[inline]
    pub(crate) fn number(&self) -> u16 {
        self.receiver.sender().number()
    }

    // The parts.

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
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    #[inline]
    pub(crate) fn ready(&self) -> &ReadyQueue<P> {
        &self.ready
    }

    #[inline]
    pub(crate) fn running_task(&self) -> &RunningTask<P> {
        &self.running_task
    }

    #[inline]
    pub(crate) fn step(&self) -> &RunningStep {
        &self.step
    }

    #[inline]
    pub(crate) fn throwing(&self) -> &Throwing {
        &self.throwing
    }

    #[inline]
    pub(crate) fn enclosing(&self) -> &Enclosing<P> {
        &self.enclosing
    }

    pub(crate) fn await_tree(&self) -> &AwaitTree<P> {
        &self.await_tree
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

    #[inline]
    pub(crate) fn notes(&self) -> &Notes<P> {
        &self.notes
    }

    pub(crate) fn holders(&self) -> &Holders {
        &self.holders
    }

    /// The way from other threads to this loop.
    pub(crate) fn sender(&self) -> LoopSender {
        self.receiver.sender()
    }

    /// Returns the handler that was set before. The caller drops it.
    pub(crate) fn set_exception_handler(&self, handler: Option<ExceptionHandler>) -> Option<ExceptionHandler> {
        self.exception_handler.replace(handler)
    }

    pub(crate) fn exception_handler(&self) -> Option<ExceptionHandler> {
        self.exception_handler.borrow().clone()
    }

    // The ready queue.

    /// Adds an entry, behind what other threads have sent so far. A closed loop drops it, as it would never run.
    fn push(&self, entry: Entry<P>) {
        if self.life.phase() != Phase::Closed {
            self.take_messages();
            self.ready.push(entry);
        }
    }

    pub(crate) fn push_run(&self, run: RunRef) {
        self.push(Entry::Run(run));
    }

    pub(crate) fn push_child_turn(&self, turn: ChildTurnRef, number: u32) {
        self.push(Entry::Child(turn, number));
    }

    /// Adds the entry of a task that was marked as queued, behind what other threads have sent so far. A closed loop
    /// has no task, so this need not look.
    #[inline]
    fn push_task(&self, task: P) {
        if self.has_messages() {
            return self.push_behind_messages(task);
        }
        self.ready.push_task(task);
    }

    #[cold]
    fn push_behind_messages(&self, task: P) {
        self.take_messages();
        self.ready.push_task(task);
    }

    // Tasks.

    /// The key that the next task will have, and its era.
    #[inline]
    pub(crate) fn next_task(&self) -> (TaskKey, u16) {
        self.tasks.next(self.number())
    }

    /// The id of the task with this key, which is of this era: counted from 1.
    pub(crate) fn task_id(&self, key: TaskKey, era: u16) -> u64 {
        self.tasks.id(key, era)
    }

    /// Inserts a task under the key that `next_task` returned, and queues its first step.
    #[expect(
        clippy::inline_always,
        reason = "apart from where a task is made, it takes 22 instructions more; measured"
    )]
    #[inline(always)]
    pub(crate) fn insert_task(&self, key: TaskKey, task: P) {
        self.tasks.insert(key, task.clone());
        task.queued().set(true);
        self.push_task(task);
    }

    /// Queues a task, unless it is queued already or done. Returns whether this call has queued it.
    pub(crate) fn wake(&self, key: TaskKey) -> bool {
        let Some(task) = self.tasks.mark_queued(key) else { return false };
        self.push_task(task);
        true
    }

    /// Takes the mark of a queued task away, so that its entry does nothing, and returns whether it had the mark. The
    /// task can be queued again.
    pub(crate) fn unqueue(&self, key: TaskKey) -> bool {
        self.task(key).is_some_and(|task| task.queued().replace(false))
    }

    /// The task, unless it is done.
    pub(crate) fn task(&self, key: TaskKey) -> Option<P> {
        self.tasks.get(key)
    }

    /// Removes a task from the table and from the ready queue. The caller drops the pointer.
    pub(crate) fn remove_task(&self, key: TaskKey) -> Option<P> {
        self.tasks.remove(key)
    }

    /// All tasks, in no order.
    pub(crate) fn tasks(&self) -> Vec<P> {
        self.tasks.all()
    }

    /// A number for a watcher of a node: larger than all before, so that watchers stand in the order of registration.
    pub(crate) fn next_watch(&self) -> u64 {
        self.last_watch.set(self.last_watch.get() + 1);
        self.last_watch.get()
    }

    /// Numbers for that many watchers, one after the other. Returns the first.
    pub(crate) fn next_watches(&self, count: usize) -> u64 {
        let last = self.last_watch.get();
        self.last_watch.set(last + count as u64);
        last + 1
    }

    // Timers.

    /// Sets a timer. A closed loop drops it at once, as it would never be due.
    pub(crate) fn set_timer(&self, deadline: u64, alarm: Alarm) -> TimerKey {
        let key = self.timers.borrow_mut().insert(deadline, alarm);
        self.tally.count_timer();
        if self.life.is_closed_or_asleep() {
            self.drop_or_tell_host_of_timer(key);
        }
        key
    }

    #[cold]
    fn drop_or_tell_host_of_timer(&self, key: TimerKey) {
        match self.life.phase() {
            Phase::Closed => drop(self.remove_timer(key)),
            Phase::Open | Phase::Closing => self.tell_host_of_deadline(),
        }
    }

    /// Removes a timer, whether it is due or not. The entry of a timer that is due calls this, and does what the alarm
    /// says. So a timer that is still there has neither been carried out nor cancelled.
    pub(crate) fn remove_timer(&self, key: TimerKey) -> Option<Alarm> {
        self.timers.borrow_mut().remove(key)
    }

    /// Changes what a timer does when it is due. Returns the alarm that is not needed any more: the old one, or `alarm`
    /// if there is no such timer.
    pub(crate) fn change_timer(&self, key: TimerKey, alarm: Alarm) -> Alarm {
        match self.timers.borrow_mut().get_mut(key) {
            Some(held) => std::mem::replace(held, alarm),
            None => alarm,
        }
    }

    /// Queues every timer that is due, in the order of the deadlines. The clock is read only if a timer is set.
    #[inline]
    pub(crate) fn queue_due_timers(&self) {
        if !self.timers.borrow().is_empty() {
            self.expire_timers();
        }
    }

    /// As [`queue_due_timers`](Self::queue_due_timers), if a timer is set. Returns whether one was due.
    pub(crate) fn expire_timers(&self) -> bool {
        let before = self.ready.len();
        self.timers.borrow_mut().expire(self.clock.now(), |key, alarm| {
            self.ready.push(Entry::Timer(key));
            if let Alarm::Task(task) = alarm {
                self.tasks.fetch(*task); // all of them at once, so that their memory comes while the first are woken
            }
        });
        let count = self.ready.len() - before;
        self.tally.count_due_timers(count);
        count > 0
    }

    /// The earliest deadline, for which a slot of the wheel may have to be searched. `None` if no timer is set, or none
    /// that can ever be due.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.timers.borrow_mut().next_deadline().filter(|at| *at != NEVER)
    }

    /// Whether an iteration would run something without a wait, descriptors left aside. The clock is read only if a
    /// timer is set.
    pub(crate) fn has_ready(&self) -> bool {
        let is_due = || self.next_deadline().is_some_and(|at| at <= self.clock.now());
        !self.ready.is_empty() || self.ready.has_rest() || self.has_messages() || is_due()
    }

    // Other threads.

    #[inline]
    pub(crate) fn has_messages(&self) -> bool {
        !self.receiver.inbox().is_empty()
    }

    /// Queues what other threads have sent, in the order in which it came. This is called before any other entry is
    /// queued (those of due timers excepted), so the order in the queue is as if the threads themselves had queued it.
    /// If no message has come, it costs one load.
    #[inline]
    pub(crate) fn take_messages(&self) {
        if self.has_messages() {
            self.queue_messages();
        }
    }

    #[cold]
    fn queue_messages(&self) {
        self.receiver.drain(|message| {
            let entry = match message {
                Message::Wake(key) => self.tasks.mark_queued(key).map(Entry::Task),
                Message::Run(call) => Some(Entry::of_remote_call(call)),
                Message::Arrived(id) => self.expected.remove(id).map(Entry::Run),
            };
            if let Some(entry) = entry {
                self.ready.push(entry);
            }
        });
    }

    // Closing.

    /// Refuses messages from now on. Those that have come are queued, and so dropped with the rest of the queue.
    pub(crate) fn close_inbox(&self) {
        self.receiver.inbox().refuse();
        self.take_messages();
    }

    /// Whether an entry, a timer, a callback of a descriptor or an expected result is left.
    pub(crate) fn has_scheduled(&self) -> bool {
        !self.ready.is_empty()
            || self.ready.has_rest()
            || !self.timers.borrow().is_empty()
            || self.reactor.borrow().has_fd_callbacks()
            || !self.expected.is_empty()
    }

    /// Removes all timers. The caller drops their alarms.
    pub(crate) fn take_timers(&self) -> impl Iterator<Item = Alarm> + use<P> {
        self.timers.replace(TimerWheel::new(self.clock.now())).into_values()
    }
}
