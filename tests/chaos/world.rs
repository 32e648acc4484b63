//! What the parts of a program share: places for tasks, futures, locks, queues. Owns the values whose destructors act;
//! must not know how a script is played.

use std::cell::{Cell, RefCell};
use std::io::{PipeReader, PipeWriter, pipe};
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Mutex;
use std::task::Waker;
use std::thread;

use oneloop::{
    Barrier, Condition, ContextVar, Event, EventLoop, Future, Handle, LifoQueue, Lock, PriorityQueue, Queue, Semaphore,
    Task, ThreadPool, create_future,
};

use crate::act::perform;
use crate::grow::PLACES;
use crate::ledger::{ITEMS, PLANTED, Token};
use crate::program::{Act, Charge};
use crate::threads::Threads;

const COUNT: usize = PLACES;

/// A value whose destructor does what its charge says.
pub(crate) struct Item {
    charge: Charge,
    _token: Token,
}

impl Item {
    pub(crate) fn new(charge: &Charge) -> Self {
        Self { charge: charge.clone(), _token: ITEMS.token() }
    }

    /// Drops it without its charge.
    pub(crate) fn disarm(mut self) {
        self.charge = Charge::Nothing;
    }
}

impl Clone for Item {
    fn clone(&self) -> Self {
        Self::new(&self.charge)
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.charge, Charge::Nothing) {
            Charge::Nothing => {}
            // a destructor that panics while its thread does ends the process, which is the program's own fault
            _ if thread::panicking() => {}
            Charge::Bomb => panic!("{PLANTED}: a destructor"),
            Charge::Act(act) => act_here(&act),
        }
    }
}

/// For a queue of priorities: all are alike, so the order is that of the queue.
impl PartialEq for Item {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Item {}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Item {
    fn cmp(&self, _other: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

thread_local! {
    static HERE: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
}

/// The world of the program that runs on this thread.
pub(crate) fn here() -> Option<Rc<World>> {
    HERE.with_borrow(Clone::clone)
}

pub(crate) fn set_here(world: Option<Rc<World>>) {
    drop(HERE.replace(world));
}

/// On the loop's thread, while there is a loop.
pub(crate) fn act_here(act: &Act) {
    if let Some(world) = here()
        && EventLoop::try_current().is_some()
    {
        perform(&world, act);
    }
}

pub(crate) static VARIABLE: ContextVar<Item> = ContextVar::new("chaos");

/// Wakers that other threads use when the loop has closed.
pub(crate) static LATE: Mutex<Vec<Waker>> = Mutex::new(Vec::new());

pub(crate) struct World {
    pub(crate) tasks: [Cell<Option<Task<Item>>>; COUNT],
    pub(crate) futures: [Cell<Option<Future<Item>>>; COUNT],
    pub(crate) calls: [Cell<Option<Handle>>; COUNT],
    pub(crate) locks: [Lock; COUNT],
    pub(crate) permits: [Semaphore; COUNT],
    pub(crate) events: [Event; COUNT],
    pub(crate) condition: Condition,
    pub(crate) barrier: Barrier,
    pub(crate) fifo: Queue<Item>,
    pub(crate) lifo: LifoQueue<Item>,
    pub(crate) priority: PriorityQueue<Item>,
    pub(crate) pool: ThreadPool,
    pub(crate) threads: Threads,
    /// A pipe that callbacks watch. Its ends are there until the loop closes.
    pub(crate) pipe: Cell<Option<Rc<(PipeReader, PipeWriter)>>>,
    pub(crate) closes_by_drop: bool,
    pub(crate) stops: Cell<usize>,
    /// Acts inside acts.
    pub(crate) depth: Cell<usize>,
}

impl World {
    /// Inside a loop.
    pub(crate) fn new(threads: &Threads, closes_by_drop: bool) -> Self {
        Self {
            tasks: Default::default(),
            futures: std::array::from_fn(|_| Cell::new(Some(create_future()))),
            calls: Default::default(),
            locks: std::array::from_fn(|_| Lock::new(())),
            permits: std::array::from_fn(Semaphore::new),
            events: Default::default(),
            condition: Condition::new(()),
            barrier: Barrier::new(2),
            fifo: Queue::bounded(2),
            lifo: LifoQueue::bounded(1),
            priority: PriorityQueue::unbounded(),
            pool: ThreadPool::new(2),
            threads: threads.clone(),
            pipe: Cell::new(Some(Rc::new(pipe().expect("a pipe")))),
            closes_by_drop,
            stops: Cell::new(0),
            depth: Cell::new(0),
        }
    }

    pub(crate) fn pipe(&self) -> Option<Rc<(PipeReader, PipeWriter)>> {
        let pipe = self.pipe.take();
        self.pipe.set(pipe.clone());
        pipe
    }

    /// A copy of what is in a place.
    pub(crate) fn future(&self, place: usize) -> Option<Future<Item>> {
        let future = self.futures[place].take();
        self.futures[place].set(future.clone());
        future
    }

    /// Looks at the task in a place, which is empty meanwhile. If another task comes there, that one stays.
    pub(crate) fn with_task<R>(&self, place: usize, look: impl FnOnce(&Task<Item>) -> R) -> Option<R> {
        let task = self.tasks[place].take()?;
        let looked = catch_unwind(AssertUnwindSafe(|| look(&task)));
        let newer = self.tasks[place].take();
        let (stays, goes) = if newer.is_some() { (newer, Some(task)) } else { (Some(task), None) };
        self.tasks[place].set(stays);
        drop(goes);
        Some(looked.unwrap_or_else(|payload| panic::resume_unwind(payload)))
    }

    /// Drops what is in the places, each guarded by itself.
    pub(crate) fn clear(&self) {
        for place in 0..COUNT {
            quietly_drop(self.tasks[place].take());
            quietly_drop(self.futures[place].take());
            quietly_drop(self.calls[place].take());
        }
        drop(self.pipe.take());
        while self.fifo.get_nowait().map(quietly_drop).is_ok() {}
        while self.lifo.get_nowait().map(quietly_drop).is_ok() {}
        while self.priority.get_nowait().map(quietly_drop).is_ok() {}
    }
}

/// Calls `f`, and keeps its panic here.
pub(crate) fn quietly(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        // a payload may be a bomb too, whose own panic has none
        drop(catch_unwind(AssertUnwindSafe(|| drop(payload))));
    }
}

/// Drops a value, and keeps the panic of its destructor here.
pub(crate) fn quietly_drop<T>(value: T) {
    quietly(|| drop(value));
}
