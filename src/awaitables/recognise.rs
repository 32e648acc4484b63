//! asyncio's `ensure_future`: a handle on any awaitable, which is the awaitable itself, or a handle on a new task.
//! Owns the recognition of the crate's handle types behind a type parameter; must not know what is done with them.
#![expect(unsafe_code, reason = "the contract of a downcast for types that are not 'static")]

use std::any::{Any, TypeId};
use std::panic::Location;
use std::rc::Rc;

use super::future::Future;
use super::gathering::{FirstError, Gathering, Outcomes, Values};
use super::handles::for_each_handle;
use super::join_handle::JoinHandle;
use super::shared::{Awaitable, Shared};
use super::task::{Task, start};
use crate::base::{downcast, same_but_for_lifetimes};
use crate::current;
use crate::node::Loop;

/// Returns a task, future or gathering as it is, and a coroutine as a new task: asyncio's `ensure_future`.
///
/// # Examples
/// ```
/// use oneloop::{create_task, ensure_future, run};
///
/// run(async {
///     let task = create_task(async { 1 });
///     let handle = task.any();
///     let ensured = ensure_future(task);
///     assert_eq!(ensured.any(), handle); // on the same task
///     assert_eq!(ensured.await, 1);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Panics
/// If this thread is in no loop, or the loop is closed.
#[track_caller]
pub fn ensure_future<F>(future: F) -> Awaitable<F::Output>
where
    F: std::future::Future + 'static,
    F::Output: 'static,
{
    Awaitable::from_join(joined(&current::expect(), future, Location::caller()))
}

/// `future` itself if it is a handle, and otherwise a handle on a new task of `kernel`.
pub(crate) fn joined<F>(kernel: &Rc<Loop>, future: F, created: &'static Location<'static>) -> JoinHandle<F::Output>
where
    F: std::future::Future + 'static,
    F::Output: 'static,
{
    match recognise(future) {
        Ok(join) => join,
        Err(coroutine) => start(Rc::clone(kernel), coroutine, created).into_join(),
    }
}

/// Returns `future` as the handle that it is, or unchanged as an error.
pub(crate) fn recognise<F, T>(future: F) -> Result<JoinHandle<T>, F>
where
    F: std::future::Future<Output = T> + 'static,
    T: 'static,
{
    macro_rules! try_each {
        ($($Handle:ident<T $(, $K:ident)?>: $($Type:ty),+;)+) => {
            if const { is_too_large::<F, T>() } {
                return Err(future);
            }
            // the types are compared first, so that a coroutine, which may be large, is not moved into `slot` in vain
            if !is_handle::<F, T>() {
                return Err(future);
            }
            let mut slot = Some(future);
            let any: &mut dyn Any = &mut slot;
            $($(
                if let Some(handle) = any.downcast_mut::<Option<$Type>>().and_then(Option::take) {
                    return Ok(handle.into_join());
                }
            )+)+
        };
    }
    for_each_handle!(try_each);
    unreachable!("`F` is one of the types in the list")
}

/// Whether `recognise` returns every `F` as the handle that it is, and none unchanged.
pub(crate) fn is_handle<F, T>() -> bool
where
    F: std::future::Future<Output = T> + 'static,
    T: 'static,
{
    macro_rules! any_of {
        ($($Handle:ident<T $(, $K:ident)?>: $($Type:ty),+;)+) => {
            $($(TypeId::of::<F>() == TypeId::of::<$Type>())||+)||+
        };
    }
    for_each_handle!(any_of)
}

/// Whether `F` is larger than any handle. It is asked in a constant, so for most coroutines nothing behind that is
/// compiled.
const fn is_too_large<F, T>() -> bool {
    macro_rules! largest {
        ($($Handle:ident<T $(, $K:ident)?>: $($Type:ty),+;)+) => {{
            let mut largest = size_of::<&mut T>();
            $($(
                if size_of::<$Type>() > largest {
                    largest = size_of::<$Type>();
                }
            )+)+
            largest
        }};
    }
    size_of::<F>() > for_each_handle!(largest)
}

/// `recognise` for a type that may hold references. It also recognises a `&mut` to a handle, and returns one more
/// handle then.
pub(crate) fn recognise_borrowed<F, T>(future: F) -> Result<JoinHandle<T>, F>
where
    F: IntoFuture<Output = T>,
{
    macro_rules! try_each {
        ($($Handle:ident<T $(, $K:ident)?>: $($Type:ty),+;)+) => {{
            if const { is_too_large::<F, T>() } {
                return Err(future);
            }
            // as above: a coroutine is not moved in vain
            if $($(!same_but_for_lifetimes::<F, $Type>() && !same_but_for_lifetimes::<F, &mut $Type>())&&+)&&+ {
                return Err(future);
            }
            let unknown = future;
            $($(
                // SAFETY: `F` determines its output and with it the handle's type, lifetimes included.
                let unknown = match unsafe { downcast::<F, $Type>(unknown) } {
                    Ok(handle) => return Ok(handle.into_join()),
                    Err(future) => future,
                };
                // SAFETY: as above, except for the lifetime of the reference, and the reference is dropped in this arm.
                let unknown = match unsafe { downcast::<F, &mut $Type>(unknown) } {
                    Ok(handle) => return Ok(handle.join.another()),
                    Err(future) => future,
                };
            )+)+
            Err(unknown)
        }};
    }
    for_each_handle!(try_each)
}
