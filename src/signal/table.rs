//! The signals that one loop hears, and who hears them. Owns the table and the pipe by which they come; must not know how a
//! handler of the process works.
//!
//! A signal is caught while somebody here wants it: a handler, tasks that wait, or `run`, for which Ctrl-C cancels the main
//! task. The pipe is there while any is caught.

use std::cell::RefCell;
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

/// How `run` takes part in Ctrl-C.
#[derive(Debug, Default)]
pub(crate) struct Interrupt {
    main: Option<AnyFuture>,
    delivered: bool,
}

/// What became of an [`Interrupt`].
#[derive(Debug)]
pub(crate) struct Interrupted {
    /// The signal came.
    pub(crate) came: bool,
    /// And the main task was cancelled for it.
    pub(crate) delivered: bool,
    pub(crate) main: Option<AnyFuture>,
}

/// One signal that is caught.
#[derive(Debug)]
struct Heard {
    caught: Caught,
    handler: Option<Handle>,
    /// Tasks that wait for it, each under its number.
    waiters: Vec<(u64, Future<()>)>,
    interrupt: Option<Interrupt>,
}

impl Heard {
    fn is_wanted(&self) -> bool {
        self.handler.is_some() || !self.waiters.is_empty() || self.interrupt.is_some()
    }

    /// Handlers and waiting tasks come before `run`, as in asyncio the handler that was set last is the only one.
    fn interrupts(&self) -> bool {
        self.handler.is_none() && self.waiters.is_empty() && self.interrupt.is_some()
    }
}

#[derive(Debug)]
struct Pipe {
    reader: RawFd,
    writer: Arc<PipeWriter>,
}

#[derive(Debug, Default)]
pub(crate) struct Signals {
    heard: RefCell<BTreeMap<i32, Heard>>,
    pipe: RefCell<Option<Pipe>>,
    last_waiter: RefCell<u64>,
}

impl Signals {
    /// Sets a handler and answers the one before.
    pub(crate) fn set_handler(
        self: &Rc<Self>,
        lp: &EventLoop,
        signal: i32,
        handler: Handle,
    ) -> Result<Option<Handle>, SignalError> {
        self.want(lp, signal, |heard| heard.handler.replace(handler))
    }

    /// Takes a handler out.
    pub(crate) fn remove_handler(&self, kernel: &Loop, signal: i32) -> Option<Handle> {
        self.want_less(kernel, signal, |heard| heard.handler.take())?
    }

    /// `future` is settled when the signal comes. The number is for `remove_waiter`.
    pub(crate) fn add_waiter(
        self: &Rc<Self>,
        lp: &EventLoop,
        signal: i32,
        future: Future<()>,
    ) -> Result<u64, SignalError> {
        let number = *self.last_waiter.borrow() + 1;
        *self.last_waiter.borrow_mut() = number;
        self.want(lp, signal, |heard| heard.waiters.push((number, future)))?;
        Ok(number)
    }

    pub(crate) fn remove_waiter(&self, kernel: &Loop, signal: i32, number: u64) {
        let left = self.want_less(kernel, signal, |heard| {
            let at = heard.waiters.iter().position(|(other, _)| *other == number)?;
            Some(heard.waiters.remove(at))
        });
        drop(left);
    }

    /// From now on the signal cancels the main task, once there is one.
    pub(crate) fn set_interrupt(self: &Rc<Self>, lp: &EventLoop, signal: i32) -> Result<(), SignalError> {
        self.want(lp, signal, |heard| heard.interrupt = Some(Interrupt::default()))
    }

    pub(crate) fn remove_interrupt(&self, kernel: &Loop, signal: i32) -> Option<Interrupted> {
        self.want_less(kernel, signal, |heard| {
            let Interrupt { main, delivered } = heard.interrupt.take()?;
            Some(Interrupted { came: heard.caught.has_interrupted(), delivered, main })
        })?
    }

    /// A main task begins: the first one is the one that an interrupt cancels.
    pub(crate) fn set_main(&self, main: &AnyFuture) {
        for heard in self.heard.borrow_mut().values_mut() {
            if let Some(interrupt) = &mut heard.interrupt {
                interrupt.main.get_or_insert_with(|| main.clone());
            }
        }
    }

    /// Catches the signal, if it is not caught yet, and notes who wants it.
    fn want<R>(
        self: &Rc<Self>,
        lp: &EventLoop,
        signal: i32,
        note: impl FnOnce(&mut Heard) -> R,
    ) -> Result<R, SignalError> {
        if is_forbidden(signal) {
            return Err(SignalError::Forbidden(signal));
        }
        if !self.heard.borrow().contains_key(&signal) {
            let caught = self.open_pipe(lp).and_then(|pipe| Caught::new(signal, pipe));
            let caught = caught.map_err(|error| {
                self.close_pipe_if_idle(lp.kernel());
                match error.kind() {
                    ErrorKind::InvalidInput => SignalError::Invalid(signal),
                    _ => SignalError::Io(signal, error),
                }
            })?;
            let heard = Heard { caught, handler: None, waiters: Vec::new(), interrupt: None };
            self.heard.borrow_mut().insert(signal, heard);
        }
        let mut all = self.heard.borrow_mut();
        let Some(heard) = all.get_mut(&signal) else { unreachable!("it was put there just now") };
        let noted = note(heard);
        heard.caught.set_interrupts(heard.interrupts());
        Ok(noted)
    }

    /// Somebody wants the signal no more; if nobody does, it is given back.
    fn want_less<R>(&self, kernel: &Loop, signal: i32, note: impl FnOnce(&mut Heard) -> R) -> Option<R> {
        let mut all = self.heard.borrow_mut();
        let heard = all.get_mut(&signal)?;
        let noted = note(heard);
        heard.caught.set_interrupts(heard.interrupts());
        let gone = if heard.is_wanted() { None } else { all.remove(&signal) };
        drop(all);
        drop(gone);
        self.close_pipe_if_idle(kernel);
        Some(noted)
    }

    fn open_pipe(self: &Rc<Self>, lp: &EventLoop) -> io::Result<Arc<PipeWriter>> {
        if let Some(pipe) = &*self.pipe.borrow() {
            return Ok(Arc::clone(&pipe.writer));
        }
        let (mut reader, writer) = io::pipe()?;
        set_nonblocking(&reader)?;
        set_nonblocking(&writer)?;
        let (number, writer) = (reader.as_raw_fd(), Arc::new(writer));
        let signals = Rc::downgrade(self);
        lp.add_reader(&number, move || read(&mut reader, &signals))?;
        *self.pipe.borrow_mut() = Some(Pipe { reader: number, writer: Arc::clone(&writer) });
        Ok(writer)
    }

    fn close_pipe_if_idle(&self, kernel: &Loop) {
        if self.heard.borrow().is_empty()
            && let Some(pipe) = self.pipe.take()
        {
            // the callback owns the other end
            let reader = kernel.with_reactor(|reactor| reactor.unwatch(pipe.reader, Direction::Read));
            reader.inspect(Handle::cancel);
        }
    }

    /// A signal has come: who waits is settled, and the handler is queued, as in asyncio for the next iteration.
    fn arrived(&self, kernel: &Loop, signal: i32) {
        let mut all = self.heard.borrow_mut();
        let Some(heard) = all.get_mut(&signal) else { return };
        if heard.handler.as_ref().is_some_and(Handle::cancelled) {
            heard.handler = None;
        }
        let mut main = None;
        if heard.interrupts()
            && let Some(interrupt) = &mut heard.interrupt
            && !interrupt.delivered
        {
            main = interrupt.main.clone().filter(|main| !main.done());
            interrupt.delivered = main.is_some();
        }
        let (handler, waiters) = (heard.handler.clone(), std::mem::take(&mut heard.waiters));
        drop(all);
        if let Some(handler) = handler {
            kernel.push_run(handler.run_ref());
        }
        for (_, future) in waiters {
            // one that is cancelled already hears nothing
            let _ = future.set_result(());
        }
        if let Some(main) = main {
            main.cancel();
        }
        self.want_less(kernel, signal, |_| ());
    }
}

/// Takes in the numbers of the signals that have come.
fn read(pipe: &mut PipeReader, signals: &Weak<Signals>) {
    let mut numbers = [0; 256];
    loop {
        let count = match pipe.read(&mut numbers) {
            Ok(count) if count > 0 => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Ok(_) | Err(_) => return,
        };
        let (Some(signals), Some(kernel)) = (signals.upgrade(), current::current()) else { return };
        numbers[..count].iter().for_each(|&number| signals.arrived(&kernel, i32::from(number)));
    }
}
