//! The tasks of a wait. Owns their handles, and their registrations from one wait to the next; must not know when a
//! wait ends.

use std::fmt;

use super::wait_state::WaitState;
use super::waitable::{Waitable, core_of};
use crate::base::PooledRc;
use crate::current;

/// Tasks that are waited for. Passed back to [`wait`](fn@crate::wait), it keeps its registrations, so that waiting for
/// the next of n tasks until none is left costs O(n) in all.
///
/// # Examples
/// ```
/// use oneloop::{ReturnWhen, create_task, run, wait};
///
/// run(async {
///     let mut pending = wait((0..5).map(|i| create_task(async move { i }))).into_pending();
///     let mut order = Vec::new();
///     while !pending.is_empty() {
///         let sets = wait(pending).return_when(ReturnWhen::FirstCompleted).await;
///         order.extend(sets.done.iter().map(|task| task.result().expect("it has a value")));
///         pending = sets.pending;
///     }
///     assert_eq!(order, [0, 1, 2, 3, 4]);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
pub struct PendingSet<H: Waitable> {
    /// Boxed, because it is moved from wait to wait. `None` in a wait that has returned it.
    members: Option<Box<Members<H>>>,
}

/// The handles of a set, by the indexes that its `WaitState` knows them under.
pub(super) struct Members<H: Waitable> {
    pub(super) state: PooledRc<WaitState<H::Out>>,
    /// `None` in place of a handle that was handed out.
    pub(super) slots: Vec<Option<H>>,
    /// The number of handles that were not handed out.
    pub(super) len: usize,
}

impl<H: Waitable> Members<H> {
    /// Removes the slots of handles that were handed out, if those are at least half of all.
    fn pack(&mut self) {
        if self.len <= self.slots.len() / 2 {
            self.state.renumber(self.slots.iter().map(|slot| slot.as_ref().map(core_of)));
            self.slots.retain(Option::is_some);
        }
    }

    /// Moves out the handles of those that are done, in the order in which they ended.
    pub(super) fn take_done(&mut self) -> Vec<H> {
        let slots = &mut self.slots;
        let take = |index: u32| slots[index as usize].take().expect("a task ends once");
        let done: Vec<H> = self.state.drain_done(|indexes| indexes.map(take).collect());
        self.len -= done.len();
        done
    }

    fn deregister(&mut self) {
        if self.len > 0 {
            self.state.deregister(self.slots.iter().map(|slot| slot.as_ref().map(core_of)));
            self.len = 0;
        }
    }
}

impl<H: Waitable> Drop for Members<H> {
    fn drop(&mut self) {
        self.state.end();
        self.deregister();
    }
}

impl<H: Waitable> PendingSet<H> {
    #[track_caller]
    pub(super) fn new(handles: impl Iterator<Item = H>) -> Self {
        let slots: Vec<Option<H>> = handles.map(Some).collect();
        let members = slots.iter().map(|slot| core_of(slot.as_ref().expect("it was put there now")));
        let state = WaitState::watching(current::expect(), members);
        Self { members: Some(Box::new(Members { state, len: slots.len(), slots })) }
    }

    /// The set without the slots of the tasks that have left it, for the next wait.
    pub(super) fn packed(mut self) -> Self {
        if let Some(members) = &mut self.members {
            members.pack();
        }
        self
    }

    /// `None` for an empty set.
    pub(super) fn members(&self) -> Option<&Members<H>> {
        self.members.as_deref().filter(|members| members.len > 0)
    }

    /// Splits off the tasks that are done. `self` is left without any.
    pub(super) fn split(&mut self) -> (Vec<H>, Self) {
        let mut members = self.members.take();
        let done = members.as_mut().map(|members| members.take_done()).unwrap_or_default();
        (done, Self { members })
    }

    /// Ends the wait for the set.
    pub(super) fn end_wait(&self) {
        if let Some(members) = &self.members {
            members.state.end();
        }
    }

    /// The number of tasks in the set.
    pub fn len(&self) -> usize {
        self.members.as_ref().map_or(0, |members| members.len)
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tasks, in the order of the arguments.
    pub fn iter(&self) -> PendingIter<'_, H> {
        PendingIter { slots: self.members.as_ref().map_or(&[][..], |members| &members.slots).iter() }
    }
}

/// The tasks of a [`PendingSet`], by reference.
///
/// # Examples
/// ```
/// use oneloop::{create_task, run, wait};
/// use std::future::pending;
/// use std::time::Duration;
///
/// run(async {
///     let sets = wait([create_task(pending::<()>())]).timeout(Duration::ZERO).await;
///     for task in &sets.pending {
///         task.cancel();
///     }
///     assert_eq!(wait(sets.pending).await.done.len(), 1);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Debug)]
pub struct PendingIter<'a, H> {
    slots: std::slice::Iter<'a, Option<H>>,
}

impl<'a, H> Iterator for PendingIter<'a, H> {
    type Item = &'a H;

    fn next(&mut self) -> Option<&'a H> {
        self.slots.by_ref().flatten().next()
    }
}

impl<'a, H: Waitable> IntoIterator for &'a PendingSet<H> {
    type Item = &'a H;
    type IntoIter = PendingIter<'a, H>;

    fn into_iter(self) -> PendingIter<'a, H> {
        self.iter()
    }
}

/// The tasks of a [`PendingSet`], moved out. Passed to [`wait`](fn@crate::wait) before its first `next()`, it is the
/// set itself.
///
/// # Examples
/// ```
/// use oneloop::{Task, create_task, run, wait};
/// use std::future::pending;
/// use std::time::Duration;
///
/// run(async {
///     let sets = wait([create_task(pending::<()>())]).timeout(Duration::ZERO).await;
///     let late: Vec<Task<()>> = sets.pending.into_iter().collect();
///     assert!(!late[0].done());
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Debug)]
pub struct PendingIntoIter<H: Waitable> {
    set: PendingSet<H>,
    next: usize,
}

impl<H: Waitable> PendingIntoIter<H> {
    /// The set, if no task was moved out of it.
    pub(super) fn into_set(self) -> Result<PendingSet<H>, Self> {
        if self.next == 0 { Ok(self.set) } else { Err(self) }
    }
}

impl<H: Waitable> Iterator for PendingIntoIter<H> {
    type Item = H;

    fn next(&mut self) -> Option<H> {
        let members = self.set.members.as_mut()?;
        members.deregister();
        while let Some(slot) = members.slots.get_mut(self.next) {
            self.next += 1;
            if let Some(handle) = slot.take() {
                return Some(handle);
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let slots = self.set.members.as_ref().map_or(0, |members| members.slots.len());
        (0, Some(slots - self.next))
    }
}

impl<H: Waitable> IntoIterator for PendingSet<H> {
    type Item = H;
    type IntoIter = PendingIntoIter<H>;

    fn into_iter(self) -> PendingIntoIter<H> {
        PendingIntoIter { set: self, next: 0 }
    }
}

impl<H: Waitable + fmt::Debug> fmt::Debug for PendingSet<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}
