//! Scopes: the parts of a task that cancellations are meant for. Owns the place of a scope among what its task awaits,
//! and its wake; must not know how a cancellation meets a scope.
//!
//! A **scope** is a part of a task: what a `catch_cancelled` holds, what a time limit holds, the body of a group. Each
//! is inside the scope that polls it, or directly in the task. A cancellation is meant for one scope and what is inside
//! it. What is beside that scope does not meet the cancellation, in whatever order a combinator polls the two.
//!
//! - A **catcher** (`catch_cancelled`, a group) meets what covers it, whether it comes from its task or from a scope
//!   around it, if it waits: if it was polled in the last step, or stands under a waker of another crate.
//! - A **time limit** and a **group** can throw by themselves: see `own_throw.rs`. A limit lets pass what is not its
//!   own, and keeps what it holds.

use std::sync::Arc;
use std::task::Context;

use super::leaf::{innermost_place, with_running};
use crate::base::WakeTarget;
use crate::current::{self, key_of};
use crate::kernel::{Awaited, Catches, OwnThrow, Place, Scope, ScopeEntry, ThrowMessage};
use crate::node::{Loop, NodeRef, TaskState, wake};

/// A scope, as its polls see it.
#[derive(Clone, Copy)]
pub(crate) struct ScopeRef<'a> {
    pub(super) cells: &'a Scope,
    /// None for a scope that cannot throw by itself.
    pub(super) own: Option<&'a OwnThrow<NodeRef>>,
}

impl ScopeRef<'_> {
    /// The scope is over, or this part of it.
    #[inline]
    pub(crate) fn leave(self, kernel: &Loop) {
        if self.cells.is_marked() {
            self.leave_marked(kernel);
        }
    }

    fn leave_marked(self, kernel: &Loop) {
        if let Some(other) = self.cells.other_loop(kernel.number()) {
            leave_other_loop(self.cells, other);
        }
        if self.own.is_some_and(|own| own.is_told.get()) {
            kernel.await_tree().take_back(self.cells.place());
        }
        let place = with_running(kernel, |task| self.cells.leave(kernel.step(), Some(task.awaits())));
        if let Some(place) = place.unwrap_or_else(|| self.cells.leave(kernel.step(), None)) {
            drop(kernel.await_tree().remove(place));
        }
    }

    /// Whether a catcher waits inside.
    pub(super) fn has_catcher(self, kernel: &Loop, counted: u32) -> bool {
        counted != 0 || self.cells.place() != Place::NONE && kernel.await_tree().has_catcher(self.cells.place())
    }
}

/// Gives up a place in the tree of another loop. If this thread has left that loop, the entry stays until the loop
/// goes.
#[cold]
pub(super) fn leave_other_loop(cells: &Scope, number: u16) {
    let place = cells.take_place();
    if let Some(kernel) = current::entered(number) {
        drop(kernel.await_tree().remove(place));
    }
}

/// Gives the scope its place in the tree, if it needs one: under a waker of another crate, or once it has one. Returns
/// the message of the throw that it was told of, if it is a catcher under such a waker.
pub(super) fn settle_place(kernel: &Loop, scope: ScopeRef<'_>, cx: &Context<'_>) -> Option<ThrowMessage> {
    let is_foreign = key_of(cx.waker()).is_none();
    if let Some(other) = scope.cells.other_loop(kernel.number()) {
        leave_other_loop(scope.cells, other);
    }
    let place = scope.cells.place();
    if !is_foreign && place == Place::NONE {
        return None;
    }
    let (tree, parent) = (kernel.await_tree(), innermost_place(kernel)?);
    if place == Place::NONE {
        scope.cells.set_place(tree.insert(parent, Awaited::Scope(ScopeEntry::default())), kernel.number());
    } else {
        tree.move_below(place, parent);
    }
    scope.cells.set_foreign(is_foreign);
    // cloning a waker may run code of a user, so it is not done under the borrow of the tree
    let place = scope.cells.place();
    let has_it = |entry: &mut ScopeEntry| entry.waker.as_ref().is_some_and(|w| w.will_wake(cx.waker()));
    let waker = (is_foreign && tree.with_scope(place, has_it) != Some(true)).then(|| cx.waker().clone());
    let catches = match (scope.cells.is_catcher(), scope.cells.may_catch()) {
        (true, _) => Catches::All,
        (false, true) => Catches::ForItsOwn,
        (false, false) => Catches::Nothing,
    };
    let (told, unused) = tree.with_scope(place, |entry| {
        entry.is_foreign = is_foreign;
        entry.catches = catches;
        let unused = if waker.is_some() || !is_foreign { std::mem::replace(&mut entry.waker, waker) } else { None };
        (entry.told.take(), unused)
    })?;
    drop(unused);
    told.map(|told| told.message)
}

/// Wakes the catchers that may be inside another scope than where they stand in the tree, so that they are polled by it
/// before a throw: those of the task with the root `task`, and those of no task. Returns whether there is any.
pub(crate) fn wake_uncertain(kernel: &Loop, task: Option<Place>) -> bool {
    let wakers = kernel.await_tree().take_uncertain(task);
    let any = !wakers.is_empty();
    for waker in wakers {
        wake(kernel, WakeTarget::Foreign(waker));
    }
    any
}

/// Tells the catchers that stand below `root` under wakers of other crates of a throw, and wakes them.
pub(crate) fn tell(kernel: &Loop, root: Place, message: Option<&Arc<str>>) {
    for waker in kernel.await_tree().tell(root, message) {
        wake(kernel, WakeTarget::Foreign(waker));
    }
}

/// Wakes a scope: by the waker of another crate that it stands under, or by that of the task that has polled it.
pub(super) fn wake_scope(kernel: &Loop, scope: ScopeRef<'_>, task: Option<&TaskState>) {
    let place = scope.cells.place();
    let foreign = if place == Place::NONE {
        None
    } else {
        kernel.await_tree().with_scope(place, |entry| entry.is_foreign.then(|| entry.waker.take())).flatten()
    };
    match (foreign, task) {
        (Some(waker), _) => waker.into_iter().for_each(|waker| wake(kernel, WakeTarget::Foreign(waker))),
        (None, Some(task)) => drop(kernel.wake(task.key())),
        (None, None) => {}
    }
}
