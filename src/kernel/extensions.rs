//! Values that other parts of the crate keep with a loop, such as its signal handlers. Owns one value of each type;
//! must not know the purpose of any.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// The values that other parts of the crate keep with one loop.
#[derive(Debug, Default)]
pub(crate) struct Extensions {
    values: RefCell<Vec<Rc<dyn Any>>>,
}

impl Extensions {
    /// The value of type `T`, if there is one.
    pub(crate) fn get<T: Any>(&self) -> Option<Rc<T>> {
        self.values.borrow().iter().find_map(|value| Rc::clone(value).downcast().ok())
    }

    /// The value of type `T`. If there is none, it is made.
    pub(crate) fn get_or_default<T: Any + Default>(&self) -> Rc<T> {
        self.get().unwrap_or_else(|| {
            let value = Rc::new(T::default());
            self.values.borrow_mut().push(Rc::clone(&value) as Rc<dyn Any>);
            value
        })
    }

    /// Adds a value, of whose type there is none.
    pub(crate) fn insert<T: Any>(&self, value: T) {
        self.values.borrow_mut().push(Rc::new(value));
    }

    /// Removes the value that was made last. The caller drops it, outside the borrow.
    pub(crate) fn pop(&self) -> Option<Rc<dyn Any>> {
        self.values.borrow_mut().pop()
    }
}
