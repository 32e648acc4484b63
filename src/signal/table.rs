//! The signals that one loop catches. Owns the table of what wants which signal, and the pipe by which signals come;
//! must not know how the process catches a signal.
//!
//! A signal is caught while it is wanted: by a handler, by tasks that wait for it or have waited, or by `run`, in which
//! Ctrl-C cancels the main task. The pipe is open while any signal is caught, and watched while anything is to be done
//! when one comes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::arrival::Arrival;
use super::signal_log::SignalLog;
use crate::awaitables::AnyFuture;
use crate::base::{PooledRc, TaskKey};
use crate::current;
use crate::error::SignalError;
use crate::event_loop::EventLoop;
use crate::kernel::Handle;
use crate::node::Loop;
use crate::reactor::Direction;
use crate::sys::{Caught, is_forbidden, set_nonblocking};

/// How many bytes are read from the pipe at once.
const BATCH: usize = 256;

/// How many bytes are read from the pipe in one iteration: as many as Linux has room for. What one iteration reads is
/// limited because a signal may come again and again.
const BYTES_MAX: usize = 64 * 1024;

/// How many signals of one kind whose bytes were lost are delivered in one iteration.
const REST_MAX: usize = 4096;

/// A byte that is no signal: it only wakes the loop.
const WAKE: u8 = 0;

/// The request of `run` that a signal cancels the main task.
#[derive(Debug, Default)]
struct Interrupt {
    /// `None` until the main task exists.
    main: Option<AnyFuture>,
    /// The main task was cancelled.
    is_delivered: bool,
}

/// What has become of the request of `run` by its end.
#[derive(Debug)]
pub(crate) struct InterruptOutcome {
    /// The signal has come.
    pub(crate) has_come: bool,
    /// The main task was cancelled because of it.
    pub(crate) is_delivered: bool,
    pub(crate) main: Option<AnyFuture>,
}

/// What is called when a signal comes.
#[derive(Debug)]
pub(super) struct Handler {
    pub(super) callback: Handle,
    /// Whether the program may go on by it, so that it waits for the signal. One that only looks at the program does
    /// not let it go on.
    pub(super) is_awaited: bool,
}

/// One signal that is caught, and what wants it: a handler, waiting tasks, `run`.
#[derive(Debug)]
struct Entry {
    caught: Caught,
    handler: Option<Handler>,
    /// What waiting tasks wait for.
    waiters: Vec<PooledRc<Arrival>>,
    /// `Some` since a task has waited: what comes between two waits is kept for the next.
    log: Option<SignalLog>,
    interrupt: Option<Interrupt>,
}

impl Entry {
    /// Whether the signal is to be caught.
    fn is_wanted(&self) -> bool {
        self.is_awaited() || self.log.is_some()
    }

    /// Whether something is to be done when the signal comes, so that the loop has to be woken. If not, it is counted.
    fn is_awaited(&self) -> bool {
        self.handler.is_some() || !self.waiters.is_empty() || self.interrupt.is_some()
    }

    /// Whether something in the program waits for the signal, and not `run` alone, nor what only looks at the program.
    fn is_awaited_by_the_program(&self) -> bool {
        self.handler.as_ref().is_some_and(|handler| handler.is_awaited) || !self.waiters.is_empty()
    }

    /// Whether the signal cancels the main task. A handler and tasks that have waited take precedence over `run`, as in
    /// asyncio the handler that was set last replaces the one of the runner.
    fn interrupts(&self) -> bool {
        let is_handled = self.handler.is_some() || !self.waiters.is_empty() || self.log.is_some();
        !is_handled && self.interrupt.is_some()
    }

    /// If the loop was not to be woken, takes notice now of what has come meanwhile.
    fn catch_up(&mut self) {
        if !self.is_awaited()
            && let Some(log) = &mut self.log
        {
            log.note(self.caught.take(usize::MAX));
        }
    }
}

#[derive(Debug)]
struct Pipe {
    reader: Rc<PipeReader>,
    writer: Arc<PipeWriter>,
    is_watched: bool,
}

/// How a wait of a task begins.
pub(super) enum Wait {
    /// A signal has come since the last wait.
    Over,
    /// The task is to wait. `place` is its place in the log, for `receive`.
    Begun { place: u64 },
}

#[derive(Debug, Default)]
pub(crate) struct Signals {
    entries: RefCell<BTreeMap<i32, Entry>>,
    pipe: RefCell<Option<Pipe>>,
}

impl Signals {
    /// Sets the handler and returns the previous one.
    pub(super) fn set_handler(
        self: &Rc<Self>,
        lp: &EventLoop,
        signal: i32,
        handler: Handler,
    ) -> Result<Option<Handler>, SignalError> {
        self.want(lp, signal, |entry| entry.handler.replace(handler))
    }

    /// Removes the handler, and what is kept for tasks that wait again. Returns whether there was either. Tasks that
    /// wait now go on waiting.
    pub(crate) fn remove_handler(&self, kernel: &Loop, signal: i32) -> bool {
        let removed = self.update(kernel, signal, |entry| (entry.handler.take(), entry.log.take()));
        removed.is_some_and(|(handler, log)| handler.is_some() || log.is_some())
    }

    /// Begins a wait of `task`. Unless it is over, `arrival` is told when the signal comes.
    pub(super) fn begin_wait(
        self: &Rc<Self>,
        lp: &EventLoop,
        signal: i32,
        task: Option<TaskKey>,
        arrival: &PooledRc<Arrival>,
    ) -> Result<Wait, SignalError> {
        let wait = self.want(lp, signal, |entry| {
            let log = entry.log.get_or_insert_default();
            let place = log.place_of(task, |task| lp.kernel().task(task).is_some());
            if log.has_more(place) {
                log.receive(task, place);
                return Wait::Over;
            }
            entry.waiters.push(arrival.clone());
            Wait::Begun { place }
        })?;
        if matches!(wait, Wait::Over) {
            self.stop_watching_if_idle(lp.kernel());
        }
        Ok(wait)
    }

    /// A wait of `task` that began at `place` has ended with a signal.
    pub(super) fn receive(&self, signal: i32, task: Option<TaskKey>, place: u64) {
        if let Some(log) = self.entries.borrow_mut().get_mut(&signal).and_then(|entry| entry.log.as_mut()) {
            log.receive(task, place);
        }
    }

    pub(super) fn remove_waiter(&self, kernel: &Loop, signal: i32, arrival: &PooledRc<Arrival>) {
        // nothing of a user is dropped under the borrow, as the caller has a pointer to it too
        let own = std::ptr::from_ref::<Arrival>(arrival);
        self.update(kernel, signal, |entry| entry.waiters.retain(|other| std::ptr::from_ref::<Arrival>(other) != own));
    }

    /// From now on the signal cancels the main task, once there is one.
    pub(crate) fn set_interrupt(self: &Rc<Self>, lp: &EventLoop, signal: i32) -> Result<(), SignalError> {
        self.want(lp, signal, |entry| entry.interrupt = Some(Interrupt::default()))
    }

    pub(crate) fn remove_interrupt(&self, kernel: &Loop, signal: i32) -> Option<InterruptOutcome> {
        self.update(kernel, signal, |entry| {
            let Interrupt { main, is_delivered } = entry.interrupt.take()?;
            Some(InterruptOutcome { has_come: entry.caught.has_interrupted(), is_delivered, main })
        })?
    }

    /// Sets the main task, unless it was set before: a nested run does not replace it.
    pub(crate) fn set_main(&self, main: &AnyFuture) {
        for entry in self.entries.borrow_mut().values_mut() {
            if let Some(interrupt) = &mut entry.interrupt {
                interrupt.main.get_or_insert_with(|| main.clone());
            }
        }
    }

    /// Catches the signal, if it is not caught yet. `change` notes what wants it.
    fn want<R>(
        self: &Rc<Self>,
        lp: &EventLoop,
        signal: i32,
        change: impl FnOnce(&mut Entry) -> R,
    ) -> Result<R, SignalError> {
        if is_forbidden(signal) {
            return Err(SignalError::Forbidden(signal));
        }
        let caught = self.watch_pipe(lp).and_then(|pipe| self.catch(signal, pipe));
        caught.map_err(|error| {
            self.stop_watching_if_idle(lp.kernel());
            match error.kind() {
                ErrorKind::InvalidInput => SignalError::Invalid(signal),
                _ => SignalError::Io(signal, error),
            }
        })?;
        let mut entries = self.entries.borrow_mut();
        let Some(entry) = entries.get_mut(&signal) else { unreachable!("the entry was inserted above") };
        entry.catch_up();
        let changed = change(entry);
        entry.caught.set_interrupts(entry.interrupts());
        drop(entries);
        self.note_whether_awaited(lp.kernel());
        Ok(changed)
    }

    fn catch(&self, signal: i32, pipe: Arc<PipeWriter>) -> io::Result<()> {
        if !self.entries.borrow().contains_key(&signal) {
            let caught = Caught::new(signal, pipe)?;
            let entry = Entry { caught, handler: None, waiters: Vec::new(), log: None, interrupt: None };
            self.entries.borrow_mut().insert(signal, entry);
        }
        Ok(())
    }

    /// Lets `change` remove what no longer wants the signal, and stops catching the signal if nothing wants it any
    /// more. `None` if the signal is not caught.
    fn update<R>(&self, kernel: &Loop, signal: i32, change: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        let mut entries = self.entries.borrow_mut();
        let entry = entries.get_mut(&signal)?;
        let changed = change(entry);
        entry.caught.set_interrupts(entry.interrupts());
        let unwanted = if entry.is_wanted() { None } else { entries.remove(&signal) };
        drop(entries);
        drop(unwanted);
        self.stop_watching_if_idle(kernel);
        Some(changed)
    }

    /// Opens the pipe, and watches its reading end.
    fn watch_pipe(self: &Rc<Self>, lp: &EventLoop) -> io::Result<Arc<PipeWriter>> {
        if self.pipe.borrow().is_none() {
            let (reader, writer) = io::pipe()?;
            set_nonblocking(&reader)?;
            set_nonblocking(&writer)?;
            let pipe = Pipe { reader: Rc::new(reader), writer: Arc::new(writer), is_watched: false };
            *self.pipe.borrow_mut() = Some(pipe);
        }
        let (reader, writer, is_watched) = match &*self.pipe.borrow() {
            Some(pipe) => (Rc::clone(&pipe.reader), Arc::clone(&pipe.writer), pipe.is_watched),
            None => unreachable!("the pipe was opened above"),
        };
        if !is_watched {
            let (fd, signals) = (reader.as_raw_fd(), Rc::downgrade(self));
            // without a context: what it runs is the loop's own
            let callback = Handle::repeating(move |_| receive(&reader, &signals), None, Location::caller());
            lp.watch(fd, Direction::Read, callback)?;
            if let Some(pipe) = &mut *self.pipe.borrow_mut() {
                pipe.is_watched = true;
            }
        }
        Ok(writer)
    }

    /// A pipe that is watched for `run` alone, or for what only looks at the program, keeps no program going: one that
    /// waits for ever otherwise is in a deadlock, though Ctrl-C would end it.
    fn note_whether_awaited(&self, kernel: &Loop) {
        let is_watched = self.pipe.borrow().as_ref().is_some_and(|pipe| pipe.is_watched);
        let is_awaited = self.entries.borrow().values().any(Entry::is_awaited_by_the_program);
        kernel.with_reactor(|reactor| reactor.set_in_background(usize::from(is_watched && !is_awaited)));
    }

    /// Watches the pipe no longer if nothing is to be done when a signal comes, and closes it if none is caught.
    fn stop_watching_if_idle(&self, kernel: &Loop) {
        let entries = self.entries.borrow();
        if entries.values().any(Entry::is_awaited) {
            drop(entries);
            return self.note_whether_awaited(kernel);
        }
        let is_needed = !entries.is_empty();
        drop(entries);
        let mut callback = None;
        let mut pipe = self.pipe.borrow_mut();
        if let Some(pipe) = &mut *pipe
            && std::mem::take(&mut pipe.is_watched)
        {
            callback = kernel.with_reactor(|reactor| reactor.unwatch(pipe.reader.as_raw_fd(), Direction::Read));
        }
        let closed = if is_needed { None } else { pipe.take() };
        drop(pipe);
        self.note_whether_awaited(kernel);
        callback.inspect(Handle::cancel);
        drop(closed);
    }

    /// Delivers up to `most` signals of a kind that have come: ends the waits of tasks, and queues the handler, which
    /// runs in the next iteration, as in asyncio. Without either, cancels the main task.
    fn deliver(&self, kernel: &Loop, signal: i32, most: usize) {
        let mut entries = self.entries.borrow_mut();
        let Some(entry) = entries.get_mut(&signal) else { return };
        let count = entry.caught.take(most);
        if count == 0 {
            return;
        }
        if entry.handler.as_ref().is_some_and(|handler| handler.callback.cancelled()) {
            entry.handler = None;
        }
        if let Some(log) = &mut entry.log {
            log.note(count);
        }
        let mut main = None;
        if entry.interrupts()
            && let Some(interrupt) = &mut entry.interrupt
            && !interrupt.is_delivered
        {
            main = interrupt.main.clone().filter(|main| !main.done());
            interrupt.is_delivered = main.is_some();
        }
        let (handler, waiters) = (entry.handler.as_ref(), std::mem::take(&mut entry.waiters));
        let callback = handler.map(|handler| handler.callback.clone());
        drop(entries);
        if let Some(callback) = callback {
            (0..count).for_each(|_| kernel.push_run(callback.run_ref()));
        }
        for arrival in waiters {
            arrival.tell(kernel);
        }
        if let Some(main) = main {
            main.cancel();
        }
        self.update(kernel, signal, |_| ());
    }

    /// Delivers the signals whose bytes were lost, because the pipe was full.
    fn deliver_the_rest(&self, kernel: &Loop) {
        let signals: Vec<i32> = self.entries.borrow().keys().copied().collect();
        for signal in signals {
            self.deliver(kernel, signal, REST_MAX);
        }
        let is_more_pending = self.entries.borrow().values().any(|entry| entry.caught.is_pending());
        let pipe = self.pipe.borrow().as_ref().map(|pipe| Arc::clone(&pipe.writer));
        if let (true, Some(pipe)) = (is_more_pending, pipe) {
            // fails if the pipe is full: then there is something to read anyway
            let _ = (&*pipe).write(&[WAKE]);
        }
    }
}

/// Reads the numbers of the signals that have come, one byte each, and delivers them in this order, then the rest. A
/// byte whose signal was delivered already is nothing.
fn receive(mut pipe: &PipeReader, signals: &Weak<Signals>) {
    let (Some(signals), Some(kernel)) = (signals.upgrade(), current::current()) else { return };
    let mut numbers = [WAKE; BATCH];
    for _ in 0..BYTES_MAX / BATCH {
        match pipe.read(&mut numbers) {
            Ok(0) => break,
            Ok(count) => numbers[..count].iter().for_each(|&number| signals.deliver(&kernel, i32::from(number), 1)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    signals.deliver_the_rest(&kernel);
}
