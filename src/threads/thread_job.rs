//! A job of a loop on a thread of a pool. Owns how its closure gets to the thread and its result back into a future on
//! the loop; must not know how a pool manages its threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::{io, thread};

use super::pool::{Job, ThreadPool};
use super::report::report_from_anywhere;
use crate::awaitables::Future;
use crate::base::concurrency::{Arc, Mutex, MutexGuard, lock};
use crate::base::{PooledRc, unsize};
use crate::error::Panic;
use crate::event_loop::EventLoop;
use crate::kernel::{ChildTurn, ChildTurnRef, Leaf, LoopSender, Message, Run, What};
use crate::node::{Core, IN_DESTRUCTOR, Loop, State, Watch, Watcher};

/// Queues a job, and returns a future that its result will settle.
///
/// # Errors
/// If the pool is shut down, or the system has no thread for it.
pub(crate) fn submit<T, F>(lp: &EventLoop, pool: &ThreadPool, f: F) -> io::Result<Future<T>>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let kernel = lp.kernel();
    let future = lp.create_future();
    let mut submitted = None;
    let number = kernel.expected().insert(|number| {
        let job = Arc::new(ThreadJob { stage: Mutex::new(Stage::Waiting(f)), sender: kernel.sender(), number });
        submitted = Some(Arc::clone(&job));
        unsize!(PooledRc::new(TakeResult { job, future: future.clone() }) => dyn Run)
    });
    let job = submitted.expect("the map calls its argument");
    if let Err(error) = pool.submit(Arc::clone(&job) as Arc<dyn Job>) {
        drop(kernel.expected().remove(number));
        return Err(error);
    }
    let withdrawal = PooledRc::new(WithdrawIfCancelled { kernel: Rc::clone(kernel), job });
    let core = future.join().core();
    core.watchers().add(kernel.next_watch(), Watcher::Watch(unsize!(withdrawal => dyn Watch), 0));
    Ok(future)
}

/// `Waiting` → `Running` → `Done` → `Over`, and from any of them to `Over` when the job is withdrawn.
enum Stage<F, T> {
    Waiting(F),
    Running,
    Done(thread::Result<T>),
    Over,
}

/// A job, shared by the loop and the thread.
struct ThreadJob<F, T> {
    stage: Mutex<Stage<F, T>>,
    sender: LoopSender,
    /// The number of the message that the loop expects.
    number: u64,
}

impl<F, T> ThreadJob<F, T> {
    fn lock(&self) -> MutexGuard<'_, Stage<F, T>> {
        lock(&self.stage)
    }

    /// Ends the job and returns its last stage. The caller drops what is in it.
    fn withdraw(&self) -> Stage<F, T> {
        std::mem::replace(&mut *self.lock(), Stage::Over)
    }

    /// Ends the job if its result is there, which is returned. A job that waits or runs goes on.
    fn withdraw_result(&self) -> Option<Stage<F, T>> {
        let mut stage = self.lock();
        matches!(*stage, Stage::Done(_)).then(|| std::mem::replace(&mut *stage, Stage::Over))
    }

    /// Takes the closure, to run it; `None` if the job was withdrawn.
    fn begin(&self) -> Option<F> {
        let mut stage = self.lock();
        match std::mem::replace(&mut *stage, Stage::Running) {
            Stage::Waiting(f) => Some(f),
            other => {
                *stage = other;
                None
            }
        }
    }

    /// Drops what no task has a use for any more. A panic is reported.
    fn discard(&self, unwanted: Stage<F, T>) {
        let panicked = match unwanted {
            Stage::Done(Err(payload)) => Err(("Exception in a thread for a task that has given it up", payload)),
            other => catch_unwind(AssertUnwindSafe(|| drop(other))).map_err(|payload| (IN_DESTRUCTOR, payload)),
        };
        if let Err((message, payload)) = panicked {
            report_from_anywhere(self.sender, message, Panic::new(payload));
        }
    }

    /// Stores the result for the loop and returns the previous stage. If the job was withdrawn, returns the result.
    fn end(&self, result: thread::Result<T>) -> Stage<F, T> {
        let mut stage = self.lock();
        match *stage {
            Stage::Running => std::mem::replace(&mut *stage, Stage::Done(result)),
            _ => Stage::Done(result),
        }
    }
}

impl<F, T> Job for ThreadJob<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    fn run(&self) {
        if let Some(f) = self.begin() {
            self.discard(self.end(catch_unwind(AssertUnwindSafe(f))));
        }
    }

    fn report_end(&self) {
        let done = matches!(*self.lock(), Stage::Done(_));
        if done && self.sender.send(Message::Arrived(self.number)).is_err() {
            self.discard(self.withdraw());
        }
    }
}

/// Moves the result of a job into its future, on the loop.
struct TakeResult<F, T> {
    job: Arc<ThreadJob<F, T>>,
    future: Future<T>,
}

impl<F: 'static, T: 'static> Run for TakeResult<F, T> {
    fn run(&self) {
        match self.job.withdraw() {
            unwanted @ Stage::Done(_) if self.future.done() => self.job.discard(unwanted), // it was cancelled meanwhile
            Stage::Done(Ok(value)) => drop(self.future.set_result(value)),
            Stage::Done(Err(payload)) => self.future.set_panic(Panic::new(payload)),
            Stage::Waiting(_) | Stage::Running | Stage::Over => {}
        }
    }
}

/// If the loop closes before it has taken a result, that is dropped here and not on the thread of the pool, which may
/// have the last pointer to the job.
impl<F, T> Drop for TakeResult<F, T> {
    fn drop(&mut self) {
        if let Some(unwanted) = self.job.withdraw_result() {
            self.job.discard(unwanted);
        }
    }
}

/// Withdraws a job when its future is cancelled, so that it does not begin.
struct WithdrawIfCancelled<F, T> {
    kernel: Rc<Loop>,
    job: Arc<ThreadJob<F, T>>,
}

impl<F: 'static, T: 'static> Watch for WithdrawIfCancelled<F, T> {
    fn child_done(&self, index: u32, child: &Core) -> Option<u32> {
        (child.state() == State::Cancelled).then_some(index)
    }

    fn stands_for(&self) -> Option<Leaf> {
        Some(Leaf::of(What::Job))
    }
}

impl<F: 'static, T: 'static> ChildTurn for WithdrawIfCancelled<F, T> {
    fn child_turn(&self, _me: &ChildTurnRef, _index: u32) {
        drop(self.kernel.expected().remove(self.job.number));
        self.job.discard(self.job.withdraw());
    }
}
