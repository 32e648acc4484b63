//! The values of context variables: asyncio's `Context` as a thing to keep. Owns the map from a variable's number to its
//! value; must not know which context this thread is in, nor the type of any value.
//!
//! Invariant: **no code of a user runs under a borrow taken here.** Values are counted pointers, so a look hands out a
//! share; what is replaced is handed back, to be dropped by the caller.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::rc::{Rc, Weak};

/// A value of a type that its variable knows.
pub(crate) type Value = Rc<dyn Any>;

/// Which variable: a number that no two variables of the process share.
pub(crate) type VariableId = u64;

/// What context variables are set to: asyncio's `Context`.
///
/// A cheap handle: clones are the same context, and equal. [`copy`](Self::copy) makes another one with the same values.
/// A context is of one thread, like the values in it.
///
/// Every task runs in a context of its own: a copy, made when the task is created, of the one that its creator runs in.
/// So it inherits what was set, and what it sets itself stays with it. Every callback runs in a copy made when it is
/// registered. A task is given a context to share by [`Task::in_context`](crate::Task::in_context); a callback enters
/// one by [`run`](Self::run).
///
/// # Examples
/// ```
/// use oneloop::{ContextVar, copy_context};
///
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// let ctx = copy_context();
/// ctx.run(|| USER.set("ann"));
/// assert_eq!(ctx.get(&USER), Some("ann"));
/// assert_eq!(USER.get(), None); // outside nothing has changed
/// ```
#[derive(Clone, Default)]
pub struct Context {
    variables: Rc<Variables>,
}

/// The bindings in order of their numbers, shared by all copies until one of them sets something.
#[derive(Default)]
struct Variables {
    bindings: RefCell<Rc<Vec<(VariableId, Value)>>>,
}

impl Context {
    /// A context in which nothing is set: asyncio's `Context()`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another context with the same values: asyncio's `copy()`. Costs the same however many there are.
    #[must_use = "the copy is what it is called for"]
    pub fn copy(&self) -> Self {
        let bindings = Rc::clone(&self.variables.bindings.borrow());
        Self { variables: Rc::new(Variables { bindings: RefCell::new(bindings) }) }
    }

    pub(crate) fn value(&self, id: VariableId) -> Option<Value> {
        let bindings = self.variables.bindings.borrow();
        let at = find(&bindings, id).ok()?;
        Some(Rc::clone(&bindings[at].1))
    }

    /// Sets a variable, or takes its value out, and hands back what it was.
    pub(crate) fn replace(&self, id: VariableId, value: Option<Value>) -> Option<Value> {
        let mut bindings = self.variables.bindings.borrow_mut();
        match (find(&bindings, id), value) {
            (Ok(at), Some(value)) => Some(std::mem::replace(&mut Rc::make_mut(&mut bindings)[at].1, value)),
            (Ok(at), None) => Some(Rc::make_mut(&mut bindings).remove(at).1),
            (Err(at), Some(value)) => {
                Rc::make_mut(&mut bindings).insert(at, (id, value));
                None
            }
            (Err(_), None) => None,
        }
    }

    /// What it is known again by, without keeping its values.
    pub(crate) fn identity(&self) -> Identity {
        Identity(Rc::downgrade(&self.variables))
    }
}

fn find(bindings: &[(VariableId, Value)], id: VariableId) -> Result<usize, usize> {
    bindings.binary_search_by_key(&id, |(id, _)| *id)
}

/// The same context, not one with the same values.
impl PartialEq for Context {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.variables, &other.variables)
    }
}

impl Eq for Context {}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = self.variables.bindings.borrow().len();
        f.debug_struct("Context").field("set", &set).finish_non_exhaustive()
    }
}

/// Which context, for whoever comes back to it.
pub(crate) struct Identity(Weak<Variables>);

impl Identity {
    pub(crate) fn is(&self, context: &Context) -> bool {
        std::ptr::eq(self.0.as_ptr(), Rc::as_ptr(&context.variables))
    }
}
