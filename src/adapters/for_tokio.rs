//! `AsyncRead` and `AsyncWrite` of tokio, whose runtime they do not need. Owns the shape of these traits; must not know
//! what they are used for.
#![expect(unsafe_code, reason = "a buffer that nothing has written to before the read")]

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
                // SAFETY: a read only writes to it.
                let place = unsafe { buffer.unfilled_mut() };
                this.poll_fill(cx, place).map_ok(|count| {
                    // SAFETY: so many bytes have been written to the start of the unfilled part.
                    unsafe { buffer.assume_init(count) };
                    buffer.advance(count);
                })
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
