//! How often futures are polled. Must not know what they do.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;

/// Wraps `future`, so that each poll adds one to `polls`.
pub(crate) fn counted<F: Future>(polls: &Rc<Cell<usize>>, future: F) -> impl Future<Output = F::Output> + use<F> {
    let (polls, mut future) = (Rc::clone(polls), Box::pin(future));
    poll_fn(move |cx| {
        polls.set(polls.get() + 1);
        future.as_mut().poll(cx)
    })
}
