//! A callback that can be cancelled until it has run: asyncio's `Handle`. Owns the closure; must not know the queue it
//! waits in, the loop, or tasks.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use crate::ready::Run;

/// A scheduled callback. Dropping a handle leaves the callback scheduled.
///
/// # Examples
/// ```
/// use oneloop::{EventLoop, yield_now};
/// use std::{cell::Cell, rc::Rc};
///
/// let lp = EventLoop::new()?;
/// let ran = Rc::new(Cell::new(0));
/// let (one, two) = (ran.clone(), ran.clone());
/// lp.call_soon(move || one.set(one.get() + 1));
/// lp.call_soon(move || two.set(two.get() + 10)).cancel();
/// lp.run_until_complete(yield_now())?;
/// assert_eq!(ran.get(), 1);
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone)]
pub struct Handle {
    callback: Rc<dyn Callback>,
}

impl Handle {
    pub(crate) fn new<F: FnOnce() + 'static>(f: F, created: &'static Location<'static>) -> Self {
        Self { callback: Rc::new(Once { f: Cell::new(Some(f)), cancelled: Cell::new(false), created }) }
    }

    pub(crate) fn entry(&self) -> Rc<dyn Run> {
        Rc::clone(&self.callback) as Rc<dyn Run>
    }

    /// Takes the callback back: it will not run, and what it holds is dropped now. Does nothing once it has run.
    pub fn cancel(&self) {
        self.callback.cancel();
    }

    /// Whether `cancel` was called.
    pub fn cancelled(&self) -> bool {
        self.callback.cancelled()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let created = self.callback.created();
        f.debug_struct("Handle").field("cancelled", &self.cancelled()).field("created", &created).finish()
    }
}

/// What a handle can do with its closure without knowing its type.
trait Callback: Run {
    fn cancel(&self);
    fn cancelled(&self) -> bool;
    fn created(&self) -> &'static Location<'static>;
}

struct Once<F> {
    f: Cell<Option<F>>,
    cancelled: Cell<bool>,
    created: &'static Location<'static>,
}

impl<F: FnOnce() + 'static> Run for Once<F> {
    fn run(self: Rc<Self>, _index: u32) {
        if let Some(f) = self.f.take() {
            f();
        }
    }
}

impl<F: FnOnce() + 'static> Callback for Once<F> {
    fn cancel(&self) {
        self.cancelled.set(true);
        drop(self.f.take());
    }

    fn cancelled(&self) -> bool {
        self.cancelled.get()
    }

    fn created(&self) -> &'static Location<'static> {
        self.created
    }
}
