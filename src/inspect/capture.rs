//! How a call graph is taken down. Owns the walk over what waits for what; must not know how the graph is printed.
//!
//! Nothing is written down for it while the loop runs. A task knows the nodes that it awaits, and what else it waits
//! for in words; a gathering knows its children. What a primitive waits for is found the other way round: it is among
//! the watchers of each of its children, and knows which task waits for it.

use std::collections::HashMap;
use std::time::Duration;

use super::call_graph::{CallGraph, GraphNode, NodeKind, NodeState};
use crate::awaitables::{detail, stands_for, tasks_of};
use crate::base::{TaskKey, in_the_program};
use crate::kernel::{Deadline, Leaf, Queued as _, What};
use crate::node::{Kind, Loop, NodeRef, TaskState, Watcher};

/// What waits in the loop for what, at this moment.
pub(crate) fn capture(kernel: &Loop) -> CallGraph {
    let mut capture = Capture {
        kernel,
        deadlines: kernel.deadlines(),
        found: Vec::new(),
        places: HashMap::new(),
        graph: CallGraph::default(),
    };
    for task in tasks_of(kernel) {
        capture.place_of(task.as_any().node());
    }
    let tasks = capture.keys();
    let mut next = 0;
    while let Some(node) = capture.found.get(next).cloned() {
        capture.describe(next, &node);
        next += 1;
    }
    capture.add_primitives(&tasks);
    capture.graph
}

/// Where a node is in the graph, by a number of the node. One type of map for all that is looked for here: each is
/// compiled for itself.
type Places = HashMap<u64, usize>;

struct Capture<'a> {
    kernel: &'a Loop,
    deadlines: HashMap<(TaskKey, Deadline), u64>,
    /// The nodes in the order of the graph.
    found: Vec<NodeRef>,
    /// Where each is in it, by the address of its core, which a view shares with what it is a view of.
    places: Places,
    graph: CallGraph,
}

impl Capture<'_> {
    /// Where the node is in the graph; it is added if it is new.
    fn place_of(&mut self, node: &NodeRef) -> usize {
        let address = std::ptr::from_ref(node.core()).addr() as u64;
        *self.places.entry(address).or_insert_with(|| {
            self.found.push(node.clone());
            self.found.len() - 1
        })
    }

    /// By the word of the task's key.
    fn keys(&self) -> Places {
        let keyed = self.found.iter().enumerate();
        keyed.filter_map(|(i, node)| Some((word(task_state(node)?.key()), i))).collect()
    }

    fn describe(&mut self, place: usize, node: &NodeRef) {
        let described = match node.kind() {
            Kind::Task(state) => self.task(state, node),
            Kind::Gathering(gathering) => self.gathering(gathering.children()),
            Kind::Plain => self.future(node),
        };
        debug_assert_eq!(self.graph.nodes.len(), place, "nodes are described in their order");
        self.graph.nodes.push(described);
    }

    fn task(&mut self, state: &TaskState, node: &NodeRef) -> GraphNode {
        let (mut nodes, leaves) = self.kernel.await_tree().listed(state.root());
        nodes.extend(state.nodes());
        let doing = if self.kernel.running_task().is(state) {
            NodeState::Running
        } else if state.is_held() {
            NodeState::Held
        } else if node.queued().get() {
            NodeState::Ready
        } else {
            NodeState::Waiting
        };
        let leaf = state.awaits().leaf().or(leaves.first().copied());
        GraphNode {
            kind: NodeKind::Task,
            name: state.name(),
            state: doing,
            created: in_the_program(state.created()),
            awaits: self.pending(nodes),
            leaf: leaf.map(Leaf::words),
            leaves: state.awaits().leaves() + leaves.len() as u64,
            detail: leaf.and_then(|leaf| detail(self.kernel, leaf)),
            time_left: leaf.and_then(|leaf| self.time_left(state.key(), ended_by(leaf)?)),
            limit_left: self.time_left(state.key(), Deadline::Limit),
            waited: if doing == NodeState::Waiting { self.kernel.since_step(state.awaits().step()) } else { None },
        }
    }

    fn gathering(&mut self, children: Vec<NodeRef>) -> GraphNode {
        let total = children.len();
        let ended = children.iter().filter(|child| child.core().is_done()).count();
        let awaits = self.pending(children);
        plain(NodeKind::Gathering { ended, children: total }, awaits)
    }

    fn future(&mut self, node: &NodeRef) -> GraphNode {
        let shielded = node.shielded();
        let leaf = stands_for(&**node);
        GraphNode {
            leaf: leaf.map(Leaf::words),
            leaves: u64::from(leaf.is_some()),
            detail: leaf.and_then(|leaf| detail(self.kernel, leaf)),
            ..plain(NodeKind::Future, self.pending(shielded.into_iter().collect()))
        }
    }

    /// The places of those that have not ended.
    fn pending(&mut self, nodes: Vec<NodeRef>) -> Vec<usize> {
        let pending = nodes.into_iter().filter(|node| !node.core().is_done());
        let mut places: Vec<usize> = pending.map(|node| self.place_of(&node)).collect();
        places.dedup();
        places
    }

    /// Adds what tasks wait for by a `wait`, an `as_completed` or a task group.
    fn add_primitives(&mut self, tasks: &Places) {
        let edge = |task: usize, child: usize| (task as u64) << 32 | child as u64;
        let mut edges = Places::new(); // those that are there: a body may await a child of its own group
        for (task, node) in self.graph.nodes.iter().enumerate() {
            edges.extend(node.awaits.iter().map(|&child| (edge(task, child), child)));
        }
        for (child, node) in self.found.iter().enumerate() {
            node.core().watchers().each(|watcher| {
                let Watcher::Watch(watch, _) = watcher else { return };
                if let Some(&task) = watch.waiter().and_then(|key| tasks.get(&word(key)))
                    && edges.insert(edge(task, child), child).is_none()
                {
                    self.graph.nodes[task].awaits.push(child);
                }
            });
        }
    }

    fn time_left(&self, key: TaskKey, of: Deadline) -> Option<Duration> {
        let deadline = self.deadlines.get(&(key, of))?;
        Some(Duration::from_nanos(deadline.saturating_sub(self.kernel.clock().now())))
    }
}

/// The deadline by which the wait of a leaf ends, if it ends by one.
fn ended_by(leaf: Leaf) -> Option<Deadline> {
    match leaf.what() {
        What::Timer => Some(Deadline::Sleep),
        What::AllCompleted | What::FirstCompleted | What::FirstException => Some(Deadline::Wait),
        _ => None,
    }
}

fn word(key: TaskKey) -> u64 {
    key.to_word() as u64
}

fn task_state(node: &NodeRef) -> Option<&TaskState> {
    match node.kind() {
        Kind::Task(state) => Some(state),
        Kind::Plain | Kind::Gathering(_) => None,
    }
}

fn plain(kind: NodeKind, awaits: Vec<usize>) -> GraphNode {
    GraphNode {
        kind,
        name: String::new(),
        state: NodeState::Waiting,
        created: None,
        awaits,
        leaf: None,
        leaves: 0,
        detail: None,
        time_left: None,
        limit_left: None,
        waited: None,
    }
}
