//! A set of context variables: asyncio's `Context` as a value. Owns the map from a variable's id to its value; must not
//! know which context this thread is in, nor the type of any value.
//!
//! Invariant: **no code of a user runs under a borrow taken here.** Values are counted pointers, so reading one clones
//! the pointer. A replaced value is returned, and the caller drops it.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::rc::{Rc, Weak};

/// The value of a variable. The variable knows its type.
pub(crate) type Value = Rc<dyn ErasedValue>;

/// A value in a context, without its type.
pub(crate) trait ErasedValue {
    fn as_any(&self) -> &dyn Any;

    /// A copy for another thread; `None` for a value that stays on its thread. Calls code of a user.
    fn parcel(&self) -> Option<Parcel>;
}

/// A copy of a value on its way to another thread, which makes a value of it there.
pub(crate) type Parcel = Box<dyn FnOnce() -> Value + Send>;

/// Names a variable. No two variables of the process have the same id.
pub(crate) type VariableId = u64;

/// The values of context variables: asyncio's `Context`.
///
/// It is a cheap handle: clones are the same context, and equal. [`copy`](Self::copy) makes another context with the
/// same values. A context belongs to one thread, like the values in it.
///
/// Every task runs in a context of its own: a copy of its creator's context, made when the task is created. So a task
/// inherits the values of its creator, and what it sets is visible to itself alone. Every callback runs in a copy made
/// when it is registered. [`Task::in_context`](crate::Task::in_context) lets a task share a context; a callback enters
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

/// The bindings, sorted by id. Copies share the vector until one of them sets a variable.
#[derive(Default)]
struct Variables {
    bindings: RefCell<Rc<Vec<(VariableId, Value)>>>,
}

impl Context {
    /// A context in which no variable is set: asyncio's `Context()`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another context with the same values: asyncio's `copy()`. Its cost does not depend on the number of variables.
    #[must_use = "the context itself is not changed; use the copy that this returns"]
    pub fn copy(&self) -> Self {
        let bindings = Rc::clone(&self.variables.bindings.borrow());
        Self { variables: Rc::new(Variables { bindings: RefCell::new(bindings) }) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.variables.bindings.borrow().is_empty()
    }

    pub(crate) fn value(&self, id: VariableId) -> Option<Value> {
        let bindings = self.variables.bindings.borrow();
        let at = find(&bindings, id).ok()?;
        Some(Rc::clone(&bindings[at].1))
    }

    /// Sets a variable, or unsets it if `value` is `None`, and returns the previous value.
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

    /// Copies of the values that may go to another thread. Calls code of a user.
    pub(crate) fn parcels(&self) -> Vec<(VariableId, Parcel)> {
        let bindings = Rc::clone(&self.variables.bindings.borrow());
        bindings.iter().filter_map(|(id, value)| Some((*id, value.parcel()?))).collect()
    }

    /// A name of this context that does not keep its values alive.
    pub(crate) fn identity(&self) -> Identity {
        Identity(Rc::downgrade(&self.variables))
    }
}

fn find(bindings: &[(VariableId, Value)], id: VariableId) -> Result<usize, usize> {
    bindings.binary_search_by_key(&id, |(id, _)| *id)
}

/// Equal if it is the same context. Two contexts with the same values are not equal.
impl PartialEq for Context {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.variables, &other.variables)
    }
}

impl Eq for Context {}

impl Hash for Context {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Rc::as_ptr(&self.variables).hash(state);
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = self.variables.bindings.borrow().len();
        f.debug_struct("Context").field("set", &set).finish_non_exhaustive()
    }
}

/// Names one context.
pub(crate) struct Identity(Weak<Variables>);

impl Identity {
    pub(crate) fn is(&self, context: &Context) -> bool {
        // the weak pointer keeps the block, so no later context can have the same address
        std::ptr::eq(self.0.as_ptr(), Rc::as_ptr(&context.variables))
    }
}
