//! What was written and could not be sent at once. Owns the buffer, its watermarks and the task that empties it; must not
//! know who writes.

use std::cell::{Cell, RefCell};
use std::io;
use std::panic::Location;
use std::rc::Rc;

use super::transport::{DEFAULT_LIMIT, Stream};
use crate::awaitables::spawn;
use crate::base::ByteBuffer;
use crate::error::SharedIoError;
use crate::kernel::{Leaf, Phase};
use crate::primitives::yield_now;
use crate::reactor::Direction;
use crate::sync::Waiters;

pub(super) struct Output {
    pending: RefCell<ByteBuffer>,
    high: Cell<usize>,
    low: Cell<usize>,
    /// It has been above the high watermark, and not below the low one since.
    paused: Cell<bool>,
    drains: Waiters,
    /// A task sends what is pending.
    flushing: Cell<bool>,
    eof: Cell<bool>,
    closing: Cell<bool>,
    error: RefCell<Option<SharedIoError>>,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            pending: RefCell::default(),
            high: Cell::new(DEFAULT_LIMIT),
            low: Cell::new(DEFAULT_LIMIT / 4),
            paused: Cell::new(false),
            drains: Waiters::default(),
            flushing: Cell::new(false),
            eof: Cell::new(false),
            closing: Cell::new(false),
            error: RefCell::default(),
        }
    }
}

impl Output {
    pub(super) fn is_closing(&self) -> bool {
        self.closing.get()
    }

    /// False if that has happened before.
    pub(super) fn start_closing(&self) -> bool {
        !self.closing.replace(true)
    }

    pub(super) fn is_flushing(&self) -> bool {
        self.flushing.get()
    }

    pub(super) fn error(&self) -> Option<io::Error> {
        self.error.borrow().as_ref().map(SharedIoError::to_io_error)
    }

    pub(super) fn check(&self) -> io::Result<()> {
        self.error().map_or(Ok(()), Err)
    }

    /// The first error stands.
    pub(super) fn set_error(&self, error: SharedIoError) {
        self.error.borrow_mut().get_or_insert(error);
        self.forget();
        self.let_go();
    }

    pub(super) fn forget(&self) {
        self.pending.borrow_mut().clear();
    }

    /// Nobody has to wait any more.
    pub(super) fn let_go(&self) {
        self.paused.set(false);
        self.drains.notify_all();
    }

    fn pause_or_go_on(&self) {
        let len = self.pending.borrow().len();
        if len > self.high.get() {
            self.paused.set(true);
        } else if len <= self.low.get() && self.paused.get() {
            self.let_go();
        }
    }
}

impl Stream {
    /// Sends what it can, if nothing is waiting to be sent, and keeps the rest.
    pub(crate) fn write(self: &Rc<Self>, data: &[u8]) {
        self.refuse_after_eof();
        let pending = !self.output.pending.borrow().is_empty();
        let rest = if pending || self.is_closing() { data } else { self.send_now(data) };
        if !rest.is_empty() && !self.is_closing() {
            self.output.pending.borrow_mut().push(rest);
            self.output.pause_or_go_on();
            self.start_flushing();
        }
    }

    /// Several pieces in one go.
    pub(crate) fn write_pieces<B: AsRef<[u8]>>(self: &Rc<Self>, pieces: impl IntoIterator<Item = B>) {
        self.refuse_after_eof();
        for piece in pieces {
            let piece = piece.as_ref();
            if !self.is_closing() {
                self.output.pending.borrow_mut().push(piece);
            }
        }
        if !self.output.is_flushing() {
            self.send_pending();
        }
        if self.write_buffer_size() > 0 {
            self.output.pause_or_go_on();
            self.start_flushing();
        }
    }

    fn refuse_after_eof(&self) {
        assert!(
            !self.output.eof.get(),
            "write() after write_eof(), which has told the peer that nothing more comes; write before it"
        );
    }

    /// Sends what goes at once, and answers what is left.
    fn send_now<'a>(&self, data: &'a [u8]) -> &'a [u8] {
        if data.is_empty() {
            return data;
        }
        match self.transfer(Direction::Write, data.len(), |wire| wire.write(data)) {
            Ok(sent) => &data[sent..],
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => data,
            Err(error) => {
                self.lose(&SharedIoError::new(error));
                &[]
            }
        }
    }

    fn send_pending(&self) {
        let sent = {
            let pending = self.output.pending.borrow();
            let data = pending.as_slice();
            if data.is_empty() {
                return;
            }
            self.transfer(Direction::Write, data.len(), |wire| wire.write(data))
        };
        match sent {
            Ok(count) => {
                self.output.pending.borrow_mut().consume(count);
                self.output.pause_or_go_on();
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.lose(&SharedIoError::new(error)),
        }
    }

    pub(super) fn start_flushing(self: &Rc<Self>) {
        let kernel = self.with_wire(|wire| Rc::clone(wire.kernel()));
        // a closed loop sends nothing any more
        let Some(kernel) = kernel.filter(|kernel| kernel.phase() != Phase::Closed) else { return };
        if !self.output.flushing.replace(true) {
            let task = spawn(kernel, flush(Rc::clone(self)), true, Location::caller());
            task.hide("a stream that sends");
        }
    }

    /// What was to come when everything is sent.
    fn end_flushing(self: &Rc<Self>) {
        self.output.flushing.set(false);
        if self.output.is_closing() {
            self.release();
        } else if self.output.eof.get() {
            self.shut_down();
        }
    }

    pub(crate) fn write_eof(self: &Rc<Self>) {
        if self.is_closing() || self.output.eof.replace(true) {
            return;
        }
        if !self.output.is_flushing() {
            self.shut_down();
        }
    }

    fn shut_down(self: &Rc<Self>) {
        let shut = self.with_wire(|wire| wire.get_ref().shutdown().map(|()| wire.get_ref().is_duplex()));
        match shut {
            // a pipe has one direction: its end is the end of all
            Some(Ok(false)) => self.close(),
            Some(Ok(true)) | None => {}
            // the peer has gone, and need not be told
            Some(Err(e)) if e.kind() == io::ErrorKind::NotConnected => {}
            Some(Err(error)) => self.lose(&SharedIoError::new(error)),
        }
    }

    // Flow control.

    pub(crate) fn write_buffer_size(&self) -> usize {
        self.output.pending.borrow().len()
    }

    pub(crate) fn set_watermarks(&self, high: usize, low: usize) {
        self.output.high.set(high);
        self.output.low.set(low);
        self.output.pause_or_go_on();
    }

    /// Waits until there is room, or there will be none.
    pub(crate) async fn drain(&self) -> io::Result<()> {
        const ROOM: Leaf = &"a stream to drain";
        if let Some(error) = self.read_error() {
            return Err(error);
        }
        let may_go_on = self.with_wire(|wire| wire.kernel().may_go_on()).unwrap_or(true);
        if self.is_closing() || !may_go_on {
            // whoever writes and drains in a loop is to let others have their turn
            yield_now().await;
        }
        self.output.check()?;
        if self.wire.borrow().is_none() {
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, "the connection is closed: nothing is sent"));
        }
        // once notified it goes on, even if writing is paused again; one that was skipped waits again
        while self.output.paused.get() && !self.output.drains.wait(ROOM).await {}
        self.output.check()
    }
}

/// Sends what is pending, until nothing is or nothing can be sent.
async fn flush(stream: Rc<Stream>) {
    while stream.write_buffer_size() > 0 {
        let Some(writable) = stream.with_wire(|wire| wire.wait(Direction::Write)) else { break };
        writable.await;
        stream.send_pending();
    }
    stream.end_flushing();
}
