//! `AsyncRead` and `AsyncWrite` of tokio, whose runtime they do not need. Owns the shape of these traits; must not know
//! what they are used for.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::kinds::{PollEnd, for_readers, for_writers};

macro_rules! read {
    ($Type:ty) => {
        impl AsyncRead for $Type {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
                let this: &$Type = &self;
                this.poll_read(cx, buffer.initialize_unfilled()).map_ok(|count| buffer.advance(count))
            }
        }
    };
}

macro_rules! write {
    ($Type:ty) => {
        impl AsyncWrite for $Type {
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

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
                let this: &$Type = &self;
                this.poll_sent(cx)
            }

            /// Ends the writing direction; a pipe ends when it is dropped.
            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
                let this: &$Type = &self;
                this.poll_end(cx)
            }
        }
    };
}

for_readers!(read);
for_writers!(write);
