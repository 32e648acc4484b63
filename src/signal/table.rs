//! The signals that one loop catches. Owns the table of what wants which signal, and the pipe by which signals come;
//! must not know how the process catches a signal.
//!
//! A signal is caught while it is wanted: by a handler, by tasks that wait for it, or by `run`, in which Ctrl-C cancels
//! the main task. The pipe is open while any signal is caught.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use crate::awaitables::{AnyFuture, Future};
use crate::current;
use crate::error::SignalError;
use crate::event_loop::EventLoop;
use crate::kernel::Handle;
use crate::node::Loop;
use crate::reactor::Direction;
use crate::sys::{Caught, is_forbidden, set_nonblocking};

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

/// One signal that is caught, and what wants it: a handler, waiting tasks, `run`.
#[derive(Debug)]
struct Entry {
    caught: Caught,
    handler: Option<Handle>,
    /// The futures that waiting tasks await, each with its number.
    waiters: Vec<(u64, Future<()>)>,
    interrupt: Option<Interrupt>,
}

impl Entry {
    fn is_wanted(&self) -> bool {
        self.handler.is_some() || !self.waiters.is_empty() || self.interrupt.is_some()
    }

    /// Whether the signal cancels the main task. A handler and waiting tasks take precedence over `run`, as in asyncio
    /// the handler that was set last replaces the one of the runner.
    fn interrupts(&self) -> bool {
        self.handler.is_none() && self.waiters.is_empty() && self.interrupt.is_some()
    }
}

#[derive(Debug)]
struct Pipe {
    /// The number of the reading end, which the callback on it owns.
    reader: RawFd,
    writer: Arc<PipeWriter>,
}

#[derive(Debug, Default)]
pub(crate) struct Signals {
    entries: RefCell<BTreeMap<i32, Entry>>,
    pipe: RefCell<Option<Pipe>>,
    /// The last number of a waiter. It outlives the entries (so no `IdMap` in each): the guard of a wait that an
    /// earlier entry has ended must not find a waiter of a later one.
    last_waiter: Cell<u64>,
}

impl Signals {
    /// Sets the handler and returns the previous one.
    pub(crate) fn set_handler(
        self: &Rc<Self>,
        lp: &EventLoop,
        signal: i32,
        handler: Handle,
    ) -> Result<Option<Handle>, SignalError> {
        self.want(lp, signal, |entry| entry.handler.replace(handler))
    }

    pub(crate) fn remove_handler(&self, kernel: &Loop, signal: i32) -> Option<Handle> {
        self.update(kernel, signal, |entry| entry.handler.take())?
    }

    /// Settles `future` when the signal comes. Returns the number of the waiter, for `remove_waiter`.
    pub(crate) fn add_waiter(
        self: &Rc<Self>,
        lp: &EventLoop,
        signal: i32,
        future: Future<()>,
    ) -> Result<u64, SignalError> {
        let number = self.last_waiter.get() + 1;
        self.last_waiter.set(number);
        self.want(lp, signal, |entry| entry.waiters.push((number, future)))?;
        Ok(number)
    }

    pub(crate) fn remove_waiter(&self, kernel: &Loop, signal: i32, number: u64) {
        let removed = self.update(kernel, signal, |entry| {
            let at = entry.waiters.iter().position(|(other, _)| *other == number)?;
            Some(entry.waiters.remove(at))
        });
        // outside the borrow: the future may own values of a user
        drop(removed);
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
        if !self.entries.borrow().contains_key(&signal) {
            let caught = self.open_pipe(lp).and_then(|pipe| Caught::new(signal, pipe));
            let caught = caught.map_err(|error| {
                self.close_pipe_if_idle(lp.kernel());
                match error.kind() {
                    ErrorKind::InvalidInput => SignalError::Invalid(signal),
                    _ => SignalError::Io(signal, error),
                }
            })?;
            let entry = Entry { caught, handler: None, waiters: Vec::new(), interrupt: None };
            self.entries.borrow_mut().insert(signal, entry);
        }
        let mut entries = self.entries.borrow_mut();
        let Some(entry) = entries.get_mut(&signal) else { unreachable!("the entry was inserted above") };
        let changed = change(entry);
        entry.caught.set_interrupts(entry.interrupts());
        Ok(changed)
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
        self.close_pipe_if_idle(kernel);
        Some(changed)
    }

    fn open_pipe(self: &Rc<Self>, lp: &EventLoop) -> io::Result<Arc<PipeWriter>> {
        if let Some(pipe) = &*self.pipe.borrow() {
            return Ok(Arc::clone(&pipe.writer));
        }
        let (mut reader, writer) = io::pipe()?;
        set_nonblocking(&reader)?;
        set_nonblocking(&writer)?;
        let (fd, writer) = (reader.as_raw_fd(), Arc::new(writer));
        let signals = Rc::downgrade(self);
        lp.add_reader(&fd, move || receive(&mut reader, &signals))?;
        *self.pipe.borrow_mut() = Some(Pipe { reader: fd, writer: Arc::clone(&writer) });
        Ok(writer)
    }

    fn close_pipe_if_idle(&self, kernel: &Loop) {
        if self.entries.borrow().is_empty()
            && let Some(pipe) = self.pipe.take()
        {
            // cancelling the callback drops the reading end, which it owns
            let reader = kernel.with_reactor(|reactor| reactor.unwatch(pipe.reader, Direction::Read));
            reader.inspect(Handle::cancel);
        }
    }

    /// Delivers a signal: settles the futures of waiting tasks, and queues the handler, which runs in the next
    /// iteration, as in asyncio. Without either, cancels the main task.
    fn deliver(&self, kernel: &Loop, signal: i32) {
        let mut entries = self.entries.borrow_mut();
        let Some(entry) = entries.get_mut(&signal) else { return };
        if entry.handler.as_ref().is_some_and(Handle::cancelled) {
            entry.handler = None;
        }
        let mut main = None;
        if entry.interrupts()
            && let Some(interrupt) = &mut entry.interrupt
            && !interrupt.is_delivered
        {
            main = interrupt.main.clone().filter(|main| !main.done());
            interrupt.is_delivered = main.is_some();
        }
        let (handler, waiters) = (entry.handler.clone(), std::mem::take(&mut entry.waiters));
        drop(entries);
        if let Some(handler) = handler {
            kernel.push_run(handler.run_ref());
        }
        for (_, future) in waiters {
            // fails if the task was cancelled meanwhile, and the future with it
            let _ = future.set_result(());
        }
        if let Some(main) = main {
            main.cancel();
        }
        self.update(kernel, signal, |_| ());
    }
}

/// Reads the numbers of the signals that have come, one byte each, and delivers them.
fn receive(pipe: &mut PipeReader, signals: &Weak<Signals>) {
    const BATCH: usize = 256;
    let mut numbers = [0; BATCH];
    loop {
        let count = match pipe.read(&mut numbers) {
            Ok(count) if count > 0 => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Ok(_) | Err(_) => return,
        };
        let (Some(signals), Some(kernel)) = (signals.upgrade(), current::current()) else { return };
        numbers[..count].iter().for_each(|&number| signals.deliver(&kernel, i32::from(number)));
    }
}
