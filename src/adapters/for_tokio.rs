//! `AsyncRead` and `AsyncWrite` of tokio, whose runtime they do not need. Owns the shape of these traits; must not know
//! what they are used for.
#![expect(unsafe_code, reason = "a buffer that nothing has written to before the read")]

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

use super::buffered::BufferedReader;
use super::kinds::{PollEnd, for_readers, for_writers, implement_writing};

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
        implement_writing!(AsyncWrite, poll_shutdown, is_write_vectored; $Type, $Type);
    };
}

for_readers!(read);
for_writers!(write);

impl AsyncRead for BufferedReader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        let bytes = ready!(this.poll_fill_buf(cx))?;
        let count = bytes.len().min(buffer.remaining());
        buffer.put_slice(&bytes[..count]);
        this.consume(count);
        Poll::Ready(Ok(()))
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
