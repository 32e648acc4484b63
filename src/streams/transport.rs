//! A connection as streams see it: asyncio's transport. Owns the wire, from its opening to its end; must not know the
//! public handles, nor servers.
//!
//! A reader and a writer are two handles on one `Stream`. What is read lies in the `Input`, which takes bytes from the
//! wire only when somebody asks and it does not hold the answer; what could not be sent at once lies in the `Output`,
//! and a task of the loop sends it. The end: `Open` → (`close`, something left to send) `Closing` → `Closed`.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use super::channel::Wire;
use super::read_buffer::Input;
use super::write_buffer::Output;
use crate::error::SharedIoError;
use crate::kernel::Leaf;
use crate::net::Descriptor;
use crate::reactor::Direction;
use crate::sync::Waiters;

/// What asyncio's streams keep to as well: the longest line, and what may wait to be sent.
pub(crate) const DEFAULT_LIMIT: usize = 64 * 1024;

type OnClosed = Box<dyn FnOnce()>;

pub(crate) struct Stream {
    /// `None` once it is closed, and for a reader that is fed by hand.
    pub(super) wire: RefCell<Option<Descriptor<Wire>>>,
    pub(super) input: Input,
    pub(super) output: Output,
    pub(super) readers: Cell<usize>,
    pub(super) writers: Cell<usize>,
    /// Those who wait until it is closed.
    pub(super) closed: Waiters,
    pub(super) on_closed: Cell<Option<OnClosed>>,
}

impl Stream {
    fn make(wire: Option<Descriptor<Wire>>, limit: usize) -> Rc<Self> {
        assert!(limit > 0, "the limit of a StreamReader cannot be 0; give it the length of the longest line");
        Rc::new(Self {
            wire: RefCell::new(wire),
            input: Input::new(limit),
            output: Output::default(),
            readers: Cell::new(0),
            writers: Cell::new(0),
            closed: Waiters::default(),
            on_closed: Cell::new(None),
        })
    }

    /// Over a wire, without handles yet.
    pub(crate) fn over(wire: Descriptor<Wire>, limit: usize) -> Rc<Self> {
        Self::make(Some(wire), limit)
    }

    /// Without a wire: its reader is fed by hand.
    pub(crate) fn fed(limit: usize) -> Rc<Self> {
        Self::make(None, limit)
    }

    /// Looks at the wire, if it is not closed. `look` must not call code of a user.
    pub(crate) fn with_wire<R>(&self, look: impl FnOnce(&Descriptor<Wire>) -> R) -> Option<R> {
        self.wire.borrow().as_ref().map(look)
    }

    /// One system call on the wire, if it is ready as far as is known.
    pub(super) fn transfer(
        &self,
        direction: Direction,
        asked: usize,
        operation: impl FnMut(&Wire) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let moved = self.with_wire(|wire| {
            let most = wire.get_ref().most(asked);
            wire.try_transfer(direction, most, operation)
        });
        moved.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))
    }

    /// Likewise, for a question that only an open connection can answer.
    ///
    /// # Errors
    /// The answer's, and `NotConnected`.
    pub(crate) fn ask<R>(&self, question: impl FnOnce(&Wire) -> io::Result<R>) -> io::Result<R> {
        let closed = || io::Error::new(io::ErrorKind::NotConnected, "the connection is closed");
        self.with_wire(|wire| question(wire.get_ref())).ok_or_else(closed)?
    }

    /// `f` is called when the connection is closed. It must not panic.
    pub(crate) fn set_on_closed(&self, f: impl FnOnce() + 'static) {
        self.on_closed.set(Some(Box::new(f)));
    }

    // Its end.

    pub(crate) fn is_closing(&self) -> bool {
        self.output.is_closing() || self.output.error().is_some()
    }

    /// Sends what is left to send, then closes. Nobody reads from it or writes to it any more.
    pub(crate) fn close(self: &Rc<Self>) {
        if !self.output.start_closing() {
            return;
        }
        self.input.set_eof();
        if self.write_buffer_size() > 0 {
            // somebody is under way to send it, unless this comes in the middle of a write
            self.start_flushing();
        }
        if !self.output.is_flushing() {
            self.release();
        }
    }

    /// Closes at once.
    pub(crate) fn abort(&self) {
        self.output.start_closing();
        self.input.set_eof();
        self.output.forget();
        self.release();
    }

    /// It can send no more. What has come can still be read, as far as the system has it.
    pub(super) fn lose(&self, error: &SharedIoError) {
        self.output.set_error(error.clone());
        self.closed.notify_all();
    }

    /// The descriptor goes, which wakes whoever waits for it.
    pub(super) fn release(&self) {
        let wire = self.wire.take();
        if wire.is_some() {
            drop(wire);
            self.output.let_go();
            self.closed.notify_all();
            if let Some(on_closed) = self.on_closed.take() {
                on_closed();
            }
        }
    }

    /// Waits until it is closed, and says whether all that was written has been sent.
    pub(crate) async fn wait_closed(&self) -> io::Result<()> {
        const CLOSED: Leaf = &"a connection to be closed";
        let is_closed = || self.wire.borrow().is_none() || self.output.error().is_some();
        self.closed.wait_until(CLOSED, is_closed).await;
        self.output.check()
    }

    // Its handles. The last one that goes closes it; without a writer, but with a reader, one direction has ended.

    pub(crate) fn add_reader(&self) {
        self.readers.set(self.readers.get() + 1);
    }

    pub(crate) fn add_writer(&self) {
        self.writers.set(self.writers.get() + 1);
    }

    pub(crate) fn drop_reader(self: &Rc<Self>) {
        self.readers.set(self.readers.get() - 1);
        if self.readers.get() == 0 && self.writers.get() == 0 {
            self.close();
        }
    }

    pub(crate) fn drop_writer(self: &Rc<Self>) {
        self.writers.set(self.writers.get() - 1);
        match (self.writers.get(), self.readers.get()) {
            (0, 0) => self.close(),
            (0, _) => self.write_eof(),
            _ => {}
        }
    }
}

/// A loop that closes drops what was to be sent.
impl Drop for Stream {
    fn drop(&mut self) {
        self.release();
    }
}
