//! `AsyncRead` and `AsyncWrite` of the crate `futures-io`, for each type and for a reference to it. Owns the shape of
//! these traits; must not know what they are used for.

use std::io::{IoSlice, IoSliceMut, Result};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};

use super::buffered::BufferedReader;
use super::kinds::{PollEnd, for_readers, for_writers, implement_writing};

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
        implement_writing!(AsyncWrite, poll_close; $Type, $Type);
        implement_writing!(AsyncWrite, poll_close; &$Type, $Type);
    };
}

for_readers!(read);
for_writers!(write);

impl AsyncRead for BufferedReader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize>> {
        self.get_mut().poll_take(cx, buffer)
    }
}

impl AsyncBufRead for BufferedReader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<&[u8]>> {
        self.get_mut().poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, count: usize) {
        self.get_mut().consume(count);
    }
}
