//! Filling the read buffer. Owns the wait for more bytes; must not know what a reader makes of them.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use super::transport::Transport;
use crate::cancel::leaf_fn;
use crate::error::SharedIoError;
use crate::kernel::What;
use crate::reactor::Direction;

impl Transport {
    /// Waits until there are more bytes than the buffer holds, or the end of the stream (no bytes are added then), or
    /// an error. `wanted` is how many more bytes the caller has a use for.
    ///
    /// Bytes of the channel go directly into `target`, if that is given; the buffer must be empty then. Returns how
    /// many did.
    ///
    /// # Panics
    /// If another task is waiting already. `method` is the reader's method, for the message.
    pub(crate) async fn more(
        self: &Rc<Self>,
        method: &str,
        mut target: Option<&mut [u8]>,
        wanted: usize,
    ) -> io::Result<usize> {
        let len_before = self.read_buffer.bytes().len();
        let claim = self.read_buffer.claim(method);
        loop {
            if let Some(error) = self.read_buffer.error() {
                return Err(error);
            }
            self.wait_for_input().await;
            claim.woken()?;
            if let Some(received) = self.take_in(&mut target, len_before, wanted) {
                return received;
            }
        }
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
    async fn wait_for_input(&self) {
        let data = self.awaited(What::StreamData);
        let mut readable = self.with_channel(|channel| channel.wait(Direction::Read));
        let mut called = leaf_fn(self.read_buffer.kernel(), data, |cx| self.read_buffer.poll_input(cx));
        poll_fn(|cx| {
            if let Some(readable) = &mut readable
                && Pin::new(readable).poll(cx).is_ready()
            {
                return Poll::Ready(());
            }
            Pin::new(&mut called).poll(cx)
        })
        .await;
    }
}
