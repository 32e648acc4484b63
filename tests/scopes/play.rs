//! A tree as a future, and its run on the virtual clock under cancellations. Owns what a run shows; must not know what
//! is right.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::{LocalBoxFuture, join_all, select_all};
use futures::stream::{self, FuturesUnordered, StreamExt as _};
use oneloop::{
    EventLoop, TaskError, catch_cancelled, create_task, gather, sleep, sleep_until, task_group, timeout, timeout_at,
};

use crate::loops::virtual_loop;
use crate::tree::{Nanos, Node, Timing, in_no_order, in_seconds};

/// More often than this no program is polled that does not spin.
const POLLS_MAX: u32 = 100_000;

type Part = LocalBoxFuture<'static, String>;

/// A cancellation of the program's task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cancel {
    pub(crate) at: Nanos,
    /// Whether its timer is set before all others. If it is not, it is set after all that end at this time.
    pub(crate) set_first: bool,
}

/// A tree, and how its task is cancelled.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) root: Node,
    pub(crate) timing: Timing,
    pub(crate) cancels: Vec<Cancel>,
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.root, self.timing)?;
        for cancel in &self.cancels {
            let order = if cancel.set_first { "set first" } else { "set last" };
            write!(f, "\n           cancel at {}, {order}", in_seconds(cancel.at))?;
        }
        Ok(())
    }
}

/// The end of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Returned(Nanos, String),
    Cancelled(Nanos),
    /// It ended in a way that no program may.
    Broken(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returned(at, value) => write!(f, "at {}: {value}", in_seconds(*at)),
            Self::Cancelled(at) => write!(f, "at {}: cancelled", in_seconds(*at)),
            Self::Broken(how) => write!(f, "broken: {how}"),
        }
    }
}

/// What all parts of a run share.
struct Stage {
    start: Instant,
    timing: Timing,
    /// The ends of all timers that were set.
    ends: RefCell<Vec<Nanos>>,
}

impl Stage {
    fn now(&self) -> Nanos {
        let time = EventLoop::current().time() - self.start;
        Nanos::try_from(time.as_nanos()).expect("a time that fits")
    }

    /// Notes the end of a timer.
    fn note(&self, end: Nanos) -> Instant {
        self.ends.borrow_mut().push(end);
        self.start + Duration::from_nanos(end)
    }
}

/// Runs a program. Beside its outcome, returns the ends of all timers that it set.
pub(crate) fn play(program: &Program) -> (Outcome, Vec<Nanos>) {
    let lp = virtual_loop();
    let stage = Rc::new(Stage { start: lp.time(), timing: program.timing, ends: RefCell::default() });
    let main = async {
        let mut task = create_task(unless_it_spins(build(&stage, &program.root)));
        for cancel in &program.cancels {
            let (handle, at) = (task.handle(), stage.start + Duration::from_nanos(cancel.at));
            let cancels = move || _ = handle.cancel();
            if cancel.set_first {
                EventLoop::current().call_at(at, cancels);
            } else {
                let just_before = at.checked_sub(Duration::from_nanos(1)).expect("a time after the start");
                EventLoop::current().call_at(just_before, move || _ = EventLoop::current().call_at(at, cancels));
            }
        }
        match task.outcome().await {
            Ok(value) => Outcome::Returned(stage.now(), value),
            Err(TaskError::Cancelled(_)) => Outcome::Cancelled(stage.now()),
            Err(error) => Outcome::Broken(error.to_string()),
        }
    };
    let outcome = match catch_unwind(AssertUnwindSafe(|| lp.run_until_complete(main))) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => Outcome::Broken(error.to_string()),
        Err(_) => Outcome::Broken("the run panics".to_owned()),
    };
    (outcome, stage.ends.take())
}

fn unless_it_spins(mut part: Part) -> impl Future<Output = String> {
    let polls = Cell::new(0);
    poll_fn(move |cx| {
        polls.set(polls.get() + 1);
        assert!(polls.get() < POLLS_MAX, "it spins");
        part.poll_unpin(cx)
    })
}

fn build(stage: &Rc<Stage>, node: &Node) -> Part {
    let one = |node: &Node| build(stage, node);
    let all = |nodes: &[Node]| nodes.iter().map(one).collect::<Vec<_>>();
    let on = Rc::clone(stage);
    match node {
        Node::Sleep(span) => slept(on, *span).boxed_local(),
        Node::Limit(span, inside) => limited(on, *span, one(inside)).boxed_local(),
        Node::Catch(inside) => caught(on, one(inside)).boxed_local(),
        Node::CleanUp(span, inside) => cleaning_up(on, *span, one(inside)).boxed_local(),
        Node::Join(branches) => join_all(all(branches)).map(in_no_order).boxed_local(),
        Node::Unordered(branches) => {
            let set: FuturesUnordered<_> = all(branches).into_iter().collect();
            set.collect().map(in_no_order).boxed_local()
        }
        Node::Buffered(branches, room) => {
            stream::iter(all(branches)).buffer_unordered(*room).collect().map(in_no_order).boxed_local()
        }
        Node::Select(branches) => {
            let first = select_all(all(branches)).map(drop);
            first.map(move |()| format!("first@{}", in_seconds(on.now()))).boxed_local()
        }
        Node::Task(inside) => {
            let inside = one(inside);
            async { format!("task({})", create_task(inside).await) }.boxed_local()
        }
        Node::Gather(children) => {
            let children = all(children);
            async { in_no_order(gather(children).await) }.boxed_local()
        }
        Node::Group { body, children, fails_after } => {
            grouped(on, one(body), all(children), *fails_after).boxed_local()
        }
        Node::Sequence(parts) => in_sequence(all(parts)).boxed_local(),
    }
}

async fn slept(stage: Rc<Stage>, span: Nanos) -> String {
    let end = stage.note(stage.timing.sleep_ends(stage.now(), span));
    match stage.timing {
        Timing::Apart | Timing::Whole => sleep(Duration::from_nanos(span)).await,
        Timing::EvenAndOdd => sleep_until(end).await,
    }
    format!("s@{}", in_seconds(stage.now()))
}

async fn limited(stage: Rc<Stage>, span: Nanos, inside: Part) -> String {
    let end = stage.note(stage.timing.limit_ends(stage.now(), span));
    let ended = match stage.timing {
        Timing::Apart | Timing::Whole => timeout(Duration::from_nanos(span), inside).await,
        Timing::EvenAndOdd => timeout_at(end, inside).await,
    };
    ended.map_or_else(|_| format!("late@{}", in_seconds(stage.now())), |value| format!("ok({value})"))
}

async fn caught(stage: Rc<Stage>, inside: Part) -> String {
    let ended = catch_cancelled(inside).await;
    ended.map_or_else(|_| format!("caught@{}", in_seconds(stage.now())), |value| format!("kept({value})"))
}

async fn cleaning_up(stage: Rc<Stage>, span: Nanos, inside: Part) -> String {
    match catch_cancelled(inside).await {
        Ok(value) => format!("kept({value})"),
        Err(cancelled) => {
            slept(stage, span).await;
            cancelled.reraise().await
        }
    }
}

async fn grouped(stage: Rc<Stage>, body: Part, children: Vec<Part>, fails_after: Option<Nanos>) -> String {
    let values = Rc::new(RefCell::new(vec!["x".to_owned(); children.len()]));
    let (for_children, for_failure) = (Rc::clone(&values), Rc::clone(&stage));
    let ended = task_group(async move |g| {
        for (place, child) in children.into_iter().enumerate() {
            let values = Rc::clone(&for_children);
            g.create_task(async move {
                let value = child.await;
                values.borrow_mut()[place] = value;
                Ok(())
            });
        }
        if let Some(span) = fails_after {
            g.create_task(slept(for_failure, span).map(|_| Err::<(), _>(())));
        }
        Ok(body.await)
    });
    match ended.await {
        Ok(body) => format!("group({body}; {})", in_no_order(values.take())),
        Err(_) => format!("failed@{}", in_seconds(stage.now())),
    }
}

async fn in_sequence(parts: Vec<Part>) -> String {
    let mut values = Vec::new();
    for part in parts {
        values.push(part.await);
    }
    format!("({})", values.join("; "))
}
