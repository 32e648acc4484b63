//! The types that bytes are read from and written to. Owns the list of them, and how each ends its writing; must not know
//! the traits.

use std::io::{self, ErrorKind};
use std::net::Shutdown;

use crate::net::{PipeWriter, TcpStream, UnixStream, WriteHalf};

/// Calls the macro `$implement` with each type that can be read.
macro_rules! for_readers {
    ($implement:ident) => {
        $implement!(crate::net::TcpStream);
        $implement!(crate::net::UnixStream);
        $implement!(crate::net::ReadHalf<crate::net::TcpStream>);
        $implement!(crate::net::ReadHalf<crate::net::UnixStream>);
        $implement!(crate::net::PipeReader);
    };
}

/// Calls the macro `$implement` with each type that can be written to, all of which have `EndWriting`.
macro_rules! for_writers {
    ($implement:ident) => {
        $implement!(crate::net::TcpStream);
        $implement!(crate::net::UnixStream);
        $implement!(crate::net::WriteHalf<crate::net::TcpStream>);
        $implement!(crate::net::WriteHalf<crate::net::UnixStream>);
        $implement!(crate::net::PipeWriter);
    };
}

pub(super) use {for_readers, for_writers};

/// How a type ends its writing direction.
pub(super) trait EndWriting {
    /// Ends the writing direction, so that the peer reads the end of the stream. A peer that is gone needs no end.
    fn end_writing(&self) -> io::Result<()>;
}

fn unless_gone(shut_down: io::Result<()>) -> io::Result<()> {
    match shut_down {
        Err(e) if e.kind() == ErrorKind::NotConnected => Ok(()),
        other => other,
    }
}

impl EndWriting for TcpStream {
    fn end_writing(&self) -> io::Result<()> {
        unless_gone(self.shutdown(Shutdown::Write))
    }
}

impl EndWriting for UnixStream {
    fn end_writing(&self) -> io::Result<()> {
        unless_gone(self.shutdown(Shutdown::Write))
    }
}

impl<S> EndWriting for WriteHalf<S> {
    fn end_writing(&self) -> io::Result<()> {
        unless_gone(self.shutdown())
    }
}

/// A pipe has one direction, whose end is the drop.
impl EndWriting for PipeWriter {
    fn end_writing(&self) -> io::Result<()> {
        Ok(())
    }
}
