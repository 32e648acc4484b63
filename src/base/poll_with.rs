//! A future that is polled through a closure. Owns the pin; must not know what the closure does.
//!
//! An `async fn` stores a future that it is given twice: as its argument, and where it awaits it. So each layer of
//! `async fn` doubles the size of a task (measured: eight times for a time limit in three layers). `PollWith` adds only
//! the captures of its closure.
#![expect(unsafe_code, reason = "a future pinned inside another")]

use std::pin::Pin;
use std::task::{Context, Poll};

/// The future that `poll_with` returns. It drops the inner future before the captures of the closure.
pub(crate) struct PollWith<F, P> {
    /// `None` once the closure has dropped it.
    future: Option<F>,
    poll: P,
}

/// Polls `future` through `poll`, which may drop the future by setting it to `None`.
pub(crate) fn poll_with<F, R, P>(future: F, poll: P) -> PollWith<F, P>
where
    F: Future,
    P: FnMut(Pin<&mut Option<F>>, &mut Context<'_>) -> Poll<R>,
{
    PollWith { future: Some(future), poll }
}

impl<F, R, P> Future for PollWith<F, P>
where
    F: Future,
    P: FnMut(Pin<&mut Option<F>>, &mut Context<'_>) -> Poll<R>,
{
    type Output = R;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        // SAFETY: nothing is moved out of `this`: `future` is used only by the pinned reference below, and `poll` is
        // never pinned.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: `future` is pinned structurally: `PollWith` is `Unpin` only if `F` is (the automatic impl), it has no
        // `Drop`, and `future` is dropped in place, by this reference or with the whole.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        (this.poll)(future, cx)
    }
}
