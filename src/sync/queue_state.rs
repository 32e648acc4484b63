//! The state of a queue, and the waits for an item and for room. Owns the items, the tasks that wait, and the count of
//! unfinished items; must not know the kinds of queue, nor how waiters are queued.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Context;

use super::acquire::Resource;
use super::queue_store::Store;
use super::waiters::Waiters;
use crate::error::{GetError, PutError, QueueShutDown, TaskDoneError};
use crate::kernel::{Leaf, What};

/// The state that the handles of one queue share. The three kinds of queue differ in the store alone.
pub(super) struct QueueState<S> {
    store: RefCell<S>,
    /// 0 for no limit.
    pub(super) maxsize: usize,
    pub(super) getters: Waiters,
    pub(super) putters: Waiters,
    /// The tasks that wait in `join`.
    joiners: Waiters,
    /// The number of items that were put and for which `task_done` has not been called.
    pub(super) unfinished: Cell<usize>,
    pub(super) is_shut_down: Cell<bool>,
}

impl<S: Store> QueueState<S> {
    pub(super) fn new(maxsize: usize) -> Rc<Self> {
        Rc::new(Self {
            store: RefCell::default(),
            maxsize,
            getters: Waiters::default(),
            putters: Waiters::default(),
            joiners: Waiters::default(),
            unfinished: Cell::new(0),
            is_shut_down: Cell::new(false),
        })
    }

    /// # Panics
    /// If called by the comparison of two items, which is code of a user and runs while the store is borrowed.
    fn with_store<R>(&self, f: impl FnOnce(&mut S) -> R) -> R {
        let Ok(mut store) = self.store.try_borrow_mut() else {
            panic!("the comparison of two items used the queue that they are in; it must not")
        };
        f(&mut store)
    }

    pub(super) fn len(&self) -> usize {
        self.with_store(|store| store.len())
    }

    pub(super) fn is_full(&self) -> bool {
        self.maxsize > 0 && self.len() >= self.maxsize
    }

    pub(super) fn put_nowait(&self, item: S::Item) -> Result<(), PutError<S::Item>> {
        if self.is_shut_down.get() {
            return Err(PutError::QueueShutDown(item));
        }
        if self.is_full() {
            return Err(PutError::QueueFull(item));
        }
        self.push(item);
        Ok(())
    }

    /// `put_nowait` after `Room` was acquired.
    pub(super) fn put_into_room(&self, item: S::Item) -> Result<(), QueueShutDown<S::Item>> {
        if self.is_shut_down.get() {
            return Err(QueueShutDown(item));
        }
        self.push(item);
        Ok(())
    }

    fn push(&self, item: S::Item) {
        self.with_store(|store| store.push(item));
        self.unfinished.set(self.unfinished.get() + 1);
        self.getters.notify(1);
    }

    pub(super) fn get_nowait(&self) -> Result<S::Item, GetError> {
        let error = if self.is_shut_down.get() { GetError::QueueShutDown } else { GetError::QueueEmpty };
        let item = self.with_store(Store::pop).ok_or(error)?;
        self.putters.notify(1);
        Ok(item)
    }

    pub(super) fn task_done(&self) -> Result<(), TaskDoneError> {
        let left = self.unfinished.get().checked_sub(1).ok_or(TaskDoneError)?;
        self.unfinished.set(left);
        self.notify_joiners_if_finished();
        Ok(())
    }

    /// Waits once, and does not look again afterwards: as in asyncio, a task that was notified goes on even if another
    /// item was put before it runs. No wait is skipped, as joiners are notified by `notify_all` alone.
    pub(super) async fn join(&self) {
        if self.unfinished.get() > 0 {
            self.joiners.wait(Leaf::counted(What::ItemsDone, self.unfinished.get())).await;
        }
    }

    fn notify_joiners_if_finished(&self) {
        if self.unfinished.get() == 0 {
            self.joiners.notify_all();
        }
    }

    pub(super) fn shut_down(&self) {
        self.is_shut_down.set(true);
        self.getters.notify_all();
        self.putters.notify_all();
    }

    pub(super) fn shut_down_immediately(&self) -> Vec<S::Item> {
        self.is_shut_down.set(true);
        let left: Vec<S::Item> = std::iter::from_fn(|| self.with_store(Store::pop)).collect();
        self.unfinished.set(self.unfinished.get().saturating_sub(left.len()));
        self.notify_joiners_if_finished();
        self.shut_down();
        left
    }
}

/// The wait for room. Acquired when there is room, or the queue is shut down.
pub(super) struct Room<S>(pub(super) Rc<QueueState<S>>);

impl<S: Store> Resource for Room<S> {
    type Acquired = Rc<QueueState<S>>;
    fn awaited(&self) -> Leaf {
        Leaf::counted(What::Room, self.0.maxsize)
    }

    fn waiters(&self) -> &Waiters {
        &self.0.putters
    }

    fn try_acquire(&self, _cx: &Context<'_>) -> bool {
        let must_wait = self.0.is_full() && !self.0.is_shut_down.get();
        if must_wait {
            self.0.getters.bind(); // putters and getters belong to one loop
        }
        !must_wait
    }

    /// Another task may have taken the room before this one ran.
    fn on_notified(&self, _cx: &Context<'_>) -> bool {
        false
    }

    fn into_acquired(self) -> Rc<QueueState<S>> {
        self.0
    }

    fn on_abandoned(&self, was_notified: bool) {
        if was_notified && !self.0.is_full() {
            self.0.putters.notify(1);
        }
    }
}

/// The wait for an item. Acquired when `get_nowait` will not fail with `QueueEmpty`.
pub(super) struct Item<S>(pub(super) Rc<QueueState<S>>);

impl<S: Store> Resource for Item<S> {
    type Acquired = Result<S::Item, QueueShutDown>;
    fn awaited(&self) -> Leaf {
        Leaf::of(What::Item)
    }

    fn waiters(&self) -> &Waiters {
        &self.0.getters
    }

    fn try_acquire(&self, _cx: &Context<'_>) -> bool {
        let must_wait = self.0.len() == 0 && !self.0.is_shut_down.get();
        if must_wait {
            self.0.putters.bind(); // putters and getters belong to one loop
        }
        !must_wait
    }

    /// Another task may have taken the item before this one ran.
    fn on_notified(&self, _cx: &Context<'_>) -> bool {
        false
    }

    fn into_acquired(self) -> Self::Acquired {
        self.0.get_nowait().map_err(|_| QueueShutDown(()))
    }

    fn on_abandoned(&self, was_notified: bool) {
        if was_notified && self.0.len() > 0 {
            self.0.getters.notify(1);
        }
    }
}
