//! How a program is traced: what happened, and in which iteration of the loop. Owns the ticker that counts iterations
//! and the coroutines that most programs are made of; must not know what any of them shows.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::{Debug, Display};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use crate::loops::virtual_loop;
use crate::time::secs;
use futures::FutureExt;
use oneloop::{AnyFuture, EventLoop, Task, all_tasks, catch_cancelled, create_task, sleep, wait, yield_now};

/// No program here takes as many iterations: one that does waits for ever.
const TICKS_MAX: u32 = 1000;

/// The record of one program. Clones write the same record.
#[derive(Clone, Default)]
pub(crate) struct Trace {
    inner: Rc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The iteration: the main future takes its first step in number 0.
    tick: Cell<u32>,
    /// The iterations in which the clock is to jump.
    jumps: RefCell<VecDeque<u32>>,
    /// Such an iteration has come: from now to the jump, nothing should happen.
    paused: Cell<bool>,
    log: RefCell<Vec<String>>,
    reports: RefCell<Vec<String>>,
}

impl Trace {
    /// Notes an event, as `event@+tick`; as `event@+?` where asyncio would wait for time to pass.
    pub(crate) fn rec(&self, event: impl Display) {
        let tick = if self.inner.paused.get() { "?".to_owned() } else { self.inner.tick.get().to_string() };
        self.inner.log.borrow_mut().push(format!("{event}@+{tick}"));
    }

    /// A callback that notes an event.
    pub(crate) fn call(&self, event: &'static str) -> impl FnOnce() + use<> {
        let trace = self.clone();
        move || trace.rec(event)
    }

    /// Notes an event in the next iteration and does something.
    pub(crate) fn soon<R>(&self, event: &'static str, f: impl FnOnce() -> R + 'static) {
        let noted = self.call(event);
        EventLoop::current().call_soon(move || {
            noted();
            f();
        });
    }

    /// A done callback that notes `name.cb`.
    pub(crate) fn cb(&self, name: &'static str) -> impl FnOnce(&AnyFuture) + use<> {
        let trace = self.clone();
        move |_| trace.rec(format!("{name}.cb"))
    }

    /// A coroutine that returns at once.
    pub(crate) fn imm<T>(&self, name: &'static str, value: T) -> impl Future<Output = T> + use<T> {
        let trace = self.clone();
        async move {
            trace.rec(format!("{name}.run"));
            value
        }
    }

    /// A coroutine that yields so many times, then returns.
    pub(crate) fn slp<T>(&self, name: &'static str, yields: u32, value: T) -> impl Future<Output = T> + use<T> {
        let (trace, steps) = (self.clone(), self.clone());
        let body = async move {
            for i in 1..=yields {
                yield_now().await;
                steps.rec(format!("{name}.y{i}"));
            }
            value
        };
        async move { trace.cancellable(name, body).await }
    }

    /// A coroutine that sleeps so many seconds, then returns.
    pub(crate) fn tm<T>(&self, name: &'static str, seconds: u64, value: T) -> impl Future<Output = T> + use<T> {
        let trace = self.clone();
        let body = async move {
            sleep(secs(seconds)).await;
            value
        };
        async move { trace.cancellable(name, body).await }
    }

    /// Runs `body`, notes a cancellation of it and raises it on.
    async fn cancellable<T>(&self, name: &'static str, body: impl Future<Output = T>) -> T {
        self.rec(format!("{name}.run"));
        match catch_cancelled(body).await {
            Ok(value) => value,
            Err(cancelled) => {
                self.rec(format!("{name}.CANCEL({})", cancelled.message().unwrap_or("")));
                cancelled.reraise().await
            }
        }
    }

    /// A coroutine that sleeps for long, and returns `value` whether it is cancelled or not.
    pub(crate) fn ig<T>(&self, value: T) -> impl Future<Output = T> + use<T> {
        let trace = self.clone();
        async move {
            trace.rec("ig.run");
            if catch_cancelled(sleep(secs(9))).await.is_err() {
                trace.rec("ig.swallow");
            }
            value
        }
    }

    /// Counts an iteration: the first entry of each batch, since it is the first that the one before has queued.
    fn start_ticking(&self, lp: &EventLoop) {
        let trace = self.clone();
        lp.call_soon(move || trace.tick_on());
    }

    fn tick_on(&self) {
        let inner = &self.inner;
        inner.tick.set(inner.tick.get() + 1);
        if inner.jumps.borrow().front() == Some(&inner.tick.get()) {
            // as long as the ticker is queued no time passes, so it steps aside; the jump's timer goes on with it
            inner.paused.set(true);
            return;
        }
        if inner.tick.get() == TICKS_MAX {
            EventLoop::current().stop();
        }
        self.start_ticking(&EventLoop::current());
    }

    fn has_jumped(&self) {
        self.inner.jumps.borrow_mut().pop_front();
        self.inner.paused.set(false);
        self.start_ticking(&EventLoop::current());
    }

    fn finish(&self, left: usize) -> String {
        let mut log = self.inner.log.take();
        if left > 0 {
            log.push(format!("left pending: {left}"));
        }
        let reports = self.inner.reports.take();
        if !reports.is_empty() {
            log.push(format!("handler={reports:?}"));
        }
        log.join(" ; ")
    }
}

/// The trace of a program in which no time passes.
pub(crate) fn trace<R: Debug>(main: impl AsyncFnOnce(Trace) -> R) -> String {
    trace_with_jumps(&[], main)
}

/// The trace of a program that waits for time to pass: in iteration `tick` nothing is ready, and the clock jumps to so
/// many `seconds`, for each `(tick, seconds)` of `jumps`.
///
/// It ends with how the main future ended: `ret=` and what it returned, or `raised` and the cancellation. Errors that
/// asyncio raises are values here, so they stand behind `ret=` too.
pub(crate) fn trace_with_jumps<R: Debug>(jumps: &[(u32, u64)], main: impl AsyncFnOnce(Trace) -> R) -> String {
    let lp = virtual_loop();
    let trace = Trace::default();
    let reports = trace.clone();
    lp.set_exception_handler(move |context| reports.inner.reports.borrow_mut().push(context.message.to_owned()));
    for (tick, seconds) in jumps {
        trace.inner.jumps.borrow_mut().push_back(*tick);
        let resumed = trace.clone();
        // first among equal deadlines
        lp.call_later(secs(*seconds), move || resumed.has_jumped());
    }
    let first = trace.clone();
    lp.call_soon(move || first.start_ticking(&EventLoop::current()));
    if let Err(error) = lp.run_until_complete(run_main(&trace, main)) {
        trace.rec(format!("the run ended: {error}"));
    }
    let left = {
        let _in = lp.enter();
        all_tasks().len()
    };
    trace.finish(left)
}

async fn run_main<R: Debug>(trace: &Trace, main: impl AsyncFnOnce(Trace) -> R) {
    let ended = catch_cancelled(AssertUnwindSafe(main(trace.clone())).catch_unwind()).await;
    trace.rec(match ended {
        Ok(Ok(value)) => format!("RESUME ret={value:?}"),
        Ok(Err(_payload)) => "RESUME panicked".to_owned(),
        Err(cancelled) => format!("RESUME raised Cancelled({})", cancelled.message().unwrap_or("")),
    });
}

/// A task that runs `body`, notes a cancellation of it and raises it on.
pub(crate) fn noted(t: &Trace, name: &'static str, body: impl Future<Output = ()> + 'static) -> Task<()> {
    let t = t.clone();
    create_task(async move {
        if let Err(cancelled) = catch_cancelled(body).await {
            t.rec(format!("{name}.CANCEL({})", cancelled.message().unwrap_or("")));
            cancelled.reraise().await;
        }
    })
}

/// Lets so many iterations pass.
pub(crate) async fn yields(n: u32) {
    for _ in 0..n {
        yield_now().await;
    }
}

/// Waits until all of these have ended, however they do.
pub(crate) async fn end_of(tasks: impl IntoIterator<Item = Task<()>>) {
    drop(wait(tasks).await);
}

/// Counts the iterations of a loop from now on.
pub(crate) fn count_ticks(lp: &EventLoop) -> Rc<Cell<u32>> {
    fn tick(lp: &EventLoop, ticks: Rc<Cell<u32>>) {
        lp.call_soon(move || {
            ticks.set(ticks.get() + 1);
            tick(&EventLoop::current(), ticks);
        });
    }
    let ticks = Rc::new(Cell::new(0));
    tick(lp, Rc::clone(&ticks));
    ticks
}
