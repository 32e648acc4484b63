//! A file between the bytes of a stream. Owns its order among them, and the way around what the system does not send;
//! must not know which handle sends.
//!
//! Who sends a file is what sends for the stream meanwhile: what is written, and an end, wait until the file is sent,
//! as they wait for the task `flush`.

use std::io::{self, Seek as _, SeekFrom};
use std::rc::Rc;

use super::transport::Transport;
use crate::error::SendfileError;
use crate::net::{FileRange, is_refused};
use crate::primitives::yield_now;
use crate::reactor::Direction;

impl Transport {
    /// Sends a file within the system, behind what was written before. Returns how many bytes were sent.
    pub(crate) async fn send_file(self: &Rc<Self>, range: FileRange<'_>) -> Result<u64, SendfileError> {
        let _sending = self.begin_file().await?;
        #[cfg(feature = "tls")]
        if self.is_secure() {
            return Err(SendfileError::NotAvailable);
        }
        let mut position = Position { range, sent: 0 };
        while !range.is_over(position.sent) {
            let Some(writable) = self.with_channel(|channel| channel.wait(Direction::Write)) else { break };
            writable.await;
            let sent = |channel: &_| range.send(channel, position.sent);
            match self.with_channel(|channel| channel.attempt(Direction::Write, sent)) {
                None => break,
                Some(Ok(0)) => return Ok(position.sent),
                Some(Ok(n)) => position.sent += n as u64,
                Some(Err(e)) if e.kind() == io::ErrorKind::WouldBlock => {}
                Some(Err(e)) if position.sent == 0 && is_refused(&e) => return Err(SendfileError::NotAvailable),
                Some(Err(error)) => {
                    self.lose_unread(error);
                    break;
                }
            }
        }
        self.check_writing()?;
        if range.is_over(position.sent) { Ok(position.sent) } else { Err(closed_early().into()) }
    }

    /// Reads a file and writes it, as fast as the peer takes it. Returns how many bytes were written.
    pub(crate) async fn write_file(self: &Rc<Self>, range: FileRange<'_>) -> io::Result<u64> {
        let (mut position, mut bytes) = (Position { range, sent: 0 }, Vec::new());
        while !range.is_over(position.sent) {
            bytes = range.read(position.sent, bytes).await?;
            if bytes.is_empty() {
                break;
            }
            self.check_open()?;
            self.write(&bytes);
            position.sent += bytes.len() as u64;
            self.drain().await?;
        }
        Ok(position.sent)
    }

    /// Waits until what was written before is sent, and nothing else sends.
    async fn begin_file(self: &Rc<Self>) -> io::Result<Sending<'_>> {
        self.check_open()?;
        while !self.write_buffer.start_flushing() {
            if let Some(writable) = self.with_channel(|channel| channel.wait(Direction::Write)) {
                writable.await;
            }
            yield_now().await; // it is the turn of what sends
        }
        let sending = Sending(self);
        self.check_open()?;
        Ok(sending)
    }

    /// # Errors
    /// If the stream has failed, or takes no more bytes.
    fn check_open(&self) -> io::Result<()> {
        self.notice_end();
        self.check_writing()?;
        if self.write_buffer.has_eof() || self.is_closing() { Err(closed_early()) } else { Ok(()) }
    }
}

fn closed_early() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the stream was ended, so it sends no file; send it before the end")
}

/// While this is there, nothing else sends. When it is dropped, what was written meanwhile is sent.
struct Sending<'a>(&'a Rc<Transport>);

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        let transport = self.0;
        if transport.write_buffer.is_empty() {
            return transport.end_flushing();
        }
        transport.write_buffer.end_flushing();
        transport.start_flushing();
    }
}

/// How much was sent. When this is dropped, the position of the file is behind that, as asyncio leaves it.
struct Position<'a> {
    range: FileRange<'a>,
    sent: u64,
}

impl Drop for Position<'_> {
    fn drop(&mut self) {
        if self.sent > 0 {
            // a file without a position is sent all the same
            let _ = (&mut &*self.range.file).seek(SeekFrom::Start(self.range.offset + self.sent));
        }
    }
}
