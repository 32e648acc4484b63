//! The channel of a connection with its two buffers. Owns the channel until it is closed; must not know how bytes get
//! from one to the other.

#[cfg(feature = "tls")]
use std::cell::OnceCell;
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use super::read_buffer::ReadBuffer;
#[cfg(feature = "tls")]
use super::secured::Secured;
use super::write_buffer::WriteBuffer;
use crate::base::ByteBuffer;
use crate::base::concurrency::Arc;
use crate::error::SharedIoError;
use crate::kernel::{Leaf, What};
use crate::net::Descriptor;
use crate::reactor::Direction;
use crate::streams::channel::ByteChannel;
use crate::sync::Waiters;

type OnClosed = Box<dyn FnOnce()>;

pub(crate) struct Transport {
    /// `None` once it is closed, and for a reader that is fed by hand. No task borrows it across an await, so that
    /// closing can take it out at any time.
    channel: RefCell<Option<Descriptor<ByteChannel>>>,
    pub(super) read_buffer: ReadBuffer,
    pub(super) write_buffer: WriteBuffer,
    /// How many handles there are. When the last one is dropped, the transport closes.
    pub(super) readers: Cell<usize>,
    pub(super) writers: Cell<usize>,
    /// The system has told by what error the connection was lost, and no read has met it.
    pub(super) failed_unread: Cell<bool>,
    pub(super) close_waiters: Waiters,
    on_closed: Cell<Option<OnClosed>>,
    /// Set once, by `start_tls` or before a client is served.
    #[cfg(feature = "tls")]
    pub(super) secure: OnceCell<Box<Secured>>,
}

impl Transport {
    #[track_caller]
    fn new(channel: Option<Descriptor<ByteChannel>>, limit: usize) -> Rc<Self> {
        let buffer = || match &channel {
            Some(channel) => ByteBuffer::counted(Arc::clone(channel.kernel().tally().buffers())),
            None => ByteBuffer::default(),
        };
        let (read_buffer, write_buffer) = (ReadBuffer::new(buffer(), limit), WriteBuffer::new(buffer()));
        Rc::new(Self {
            channel: RefCell::new(channel),
            read_buffer,
            write_buffer,
            readers: Cell::new(0),
            writers: Cell::new(0),
            failed_unread: Cell::new(false),
            close_waiters: Waiters::default(),
            on_closed: Cell::new(None),
            #[cfg(feature = "tls")]
            secure: OnceCell::new(),
        })
    }

    /// A transport over a channel, without handles yet.
    #[track_caller]
    pub(crate) fn over(channel: Descriptor<ByteChannel>, limit: usize) -> Rc<Self> {
        Self::new(Some(channel), limit)
    }

    /// A transport without a channel, for a reader that is fed by hand.
    #[track_caller]
    pub(crate) fn without_channel(limit: usize) -> Rc<Self> {
        Self::new(None, limit)
    }

    pub(crate) fn read_buffer(&self) -> &ReadBuffer {
        &self.read_buffer
    }

    /// Calls `look` with the channel, unless the transport is closed. `look` must not call code of a user.
    pub(crate) fn with_channel<R>(&self, look: impl FnOnce(&Descriptor<ByteChannel>) -> R) -> Option<R> {
        self.channel.borrow().as_ref().map(look)
    }

    /// What a leaf waits for of this transport.
    pub(super) fn awaited(&self, what: What) -> Leaf {
        self.with_channel(|channel| channel.awaited(what)).unwrap_or(Leaf::of(what))
    }

    /// Calls `query` with the channel.
    ///
    /// # Errors
    /// The errors of `query`, and `NotConnected` if the transport is closed.
    pub(crate) fn query<R>(&self, query: impl FnOnce(&ByteChannel) -> io::Result<R>) -> io::Result<R> {
        let closed = || io::Error::new(io::ErrorKind::NotConnected, "the connection is closed");
        self.with_channel(|channel| query(channel.get_ref())).ok_or_else(closed)?
    }

    /// Moves up to `requested` bytes by one system call; `WouldBlock` if the channel is not known to be ready, or
    /// closed.
    pub(super) fn transfer(
        &self,
        direction: Direction,
        requested: usize,
        operation: impl FnMut(&ByteChannel) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let moved = self.with_channel(|channel| channel.try_transfer(direction, requested, operation));
        moved.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))
    }

    /// Calls `f` when the transport is closed. `f` must not panic.
    pub(crate) fn set_on_closed(&self, f: impl FnOnce() + 'static) {
        self.on_closed.set(Some(Box::new(f)));
    }

    /// Whether `close` or `abort` was called, or nothing more can be sent.
    pub(crate) fn is_closing(&self) -> bool {
        self.write_buffer.is_closing() || self.write_buffer.has_error()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.channel.borrow().is_none()
    }

    /// Notes that the connection is lost: nothing more can be sent. Bytes that the system has received can still be
    /// read.
    pub(super) fn lose(&self, error: &SharedIoError) {
        self.write_buffer.set_error(error.clone());
        self.close_waiters.notify_all();
    }

    /// Notes that the connection is lost by an error that the system has told of, which it does once: a read will find
    /// the end of the stream. Unless the peer only takes nothing more, that end comes too early.
    pub(super) fn lose_unread(&self, error: io::Error) {
        if error.kind() != io::ErrorKind::BrokenPipe {
            self.failed_unread.set(true);
        }
        self.lose(&SharedIoError::new(error));
    }

    /// Drops the channel, which wakes all tasks that wait for it.
    pub(super) fn release(&self) {
        let channel = self.channel.take();
        if channel.is_some() {
            drop(channel);
            self.write_buffer.release_drains();
            self.close_waiters.notify_all();
            if let Some(on_closed) = self.on_closed.take() {
                on_closed();
            }
        }
    }
}

/// A loop that closes drops the handles, and the task that sends.
impl Drop for Transport {
    fn drop(&mut self) {
        self.release();
    }
}
