//! What optional parts of the crate keep with a loop, one of each type. Owns the shares; must not know what any is for.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Debug, Default)]
pub(crate) struct Extensions {
    things: RefCell<Vec<Rc<dyn Any>>>,
}

impl Extensions {
    /// The one of this type, if it is kept.
    pub(crate) fn get<T: Any>(&self) -> Option<Rc<T>> {
        self.things.borrow().iter().find_map(|thing| Rc::clone(thing).downcast().ok())
    }

    /// The one of this type; made if there is none.
    pub(crate) fn get_or_default<T: Any + Default>(&self) -> Rc<T> {
        self.get().unwrap_or_else(|| {
            let thing = Rc::new(T::default());
            self.things.borrow_mut().push(Rc::clone(&thing) as Rc<dyn Any>);
            thing
        })
    }

    /// One of them, to be dropped.
    pub(crate) fn pop(&self) -> Option<Rc<dyn Any>> {
        self.things.borrow_mut().pop()
    }
}
