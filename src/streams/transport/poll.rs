//! Operations of a stream as polls. Owns what they wait for; must not know the traits that they are used for.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::transport::Transport;
use crate::kernel::What;
use crate::net::ReadinessFuture;
use crate::reactor::Direction;

/// The wait of a reader for its channel, while its task is to be woken by it. It is the reader's, and goes with it.
pub(crate) type Readable = Cell<Option<ReadinessFuture>>;

impl Transport {
    /// As `more`, as a poll, for one byte at least.
    ///
    /// # Panics
    /// If another task awaits data. `method` is the reader's method, for the message.
    pub(crate) fn poll_more(
        self: &Rc<Self>,
        method: &str,
        readable: &Readable,
        mut target: Option<&mut [u8]>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let len_before = self.read_buffer.bytes().len();
        drop(self.read_buffer.claim(method));
        loop {
            if let Some(error) = self.read_buffer.error() {
                return Poll::Ready(Err(error));
            }
            ready!(self.poll_input(readable, cx));
            if let Some(received) = self.take_in(&mut target, len_before, 1) {
                return Poll::Ready(received);
            }
        }
    }

    /// Ready when the channel may be readable. What feeds, fails or closes the stream wakes the task too.
    fn poll_input(&self, readable: &Readable, cx: &mut Context<'_>) -> Poll<()> {
        let wait = readable.take().or_else(|| self.with_channel(|channel| channel.wait(Direction::Read)));
        if let Some(mut wait) = wait {
            if Pin::new(&mut wait).poll(cx).is_ready() {
                return Poll::Ready(());
            }
            readable.set(Some(wait));
        }
        self.read_buffer.polled.wait(cx, self.awaited(What::StreamData));
        Poll::Pending
    }

    /// Ready when there is room in the buffer, or there will never be any.
    ///
    /// # Errors
    /// As `drain`; and `BrokenPipe` if the writing direction was ended.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.notice_end();
        self.write_buffer.check()?;
        if self.write_buffer.has_eof() || self.is_closing() {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "the stream takes no more bytes: it was ended",
            )));
        }
        if self.write_buffer.is_full() {
            let room = self.awaited(What::StreamRoom);
            self.assert_is_served(room);
            self.write_buffer.polled.wait(cx, room);
            return Poll::Pending;
        }
        match self.with_channel(|channel| Rc::clone(channel.kernel())) {
            Some(kernel) => self.write_buffer.polled.poll_turn(&kernel, cx).map(Ok),
            None => Poll::Ready(Ok(())),
        }
    }

    /// `Err` if the writing direction has failed.
    pub(crate) fn check_writing(&self) -> io::Result<()> {
        self.write_buffer.check()
    }

    /// Ready when all bytes are sent, or will never be.
    ///
    /// # Errors
    /// The error by which the connection was lost.
    pub(crate) fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write_buffer.check()?;
        if self.write_buffer.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let sent = self.awaited(What::StreamSent);
        self.assert_is_served(sent);
        self.write_buffer.polled.wait(cx, sent);
        Poll::Pending
    }
}
