//! The primitives of a case, and its ops on them. Owns what each kind is on this library; must not know other ops.

use std::rc::Rc;

use oneloop::error::{BrokenBarrierError, GetError, PutError};
use oneloop::{
    Barrier, BoundedSemaphore, Condition, Event, LifoQueue, Lock, PriorityQueue, Queue, QueueShutDown, Semaphore,
};
use serde_json::Value as Json;

use super::ops::{NEXT, int, text};
use super::program::{Program, Step};
use super::readers::Reader;
use super::value::{Caught, Raise};

#[derive(Clone)]
pub(crate) enum Prim {
    Lock(Lock),
    Event(Event),
    Condition(Condition),
    Semaphore(Semaphore),
    Bounded(BoundedSemaphore),
    Queue(Queue<i64>),
    Priority(PriorityQueue<i64>),
    Lifo(LifoQueue<i64>),
    Barrier(Barrier),
    Reader(Reader),
}

/// What is said of a queue, whichever it is.
macro_rules! of_queue {
    ($prim:expr, $queue:ident => $said:expr) => {
        match $prim {
            Prim::Queue($queue) => $said,
            Prim::Priority($queue) => $said,
            Prim::Lifo($queue) => $said,
            _ => panic!("no queue has this name"),
        }
    };
}

impl Prim {
    /// `["queue", 2]`, say.
    pub(crate) fn new(spec: &Json) -> Self {
        let size = || usize::try_from(int(&spec[1])).expect("a size");
        match text(&spec[0]) {
            "lock" => Self::Lock(Lock::default()),
            "event" => Self::Event(Event::new()),
            "cond" => Self::Condition(Condition::default()),
            "sem" => Self::Semaphore(Semaphore::new(size())),
            "bsem" => Self::Bounded(BoundedSemaphore::new(size())),
            "queue" => Self::Queue(Queue::new(size())),
            "pqueue" => Self::Priority(PriorityQueue::new(size())),
            "lqueue" => Self::Lifo(LifoQueue::new(size())),
            "barrier" => Self::Barrier(Barrier::new(size())),
            "reader" => Self::Reader(Reader::new(size())),
            other => panic!("no primitive is called {other}"),
        }
    }
}

impl From<QueueShutDown<i64>> for Raise {
    fn from(_: QueueShutDown<i64>) -> Self {
        Self::from("QueueShutDown")
    }
}

impl From<QueueShutDown> for Raise {
    fn from(_: QueueShutDown) -> Self {
        Self::from("QueueShutDown")
    }
}

impl From<BrokenBarrierError> for Raise {
    fn from(_: BrokenBarrierError) -> Self {
        Self::from("BrokenBarrierError")
    }
}

impl Program {
    /// An op on a primitive that may wait; none if it is another.
    pub(crate) async fn prim_op(self: &Rc<Self>, op: &Json, caught: Option<&Caught>) -> Option<Step> {
        let prim = op[1].as_str().and_then(|name| self.prims.get(name));
        let step = match text(&op[0]) {
            "lock" | "sem" => self.hold(prim?, &op[2], caught).await,
            "sem_acquire" => Self::acquire(prim?).await,
            "ev_wait" => Self::event_op(prim?).await,
            "cond_wait" | "cond_wait_for" | "notify" | "notify_all" => self.condition_op(op, prim?).await,
            "barrier" | "barrier_abort" | "barrier_reset" => self.barrier_op(op, prim?).await,
            "put" | "get" | "join" => self.wait_for_queue(op, prim?).await,
            "read" | "readline" | "readexactly" | "readuntil" => match prim? {
                Prim::Reader(reader) => self.read(op, reader).await,
                _ => panic!("no reader has this name"),
            },
            _ => return None,
        };
        Some(step)
    }

    /// An op on a primitive that waits for nothing; false if it is another.
    pub(crate) fn prim_op_at_once(&self, op: &Json) -> Result<bool, Raise> {
        let Some(prim) = op[1].as_str().and_then(|name| self.prims.get(name)) else { return Ok(false) };
        match (text(&op[0]), prim) {
            ("ev_set", Prim::Event(event)) => event.set(),
            ("ev_clear", Prim::Event(event)) => event.clear(),
            ("locked", Prim::Lock(lock)) => self.event(format!("locked {}", lock.locked())),
            ("locked", Prim::Semaphore(semaphore)) => self.event(format!("locked {}", semaphore.locked())),
            ("locked", Prim::Bounded(semaphore)) => self.event(format!("locked {}", semaphore.locked())),
            ("sem_release", Prim::Semaphore(semaphore)) => semaphore.release(),
            ("sem_release", Prim::Bounded(semaphore)) => {
                if semaphore.release().is_err() {
                    self.event("invalid");
                }
            }
            ("put_nowait" | "get_nowait" | "task_done" | "shutdown", queue) => self.queue_op(op, queue)?,
            ("feed" | "feed_eof" | "feed_error" | "at_eof", Prim::Reader(reader)) => self.reader_op(op, reader),
            _ => return Ok(false),
        }
        Ok(true)
    }

    async fn hold(self: &Rc<Self>, prim: &Prim, body: &Json, caught: Option<&Caught>) -> Step {
        match prim {
            Prim::Lock(lock) => {
                let _guard = lock.acquire().await;
                self.body(body, caught).await
            }
            Prim::Semaphore(semaphore) => {
                let _permit = semaphore.acquire().await;
                self.body(body, caught).await
            }
            Prim::Bounded(semaphore) => {
                let _permit = semaphore.acquire().await;
                self.body(body, caught).await
            }
            _ => panic!("nothing that is held has this name"),
        }
    }

    /// Takes a permit that is given back by hand.
    async fn acquire(prim: &Prim) -> Step {
        match prim {
            Prim::Semaphore(semaphore) => semaphore.acquire().await.forget(),
            Prim::Bounded(semaphore) => semaphore.acquire().await.forget(),
            _ => panic!("no semaphore has this name"),
        }
        NEXT
    }

    async fn event_op(prim: &Prim) -> Step {
        let Prim::Event(event) = prim else { panic!("no event has this name") };
        event.wait().await;
        NEXT
    }

    async fn condition_op(&self, op: &Json, prim: &Prim) -> Step {
        let Prim::Condition(condition) = prim else { panic!("no condition has this name") };
        let mut guard = condition.acquire().await;
        match text(&op[0]) {
            "notify" => condition.notify(&guard, usize::try_from(int(&op[2])).expect("a number")),
            "notify_all" => condition.notify_all(&guard),
            "cond_wait" => {
                condition.wait(&mut guard).await;
                self.event("notified");
            }
            _ => {
                let (cell, least) = (text(&op[2]), int(&op[3]));
                condition.wait_for(&mut guard, |()| self.cells.borrow()[cell] >= least).await;
                self.event("reached");
            }
        }
        NEXT
    }

    async fn barrier_op(&self, op: &Json, prim: &Prim) -> Step {
        let Prim::Barrier(barrier) = prim else { panic!("no barrier has this name") };
        match text(&op[0]) {
            "barrier_abort" => barrier.abort().await,
            "barrier_reset" => barrier.reset().await,
            _ => {
                barrier.wait().await?;
                self.event("barrier");
            }
        }
        NEXT
    }

    async fn wait_for_queue(&self, op: &Json, prim: &Prim) -> Step {
        match text(&op[0]) {
            "put" => of_queue!(prim, queue => queue.put(int(&op[2])).await)?,
            "get" => {
                let item = of_queue!(prim, queue => queue.get().await)?;
                self.event(format!("get = {item}"));
            }
            _ => of_queue!(prim, queue => queue.join().await),
        }
        NEXT
    }

    fn queue_op(&self, op: &Json, prim: &Prim) -> Result<(), Raise> {
        match text(&op[0]) {
            "put_nowait" => match of_queue!(prim, queue => queue.put_nowait(int(&op[2]))) {
                Ok(()) => {}
                Err(PutError::QueueFull(_)) => self.event("full"),
                Err(PutError::QueueShutDown(_)) => return Err(Raise::from("QueueShutDown")),
            },
            "get_nowait" => match of_queue!(prim, queue => queue.get_nowait()) {
                Ok(item) => self.event(format!("get = {item}")),
                Err(GetError::QueueEmpty) => self.event("empty"),
                Err(GetError::QueueShutDown) => return Err(Raise::from("QueueShutDown")),
            },
            "task_done" => {
                if of_queue!(prim, queue => queue.task_done()).is_err() {
                    self.event("task_done invalid");
                }
            }
            _ if op[2] == true => drop(of_queue!(prim, queue => queue.shutdown_immediate())),
            _ => of_queue!(prim, queue => queue.shutdown()),
        }
        Ok(())
    }
}
