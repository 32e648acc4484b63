//! Where a task stands: what it waits for, and which cancellations were asked of it. Owns that bookkeeping; must not
//! know the coroutine, nor how a cancellation travels.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use super::Node;
use crate::key::TaskKey;

/// Something that a task waits for.
pub(crate) enum WaitsFor {
    /// A task, future or gathering, to which a cancellation is handed on.
    Node(Rc<dyn Node>),
    /// Anything else, by name: a cancellation ends the wait itself.
    Leaf(&'static str),
}

/// The nodes that a task waits for: one, but for tasks that await several at once.
#[derive(Clone, Default)]
enum Nodes {
    #[default]
    None,
    One(Rc<dyn Node>),
    Many(Vec<Rc<dyn Node>>),
}

fn is(one: &Rc<dyn Node>, node: &dyn Node) -> bool {
    std::ptr::addr_eq(Rc::as_ptr(one), node)
}

/// Which cancellation the next step delivers. `None` → `Asked` while the task runs or is queued to run; `uncancel` can
/// take that back. `None` → `Interrupted` when the wait itself was ended: as in asyncio, where the future waited for
/// is cancelled then, nothing takes that back. A step begins by delivering either and returns to `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    None,
    Asked,
    Interrupted,
}

/// The cancellation state of one task.
pub(crate) struct Suspension {
    id: u64,
    key: TaskKey,
    nodes: Cell<Nodes>,
    /// What else it waits for; the last of several, since this is only told, never cancelled.
    leaf: Cell<Option<&'static str>>,
    message: Cell<Option<Arc<str>>>,
    name: Cell<Option<Box<str>>>,
    created: &'static Location<'static>,
    /// The last walk of a cancellation that came by, so that it notices a cycle.
    walk: Cell<u64>,
    cancelling: Cell<u32>,
    request: Cell<Request>,
    started: Cell<bool>,
    running: Cell<bool>,
}

impl Suspension {
    pub(crate) fn new(id: u64, key: TaskKey, created: &'static Location<'static>) -> Self {
        Self {
            id,
            key,
            nodes: Cell::default(),
            leaf: Cell::default(),
            message: Cell::default(),
            name: Cell::default(),
            created,
            walk: Cell::new(0),
            cancelling: Cell::new(0),
            request: Cell::new(Request::None),
            started: Cell::new(false),
            running: Cell::new(false),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn key(&self) -> TaskKey {
        self.key
    }

    pub(crate) fn created(&self) -> &'static Location<'static> {
        self.created
    }

    pub(crate) fn name(&self) -> String {
        let name = self.name.take();
        let text = name.as_deref().map_or_else(|| format!("Task-{}", self.id), str::to_owned);
        self.name.set(name);
        text
    }

    pub(crate) fn set_name(&self, name: &str) {
        self.name.set(Some(name.into()));
    }

    /// Whether the coroutine has been polled.
    pub(crate) fn started(&self) -> &Cell<bool> {
        &self.started
    }

    pub(crate) fn running(&self) -> &Cell<bool> {
        &self.running
    }

    /// Notes that the walk with this number came by; whether it had been here before.
    pub(crate) fn was_visited_by(&self, walk: u64) -> bool {
        self.walk.replace(walk) == walk
    }

    // Cancellations.

    pub(crate) fn cancelling(&self) -> u32 {
        self.cancelling.get()
    }

    pub(crate) fn count_cancel(&self) {
        self.cancelling.set(self.cancelling.get().saturating_add(1));
    }

    /// One request less; when none is left, one that was not delivered yet is taken back.
    pub(crate) fn uncancel(&self) -> u32 {
        let left = self.cancelling.get().saturating_sub(1);
        self.cancelling.set(left);
        if left == 0 && self.request.get() == Request::Asked {
            self.request.set(Request::None);
            self.message.set(None);
        }
        left
    }

    pub(crate) fn request(&self) -> Request {
        self.request.get()
    }

    /// The next step is to deliver a cancellation. The first interruption's message stands.
    pub(crate) fn ask(&self, request: Request, message: Option<Arc<str>>) {
        if self.request.get() != Request::Interrupted {
            self.request.set(request);
            self.message.set(message);
        }
    }

    /// The request, to be delivered or handed on: there is none afterwards.
    pub(crate) fn take_request(&self) -> (Request, Option<Arc<str>>) {
        (self.request.replace(Request::None), self.message.take())
    }

    // What it waits for.

    pub(crate) fn wait_for(&self, what: WaitsFor) {
        let node = match what {
            WaitsFor::Leaf(name) => return self.leaf.set(Some(name)),
            WaitsFor::Node(node) => node,
        };
        self.nodes.set(match self.nodes.take() {
            Nodes::None => Nodes::One(node),
            Nodes::One(other) => Nodes::Many(vec![other, node]),
            Nodes::Many(mut all) => {
                all.push(node);
                Nodes::Many(all)
            }
        });
    }

    /// A step begins: it waits for nothing. What it held is handed back to be dropped.
    pub(crate) fn clear_waits(&self) -> impl Sized + use<> {
        self.leaf.set(None);
        self.nodes.take()
    }

    /// An await of `node` was given up. What it held is handed back to be dropped.
    pub(crate) fn no_longer_waits_for(&self, node: &dyn Node) -> Option<Rc<dyn Node>> {
        let (kept, left) = match self.nodes.take() {
            Nodes::One(one) if is(&one, node) => (Nodes::None, Some(one)),
            Nodes::Many(mut all) => {
                let left = all.iter().position(|one| is(one, node)).map(|i| all.remove(i));
                (Nodes::Many(all), left)
            }
            other => (other, None),
        };
        self.nodes.set(kept);
        left
    }

    /// The one node that it waits for, if it is one.
    pub(crate) fn waits_for_one(&self) -> Option<Rc<dyn Node>> {
        match self.copy_of_nodes() {
            Nodes::One(node) => Some(node),
            Nodes::None | Nodes::Many(_) => None,
        }
    }

    /// All nodes that it waits for.
    pub(crate) fn waits_for_nodes(&self) -> Vec<Rc<dyn Node>> {
        match self.copy_of_nodes() {
            Nodes::None => Vec::new(),
            Nodes::One(node) => vec![node],
            Nodes::Many(all) => all,
        }
    }

    /// What it waits for beside nodes.
    pub(crate) fn waits_for_leaf(&self) -> Option<&'static str> {
        self.leaf.get()
    }

    fn copy_of_nodes(&self) -> Nodes {
        let nodes = self.nodes.take();
        let copy = nodes.clone();
        self.nodes.set(nodes);
        copy
    }
}
