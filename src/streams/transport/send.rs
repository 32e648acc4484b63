//! Emptying the write buffer. Owns the task that sends, and the ends that come after the last byte: that of the writing
//! direction, and the close; must not know which handle writes.

use std::io;
use std::panic::Location;
use std::rc::Rc;

use super::transport::Transport;
use crate::awaitables::spawn;
use crate::cancel::assert_wakes;
use crate::error::SharedIoError;
use crate::kernel::{Leaf, Phase, What};
use crate::node::Loop;
use crate::primitives::yield_now;
use crate::reactor::Direction;

impl Transport {
    /// Sends what the system takes, if no earlier bytes are left to send, and buffers the rest.
    #[track_caller]
    pub(crate) fn write(self: &Rc<Self>, data: &[u8]) {
        #[cfg(feature = "tls")]
        if self.is_secure() {
            return self.write_pieces([data]);
        }
        self.refuse_after_eof();
        // a file that is being sent comes first
        let must_queue = self.write_buffer.is_flushing() || !self.write_buffer.is_empty();
        let rest = if must_queue || self.is_closing() { data } else { self.send_now(data) };
        if !rest.is_empty() && !self.is_closing() {
            self.write_buffer.push(rest);
            self.write_buffer.update_is_full();
            self.start_flushing();
        }
    }

    /// Buffers several pieces, and then sends what the system takes.
    #[track_caller]
    pub(crate) fn write_pieces<B: AsRef<[u8]>>(self: &Rc<Self>, pieces: impl IntoIterator<Item = B>) {
        self.refuse_after_eof();
        for piece in pieces {
            // code of a user, which may write to this stream or close it
            let piece = piece.as_ref();
            if !self.is_closing() {
                self.queue(piece);
            }
        }
        self.send_queued();
    }

    fn queue(&self, piece: &[u8]) {
        #[cfg(feature = "tls")]
        if self.is_secure() {
            return self.encrypt(piece);
        }
        self.write_buffer.push(piece);
    }

    /// Sends what the system takes of the bytes in the buffer.
    pub(super) fn send_queued(self: &Rc<Self>) {
        if !self.write_buffer.is_flushing() {
            self.send_buffered();
        }
        if !self.write_buffer.is_empty() {
            self.write_buffer.update_is_full();
            self.start_flushing();
        }
    }

    #[track_caller]
    fn refuse_after_eof(&self) {
        assert!(
            !self.write_buffer.has_eof(),
            "write() after write_eof(), which has told the peer that nothing more comes; write before it"
        );
    }

    /// Sends what the system takes, and returns the rest.
    fn send_now<'a>(&self, data: &'a [u8]) -> &'a [u8] {
        if data.is_empty() {
            return data;
        }
        match self.transfer(Direction::Write, data.len(), |channel| channel.write(data)) {
            Ok(sent) => &data[sent..],
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => data,
            Err(error) => {
                self.lose_unread(error);
                &[]
            }
        }
    }

    pub(super) fn send_buffered(&self) {
        if self.write_buffer.is_empty() {
            return;
        }
        let sent = self.write_buffer.send(|bytes| {
            let len = bytes.len();
            self.transfer(Direction::Write, len, |channel| channel.write(bytes))
        });
        match sent {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.lose_unread(error),
            Ok(()) => {}
        }
    }

    // The task that sends.

    pub(super) fn start_flushing(self: &Rc<Self>) {
        let Some(kernel) = self.kernel_that_runs() else { return };
        if self.write_buffer.start_flushing() {
            let task = spawn(kernel, Rc::clone(self).flush(), Location::caller());
            task.hide("a stream that sends");
        }
    }

    /// The loop of the channel, unless that is closed: a closed loop runs no task.
    pub(super) fn kernel_that_runs(&self) -> Option<Rc<Loop>> {
        let kernel = self.with_channel(|channel| Rc::clone(channel.kernel()));
        kernel.filter(|kernel| kernel.life().phase() != Phase::Closed)
    }

    /// Sends until the buffer is empty or the channel is gone.
    async fn flush(self: Rc<Self>) {
        while !self.write_buffer.is_empty() {
            let Some(writable) = self.with_channel(|channel| channel.wait(Direction::Write)) else { break };
            writable.await;
            self.send_buffered();
        }
        self.end_flushing();
    }

    /// All bytes are sent, or never will be: what was asked for meanwhile is done.
    pub(super) fn end_flushing(self: &Rc<Self>) {
        self.write_buffer.end_flushing();
        #[cfg(feature = "tls")]
        if self.is_secure() {
            return; // its ends are records, and what closes it waits for the peer's
        }
        if self.write_buffer.is_closing() {
            self.release();
        } else if self.write_buffer.has_eof() {
            self.shut_down();
        }
    }

    /// # Panics
    /// If the loop that sends will never go on while the caller waits.
    pub(super) fn assert_is_served(&self, what: Leaf) {
        if let Some(kernel) = self.with_channel(|channel| Rc::clone(channel.kernel())) {
            assert_wakes(&kernel, what);
        }
    }

    /// Waits until there is room in the buffer, or there will never be any.
    pub(crate) async fn drain(&self) -> io::Result<()> {
        if let Some(error) = self.read_buffer.error() {
            return Err(error);
        }
        self.notice_end();
        let may_go_on = self.with_channel(|channel| {
            let kernel = channel.kernel();
            kernel.budget().may_go_on(kernel.step().number())
        });
        let may_go_on = may_go_on.unwrap_or(true);
        if self.is_closing() || !may_go_on {
            // a loop of write() and drain() must not starve other tasks
            yield_now().await;
        }
        self.write_buffer.check()?;
        if self.is_closed() {
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, "the connection is closed: nothing is sent"));
        }
        if self.write_buffer.is_full() {
            let room = self.awaited(What::StreamDrained);
            self.assert_is_served(room);
            // A task that was notified goes on, even if the buffer is full again by then. One that was skipped waits
            // again.
            while self.write_buffer.is_full() && !self.write_buffer.drain_waiters.wait(room).await {}
        }
        self.write_buffer.check()
    }

    pub(crate) fn set_watermarks(&self, high: usize, low: usize) {
        self.write_buffer.set_watermarks(high, low);
    }

    pub(crate) fn unsent_bytes(&self) -> usize {
        self.write_buffer.len()
    }

    // The end of the writing direction.

    /// Ends the writing direction once all bytes are sent.
    pub(crate) fn write_eof(self: &Rc<Self>) {
        if self.is_closing() || !self.write_buffer.set_eof() {
            return;
        }
        #[cfg(feature = "tls")]
        if self.end_secure() {
            return;
        }
        if !self.write_buffer.is_flushing() {
            self.shut_down();
        }
    }

    fn shut_down(self: &Rc<Self>) {
        let shut_down = self.with_channel(|channel| {
            let channel = channel.get_ref();
            channel.shutdown().map(|()| channel.is_duplex())
        });
        match shut_down {
            // a pipe has one direction, so its end closes it
            Some(Ok(false)) => self.close(),
            Some(Ok(true)) | None => {}
            // the peer is gone, and needs no end
            Some(Err(e)) if e.kind() == io::ErrorKind::NotConnected => {}
            Some(Err(error)) => self.lose(&SharedIoError::new(error)),
        }
    }

    // The close.

    /// Closes once all bytes are sent. Ends both directions for the program at once.
    pub(crate) fn close(self: &Rc<Self>) {
        if !self.write_buffer.start_closing() {
            return;
        }
        self.read_buffer.feed_eof();
        #[cfg(feature = "tls")]
        if self.close_secure() {
            return;
        }
        if !self.write_buffer.is_empty() {
            // the task runs already, unless this is called in the middle of `write_pieces`
            self.start_flushing();
        }
        if !self.write_buffer.is_flushing() {
            self.release();
        }
    }

    /// Closes at once, and drops the bytes that are not sent.
    pub(crate) fn abort(&self) {
        self.write_buffer.start_closing();
        self.read_buffer.feed_eof();
        self.write_buffer.clear();
        self.release();
    }

    // The handles. Dropping the last writer ends the writing direction, and dropping the last handle closes.

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
