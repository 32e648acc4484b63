//! The parts of one loop: ready queue, task table, timers, reactor, inbox, clock. Owns their state and registers with
//! them; must not know what a task is (`P` is a share of one), nor how an iteration goes.
//!
//! Invariant: **no code of a user runs under a borrow taken here.** Every method ends its borrow before it returns and
//! calls out to nobody; what must be called or dropped is handed back. (Wakers of foreign make are the one thing that
//! the reactor replaces, and it hands those back too.)

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;
use std::{fmt, io};

#[cfg(feature = "signal")]
use super::extensions::Extensions;
use super::from_threads::{Executor, Expected};
use super::handle::Handle;
use super::inbox::{LoopSender, Message};
use super::ready::{Entry, Queued, Run};
use super::ready_queue::ReadyQueue;
use super::task_table::{Running, TaskTable};
use crate::base::{Clock, TaskKey, Ticker};
use crate::error::ExceptionContext;
use crate::reactor::{Reactor, ReadyEvent};
use crate::timer_wheel::{TimerKey, TimerWheel};

/// How many entries may run before descriptors are polled again although work is ready. PooledRc, never timed, so that
/// the same program polls at the same places.
const STEPS_BETWEEN_POLLS: usize = 64;

/// How many operations of one step may go through without waiting. PooledRc, never timed, for the same reason.
const OPERATIONS_IN_A_STEP: u32 = 64;

/// What a timer does when its entry is run.
pub(crate) enum Alarm {
    /// Wakes a sleeping task.
    Task(TaskKey),
    /// Wakes a sleeper inside a combinator of foreign make.
    Waker(Waker),
    /// Runs a callback.
    Run(Rc<dyn Run>),
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Task(_) => "Task",
            Self::Waker(_) => "Waker",
            Self::Run(_) => "Run",
        })
    }
}

/// The life of a loop: `Open` → `Closing` (tasks are being dropped; destructors may still use the loop) → `Closed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    Closing,
    Closed,
}

/// Something to wait for that is no node, by name: a thin pointer, as every task has one.
pub(crate) type Leaf = &'static &'static str;

/// A cancellation on its way up through the awaits of the running task: `Off` → `Delivered` when a step begins with a
/// cancellation of the task itself, `Off` → `Raised` when a leaf raises one; back to `Off` when a `catch_cancelled`
/// or the task's edge takes it, or when the leaf that raised it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Throw {
    Off,
    Delivered,
    /// By the leaf with this number.
    Raised(u32),
}

/// What a wait for events found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitOutcome {
    /// Something may be ready.
    MayBeReady,
    /// Nothing is ready and, on a virtual clock, nothing ever will be.
    Stuck,
}

type Handler = Rc<dyn Fn(&ExceptionContext)>;

/// The state of one loop.
pub(crate) struct Kernel<P> {
    pub(super) door: LoopSender,
    pub(super) number: u16,
    pub(super) expected: Expected,
    pub(super) executor: RefCell<Executor>,
    pub(super) ready: ReadyQueue<P>,
    pub(super) tasks: TaskTable<P>,
    pub(super) running_task: Running<P>,
    pub(super) timers: RefCell<TimerWheel<Alarm>>,
    pub(super) reactor: RefCell<Reactor<Handle>>,
    pub(super) clock: Ticker,
    /// Room for what one wait brings from other threads, kept for its memory.
    pub(super) messages: RefCell<Vec<Message>>,
    pub(super) steps: Cell<usize>,
    /// The operations of the current step that did not have to wait.
    pub(super) operations: Cell<u32>,
    pub(super) last_watch: Cell<u64>,
    pub(super) last_raise: Cell<u32>,
    /// A leaf had something to raise while another's raise was on its way.
    pub(super) raise_waits: Cell<bool>,
    /// A leaf answered `Pending` for the throw that is on, and may have missed what it waits for.
    pub(super) held_back: Cell<bool>,
    /// What the running task is about to wait for, if that is no node.
    pub(super) leaf: Cell<Option<Leaf>>,
    pub(super) throw: Cell<Throw>,
    pub(super) thrown_message: RefCell<Option<Arc<str>>>,
    pub(super) phase: Cell<Phase>,
    pub(super) running: Cell<bool>,
    pub(super) stopping: Cell<bool>,
    pub(super) handles: Cell<usize>,
    pub(super) handler: RefCell<Option<Handler>>,
    #[cfg(feature = "signal")]
    pub(super) kept: Extensions,
    /// What is to be dropped when what is being dropped now has gone.
    pub(super) graves: RefCell<Vec<Box<dyn Any>>>,
    pub(super) digging: Cell<bool>,
}

/// Nobody else drops what is buried while this lives.
pub(crate) struct Digging<'a>(&'a Cell<bool>);

impl Drop for Digging<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl<P> fmt::Debug for Kernel<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel").field("number", &self.number).field("phase", &self.phase).finish_non_exhaustive()
    }
}

impl<P: Queued> Kernel<P> {
    pub(crate) fn new(clock: Clock) -> io::Result<Rc<Self>> {
        let (reactor, waker) = Reactor::new()?;
        let door = LoopSender::open(waker)?;
        Ok(Rc::new(Self {
            number: door.number(),
            door,
            expected: Expected::default(),
            executor: RefCell::default(),
            ready: ReadyQueue::default(),
            tasks: TaskTable::default(),
            running_task: Running::default(),
            timers: RefCell::new(TimerWheel::new()),
            reactor: RefCell::new(reactor),
            clock: Ticker::new(clock),
            messages: RefCell::default(),
            steps: Cell::new(0),
            operations: Cell::new(0),
            last_watch: Cell::new(0),
            last_raise: Cell::new(0),
            raise_waits: Cell::new(false),
            held_back: Cell::new(false),
            leaf: Cell::new(None),
            throw: Cell::new(Throw::Off),
            thrown_message: RefCell::new(None),
            phase: Cell::new(Phase::Open),
            running: Cell::new(false),
            stopping: Cell::new(false),
            handles: Cell::new(0),
            handler: RefCell::new(None),
            #[cfg(feature = "signal")]
            kept: Extensions::default(),
            graves: RefCell::default(),
            digging: Cell::new(false),
        }))
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    pub(crate) fn clock(&self) -> &Ticker {
        &self.clock
    }

    // What is being thrown at the running task.

    pub(crate) fn leaf(&self) -> &Cell<Option<Leaf>> {
        &self.leaf
    }

    pub(crate) fn throw(&self) -> Throw {
        self.throw.get()
    }

    pub(crate) fn start_throw(&self, throw: Throw, message: Option<Arc<str>>) {
        if throw == Throw::Delivered {
            self.held_back.set(false);
        }
        self.throw.set(throw);
        self.thrown_message.replace(message);
    }

    /// Ends the throw and answers its message.
    pub(crate) fn take_throw(&self) -> Option<Arc<str>> {
        self.throw.set(Throw::Off);
        self.thrown_message.take()
    }

    pub(crate) fn raise_waits(&self) -> &Cell<bool> {
        &self.raise_waits
    }

    pub(crate) fn held_back(&self) -> &Cell<bool> {
        &self.held_back
    }

    /// A number for a leaf that raises; never 0.
    pub(crate) fn next_raise(&self) -> u32 {
        let next = self.last_raise.get().wrapping_add(1).max(1);
        self.last_raise.set(next);
        next
    }

    // Timers.

    /// Sets a timer. A closed loop drops it at once, as it would never ring.
    pub(crate) fn set_timer(&self, deadline: u64, alarm: Alarm) -> TimerKey {
        let key = self.timers.borrow_mut().insert(deadline, alarm);
        if self.phase.get() == Phase::Closed {
            drop(self.remove_timer(key));
        }
        key
    }

    /// Takes a timer out, whether it has come due or not. Of a due one whose entry was reached, this is what it is to do;
    /// and that it is gone is how a sleeper knows that it has rung.
    pub(crate) fn remove_timer(&self, key: TimerKey) -> Option<Alarm> {
        self.timers.borrow_mut().remove(key)
    }

    /// Whether a timer has neither rung nor been cancelled.
    pub(crate) fn has_timer(&self, key: TimerKey) -> bool {
        self.timers.borrow_mut().get_mut(key).is_some()
    }

    /// Lets a timer that has not rung do something else when it does. The one that is not needed comes back.
    pub(crate) fn change_timer(&self, key: TimerKey, alarm: Alarm) -> Alarm {
        match self.timers.borrow_mut().get_mut(key) {
            Some(held) => std::mem::replace(held, alarm),
            None => alarm,
        }
    }

    // Descriptors.

    pub(crate) fn with_reactor<R>(&self, f: impl FnOnce(&mut Reactor<Handle>) -> R) -> R {
        f(&mut self.reactor.borrow_mut())
    }

    /// A task's step begins.
    #[inline]
    pub(crate) fn start_step(&self) {
        self.operations.set(0);
    }

    /// An operation could go through without waiting: whether it may, or is to let others have their turn first, and the
    /// system a look, so that a socket that is always ready starves nobody.
    pub(crate) fn may_go_on(&self) -> bool {
        let operations = self.operations.get();
        if operations < OPERATIONS_IN_A_STEP {
            self.operations.set(operations + 1);
            return true;
        }
        self.poll_soon();
        false
    }

    /// The next iteration is to poll, although work may be ready.
    pub(crate) fn poll_soon(&self) {
        self.steps.set(STEPS_BETWEEN_POLLS);
    }

    // One wait.

    /// Waits, if nothing is ready, until something is or may be: foreign wakes are queued, what became ready of
    /// descriptors handed back. Timers come after those: see `queue_due_timers`. With work ready it only looks, and at
    /// descriptors only every so many steps.
    #[inline]
    pub(crate) fn wait(&self, steps: usize, woken: &mut Vec<ReadyEvent<Handle>>) -> io::Result<WaitOutcome> {
        self.take_messages();
        self.steps.set(self.steps.get() + steps);
        if self.steps.get() < STEPS_BETWEEN_POLLS && !self.ready.is_empty() {
            return Ok(WaitOutcome::MayBeReady);
        }
        self.look_or_wait(woken)
    }

    fn look_or_wait(&self, woken: &mut Vec<ReadyEvent<Handle>>) -> io::Result<WaitOutcome> {
        // a run that is told to stop before it begins has nothing better to do than to look
        let idle = self.ready.is_empty() && !self.stopping.get();
        let outcome = match idle {
            true if self.clock.is_virtual() => self.wait_virtually(woken)?,
            true => self.wait_really(woken)?,
            false => self.look(woken)?,
        };
        self.take_messages();
        Ok(outcome)
    }

    fn look(&self, woken: &mut Vec<ReadyEvent<Handle>>) -> io::Result<WaitOutcome> {
        if self.reactor.borrow().is_watching() {
            self.poll(Some(Duration::ZERO), woken)?;
        }
        Ok(WaitOutcome::MayBeReady)
    }

    fn wait_really(&self, woken: &mut Vec<ReadyEvent<Handle>>) -> io::Result<WaitOutcome> {
        let next = self.timers.borrow().next_expiry();
        let timeout = next.map(|at| Duration::from_nanos(at.saturating_sub(self.clock.now())));
        self.poll(timeout, woken)?;
        Ok(WaitOutcome::MayBeReady)
    }

    /// Time stands still while a descriptor is ready; else it jumps to the next deadline, unless something is expected from
    /// another thread, which has no other time than the real one.
    fn wait_virtually(&self, woken: &mut Vec<ReadyEvent<Handle>>) -> io::Result<WaitOutcome> {
        let watching = self.reactor.borrow().is_watching();
        if watching {
            self.poll(Some(Duration::ZERO), woken)?;
        }
        if !woken.is_empty() || self.has_messages() {
            return Ok(WaitOutcome::MayBeReady);
        }
        if !self.expected.is_empty() {
            return self.wait_for_expected(woken);
        }
        // the wheel answers a lower bound of the next deadline: go on until something is due
        loop {
            let Some(at) = self.timers.borrow().next_expiry() else { break };
            self.clock.jump_to(at);
            if self.expire_timers() {
                return Ok(WaitOutcome::MayBeReady);
            }
        }
        if watching {
            self.poll(None, woken)?;
            return Ok(WaitOutcome::MayBeReady);
        }
        Ok(WaitOutcome::Stuck)
    }

    pub(super) fn poll(&self, timeout: Option<Duration>, woken: &mut Vec<ReadyEvent<Handle>>) -> io::Result<()> {
        let sleeps = timeout != Some(Duration::ZERO);
        let timeout = if sleeps && !self.door.fall_asleep() { Some(Duration::ZERO) } else { timeout };
        let mut reactor = self.reactor.borrow_mut();
        let waited = reactor.wait(timeout, woken);
        // who watches a descriptor is called in every iteration in which it is ready, as in asyncio
        self.steps.set(if reactor.has_watches() { STEPS_BETWEEN_POLLS } else { 0 });
        if sleeps {
            self.door.wake_up();
        }
        waited
    }

    /// Queues every due timer, in order of deadline. The clock is read only if a timer is set.
    #[inline]
    pub(crate) fn queue_due_timers(&self) {
        if !self.timers.borrow().is_empty() {
            self.expire_timers();
        }
    }

    /// Whether there were any.
    fn expire_timers(&self) -> bool {
        let mut any = false;
        self.timers.borrow_mut().expire(self.clock.now(), |key| {
            any = true;
            self.ready.push(Entry::Timer(key));
        });
        any
    }

    // The life of the loop.

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        self.phase.set(phase);
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.get()
    }

    pub(crate) fn set_running(&self, running: bool) {
        self.running.set(running);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    pub(crate) fn set_stopping(&self, stopping: bool) {
        self.stopping.set(stopping);
    }

    /// Everything that is set, handed back to be dropped.
    pub(crate) fn take_timers(&self) -> impl Iterator<Item = Alarm> + use<P> {
        self.timers.replace(TimerWheel::new()).into_values()
    }

    pub(crate) fn has_scheduled(&self) -> bool {
        !self.ready.is_empty()
            || !self.timers.borrow().is_empty()
            || self.reactor.borrow().has_watches()
            || !self.expected.is_empty()
    }

    // What is dropped one after another: see `node::drop_flat`.

    pub(crate) fn bury(&self, thing: Box<dyn Any>) {
        self.graves.borrow_mut().push(thing);
    }

    pub(crate) fn unbury(&self) -> Option<Box<dyn Any>> {
        self.graves.borrow_mut().pop()
    }

    /// `None` if somebody is at it already, who will see to the rest.
    pub(crate) fn start_digging(&self) -> Option<Digging<'_>> {
        (!self.digging.replace(true)).then(|| Digging(&self.digging))
    }

    /// Counts the handles that users hold on the loop: one more.
    pub(crate) fn add_handle(&self) {
        self.handles.set(self.handles.get() + 1);
    }

    /// One less; whether it was the last.
    pub(crate) fn drop_handle(&self) -> bool {
        self.handles.set(self.handles.get() - 1);
        self.handles.get() == 0
    }

    #[cfg(feature = "signal")]
    pub(crate) fn kept(&self) -> &Extensions {
        &self.kept
    }

    pub(crate) fn set_handler(&self, handler: Option<Handler>) -> Option<Handler> {
        self.handler.replace(handler)
    }

    pub(crate) fn handler(&self) -> Option<Handler> {
        self.handler.borrow().clone()
    }
}

impl<P> Drop for Kernel<P> {
    /// Nobody compares its number with another's any more.
    fn drop(&mut self) {
        self.door.abandon();
    }
}

pub(super) fn advance(counter: &Cell<u64>) -> u64 {
    counter.set(counter.get() + 1);
    counter.get()
}
