//! Where a task stands: what it waits for, and which cancellations were asked of it. Owns that bookkeeping; must not
//! know the coroutine, nor how a cancellation travels.

use std::cell::Cell;
use std::panic::Location;
use std::sync::Arc;

use crate::base::{Context, TaskKey};
use crate::kernel::Leaf;

/// The nodes that a task waits for: one, but for tasks that await several at once.
#[derive(Clone, Default)]
pub(crate) enum Waits<N> {
    #[default]
    None,
    One(N),
    #[expect(clippy::box_collection, reason = "rare, and every task has room for this enum")]
    Many(Box<Vec<N>>),
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

/// What few tasks have.
struct Rare<N> {
    name: Option<Box<str>>,
    /// It is work of the loop itself, and no task to its users.
    hidden: bool,
    message: Option<Arc<str>>,
    /// Where a cancellation went instead, and its message.
    handed_on: Option<(N, Option<Arc<str>>)>,
    /// What its variables are set to, while it does not run.
    context: Option<Context>,
}

impl<N> Default for Rare<N> {
    fn default() -> Self {
        Self { name: None, hidden: false, message: None, handed_on: None, context: None }
    }
}

/// The state of one task, beside its coroutine and its node. Every task has one, so it is kept small. `N` points to a node
/// that the task may wait for.
pub(crate) struct TaskState<N> {
    id: u64,
    key: TaskKey,
    waits: Cell<Waits<N>>,
    /// What it waits for if that is no node: only told, never cancelled.
    leaf: Cell<Option<Leaf>>,
    rare: Cell<Option<Box<Rare<N>>>>,
    created: &'static Location<'static>,
    cancelling: Cell<u32>,
    request: Cell<Request>,
    started: Cell<bool>,
    running: Cell<bool>,
    stage_in_use: Cell<bool>,
    eventful: Cell<bool>,
}

impl<N: Clone + PartialEq> TaskState<N> {
    pub(crate) fn new(id: u64, key: TaskKey, created: &'static Location<'static>) -> Self {
        Self {
            id,
            key,
            waits: Cell::default(),
            leaf: Cell::default(),
            rare: Cell::default(),
            created,
            cancelling: Cell::new(0),
            request: Cell::new(Request::None),
            started: Cell::new(false),
            running: Cell::new(false),
            stage_in_use: Cell::new(false),
            eventful: Cell::new(false),
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
        let rare = self.rare.take();
        let name = rare.as_ref().and_then(|rare| rare.name.as_deref()).map(str::to_owned);
        self.rare.set(rare);
        name.unwrap_or_else(|| format!("Task-{}", self.id))
    }

    pub(crate) fn set_name(&self, name: &str) {
        self.with_rare(|rare| rare.name = Some(name.into()));
    }

    pub(crate) fn is_hidden(&self) -> bool {
        let rare = self.rare.take();
        let hidden = rare.as_ref().is_some_and(|rare| rare.hidden);
        self.rare.set(rare);
        hidden
    }

    pub(crate) fn hide(&self) {
        self.with_rare(|rare| rare.hidden = true);
    }

    fn set_message(&self, message: Option<Arc<str>>) {
        if message.is_some() {
            self.with_rare(|rare| rare.message = message);
        } else {
            self.take_message();
        }
    }

    fn take_message(&self) -> Option<Arc<str>> {
        let mut rare = self.rare.take()?;
        let message = rare.message.take();
        self.rare.set(Some(rare));
        message
    }

    fn with_rare(&self, change: impl FnOnce(&mut Rare<N>)) {
        let mut rare = self.rare.take().unwrap_or_default();
        change(&mut rare);
        self.rare.set(Some(rare));
    }

    /// Its context, to run in. None stands for one that nobody has written to.
    pub(crate) fn take_context(&self) -> Option<Context> {
        let mut rare = self.rare.take()?;
        let context = rare.context.take();
        self.rare.set(Some(rare));
        context
    }

    /// Gives it the context to run in, and answers the one that it had.
    pub(crate) fn set_context(&self, context: Option<Context>) -> Option<Context> {
        let last = self.take_context();
        if context.is_some() {
            self.with_rare(|rare| rare.context = context);
        }
        last
    }

    /// Whether the coroutine has been polled.
    pub(crate) fn started(&self) -> &Cell<bool> {
        &self.started
    }

    /// Whether somebody has the coroutine, or its value, in hand. Extensions here where there is a byte to spare.
    pub(crate) fn stage_in_use(&self) -> &Cell<bool> {
        &self.stage_in_use
    }

    pub(crate) fn running(&self) -> &Cell<bool> {
        &self.running
    }

    /// Whether it awaits a node, or a cancellation was asked for or handed on, since this was last cleared: if not, a step
    /// has nothing to do but to poll.
    pub(crate) fn eventful(&self) -> &Cell<bool> {
        &self.eventful
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
            self.take_message();
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
            self.eventful.set(true);
            self.set_message(message);
        }
    }

    /// The request, to be delivered or handed on: there is none afterwards.
    pub(crate) fn take_request(&self) -> (Request, Option<Arc<str>>) {
        match self.request.replace(Request::None) {
            Request::None => (Request::None, None),
            request => (request, self.take_message()),
        }
    }

    /// A cancellation goes to `node` instead, which the task awaits as far as anybody knows.
    pub(crate) fn hand_on(&self, node: N, message: Option<Arc<str>>) {
        self.eventful.set(true);
        self.with_rare(|rare| drop(rare.handed_on.replace((node, message))));
    }

    pub(crate) fn has_handed_on(&self) -> bool {
        let rare = self.rare.take();
        let has = rare.as_ref().is_some_and(|rare| rare.handed_on.is_some());
        self.rare.set(rare);
        has
    }

    pub(crate) fn take_handed_on(&self) -> Option<(N, Option<Arc<str>>)> {
        let mut rare = self.rare.take()?;
        let handed_on = rare.handed_on.take();
        self.rare.set(Some(rare));
        handed_on
    }

    // What it waits for.

    pub(crate) fn wait_for(&self, node: N) {
        self.eventful.set(true);
        self.waits.set(match self.waits.take() {
            Waits::None => Waits::One(node),
            Waits::One(other) if other == node => Waits::One(other),
            Waits::One(other) => Waits::Many(Box::new(vec![other, node])),
            Waits::Many(mut all) => {
                if !all.contains(&node) {
                    all.push(node);
                }
                Waits::Many(all)
            }
        });
    }

    /// A step begins: it waits for nothing. What it held is handed back to be dropped.
    pub(crate) fn clear_waits(&self) -> Waits<N> {
        self.waits.take()
    }

    /// The await of a node, which `is_it` recognises, was given up. What it held is handed back to be dropped.
    pub(crate) fn no_longer_waits_for(&self, is_it: impl Fn(&N) -> bool) -> Option<N> {
        let (kept, left) = match self.waits.take() {
            Waits::One(one) if is_it(&one) => (Waits::None, Some(one)),
            Waits::Many(mut all) => {
                let left = all.iter().position(is_it).map(|i| all.remove(i));
                (Waits::Many(all), left)
            }
            other => (other, None),
        };
        self.waits.set(kept);
        left
    }

    /// The one node that it waits for, if it waits for nothing else: what a cancellation is handed on to.
    ///
    /// A task that has polled several things in its last step, in a `select` or `join` of foreign make, may have given
    /// some of them up without dropping them. So it is cancelled itself.
    pub(crate) fn waits_for_one(&self) -> Option<N> {
        match self.copy_of_waits() {
            Waits::One(node) if self.leaf.get().is_none() => Some(node),
            Waits::One(_) | Waits::None | Waits::Many(_) => None,
        }
    }

    /// All nodes that it waits for, or has looked at in its last step.
    pub(crate) fn waits_for_nodes(&self) -> Vec<N> {
        match self.copy_of_waits() {
            Waits::None => Vec::new(),
            Waits::One(node) => vec![node],
            Waits::Many(all) => *all,
        }
    }

    /// What it waits for beside nodes, by name.
    pub(crate) fn leaf(&self) -> &Cell<Option<Leaf>> {
        &self.leaf
    }

    fn copy_of_waits(&self) -> Waits<N> {
        let waits = self.waits.take();
        let copy = waits.clone();
        self.waits.set(waits);
        copy
    }
}
