//! A task as an observer sees it. Owns the view, and the words for what a task waits for; must not know observers.

use std::fmt;
use std::panic::Location;

use crate::awaitables::{waits_for, waits_in_detail};
use crate::kernel::Queued;
use crate::node::{Ending, Kind, NodeRef, TaskState};

/// A task, while an [`Observer`](crate::Observer) is told of it. It cannot be kept; what identifies the task is its
/// [`id`](Self::id).
///
/// # Examples
/// ```
/// use oneloop::observe::{Moment, ObservedTask};
/// use oneloop::{EventLoop, Observer};
/// use std::cell::RefCell;
/// use std::rc::Rc;
///
/// #[derive(Default)]
/// struct Names(RefCell<Vec<String>>);
///
/// impl Observer for Names {
///     fn created(&self, _: &Moment<'_>, task: ObservedTask<'_>) {
///         self.0.borrow_mut().push(format!("{} in {}", task.id(), task.created().file()));
///     }
/// }
///
/// let (lp, names) = (EventLoop::new()?, Rc::new(Names::default()));
/// lp.add_observer(names.clone());
/// lp.run_until_complete(lp.create_task(async {}))?;
/// assert!(names.0.borrow()[0].starts_with("1 in "));
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct ObservedTask<'a> {
    node: &'a NodeRef,
    state: &'a TaskState,
}

/// How a task has ended, for an [`Observer`](crate::Observer).
///
/// # Examples
/// ```
/// use oneloop::observe::{Moment, ObservedTask, TaskEnding};
/// use oneloop::{EventLoop, Observer};
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// #[derive(Default)]
/// struct Cancelled(Cell<u32>);
///
/// impl Observer for Cancelled {
///     fn ended(&self, _: &Moment<'_>, _: ObservedTask<'_>, ending: TaskEnding) {
///         self.0.set(self.0.get() + u32::from(ending == TaskEnding::Cancelled));
///     }
/// }
///
/// let (lp, cancelled) = (EventLoop::new()?, Rc::new(Cancelled::default()));
/// lp.add_observer(cancelled.clone());
/// let task = lp.create_task(async {});
/// task.cancel();
/// lp.run_until_complete(oneloop::yield_now())?;
/// assert_eq!(cancelled.0.get(), 1);
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskEnding {
    /// It has returned a value. (That may be an `Err`.)
    Returned,
    /// It was cancelled, or its loop was closed.
    Cancelled,
    /// It has panicked.
    Panicked,
}

impl<'a> ObservedTask<'a> {
    /// `None` if the node is not a task.
    pub(crate) fn new(node: &'a NodeRef) -> Option<Self> {
        match node.kind() {
            Kind::Task(state) => Some(Self { node, state }),
            Kind::Plain | Kind::Gathering(_) => None,
        }
    }

    /// The number of the task: unique on its loop, counted from 1 in order of creation.
    pub fn id(&self) -> u64 {
        self.node.core().id_of(self.state)
    }

    /// The name of the task; `Task-` and its number by default. A name is given after the creation, so what an observer
    /// was told there may not be the last word.
    pub fn name(&self) -> String {
        self.node.core().name_of(self.state)
    }

    /// Appends the name that the task was given, if it was given one, to a text that has its memory already.
    pub(super) fn append_own_name(&self, text: &mut String) -> bool {
        self.state.append_own_name(text)
    }

    /// Where the task was created.
    pub fn created(&self) -> &'static Location<'static> {
        self.state.created()
    }

    /// Whether it is work of the loop itself, which `all_tasks` leaves out.
    pub(super) fn is_hidden(&self) -> bool {
        self.state.is_hidden()
    }

    /// How it has ended; `None` if it has not.
    pub fn ending(&self) -> Option<TaskEnding> {
        if !self.node.core().is_done() {
            return None;
        }
        Some(match self.node.core().ending() {
            None => TaskEnding::Returned,
            Some(Ending::Cancelled(_)) => TaskEnding::Cancelled,
            Some(Ending::Panicked(_)) => TaskEnding::Panicked,
        })
    }

    /// Whether the task is in the ready queue: it will take a step, and waits for nothing.
    pub fn is_ready(&self) -> bool {
        self.node.queued().get()
    }

    /// What the task waits for since its last step, in words, such as `a timer` or `a gathering of 3`: several, if it
    /// polls several futures at once. Empty if it waits for something outside of the loop.
    pub fn waits_for(&self) -> Vec<String> {
        waits_for(self.node.core().kernel(), self.state)
    }

    /// As [`waits_for`](Self::waits_for), with all that the loop knows of it, in the words of the
    /// [call graph](crate::EventLoop::call_graph): `a lock held by Task-7`, `room in a queue, full (100)`,
    /// `tcp 127.0.0.1:80 to be readable`. It is found out when it is asked for, and for a socket the system is asked.
    ///
    /// # Examples
    /// ```
    /// use oneloop::observe::{Moment, ObservedTask};
    /// use oneloop::{EventLoop, Lock, Observer, create_task, yield_now};
    /// use std::cell::RefCell;
    /// use std::rc::Rc;
    ///
    /// #[derive(Default)]
    /// struct Waits(RefCell<Vec<String>>);
    ///
    /// impl Observer for Waits {
    ///     fn parked(&self, _: &Moment<'_>, task: ObservedTask<'_>) {
    ///         self.0.borrow_mut().extend(task.waits_in_detail());
    ///     }
    /// }
    ///
    /// let (lp, waits) = (EventLoop::new()?, Rc::new(Waits::default()));
    /// lp.add_observer(waits.clone());
    /// lp.run_until_complete(async {
    ///     let lock = Lock::new(());
    ///     let _held = lock.acquire().await;
    ///     let wanted = lock.clone();
    ///     create_task(async move { drop(wanted.acquire().await) });
    ///     yield_now().await;
    /// })?;
    /// assert!(waits.0.borrow().contains(&"a lock held by Task-1".to_owned()));
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn waits_in_detail(&self) -> Vec<String> {
        waits_in_detail(self.node.core().kernel(), self.state)
    }
}

impl fmt::Debug for ObservedTask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObservedTask").field("id", &self.id()).field("name", &self.name()).finish_non_exhaustive()
    }
}
