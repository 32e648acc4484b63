//! What can be waited for. Owns the trait `Waitable` and its implementations; must not know the wait.

use crate::awaitables::{AnyFuture, Awaitable, Future, Gathering, Shared, Task, TaskHandle, for_each_handle};
use crate::node::{Core, NodeRef, PromiseRef};

/// A handle on something that ends: [`Task`], [`Future`], [`Gathering`], [`Awaitable`], [`Shared`], [`AnyFuture`] or
/// [`TaskHandle`].
///
/// # Examples
/// ```
/// use oneloop::wait::Waitable;
/// use oneloop::{ReturnWhen, create_task, run, wait};
///
/// /// The first of several tasks, futures or gatherings that is done.
/// async fn first<H: Waitable>(several: Vec<H>) -> Option<H> {
///     wait(several).return_when(ReturnWhen::FirstCompleted).await.done.pop()
/// }
///
/// run(async {
///     let task = first(vec![create_task(async { 7 })]).await.unwrap();
///     assert_eq!(task.await, 7);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be waited for: it is no task, future or gathering",
    label = "make it a task first, with `create_task(...)`",
    note = "`wait` and `as_completed` hand back what they were given, so they take handles, not coroutines"
)]
pub trait Waitable: Sealed + 'static {}

/// The part of `Waitable` that is not public.
pub trait Sealed {
    /// The type of the value; `()` for a handle without one.
    type Out: 'static;
    /// The node behind the handle.
    fn member(&self) -> Member;
    /// What that node has in common with all others.
    fn member_core(&self) -> MemberCore<'_>;
    /// The value behind the handle, if its type has one.
    fn value(&self) -> Option<Value<Self::Out>>;
}

/// The node behind a handle.
pub struct Member {
    node: NodeRef,
}

/// What the node behind a handle has in common with all others.
pub struct MemberCore<'a> {
    core: &'a Core,
}

/// The value behind a handle.
pub struct Value<O> {
    promise: PromiseRef<O>,
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Member")
    }
}

impl std::fmt::Debug for MemberCore<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemberCore")
    }
}

impl<O> std::fmt::Debug for Value<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Value")
    }
}

impl<O> Value<O> {
    pub(super) fn into_promise(self) -> PromiseRef<O> {
        self.promise
    }
}

/// The node behind a handle.
pub(crate) fn node_of(handle: &impl Waitable) -> NodeRef {
    handle.member().node
}

/// As `node_of`, without a new pointer to the node.
#[inline]
pub(super) fn core_of(handle: &impl Waitable) -> &Core {
    handle.member_core().core
}

macro_rules! waitable {
    ($($Handle:ident<T $(, $K:ident)?>: $($Type:ty),+;)+) => { $(
        impl<T: 'static $(, $K: 'static)?> Waitable for $Handle<T $(, $K)?> {}

        impl<T: 'static $(, $K: 'static)?> Sealed for $Handle<T $(, $K)?> {
            type Out = T;

            fn member(&self) -> Member {
                Member { node: self.join().node() }
            }

            #[inline]
            fn member_core(&self) -> MemberCore<'_> {
                MemberCore { core: self.join().core() }
            }

            fn value(&self) -> Option<Value<T>> {
                Some(Value { promise: self.join().promise().clone() })
            }
        }
    )+ };
}

for_each_handle!(waitable);

impl Waitable for AnyFuture {}

impl Sealed for AnyFuture {
    type Out = ();

    fn member(&self) -> Member {
        Member { node: Self::node(self).clone() }
    }

    fn member_core(&self) -> MemberCore<'_> {
        MemberCore { core: Self::node(self).core() }
    }

    fn value(&self) -> Option<Value<()>> {
        None
    }
}

impl Waitable for TaskHandle {}

impl Sealed for TaskHandle {
    type Out = ();

    fn member(&self) -> Member {
        Member { node: AnyFuture::node(self).clone() }
    }

    fn member_core(&self) -> MemberCore<'_> {
        MemberCore { core: AnyFuture::node(self).core() }
    }

    fn value(&self) -> Option<Value<()>> {
        None
    }
}
