//! Where a task stands: what it waits for, and which cancellations were asked of it. Owns that bookkeeping; must not
//! know the coroutine, nor how a cancellation travels.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use super::Node;
use crate::key::TaskKey;

/// Something that a task waits for.
#[derive(Clone)]
pub(crate) enum WaitsFor {
    /// A task, future or gathering, to which a cancellation is handed on.
    Node(Rc<dyn Node>),
    /// Anything else, by name: a cancellation ends the wait itself.
    Leaf(&'static str),
}

impl WaitsFor {
    fn is(&self, node: &dyn Node) -> bool {
        matches!(self, Self::Node(other) if std::ptr::addr_eq(Rc::as_ptr(other), node))
    }
}

/// Everything that a task waits for: one thing, but for tasks that await several at once.
#[derive(Clone, Default)]
enum Waits {
    #[default]
    None,
    One(WaitsFor),
    Many(Vec<WaitsFor>),
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
    waits: Cell<Waits>,
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
            waits: Cell::default(),
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
        self.waits.set(match self.waits.take() {
            Waits::None => Waits::One(what),
            Waits::One(other) => Waits::Many(vec![other, what]),
            Waits::Many(mut all) => {
                all.push(what);
                Waits::Many(all)
            }
        });
    }

    /// A step begins: it waits for nothing. What it held is handed back to be dropped.
    pub(crate) fn clear_waits(&self) -> impl Sized + use<> {
        self.waits.take()
    }

    /// An await of `node` was given up.
    pub(crate) fn no_longer_waits_for(&self, node: &dyn Node) {
        let kept = match self.waits.take() {
            Waits::One(one) if one.is(node) => Waits::None,
            Waits::Many(mut all) => {
                if let Some(i) = all.iter().position(|one| one.is(node)) {
                    all.remove(i);
                }
                Waits::Many(all)
            }
            other => other,
        };
        self.waits.set(kept);
    }

    /// What it waits for: the one thing, or all of several.
    pub(crate) fn waits(&self) -> Vec<WaitsFor> {
        match self.copy_of_waits() {
            Waits::None => Vec::new(),
            Waits::One(one) => vec![one],
            Waits::Many(all) => all,
        }
    }

    /// The one node that it waits for, if it is one node.
    pub(crate) fn waits_for_one(&self) -> Option<Rc<dyn Node>> {
        match self.copy_of_waits() {
            Waits::One(WaitsFor::Node(node)) => Some(node),
            _ => None,
        }
    }

    /// Whether it waits for several things at once, so that a cancellation has to try each.
    pub(crate) fn waits_for_many(&self) -> bool {
        let waits = self.waits.take();
        let many = matches!(waits, Waits::Many(_));
        self.waits.set(waits);
        many
    }

    fn copy_of_waits(&self) -> Waits {
        let waits = self.waits.take();
        let copy = waits.clone();
        self.waits.set(waits);
        copy
    }
}
