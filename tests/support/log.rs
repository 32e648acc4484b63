//! What happened, in order. Must not know what it was.

use std::cell::RefCell;
use std::rc::Rc;

/// What happened, in order. Clones are the same log.
pub(crate) type Log<T> = Rc<RefCell<Vec<T>>>;

/// A callback that appends `what` to the log each time it is called.
pub(crate) fn note<T: 'static>(log: &Log<T>, what: impl Into<T> + Clone + 'static) -> impl FnMut() + Clone + 'static {
    let log = Log::clone(log);
    move || log.borrow_mut().push(what.clone().into())
}
