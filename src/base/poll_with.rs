//! A future that is polled through a function of ours. Owns the pin; must not know what the function does.
//!
//! An `async fn` keeps what it is given twice, in its argument and where it awaits it: each layer of them doubles the size
//! of a task (measured: eight times for a time limit in three layers). This one adds what its function holds.
#![expect(unsafe_code, reason = "a future pinned inside another, in its one place")]

use std::pin::Pin;
use std::task::{Context, Poll};

/// The future that `poll_with` makes. What it polls is dropped before what the function holds.
pub(crate) struct PollWith<F, P> {
    /// Empty when the function has dropped it.
    future: Option<F>,
    poll: P,
}

/// Polls `future` through `poll`, which may set it to `None`.
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
        // SAFETY: nothing is moved out of `this`: of `future` only the pinned reference below is made, and `poll` is
        // never pinned.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: `future` is pinned with the whole: it is Unpin only if `F` is, as the derived rule has it, there is no
        // Drop, and it goes only through this reference or with the whole.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        (this.poll)(future, cx)
    }
}
