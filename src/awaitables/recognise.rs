//! Turns whatever can be awaited into something the loop runs: asyncio's `ensure_future`. Owns the recognition of our
//! own handles behind a type parameter; must not know what is made of them.

#![expect(unsafe_code, reason = "the contract of a downcast for types that are not 'static")]

use std::any::{Any, TypeId};
use std::panic::Location;
use std::rc::Rc;

use super::future::Future as LoopFuture;
use super::gathering::{FirstError, Gathering, Outcomes, Values};
use super::join_handle::JoinHandle;
use super::shared::{Awaitable, Shared};
use crate::awaitables::task::{Task, spawn};
use crate::base::{downcast, same_but_for_lifetimes};
use crate::current;
use crate::node::Loop;

/// A task, future or gathering as it is; a coroutine as a new task: asyncio's `ensure_future`.
///
/// # Examples
/// ```
/// use oneloop::{create_task, ensure_future, run};
///
/// run(async {
///     let task = create_task(async { 1 });
///     let handle = task.handle();
///     let same = ensure_future(task);
///     assert_eq!(&same.handle(), handle.as_any());
///     assert_eq!(same.await, 1);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Panics
/// If this thread is in no loop, or the loop is closed.
#[track_caller]
pub fn ensure_future<F>(future: F) -> Awaitable<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    Awaitable::from_join(joined(&current::expect(), future, true, Location::caller()))
}

/// `future` as a handle: its own, or that of a new task on `kernel`, which is queued or held back.
pub(crate) fn joined<F>(
    kernel: &Rc<Loop>,
    future: F,
    queued: bool,
    created: &'static Location<'static>,
) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    match recognise(future) {
        Ok(join) => join,
        Err(coroutine) => spawn(Rc::clone(kernel), coroutine, queued, created).into_join(),
    }
}

/// `future` as the handle that it is, or back.
pub(crate) fn recognise<F>(future: F) -> Result<JoinHandle<F::Output>, F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    macro_rules! try_each {
        ($($Handle:ty),+) => {
            // asked first, so that a coroutine, which may be large, is not moved about for it
            if $(TypeId::of::<F>() != TypeId::of::<$Handle>())&&+ {
                return Err(future);
            }
            let mut slot = Some(future);
            let any: &mut dyn Any = &mut slot;
            $(if let Some(handle) = any.downcast_mut::<Option<$Handle>>().and_then(Option::take) {
                return Ok(handle.into_join());
            })+
            unreachable!("one of the types was it")
        };
    }
    try_each!(
        Task<F::Output>, LoopFuture<F::Output>, Shared<F::Output>, Awaitable<F::Output>,
        Gathering<F::Output, Values>, Gathering<F::Output, Outcomes>, Gathering<F::Output, FirstError>
    );
}

/// The same for a future that may borrow from somebody.
pub(crate) fn recognise_borrowed<F: IntoFuture>(future: F) -> Result<JoinHandle<F::Output>, F> {
    macro_rules! or_each {
        ($($Handle:ty),+) => {{
            if $(!same_but_for_lifetimes::<F, $Handle>() && !same_but_for_lifetimes::<F, &mut $Handle>())&&+ {
                return Err(future);
            }
            let unknown = future;
            $(
                // SAFETY: `F` determines its output and with it the handle's type, lifetimes included.
                let unknown = match unsafe { downcast::<F, $Handle>(unknown) } {
                    Ok(handle) => return Ok(handle.into_join()),
                    Err(future) => future,
                };
                // SAFETY: as above, but for the lifetime of the reference, which is over at once.
                let unknown = match unsafe { downcast::<F, &mut $Handle>(unknown) } {
                    Ok(handle) => return Ok(handle.another_join()),
                    Err(future) => future,
                };
            )+
            Err(unknown)
        }};
    }
    or_each!(
        Task<F::Output>, LoopFuture<F::Output>, Shared<F::Output>, Awaitable<F::Output>,
        Gathering<F::Output, Values>, Gathering<F::Output, Outcomes>, Gathering<F::Output, FirstError>
    )
}
