//! A callback that can be cancelled until it has run: asyncio's `Handle`. Owns the closure; must not know the ready
//! queue, the loop or tasks.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;

use super::ready_queue::{Run, RunRef};
use crate::base::{Context, PooledRc, unsize};

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
        Self::of::<_, _, Once>(move |()| f(), (), created)
    }

    /// The handle of a callback that is given the context in which it is to run.
    pub(crate) fn in_context<F>(f: F, context: Option<Context>, created: &'static Location<'static>) -> Self
    where
        F: FnOnce(Option<Context>) + 'static,
    {
        Self::of::<_, _, Once>(f, context, created)
    }

    /// The handle of a callback that runs again and again, until it is cancelled. It is given the same context each
    /// time, and may put one there if there is none.
    pub(crate) fn repeating<F>(f: F, context: Option<Context>, created: &'static Location<'static>) -> Self
    where
        F: FnMut(&mut Option<Context>) + 'static,
    {
        Self::of::<_, _, Repeated>(f, context, created)
    }

    fn of<F: 'static, C: Inherited, K: 'static>(f: F, context: C, created: &'static Location<'static>) -> Self
    where
        Closure<F, C, K>: Run,
    {
        let body = Cell::new(Some(Body { f, context }));
        let closure = Closure { body, cancelled: Cell::new(false), created, kind: PhantomData };
        Self { callback: unsize!(PooledRc::new(closure) => dyn Callback) }
    }

    /// The callback, for an entry or a timer.
    pub(crate) fn run_ref(&self) -> RunRef {
        unsize!(self.callback.clone() => dyn Run)
    }

    /// Where the callback was scheduled.
    pub(crate) fn created(&self) -> &'static Location<'static> {
        self.callback.created().unwrap_or_else(|| unreachable!("a closure knows where it was made"))
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

    /// The context in which the callback will run: asyncio's `get_context()`. `None` while it runs, and once it has run
    /// for the last time or was cancelled: what it holds is dropped then, and so is its context.
    ///
    /// A callback that was registered before this thread has used any variable has an empty context, and what it sets
    /// itself is not seen in there.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{ContextVar, EventLoop};
    ///
    /// static REQUEST: ContextVar<u32> = ContextVar::new("request");
    ///
    /// let lp = EventLoop::new()?;
    /// REQUEST.set(7);
    /// let handle = lp.call_soon(|| assert_eq!(REQUEST.get(), Some(7)));
    /// REQUEST.set(8);
    /// assert_eq!(handle.get_context().and_then(|ctx| ctx.get(&REQUEST)), Some(7));
    /// handle.cancel();
    /// assert!(handle.get_context().is_none());
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn get_context(&self) -> Option<Context> {
        self.callback.context()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("cancelled", &self.cancelled()).field("created", &self.created()).finish()
    }
}

/// What a handle does with its callback, without knowing the type of the closure.
trait Callback: Run {
    fn cancel(&self);
    fn cancelled(&self) -> bool;
    fn context(&self) -> Option<Context>;
}

/// A closure that runs once.
enum Once {}

/// A closure that runs any number of times.
enum Repeated {}

/// A closure, and the context that it is given. What runs in no context of its own has `()` there, which takes no room.
struct Body<F, C> {
    f: F,
    context: C,
}

/// What a callback has inherited from its registration.
trait Inherited: Clone + 'static {
    /// The context. An empty one is made, and kept, if there is room for it.
    fn context(&mut self) -> Context;
}

impl Inherited for () {
    fn context(&mut self) -> Context {
        Context::new()
    }
}

impl Inherited for Option<Context> {
    fn context(&mut self) -> Context {
        self.get_or_insert_default().clone()
    }
}

/// The callback of a handle. `K` is [`Once`] or [`Repeated`].
struct Closure<F, C, K> {
    /// `None` while it runs, once it has run for the last time, and after it was cancelled.
    body: Cell<Option<Body<F, C>>>,
    cancelled: Cell<bool>,
    created: &'static Location<'static>,
    kind: PhantomData<K>,
}

impl<F: FnOnce(C), C: Inherited> Run for Closure<F, C, Once> {
    fn run(&self) {
        if let Some(Body { f, context }) = self.body.take() {
            f(context);
        }
    }

    fn created(&self) -> Option<&'static Location<'static>> {
        Some(self.created)
    }
}

impl<F: FnMut(&mut C), C: Inherited> Run for Closure<F, C, Repeated> {
    fn run(&self) {
        // taken out while it runs, as it may cancel itself
        let mut lent = Lent { body: self.body.take(), of: self };
        if let Some(Body { f, context }) = &mut lent.body {
            f(context);
        }
    }

    fn created(&self) -> Option<&'static Location<'static>> {
        Some(self.created)
    }
}

/// The closure while it runs. Dropping this puts it back, also after a panic, unless it was cancelled meanwhile.
struct Lent<'a, F, C> {
    body: Option<Body<F, C>>,
    of: &'a Closure<F, C, Repeated>,
}

impl<F, C> Drop for Lent<'_, F, C> {
    fn drop(&mut self) {
        if !self.of.cancelled.get() {
            self.of.body.set(self.body.take());
        }
    }
}

impl<F, C: Inherited, K> Callback for Closure<F, C, K>
where
    Self: Run,
{
    fn cancel(&self) {
        self.cancelled.set(true);
        drop(self.body.take());
    }

    fn cancelled(&self) -> bool {
        self.cancelled.get()
    }

    fn context(&self) -> Option<Context> {
        let mut body = self.body.take();
        let context = body.as_mut().map(|body| body.context.context());
        self.body.set(body);
        context
    }
}
