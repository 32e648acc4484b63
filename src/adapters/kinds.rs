//! The types that bytes are read from and written to. Owns the list of them, how each sends the rest and ends its
//! writing, and what all traits for writing have in common; must not know one of the traits.

use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::task::{Context, Poll};

use super::duplex::Duplex;
use crate::net::{PipeWriter, TcpStream, UnixStream, WriteHalf};
use crate::streams::StreamWriter;

/// Calls the macro `$implement` with each type that can be read.
macro_rules! for_readers {
    ($implement:ident) => {
        $implement!(crate::net::TcpStream);
        $implement!(crate::net::UnixStream);
        $implement!(crate::net::ReadHalf<crate::net::TcpStream>);
        $implement!(crate::net::ReadHalf<crate::net::UnixStream>);
        $implement!(crate::net::PipeReader);
        $implement!(crate::streams::StreamReader);
        $implement!(super::duplex::Duplex);
    };
}

/// Calls the macro `$implement` with each type that can be written to, all of which have `PollEnd`.
macro_rules! for_writers {
    ($implement:ident) => {
        $implement!(crate::net::TcpStream);
        $implement!(crate::net::UnixStream);
        $implement!(crate::net::WriteHalf<crate::net::TcpStream>);
        $implement!(crate::net::WriteHalf<crate::net::UnixStream>);
        $implement!(crate::net::PipeWriter);
        $implement!(crate::streams::StreamWriter);
        $implement!(super::duplex::Duplex);
    };
}

/// Implements `$Trait` for `$Self`, by the polls of `$Type`, which it is or refers to. The traits for writing differ in
/// the name of the method that ends, and in whether one says that vectored writes are worth it.
macro_rules! implement_writing {
    ($Trait:ident, $end:ident $(, $is_write_vectored:ident)?; $Self:ty, $Type:ty) => {
        impl $Trait for $Self {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
                let this: &$Type = &self;
                this.poll_write(cx, bytes)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                pieces: &[IoSlice<'_>],
            ) -> Poll<Result<usize>> {
                let this: &$Type = &self;
                this.poll_write_vectored(cx, pieces)
            }

            $(fn $is_write_vectored(&self) -> bool {
                true
            })?

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
                let this: &$Type = &self;
                this.poll_sent(cx)
            }

            /// Ends the writing direction; a pipe ends when it is dropped.
            fn $end(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
                let this: &$Type = &self;
                this.poll_end(cx)
            }
        }
    };
}

pub(super) use {for_readers, for_writers, implement_writing};

/// What a type does with the bytes that it has taken, and how it ends its writing direction.
pub(super) trait PollEnd {
    /// Ready when the system has been given all bytes. What buffers nothing is always ready.
    fn poll_sent(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the writing direction, so that the peer reads the end of the stream. A peer that is gone needs no end.
    fn poll_end(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

fn ended(shut_down: io::Result<()>) -> Poll<io::Result<()>> {
    Poll::Ready(match shut_down {
        Err(e) if e.kind() == ErrorKind::NotConnected => Ok(()),
        other => other,
    })
}

impl PollEnd for TcpStream {
    fn poll_end(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ended(self.shutdown(Shutdown::Write))
    }
}

impl PollEnd for UnixStream {
    fn poll_end(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ended(self.shutdown(Shutdown::Write))
    }
}

impl<S> PollEnd for WriteHalf<S> {
    fn poll_end(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ended(self.shutdown())
    }
}

/// A pipe has one direction, whose end is the drop.
impl PollEnd for PipeWriter {
    fn poll_end(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl PollEnd for StreamWriter {
    fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }

    fn poll_end(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write_eof();
        self.poll_flush(cx)
    }
}

impl PollEnd for Duplex {
    fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer().poll_sent(cx)
    }

    fn poll_end(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer().poll_end(cx)
    }
}
