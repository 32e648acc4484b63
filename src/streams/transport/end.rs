//! The end that an event tells of while no task reads or writes. Owns how it is found out; must not know who asks.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};

use super::transport::Transport;
use crate::kernel::What;
use crate::reactor::Direction;
use crate::streams::channel::EndOfWriting;

impl Transport {
    /// Takes in that nothing more can be sent, if an event has told so. asyncio learns that by the callback that reads,
    /// which it has for the writing end of a pipe too.
    pub(crate) fn notice_end(&self) {
        if self.write_buffer.has_error() {
            return;
        }
        let end = self.with_channel(|channel| {
            let has_ended = channel.has_ended(Direction::Write);
            has_ended.then(|| channel.get_ref().end_of_writing()).flatten()
        });
        match end.flatten() {
            None => {}
            Some(EndOfWriting::Failed(error)) => self.lose_unread(error),
            // what is left to send meets the error
            Some(EndOfWriting::NoReader) if !self.write_buffer.is_empty() => {}
            Some(EndOfWriting::NoReader) => {
                self.write_buffer.start_closing();
                self.release();
            }
        }
    }

    /// Waits until the transport is closed or lost. `Err` if not all bytes were sent.
    pub(crate) async fn wait_closed(&self) -> io::Result<()> {
        let closed = self.awaited(What::ConnectionClosed);
        let is_over = || self.is_closed() || self.write_buffer.has_error();
        let mut ended = self.with_channel(|channel| channel.wait_for_end(Direction::Write));
        let mut closed = pin!(self.close_waiters.wait_until(closed, is_over));
        poll_fn(|cx| {
            if let Some(end) = &mut ended
                && Pin::new(end).poll(cx).is_ready()
            {
                ended = None;
                self.notice_end();
            }
            closed.as_mut().poll(cx)
        })
        .await;
        self.write_buffer.check()
    }
}
