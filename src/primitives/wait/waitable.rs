//! What can be waited for. Owns the list of handle types; must not know the wait.

use crate::awaitables::{AnyFuture, Awaitable, Future, Gathering, Shared, Task, TaskHandle};
use crate::node::{NodeRef, PromiseRef};

/// A handle on something that ends: [`Task`], [`Future`], [`Gathering`], [`Awaitable`], [`Shared`], [`AnyFuture`] or
/// [`TaskHandle`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be waited for: it is no task, future or gathering",
    label = "make it a task first, with `create_task(...)`",
    note = "`wait` and `as_completed` hand back what they were given, so they take handles, not coroutines"
)]
pub trait Waitable: Sealed + 'static {}

/// The inside of a waitable handle.
pub trait Sealed {
    /// The type of its value; `()` for a handle that has no part in it.
    type Out: 'static;
    /// The node behind it.
    fn member(&self) -> Member;
    /// The value behind it, if the handle has a part in it.
    fn value(&self) -> Option<Value<Self::Out>>;
}

/// The node behind a handle.
pub struct Member {
    node: NodeRef,
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

macro_rules! waitable {
    ($($Handle:ident),+) => {
        $(impl<T: 'static> Waitable for $Handle<T> {}

        impl<T: 'static> Sealed for $Handle<T> {
            type Out = T;

            fn member(&self) -> Member {
                Member { node: self.join().node() }
            }

            fn value(&self) -> Option<Value<T>> {
                Some(Value { promise: self.join().promise().clone() })
            }
        })+
    };
}

waitable!(Task, Future, Awaitable, Shared);

impl<O: 'static, K: 'static> Waitable for Gathering<O, K> {}

impl<O: 'static, K: 'static> Sealed for Gathering<O, K> {
    type Out = O;

    fn member(&self) -> Member {
        Member { node: self.join().node() }
    }

    fn value(&self) -> Option<Value<O>> {
        Some(Value { promise: self.join().promise().clone() })
    }
}

impl Waitable for AnyFuture {}

impl Sealed for AnyFuture {
    type Out = ();

    fn member(&self) -> Member {
        Member { node: Self::node(self).clone() }
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

    fn value(&self) -> Option<Value<()>> {
        None
    }
}
