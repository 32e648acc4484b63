//! A flag that tasks wait for: asyncio's `Event`. Owns the flag; must not know how waiters are queued.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::task::Context;

use super::acquire::{Acquire, Resource};
use super::waiters::Waiters;
use crate::kernel::{Leaf, What};

/// A flag that tasks wait for: asyncio's `Event`. Clones are the same event.
///
/// # Examples
/// ```
/// use oneloop::{Event, create_task, run, yield_now};
///
/// run(async {
///     let opened = Event::new();
///     let door = opened.clone();
///     let visitor = create_task(async move {
///         door.wait().await;
///         "inside"
///     });
///     yield_now().await;
///     assert!(!visitor.done());
///     opened.set();
///     assert_eq!(visitor.await, "inside");
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[doc(alias = "Notify")]
#[derive(Clone, Default)]
pub struct Event {
    shared: Rc<EventState>,
}

#[derive(Default)]
struct EventState {
    set: Cell<bool>,
    waiters: Waiters,
}

impl Event {
    /// An event that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        self.shared.set.get()
    }

    /// How many tasks wait for it. Once it is set, none does.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{Event, create_task, run, yield_now};
    ///
    /// run(async {
    ///     let opened = Event::new();
    ///     let visitors = [create_task(opened.wait()), create_task(opened.wait())];
    ///     yield_now().await;
    ///     assert_eq!(opened.waiters(), 2);
    ///     opened.set();
    ///     assert_eq!(opened.waiters(), 0);
    ///     for visitor in visitors {
    ///         visitor.await;
    ///     }
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn waiters(&self) -> usize {
        self.shared.waiters.waiting()
    }

    /// Sets it. All waiting tasks go on in the next iteration, in the order in which they came, even if it is cleared
    /// before that.
    pub fn set(&self) {
        if !self.shared.set.replace(true) {
            self.shared.waiters.notify_all();
        }
    }

    /// Clears it: tasks that wait from now on wait for the next [`set`](Self::set).
    pub fn clear(&self) {
        self.shared.set.set(false);
    }

    /// Waits until it is set. Returns at once, without an iteration, if it is set already. The future owns its share of
    /// the event, so it may become a task: `create_task(event.wait())`.
    ///
    /// # Panics
    /// If it has to wait and this thread is in no loop, or if tasks of another loop have waited for this event.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub fn wait(&self) -> impl Future<Output = ()> + use<> {
        Acquire::new(Rc::clone(&self.shared))
    }
}

impl Resource for Rc<EventState> {
    type Acquired = ();
    fn awaited(&self) -> Leaf {
        Leaf::of(What::Event)
    }

    fn waiters(&self) -> &Waiters {
        &self.waiters
    }

    fn try_acquire(&self, _cx: &Context<'_>) -> bool {
        self.set.get()
    }

    fn on_notified(&self, _cx: &Context<'_>) -> bool {
        true
    }

    fn into_acquired(self) {}

    fn on_abandoned(&self, _was_notified: bool) {}
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("set", &self.is_set()).field("waiting", &self.waiters()).finish()
    }
}
