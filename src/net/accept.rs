//! Accepting connections. Owns the decision which errors of `accept` end it; must not know the kinds of sockets.

use std::io;

/// Calls `accept` until it returns a connection whose client is still there, or an error.
pub(super) fn skip_aborted<S, A>(mut accept: impl FnMut() -> io::Result<(S, A)>) -> io::Result<(S, A)> {
    loop {
        match accept() {
            Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
            other => return other,
        }
    }
}
