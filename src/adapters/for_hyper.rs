//! `Read`, `Write` and `Executor` of hyper. Owns the shape of these traits; must not know HTTP.
#![expect(unsafe_code, reason = "a buffer that nothing has written to before the read")]

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Executor, Read, ReadBufCursor, Write};

use super::kinds::{PollEnd, for_readers, for_writers, implement_writing};
use crate::awaitables::create_task;

macro_rules! read {
    ($Type:ty) => {
        impl Read for $Type {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                mut buffer: ReadBufCursor<'_>,
            ) -> Poll<Result<()>> {
                let this: &$Type = &self;
                // SAFETY: a read only writes to it.
                let place = unsafe { buffer.as_mut() };
                this.poll_fill(cx, place).map_ok(|count| {
                    // SAFETY: so many bytes have been written to the start of the unfilled part.
                    unsafe { buffer.advance(count) };
                })
            }
        }
    };
}

macro_rules! write {
    ($Type:ty) => {
        implement_writing!(Write, poll_shutdown, is_write_vectored; $Type, $Type);
    };
}

for_readers!(read);
for_writers!(write);

/// hyper's `Executor`: each future becomes a task of the loop that this thread is in. HTTP/2 asks for one.
///
/// # Examples
/// ```
/// use hyper::rt::Executor;
/// use oneloop::adapters::HyperExecutor;
/// use oneloop::{all_tasks, run, yield_now};
///
/// run(async {
///     HyperExecutor.execute(async { println!("in a task of its own") });
///     assert_eq!(all_tasks().len(), 2);
///     yield_now().await;
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct HyperExecutor;

impl<F> Executor<F> for HyperExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    #[track_caller]
    fn execute(&self, future: F) {
        drop(create_task(future));
    }
}
