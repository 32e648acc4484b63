//! One replay of one program: the labels it has given so far, and what it has done. Owns the loop, the trace and the
//! nesting of bodies; must not know the single ops.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Instant;

use oneloop::{
    AnyFuture, Error, EventLoop, Shared, Task, TaskGroup, Timeout, TimerHandle, catch_cancelled, current_task,
};
use serde_json::Value as Json;

use super::case::{Case, Event, Recording};
use super::contexts::Contexts;
use super::drivers::Driver;
use super::prims::Prim;
use super::value::{Caught, Outcome, Raise, Value};
use crate::loops::virtual_loop;

/// More than any recorded program needs.
const OPS_MAX: u32 = 10_000;

/// How an op or a body ended: with the value that it returned from the coroutine, or without one, so that what comes
/// next has its turn.
pub(crate) type Step = Result<Option<Value>, Raise>;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

pub(crate) struct Program {
    coros: Json,
    pub(crate) prims: HashMap<String, Prim>,
    start: Instant,
    ops: Cell<u32>,
    trace: RefCell<Vec<Event>>,
    /// Panics that no awaiter has seen.
    troubles: RefCell<Vec<String>>,
    /// Tasks, futures and gatherings.
    pub(crate) labels: RefCell<HashMap<String, Shared<Outcome>>>,
    /// Those among them that can be settled.
    pub(crate) futures: RefCell<HashMap<String, oneloop::Future<Outcome>>>,
    /// Those among them that are gatherings, or shields of one.
    pub(crate) gatherings: RefCell<Vec<AnyFuture>>,
    pub(crate) timers: RefCell<HashMap<String, TimerHandle>>,
    pub(crate) limits: RefCell<HashMap<String, Timeout>>,
    pub(crate) cells: RefCell<HashMap<String, i64>>,
    pub(crate) contexts: Contexts,
    /// By number of the task: the groups whose bodies it is in.
    groups: RefCell<HashMap<u64, Vec<TaskGroup<Raise>>>>,
}

/// Replays the program of a case on a loop that is driven so.
///
/// # Panics
/// If the interpreter or the loop does.
pub(crate) fn run(case: &Case, driver: Driver) -> Recording {
    let lp = virtual_loop();
    let program = Rc::new(Program {
        coros: case.coros.clone(),
        prims: case.prims.iter().map(|(name, spec)| (name.clone(), Prim::new(spec))).collect(),
        start: lp.time(),
        ops: Cell::new(0),
        trace: RefCell::default(),
        troubles: RefCell::default(),
        labels: RefCell::default(),
        futures: RefCell::default(),
        gatherings: RefCell::default(),
        timers: RefCell::default(),
        limits: RefCell::default(),
        cells: RefCell::default(),
        contexts: Contexts::default(),
        groups: RefCell::default(),
    });
    let watcher = Rc::downgrade(&program);
    lp.set_exception_handler(move |context| {
        if let Some(program) = watcher.upgrade() {
            program.troubles.borrow_mut().push(context.to_string());
        }
    });
    let ends = case.runs.iter().map(|name| program.one_run(&lp, name, driver)).collect();
    let trace = program.trace.take();
    program.forget();
    lp.close().expect("it does not run any more");
    let troubles = program.troubles.take();
    assert!(troubles.is_empty(), "{}", troubles.join("\n"));
    Recording { trace, ends }
}

impl Program {
    /// Runs a coroutine as the main task, and says how that ended.
    fn one_run(self: &Rc<Self>, lp: &EventLoop, name: &str, driver: Driver) -> String {
        let main = self.keep(name, lp.create_task(self.coro(name)));
        match driver.run(lp, main) {
            Ok(Ok(value)) => format!("value {value}"),
            Ok(Err(raise)) => format!("error {raise}"),
            Err(Error::Cancelled(_)) => "cancelled".to_owned(),
            Err(Error::Stopped) => "stopped".to_owned(),
            Err(other) => format!("no end: {other}"),
        }
    }

    /// Drops the handles, which lead back here.
    fn forget(&self) {
        drop(self.labels.take());
        drop(self.futures.take());
        drop(self.gatherings.take());
        drop(self.timers.take());
        drop(self.limits.take());
        drop(self.groups.take());
    }

    /// Notes an event of the running task, or of a callback.
    pub(crate) fn event(&self, what: impl Into<String>) {
        let time = (EventLoop::current().time() - self.start).as_millis();
        let who = current_task().map_or_else(|| "loop".to_owned(), |task| task.name());
        self.trace.borrow_mut().push(Event { time, who, what: what.into() });
    }

    /// A callback that notes an event.
    pub(crate) fn noting(self: &Rc<Self>, what: &str) -> impl FnOnce() + 'static + use<> {
        let (program, what) = (Rc::clone(self), what.to_owned());
        move || program.event(what)
    }

    /// A callback that carries out ops. An error ends them, and is an event.
    pub(crate) fn acting(self: &Rc<Self>, ops: &Json) -> impl FnOnce() + 'static + use<> {
        let (program, ops) = (Rc::clone(self), ops.clone());
        move || {
            for op in ops.as_array().expect("a body is a list") {
                program.count_op();
                match program.at_once(op) {
                    Ok(known) => assert!(known, "no op of a callback: {op}"),
                    Err(raise) => return program.event(format!("failed {raise}")),
                }
            }
        }
    }

    /// Names a task, and keeps it under that name.
    pub(crate) fn keep(&self, label: &str, task: Task<Outcome>) -> Shared<Outcome> {
        self.label(label, task.named(label).shared())
    }

    pub(crate) fn label(&self, label: &str, handle: Shared<Outcome>) -> Shared<Outcome> {
        let replaced = self.labels.borrow_mut().insert(label.to_owned(), handle.clone());
        drop(replaced);
        handle
    }

    pub(crate) fn labelled(&self, label: &str) -> Shared<Outcome> {
        let found = self.labels.borrow().get(label).cloned();
        found.unwrap_or_else(|| panic!("no task or future is called {label}"))
    }

    /// The coroutine with this name.
    pub(crate) fn coro(self: &Rc<Self>, name: &str) -> impl Future<Output = Outcome> + 'static + use<> {
        let (program, name) = (Rc::clone(self), name.to_owned());
        async move {
            let returned = program.body(&program.coros[name], None).await?;
            Ok(returned.unwrap_or(Value::Int(0)))
        }
    }

    /// Carries out ops until one returns, raises or is cancelled. Boxed, since bodies nest.
    pub(crate) fn body<'a>(self: &'a Rc<Self>, ops: &'a Json, caught: Option<&'a Caught>) -> Boxed<'a, Step> {
        Box::pin(async move {
            for op in ops.as_array().expect("a body is a list") {
                self.count_op();
                if let Some(value) = self.op(op, caught).await? {
                    return Ok(Some(value));
                }
            }
            Ok(None)
        })
    }

    /// Ends a run that goes on and on.
    fn count_op(&self) {
        self.ops.set(self.ops.get() + 1);
        if self.ops.get() > OPS_MAX {
            EventLoop::current().stop();
            panic!("more than {OPS_MAX} ops");
        }
    }

    /// `try`, whose handlers and `finally` are bodies or null.
    pub(crate) async fn attempt(self: &Rc<Self>, op: &Json, caught: Option<&Caught>) -> Step {
        let finally = &op[4];
        if finally.is_null() {
            return self.handled(op, caught).await;
        }
        let ended = catch_cancelled(self.handled(op, caught)).await;
        self.body(finally, None).await?;
        match ended {
            Ok(step) => step,
            Err(cancelled) => cancelled.reraise().await,
        }
    }

    async fn handled(self: &Rc<Self>, op: &Json, caught: Option<&Caught>) -> Step {
        let (body, on_error, on_cancel) = (&op[1], &op[2], &op[3]);
        let ended = if on_cancel.is_null() {
            Ok(self.body(body, caught).await)
        } else {
            catch_cancelled(self.body(body, caught)).await
        };
        match ended {
            Err(cancelled) => {
                self.event("caught cancelled");
                self.body(on_cancel, Some(&Caught::Cancelled(cancelled))).await
            }
            Ok(Err(raise)) if !on_error.is_null() => {
                self.event(format!("caught {raise}"));
                self.body(on_error, Some(&Caught::Error(raise))).await
            }
            Ok(step) => step,
        }
    }

    /// Enters a group: `start` uses the innermost that its task is in.
    pub(crate) fn enter(&self, group: TaskGroup<Raise>) -> InGroup<'_> {
        let task = current_task().expect("a group is in a task").id();
        self.groups.borrow_mut().entry(task).or_default().push(group);
        InGroup { program: self, task }
    }

    pub(crate) fn innermost_group(&self) -> TaskGroup<Raise> {
        let task = current_task().expect("start is in a task").id();
        let groups = self.groups.borrow();
        groups.get(&task).and_then(|groups| groups.last()).expect("start is in the body of a group").clone()
    }
}

/// The body of a group, however it is left.
pub(crate) struct InGroup<'a> {
    program: &'a Program,
    task: u64,
}

impl Drop for InGroup<'_> {
    fn drop(&mut self) {
        let left = self.program.groups.borrow_mut().get_mut(&self.task).and_then(Vec::pop);
        drop(left);
    }
}
