//! Bytes that were written and have not been sent. Owns the buffer, its watermarks, the end and the error of the
//! writing direction; must not know the channel.

use std::cell::{Cell, RefCell};
use std::io;

use super::polled::PolledWait;
use crate::base::ByteBuffer;
use crate::error::SharedIoError;
use crate::sync::Waiters;

/// The default watermarks, asyncio's.
const DEFAULT_HIGH_WATERMARK: usize = 64 * 1024;
const DEFAULT_LOW_WATERMARK: usize = DEFAULT_HIGH_WATERMARK / 4;

pub(super) struct WriteBuffer {
    bytes: RefCell<ByteBuffer>,
    high_watermark: Cell<usize>,
    low_watermark: Cell<usize>,
    /// The length has been above the high watermark, and not at or below the low one since.
    is_full: Cell<bool>,
    pub(super) drain_waiters: Waiters,
    pub(super) polled: PolledWait,
    /// A task is sending the bytes.
    is_flushing: Cell<bool>,
    /// `write_eof` was called.
    eof: Cell<bool>,
    /// `close` or `abort` was called.
    is_closing: Cell<bool>,
    error: RefCell<Option<SharedIoError>>,
}

impl WriteBuffer {
    pub(super) fn new(empty: ByteBuffer) -> Self {
        Self {
            bytes: RefCell::new(empty),
            high_watermark: Cell::new(DEFAULT_HIGH_WATERMARK),
            low_watermark: Cell::new(DEFAULT_LOW_WATERMARK),
            is_full: Cell::new(false),
            drain_waiters: Waiters::default(),
            polled: PolledWait::default(),
            is_flushing: Cell::new(false),
            eof: Cell::new(false),
            is_closing: Cell::new(false),
            error: RefCell::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.borrow().is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.borrow().len()
    }

    pub(super) fn push(&self, bytes: &[u8]) {
        self.bytes.borrow_mut().push(bytes);
    }

    /// Calls `send` with the bytes, and removes as many as it has sent. `send` must not call code of a user.
    pub(super) fn send(&self, send: impl FnOnce(&[u8]) -> io::Result<usize>) -> io::Result<()> {
        let count = send(self.bytes.borrow().as_slice())?;
        self.bytes.borrow_mut().consume(count);
        self.update_is_full();
        Ok(())
    }

    pub(super) fn clear(&self) {
        self.bytes.borrow_mut().clear();
    }

    // Flow control.

    /// Whether `drain` must wait.
    pub(super) fn is_full(&self) -> bool {
        self.is_full.get()
    }

    pub(super) fn set_watermarks(&self, high: usize, low: usize) {
        self.high_watermark.set(high);
        self.low_watermark.set(low);
        self.update_is_full();
    }

    /// Compares the length with the watermarks, and wakes tasks in `drain` if there is room again.
    pub(super) fn update_is_full(&self) {
        let len = self.len();
        if len > self.high_watermark.get() {
            self.is_full.set(true);
        } else if len <= self.low_watermark.get() && self.is_full.get() {
            self.release_drains();
        }
    }

    /// Wakes all tasks in `drain`: there is room, or there will never be any.
    pub(super) fn release_drains(&self) {
        self.is_full.set(false);
        self.drain_waiters.notify_all();
        self.polled.wake();
    }

    // The task that sends.

    pub(super) fn is_flushing(&self) -> bool {
        self.is_flushing.get()
    }

    /// Returns false if the task is running already.
    pub(super) fn start_flushing(&self) -> bool {
        !self.is_flushing.replace(true)
    }

    pub(super) fn end_flushing(&self) {
        self.is_flushing.set(false);
        self.polled.wake(); // it may wait until all is sent
    }

    // The end.

    pub(super) fn has_eof(&self) -> bool {
        self.eof.get()
    }

    /// Returns false if the end was set before.
    pub(super) fn set_eof(&self) -> bool {
        !self.eof.replace(true)
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.get()
    }

    /// Returns false if the closing has started before.
    pub(super) fn start_closing(&self) -> bool {
        !self.is_closing.replace(true)
    }

    pub(super) fn has_error(&self) -> bool {
        self.error.borrow().is_some()
    }

    pub(super) fn error(&self) -> Option<SharedIoError> {
        self.error.borrow().clone()
    }

    /// `Err` if the writing direction has failed.
    pub(super) fn check(&self) -> io::Result<()> {
        self.error().map_or(Ok(()), |error| Err(error.to_io_error()))
    }

    /// Notes that nothing more can be sent, and drops what was to be sent. The first error is the one that is kept.
    pub(super) fn set_error(&self, error: SharedIoError) {
        self.error.borrow_mut().get_or_insert(error);
        self.clear();
        self.release_drains();
    }
}

/// Takes all bytes. For what writes records.
#[cfg(feature = "tls")]
impl io::Write for &WriteBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
