//! The cancellation that is on its way up through the awaits of the running task. Owns its state; must not know how a
//! cancellation begins, nor what catches it.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// How far a cancellation has come inside the running task.
///
/// A cancellation is **thrown** while it is on its way up through the awaits of the running task, from a leaf to the
/// first `catch_cancelled` around it, or to the task's edge: the place where the step polls the coroutine. Rust cannot
/// resume a coroutine with an error, as Python's `throw()` does. So the way up is made of polls that return `Pending`,
/// and the catcher drops the future that it has polled; the destructors in that future are asyncio's `finally`.
///
/// A throw begins in one of two ways. A cancellation is **delivered** when a step of the task begins with a request to
/// cancel it: every leaf then returns `Pending` without looking whether it is ready. A cancellation is **raised** by a
/// leaf, which alone returns `Pending` for it: by the await of something that was cancelled, or by `reraise`.
///
/// ```text
///        the step begins with a request
///     ┌──────────────────────────────────▶ Delivered ──────────────────────┐
///     │                                        │                           │ `catch_cancelled` catches it,
///     │◀───────────────────────────────────────┘                           │ or it reaches the task's edge
///     │    `uncancel` leaves no request                                    │
///    Off ◀─────────────────────────────────────────────────────────────────┤
///     │    the leaf that raised it is dropped, or polled again             │ `catch_cancelled` catches it,
///     │◀───────────────────────────────────────┐                           │ or it reaches the task's edge
///     │                                        │                           │
///     └──────────────────────────────────▶ Raised(n) ──────────────────────┘
///        a leaf raises                       │   ▲
///                                            └───┘ set aside while a `catch_cancelled` polls that stands
///                                                  beside the leaf and not around it
/// ```
///
/// Between two steps the state is `Off`: at its edge the task ends, as cancelled, if nothing has caught the throw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Throw {
    Off,
    Delivered,
    /// Raised by the leaf with this number.
    Raised(u32),
}

/// The throw of a loop, which steps one task at a time.
pub(crate) struct Throwing {
    throw: Cell<Throw>,
    /// The message given to `cancel_with`. None while the throw is `Off`.
    message: RefCell<Option<Arc<str>>>,
    /// The number of the leaf that raised last.
    last_raise: Cell<u32>,
    /// A second leaf wanted to raise while a throw was on. It raises when it is polled again.
    raise_postponed: Cell<bool>,
    /// Since the cancellation was delivered, a leaf has returned `Pending` without looking, and so may have missed its
    /// wake-up.
    leaf_skipped: Cell<bool>,
}

impl Default for Throwing {
    fn default() -> Self {
        Self {
            throw: Cell::new(Throw::Off),
            message: RefCell::default(),
            last_raise: Cell::new(0),
            raise_postponed: Cell::new(false),
            leaf_skipped: Cell::new(false),
        }
    }
}

impl Throwing {
    #[inline]
    pub(crate) fn throw(&self) -> Throw {
        self.throw.get()
    }

    pub(crate) fn start(&self, throw: Throw, message: Option<Arc<str>>) {
        if throw == Throw::Delivered {
            self.leaf_skipped.set(false);
        }
        self.throw.set(throw);
        self.message.replace(message);
    }

    /// Ends the throw and returns its message.
    pub(crate) fn take(&self) -> Option<Arc<str>> {
        self.throw.set(Throw::Off);
        self.message.take()
    }

    pub(crate) fn raise_postponed(&self) -> &Cell<bool> {
        &self.raise_postponed
    }

    pub(crate) fn leaf_skipped(&self) -> &Cell<bool> {
        &self.leaf_skipped
    }

    /// A number for a leaf that raises; never 0.
    pub(crate) fn next_raise(&self) -> u32 {
        let next = self.last_raise.get().wrapping_add(1).max(1);
        self.last_raise.set(next);
        next
    }
}
