//! The coroutines of a task group, its body and its children. Owns how an error or a panic leaves them, and how a
//! failed child ends; must not know the group.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Poll, ready};

use crate::base::poll_with;
use crate::cancel::Reraise;
use crate::error::{Cancelled, Panic};

/// Awaits `future` and returns its value. An error is handed to `note`, and then the task ends cancelled: no value is
/// left for its handle.
pub(super) fn value_or_error<F, V, E>(future: F, note: impl Fn(E)) -> impl Future<Output = V>
where
    F: Future<Output = Result<V, E>>,
{
    // boxed, so that a task that does not fail has room for a pointer only
    let mut end: Option<Box<Reraise>> = None;
    poll_with(future, move |mut future, cx| {
        // it is gone if the end was postponed, by another throw, and is polled again
        if let Some(body) = future.as_mut().as_pin_mut() {
            let returned = ready!(body.poll(cx));
            future.set(None);
            match returned {
                Ok(value) => return Poll::Ready(value),
                Err(error) => note(error), // before the task ends, so that the group finds it
            }
        }
        end.get_or_insert_with(|| Box::new(failed())).poll(cx)
    })
}

#[cold]
fn failed() -> Reraise {
    Reraise::new(Cancelled::new(Some(Arc::from("it failed, and its task group has the error"))))
}

/// Awaits `future` and returns what it returns. `note` sees its error.
pub(super) fn result<F, V, E>(future: F, note: impl Fn(&E)) -> impl Future<Output = F::Output>
where
    F: Future<Output = Result<V, E>>,
{
    poll_with(future, move |mut future, cx| {
        let body = future.as_mut().as_pin_mut().expect("a task is not polled again after its end");
        let returned = ready!(body.poll(cx));
        future.set(None);
        // before the task ends, so that the group finds it
        if let Err(error) = &returned {
            note(error);
        }
        Poll::Ready(returned)
    })
}

/// Runs `future` and returns its panic as an error, to be resumed when the children have ended.
pub(super) fn catch_panic<F: Future>(future: F) -> impl Future<Output = Result<F::Output, Panic>> {
    poll_with(future, |mut future, cx| {
        let body = future.as_mut().as_pin_mut().expect("a body is not polled again after its end");
        match catch_unwind(AssertUnwindSafe(|| body.poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(payload) => Poll::Ready(Err(Panic::new(payload))),
        }
    })
}
