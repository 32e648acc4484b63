//! The call graph as a value. Owns its types; must not know a loop, so that it may go to another thread and be
//! compared.

use std::panic::Location;
use std::time::Duration;

use crate::awaitables::WaitDetail;

/// Who waits for whom, as it was at one moment: asyncio's `capture_call_graph()`, of all tasks of a loop at once. From
/// [`EventLoop::call_graph`](crate::EventLoop::call_graph).
///
/// It is complete without being switched on, because a cancellation goes the same way. Printed, it is a tree:
///
/// ```
/// use oneloop::{Clock, EventLoop, create_task, gather, sleep, yield_now};
/// use std::time::Duration;
///
/// let graph = EventLoop::builder().clock(Clock::Virtual).run(async {
///     let page = |seconds| create_task(sleep(Duration::from_secs(seconds))).named(format!("page {seconds}"));
///     let pages = [3, 7].map(page);
///     create_task(async { gather(pages).await }).named("download");
///     yield_now().await; // they begin
///     EventLoop::current().call_graph()
/// })?;
/// let text = graph.to_string();
/// let without_places: Vec<&str> = text.lines().map(|line| line.split("  (").next().unwrap_or(line)).collect();
/// assert_eq!(without_places, [
///     "Task-1 runs",
///     "download waits for",
///     "└─ gathering [0/2] waits for",
///     "   ├─ page 3 waits for a timer, 3 s left",
///     "   └─ page 7 waits for a timer, 7 s left",
/// ]);
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// Behind each task is the place in the program that made it. [`to_table`](Self::to_table) has a line
/// for each task, [`to_html`](Self::to_html) is for a browser, [`to_svg`](Self::to_svg) and [`to_dot`](Self::to_dot)
/// are drawings, and [`to_json`](Self::to_json) is for programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallGraph {
    /// The tasks in order of creation, and behind them what else they wait for.
    pub nodes: Vec<GraphNode>,
}

/// A task, future or gathering in a [`CallGraph`].
///
/// # Examples
/// ```
/// use oneloop::{Event, EventLoop, create_task, run, yield_now};
///
/// run(async {
///     let _waiting = create_task(async { Event::new().wait().await }).named("waits");
///     yield_now().await;
///     let graph = EventLoop::current().call_graph();
///     let node = graph.nodes.iter().find(|node| node.name == "waits").unwrap();
///     assert_eq!(node.leaf, Some("an event"));
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GraphNode {
    /// What it is.
    pub kind: NodeKind,
    /// The name of a task; empty for others.
    pub name: String,
    /// What it does.
    pub state: NodeState,
    /// Where in the program a task was made. `None` for tasks that the crate makes: those of the clients of a server,
    /// say.
    pub created: Option<&'static Location<'static>>,
    /// The tasks, futures and gatherings that it waits for and that have not ended, as places in
    /// [`CallGraph::nodes`].
    pub awaits: Vec<usize>,
    /// What else it waits for, by its kind: `a lock`, `an item of a queue`, `data of a stream`.
    pub leaf: Option<&'static str>,
    /// How many such things it waits for side by side. `leaf` is one of them.
    pub leaves: u64,
    /// What `leaf` is, if more is known of it: which task holds the lock, say.
    pub detail: Option<WaitDetail>,
    /// How long the timer that it waits for still runs, or the time-out of its [`wait`](crate::wait()).
    pub time_left: Option<Duration>,
    /// How much of the time limit around it is left, the one that ends first: of a [`timeout`](crate::timeout()), say.
    pub limit_left: Option<Duration>,
    /// How long ago its last step was, at least. The loop notes how far it has come when it polls, and keeps old notes
    /// less finely than new ones: so the truth is a half more at most, and usually the same to a hundredth of a second.
    ///
    /// `None` if it is no task, if it does not wait, and if the loop has not polled since its last step.
    pub waited: Option<Duration>,
}

/// What a [`GraphNode`] is.
///
/// # Examples
/// ```
/// use oneloop::{CallGraph, NodeKind};
///
/// /// How many children all gatherings of the graph still wait for.
/// fn children_left(graph: &CallGraph) -> usize {
///     let left = graph.nodes.iter().map(|node| match node.kind {
///         NodeKind::Gathering { ended, children, .. } => children - ended,
///         _ => 0,
///     });
///     left.sum()
/// }
/// assert_eq!(children_left(&CallGraph::default()), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeKind {
    /// A task.
    Task,
    /// A future, or a shield around something.
    Future,
    /// A gathering: so many of its children have ended.
    #[non_exhaustive]
    Gathering {
        /// How many children have ended.
        ended: usize,
        /// How many children it has.
        children: usize,
    },
}

/// What a [`GraphNode`] does.
///
/// # Examples
/// ```
/// use oneloop::{EventLoop, NodeState, run};
///
/// run(async {
///     let graph = EventLoop::current().call_graph();
///     assert_eq!(graph.nodes[0].state, NodeState::Running); // this task, which asks
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeState {
    /// It waits. If it waits for nothing of the loop, it is for something outside: another thread, or a future of
    /// another crate.
    Waiting,
    /// It is in the ready queue: its next step comes as soon as those before it have had theirs.
    Ready,
    /// A gathering with a limit holds it back, until others have ended.
    Held,
    /// It takes its step now, and has asked for this graph.
    Running,
}

impl CallGraph {
    /// Those that nothing in the graph waits for, in order; and one of each circle, in which all wait for each other.
    pub(super) fn roots(&self) -> Vec<usize> {
        let mut awaited = vec![false; self.nodes.len()];
        for (from, node) in self.nodes.iter().enumerate() {
            for &to in &node.awaits {
                awaited[to] |= from != to;
            }
        }
        let mut roots: Vec<usize> = (0..self.nodes.len()).filter(|&node| !awaited[node]).collect();
        let mut reached = vec![false; self.nodes.len()];
        for &root in &roots {
            self.reach(root, &mut reached);
        }
        for node in 0..self.nodes.len() {
            if !reached[node] {
                roots.push(node);
                self.reach(node, &mut reached);
            }
        }
        roots
    }

    fn reach(&self, from: usize, reached: &mut [bool]) {
        let mut left = vec![from];
        while let Some(node) = left.pop() {
            if !std::mem::replace(&mut reached[node], true) {
                left.extend(self.nodes[node].awaits.iter().filter(|&&next| !reached[next]));
            }
        }
    }
}
