//! The scopes that are being polled, each inside the next. Owns this stack; must not know what a scope does with a
//! cancellation.
#![expect(unsafe_code, reason = "every poll of a scope pushes a frame; a stack in a RefCell would cost a tenth of it")]

use std::cell::Cell;
use std::ptr;

use super::await_tree::{AwaitTree, Awaited, Place, ScopeEntry};
use super::scope::{OwnThrow, Scope};

/// A scope that is being polled.
struct Frame<P> {
    scope: *const Scope,
    own: *const OwnThrow<P>,
    around: *const Self,
}

/// The scopes that are being polled, the innermost first.
///
/// Invariant, **on the stack**: `innermost` is null or comes from a call of `during` that has not returned, and so do
/// the frames around it; a frame points to what was given to its call.
pub(crate) struct Enclosing<P> {
    innermost: Cell<*const Frame<P>>,
    /// How many of them have a request of their own that their task counts.
    requests: Cell<u32>,
}

impl<P> Default for Enclosing<P> {
    fn default() -> Self {
        Self { innermost: Cell::new(ptr::null()), requests: Cell::new(0) }
    }
}

/// The scopes of a step, put aside while another one is taken inside it.
pub(super) struct EnclosingPutAside<P> {
    innermost: *const Frame<P>,
    requests: u32,
}

/// Makes the frame around the innermost one again when it is dropped, also if the poll has panicked.
struct Leave<'a, P> {
    enclosing: &'a Enclosing<P>,
    around: *const Frame<P>,
    is_requested: bool,
}

impl<P> Drop for Leave<'_, P> {
    #[inline]
    fn drop(&mut self) {
        self.enclosing.innermost.set(self.around);
        if self.is_requested {
            self.enclosing.requests.set(self.enclosing.requests.get() - 1);
        }
    }
}

impl<P> Enclosing<P> {
    /// A step begins inside the running one, whose scopes do not enclose it.
    pub(super) fn begin_nested(&self) -> EnclosingPutAside<P> {
        EnclosingPutAside { innermost: self.innermost.replace(ptr::null()), requests: self.requests.replace(0) }
    }

    /// The nested step is over. The calls of `during` around it go on.
    pub(super) fn end_nested(&self, aside: &EnclosingPutAside<P>) {
        self.innermost.set(aside.innermost);
        self.requests.set(aside.requests);
    }
}

impl<P: Clone + PartialEq> Enclosing<P> {
    /// Calls `f` with `scope` as the innermost scope. `is_requested`: its task counts a request of this scope.
    #[inline]
    pub(crate) fn during<R>(
        &self,
        scope: &Scope,
        own: Option<&OwnThrow<P>>,
        is_requested: bool,
        f: impl FnOnce() -> R,
    ) -> R {
        let around = self.innermost.get();
        let frame = Frame { scope, own: own.map_or(ptr::null(), ptr::from_ref), around };
        self.innermost.set(&raw const frame);
        if is_requested {
            self.requests.set(self.requests.get() + 1);
        }
        let _leave = Leave { enclosing: self, around, is_requested };
        f()
    }

    /// How many of the scopes have a request of their own that their task counts.
    pub(crate) fn requests(&self) -> u32 {
        self.requests.get()
    }

    /// Shows the scopes that can throw to `look`, the innermost first, until it returns a value.
    pub(crate) fn find<R>(&self, mut look: impl FnMut(&OwnThrow<P>) -> Option<R>) -> Option<R> {
        let mut at = self.innermost.get();
        // SAFETY: on the stack: the calls of `during` return only after this one.
        while let Some(frame) = unsafe { at.as_ref() } {
            // SAFETY: as above.
            if let Some(found) = unsafe { frame.own.as_ref() }.and_then(&mut look) {
                return Some(found);
            }
            at = frame.around;
        }
        None
    }

    /// The place of the innermost scope in the tree; `task` returns that of the task, if no scope is being polled. The
    /// scopes that have none yet are entered.
    #[cold]
    pub(crate) fn place(&self, tree: &AwaitTree<P>, loop_number: u16, task: impl FnOnce() -> Place) -> Place {
        let mut without: Vec<&Scope> = Vec::new();
        let mut parent = Place::NONE;
        let mut at = self.innermost.get();
        // SAFETY: on the stack.
        while let Some(frame) = unsafe { at.as_ref() } {
            // SAFETY: on the stack.
            let scope = unsafe { &*frame.scope };
            parent = scope.place();
            if parent != Place::NONE {
                break;
            }
            without.push(scope);
            at = frame.around;
        }
        if parent == Place::NONE {
            parent = task();
        }
        for scope in without.into_iter().rev() {
            parent = tree.insert(parent, Awaited::Scope(ScopeEntry::default()));
            scope.set_place(parent, loop_number);
        }
        parent
    }
}
