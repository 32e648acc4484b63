//! A callback that can be cancelled until it has run: asyncio's `Handle`. Owns the closure; must not know the ready
//! queue, the loop or tasks.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;

use super::ready_queue::{Run, RunRef};
use crate::base::{PooledRc, unsize};

/// A scheduled callback, or a callback that watches a descriptor: asyncio's `Handle`. Dropping the handle does not
/// cancel the callback.
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
    callback: PooledRc<dyn Callback>,
}

impl Handle {
    pub(crate) fn new<F: FnOnce() + 'static>(f: F, created: &'static Location<'static>) -> Self {
        Self::of::<_, Once>(f, created)
    }

    /// The handle of a callback that runs again and again, until it is cancelled.
    pub(crate) fn repeating<F: FnMut() + 'static>(f: F, created: &'static Location<'static>) -> Self {
        Self::of::<_, Repeated>(f, created)
    }

    fn of<F: 'static, K: 'static>(f: F, created: &'static Location<'static>) -> Self
    where
        Closure<F, K>: Run,
    {
        let closure = Closure { f: Cell::new(Some(f)), cancelled: Cell::new(false), created, kind: PhantomData };
        Self { callback: unsize!(PooledRc::new(closure) => dyn Callback) }
    }

    /// The callback, for an entry or a timer.
    pub(crate) fn run_ref(&self) -> RunRef {
        unsize!(self.callback.clone() => dyn Run)
    }

    /// Cancels the callback: it will not run any more, and what it holds is dropped now (or at its end, if it is
    /// running). Does nothing if the callback has run.
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

/// What a handle does with its callback, without knowing the type of the closure.
trait Callback: Run {
    fn cancel(&self);
    fn cancelled(&self) -> bool;
    fn created(&self) -> &'static Location<'static>;
}

/// A closure that runs once.
enum Once {}

/// A closure that runs any number of times.
enum Repeated {}

/// The callback of a handle. `K` is [`Once`] or [`Repeated`].
struct Closure<F, K> {
    /// `None` while it runs, once it has run for the last time, and after it was cancelled.
    f: Cell<Option<F>>,
    cancelled: Cell<bool>,
    created: &'static Location<'static>,
    kind: PhantomData<K>,
}

impl<F: FnOnce()> Run for Closure<F, Once> {
    fn run(&self) {
        if let Some(f) = self.f.take() {
            f();
        }
    }
}

impl<F: FnMut()> Run for Closure<F, Repeated> {
    fn run(&self) {
        // taken out while it runs, as it may cancel itself
        let mut lent = Lent { f: self.f.take(), of: self };
        if let Some(f) = &mut lent.f {
            f();
        }
    }
}

/// The closure while it runs. Dropping this puts it back, also after a panic, unless it was cancelled meanwhile.
struct Lent<'a, F> {
    f: Option<F>,
    of: &'a Closure<F, Repeated>,
}

impl<F> Drop for Lent<'_, F> {
    fn drop(&mut self) {
        if !self.of.cancelled.get() {
            self.of.f.set(self.f.take());
        }
    }
}

impl<F, K> Callback for Closure<F, K>
where
    Self: Run,
{
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
