//! Filling the read buffer. Owns the wait for more bytes; must not know what a reader makes of them.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::read_buffer::{ReadBuffer, ReadClaim};
use super::transport::Transport;
use crate::cancel::{Waiting, poll_leaf};
use crate::error::SharedIoError;
use crate::kernel::{Leaf, What};
use crate::net::ReadinessFuture;
use crate::reactor::Direction;

impl Transport {
    /// A wait until there are more bytes than the buffer holds, or the end of the stream (no bytes are added then), or
    /// an error. `wanted` is how many more bytes the caller has a use for.
    ///
    /// Bytes of the channel go directly into `target`, if that is given; the buffer must be empty then. Returns how
    /// many did.
    ///
    /// # Panics
    /// If another task is waiting already. `method` is the reader's method, for the message.
    pub(crate) fn more<'a>(self: &'a Rc<Self>, method: &str, target: Option<&'a mut [u8]>, wanted: usize) -> More<'a> {
        let len_before = self.read_buffer.bytes().len();
        let claim = self.read_buffer.claim(method);
        More { wait: None, transport: self, target, len_before, wanted, claim }
    }

    /// Takes in what has come, after a wait: as `more` returns it. `None` if nothing has.
    pub(super) fn take_in(
        self: &Rc<Self>,
        target: &mut Option<&mut [u8]>,
        len_before: usize,
        wanted: usize,
    ) -> Option<io::Result<usize>> {
        // another task has fed the reader, or closed the stream
        if self.read_buffer.has_ended() || self.read_buffer.bytes().len() > len_before {
            return Some(Ok(0));
        }
        #[cfg(feature = "tls")]
        if self.is_secure() {
            *target = None; // what is decrypted goes through the buffer
        }
        let received = match target {
            #[cfg(feature = "tls")]
            None if self.is_secure() => self.receive_secure().map_err(io::Error::from),
            Some(target) => self.receive(target),
            None => self.read_buffer.fill(wanted, |room| self.receive(room)),
        };
        Some(match received {
            Ok(0) => self.take_in_end(),
            Ok(count) => Ok(if target.is_some() { count } else { 0 }),
            // a spurious wake-up
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return None,
            Err(error) => {
                let error = SharedIoError::new(error);
                self.read_buffer.note_error(error.clone());
                self.lose(&error);
                Err(error.to_io_error())
            }
        })
    }

    fn take_in_end(&self) -> io::Result<usize> {
        if let Some(error) = self.write_buffer.error().filter(|_| self.failed_unread.get()) {
            self.read_buffer.note_error(error.clone());
            return Err(error.to_io_error());
        }
        self.read_buffer.note_eof();
        Ok(0)
    }

    fn receive(&self, room: &mut [u8]) -> io::Result<usize> {
        let room_len = room.len();
        self.transfer(Direction::Read, room_len, |channel| channel.read(room))
    }

    /// Waits until the channel is readable, or another task has fed, failed or closed the stream.
    fn wait_for_input(&self) -> InputWait<'_> {
        let what = self.awaited(What::StreamData);
        let readable = self.with_channel(|channel| channel.wait(Direction::Read));
        self.read_buffer.kernel(); // panics here, if at all: a wait that is dropped asks for it too
        InputWait { readable, buffer: &self.read_buffer, what, waiting: Waiting::default() }
    }
}

/// The future that `more` returns. It is named, and not an `async fn`, since each of those keeps its arguments twice,
/// and every task that reads holds one.
pub(crate) struct More<'a> {
    /// Dropped before the claim: the fields are dropped in this order.
    wait: Option<InputWait<'a>>,
    transport: &'a Rc<Transport>,
    target: Option<&'a mut [u8]>,
    len_before: usize,
    wanted: usize,
    claim: ReadClaim<'a>,
}

impl Future for More<'_> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Self { wait, transport, target, len_before, wanted, claim } = &mut *self;
        loop {
            if wait.is_none()
                && let Some(error) = transport.read_buffer.error()
            {
                return Poll::Ready(Err(error));
            }
            ready!(wait.get_or_insert_with(|| transport.wait_for_input()).poll(cx));
            *wait = None;
            claim.woken()?;
            if let Some(received) = transport.take_in(target, *len_before, *wanted) {
                return Poll::Ready(received);
            }
        }
    }
}

/// One wait for input. It is the leaf of its task while the channel is not readable.
struct InputWait<'a> {
    readable: Option<ReadinessFuture>,
    buffer: &'a ReadBuffer,
    what: Leaf,
    waiting: Waiting,
}

impl InputWait<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(readable) = &mut self.readable
            && Pin::new(readable).poll(cx).is_ready()
        {
            return Poll::Ready(());
        }
        poll_leaf(&self.waiting, self.buffer.kernel(), cx, self.what, || self.buffer.poll_input(cx))
    }
}

impl Drop for InputWait<'_> {
    fn drop(&mut self) {
        self.waiting.end(self.buffer.kernel());
    }
}
