//! `AsyncRead` and `AsyncWrite` of the crate `futures-io`, for each type and for a reference to it. Owns the shape of
//! these traits; must not know what they are used for.

use std::io::{IoSlice, IoSliceMut, Result};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::kinds::{PollEnd, for_readers, for_writers};

macro_rules! read {
    ($Type:ty) => {
        read!($Type, $Type);
        read!(&$Type, $Type);
    };
    ($Self:ty, $Type:ty) => {
        impl AsyncRead for $Self {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize>> {
                let this: &$Type = &self;
                this.poll_read(cx, buffer)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffers: &mut [IoSliceMut<'_>],
            ) -> Poll<Result<usize>> {
                let this: &$Type = &self;
                this.poll_read_vectored(cx, buffers)
            }
        }
    };
}

macro_rules! write {
    ($Type:ty) => {
        write!($Type, $Type);
        write!(&$Type, $Type);
    };
    ($Self:ty, $Type:ty) => {
        impl AsyncWrite for $Self {
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

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
                let this: &$Type = &self;
                this.poll_sent(cx)
            }

            /// Ends the writing direction; a pipe ends when it is dropped.
            fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
                let this: &$Type = &self;
                this.poll_end(cx)
            }
        }
    };
}

for_readers!(read);
for_writers!(write);
