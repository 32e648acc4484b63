//! A stream of what one future after another returns. Owns the future that is polled; must not know what it waits for.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

/// The stream that `unfold` returns. All its futures use one block of memory, so that no item allocates.
pub(super) struct Unfold<S, F, M> {
    /// The future that is polled; `None` before the first poll, between two items, and after the end.
    future: Pin<Box<Option<F>>>,
    /// What the next future is made of; `None` while one is polled, and after the end.
    state: Option<S>,
    make: M,
}

/// Makes a future of `state` with `make`, and others of the states that these return beside an item, until one returns
/// `None`.
pub(super) fn unfold<S, T, F, M>(state: S, make: M) -> Unfold<S, F, M>
where
    F: Future<Output = Option<(T, S)>>,
    M: FnMut(S) -> F,
{
    Unfold { future: Box::pin(None), state: Some(state), make }
}

/// Nothing but the future is pinned, and that is in a box.
impl<S, F, M> Unpin for Unfold<S, F, M> {}

impl<S, T, F, M> Stream for Unfold<S, F, M>
where
    F: Future<Output = Option<(T, S)>>,
    M: FnMut(S) -> F,
{
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        if let Some(state) = this.state.take() {
            this.future.set(Some((this.make)(state)));
        }
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        let next = ready!(future.poll(cx));
        this.future.set(None);
        Poll::Ready(next.map(|(item, state)| {
            this.state = Some(state);
            item
        }))
    }
}
