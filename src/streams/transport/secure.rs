//! TLS between the buffers and the channel. Owns the handshake, what is sent and received by a session, and its end;
//! must not know which handle reads or writes.
//!
//! The write buffer holds records, so that the backlog, its watermarks and the task that sends are those of a plain
//! connection. What is received is decrypted whole into the read buffer, so that nothing that could be read lies in the
//! session.

use std::cell::Cell;
use std::io;
use std::panic::Location;
use std::rc::Rc;

use super::secured::Secured;
use super::transport::Transport;
use crate::awaitables::spawn;
use crate::error::{SharedIoError, TlsError};
use crate::primitives::timeout;
use crate::reactor::Direction;
use crate::tls::{Session, TlsInfo, TlsSide};

/// How many bytes one read asks the channel for: about the longest record.
const CHUNK: usize = 16 * 1024;
const REENTERED: &str = "a stream was used by code that its own TLS configuration calls; let a task do that later";

impl Transport {
    pub(super) fn is_secure(&self) -> bool {
        self.secure.get().is_some()
    }

    pub(crate) fn tls_info(&self) -> Option<TlsInfo> {
        let secure = self.secure.get().filter(|secure| secure.is_open.get())?;
        secure.with(|session| session.info())
    }

    // The handshake.

    /// Agrees with the peer. Whatever ends it early, a cancellation too, ends the connection; only a refusal before the
    /// first byte leaves it as it was.
    pub(crate) async fn handshake(self: &Rc<Self>, side: TlsSide) -> Result<(), TlsError> {
        let unread = self.read_buffer.bytes().len();
        if self.is_secure() {
            return Err(TlsError::AlreadySecure);
        }
        if unread > 0 {
            return Err(TlsError::UnreadBytes(unread));
        }
        if self.write_buffer.has_eof() || self.is_closing() || self.is_closed() {
            return Err(closed());
        }
        let limits = side.limits();
        let session = Cell::new(Some(Box::new(Session::new(side)?)));
        let _claim = self.read_buffer.claim("start_tls");
        let secure = Secured {
            session,
            is_open: Cell::new(false),
            has_ended: Cell::new(false),
            shutdown_timeout: limits.shutdown,
        };
        let secure = self.secure.get_or_init(|| Box::new(secure));
        let abort_guard = AbortGuard(Some(self));
        let shaken = timeout(limits.handshake, self.shake_hands(secure)).await;
        shaken.map_err(|_| TlsError::HandshakeTimeout(limits.handshake))??;
        secure.is_open.set(true);
        abort_guard.disarm();
        Ok(())
    }

    async fn shake_hands(self: &Rc<Self>, secure: &Secured) -> Result<(), TlsError> {
        self.send_session(secure);
        while secure.with(|session| session.is_handshaking()).expect(REENTERED) {
            self.write_buffer.check()?;
            let readable = self.with_channel(|channel| channel.wait(Direction::Read));
            readable.ok_or_else(closed)?.await;
            match self.receive_secure() {
                Ok(_) => {}
                Err(TlsError::Io(e)) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.write_buffer.check()?)
    }

    // Bytes.

    /// Adds bytes to those that are to be sent, as records.
    pub(super) fn encrypt(&self, bytes: &[u8]) {
        let Some(secure) = self.secure.get() else { return };
        assert!(secure.is_open.get(), "write() before start_tls() has returned; await it first");
        let encrypted = secure.with(|session| session.encrypt(bytes, &mut &self.write_buffer));
        if let Err(error) = encrypted.expect(REENTERED) {
            self.lose(&SharedIoError::new(error));
        }
    }

    /// Sends what the session itself has to say.
    fn send_session(self: &Rc<Self>, secure: &Secured) {
        if let Some(Err(error)) = secure.with(|session| session.send(&mut &self.write_buffer)) {
            self.lose(&SharedIoError::new(error));
        }
        self.send_queued();
    }

    /// Receives once from the channel, and adds to the read buffer what that held. Returns how many bytes that were, 0
    /// at the end; `WouldBlock` if it held none.
    pub(super) fn receive_secure(self: &Rc<Self>) -> Result<usize, TlsError> {
        let Some(secure) = self.secure.get() else { return Err(closed()) };
        let mut records = [0; CHUNK];
        let received = self.transfer(Direction::Read, CHUNK, |channel| channel.read(&mut records))?;
        if received == 0 {
            return Err(TlsError::Truncated);
        }
        let mut count = 0;
        let decrypted = secure.with(|session| {
            session.decrypt(&records[..received], |bytes| {
                // after the close nothing is read any more
                if !self.write_buffer.is_closing() {
                    self.read_buffer.bytes().push(bytes);
                    count += bytes.len();
                }
            })
        });
        self.send_session(secure); // an answer, or an alert that says what is wrong
        match decrypted.expect(REENTERED) {
            Ok(true) => {
                secure.has_ended.set(true);
                self.read_buffer.note_eof();
                Ok(count)
            }
            Ok(false) if count == 0 => Err(io::Error::from(io::ErrorKind::WouldBlock).into()),
            Ok(false) => Ok(count),
            Err(error) if count == 0 => Err(error),
            Err(error) => {
                // the bytes that came before it are read first
                let error = SharedIoError::new(error.into());
                self.read_buffer.note_error(error.clone());
                self.lose(&error);
                Ok(count)
            }
        }
    }

    // The end.

    /// Ends the writing direction by `close_notify`. Returns false if the connection has no TLS.
    pub(super) fn end_secure(self: &Rc<Self>) -> bool {
        let Some(secure) = self.secure.get() else { return false };
        if secure.is_open.get() {
            secure.with(Session::end);
            self.send_session(secure);
        } else {
            self.abort();
        }
        true
    }

    /// Sends what is left and `close_notify`, and closes when the peer has ended its direction too, or its time is up.
    /// Returns false if the connection has no TLS.
    pub(super) fn close_secure(self: &Rc<Self>) -> bool {
        let Some(secure) = self.secure.get() else { return false };
        if secure.is_open.get() && !self.write_buffer.has_error() {
            secure.with(Session::end);
            self.send_session(secure);
        }
        let is_over = !secure.is_open.get() || self.write_buffer.has_error();
        let kernel = self.kernel_that_runs();
        match kernel {
            Some(kernel) if !(is_over || secure.has_ended.get() && self.write_buffer.is_empty()) => {
                let task = spawn(kernel, Rc::clone(self).close_in_time(), Location::caller());
                task.hide("a stream that ends TLS");
            }
            _ => self.release(),
        }
        true
    }

    async fn close_in_time(self: Rc<Self>) {
        if let Some(secure) = self.secure.get() {
            let limit = secure.shutdown_timeout;
            if timeout(limit, self.await_end(secure)).await.is_err() {
                self.lose(&SharedIoError::new(TlsError::ShutdownTimeout(limit).into()));
            }
        }
        self.release();
    }

    /// Waits until the peer has ended its direction, and all is sent. Meanwhile the task that sends goes on.
    async fn await_end(self: &Rc<Self>, secure: &Secured) {
        while !secure.has_ended.get() && !self.write_buffer.has_error() {
            let Some(readable) = self.with_channel(|channel| channel.wait(Direction::Read)) else { return };
            readable.await;
            match self.receive_secure() {
                Ok(_) => {}
                Err(TlsError::Io(e)) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        while !self.write_buffer.is_empty() {
            let Some(writable) = self.with_channel(|channel| channel.wait(Direction::Write)) else { return };
            writable.await;
            self.send_buffered();
        }
    }
}

fn closed() -> TlsError {
    io::Error::new(io::ErrorKind::NotConnected, "the connection is closed").into()
}

/// Aborts the connection when dropped, unless it is disarmed.
struct AbortGuard<'a>(Option<&'a Transport>);

impl AbortGuard<'_> {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for AbortGuard<'_> {
    fn drop(&mut self) {
        if let Some(transport) = self.0 {
            transport.abort();
        }
    }
}
