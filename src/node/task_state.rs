//! The state of a task beside its coroutine: what it waits for, and which cancellations were asked of it. Owns these
//! cells; must not know the coroutine, nor how a cancellation travels.

use std::cell::Cell;
use std::panic::Location;
use std::sync::Arc;

use crate::base::{Context, TaskKey};
use crate::kernel::{Beside, Counts, Leaf, Place};

/// The nodes that a task waits for. Only a task that polls several futures in one step waits for more than one.
#[derive(Clone, Default)]
pub(crate) enum Waits<N> {
    #[default]
    None,
    One(N),
    #[expect(clippy::box_collection, reason = "rare, and every task has room for this enum")]
    Many(Box<Vec<N>>),
}

/// Which cancellation the next step delivers: see the second picture at [`TaskState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    None,
    /// `cancel()` was called while the task was running or queued. `uncancel` can take the request back.
    Asked,
    /// The wait of the task was ended. Nothing takes this back: in asyncio, the future that the task waits for is
    /// cancelled by then.
    Interrupted,
}

/// Fields that few tasks need, in a box of their own.
pub(super) struct Rare<N> {
    name: Option<Box<str>>,
    /// The task is work of the loop itself: `all_tasks` leaves it out.
    hidden: bool,
    /// The message of `request`.
    message: Option<Arc<str>>,
    /// The node to which a cancellation of this task went instead, and the message.
    pub(super) handed_on: Option<(N, Option<Arc<str>>)>,
    /// The context of the task, while no step is on.
    context: Option<Context>,
    /// The root of what the task awaits under wakers of other crates.
    pub(super) root: Place,
    /// While a throw goes on over several steps: how many more it may take.
    rounds: Option<usize>,
}

impl<N> Default for Rare<N> {
    fn default() -> Self {
        Self {
            name: None,
            hidden: false,
            message: None,
            handed_on: None,
            context: None,
            root: Place::NONE,
            rounds: None,
        }
    }
}

/// How many turns a task takes before their numbers begin again. Polls in which wakers are cloned are told apart by
/// their turns; only a future that is not polled for exactly so many turns takes the next one for its last.
pub(crate) const TURNS: u8 = 8;

/// In place of a turn: the task has not been polled.
pub(super) const UNPOLLED: u8 = 0;

/// In place of a turn: the task has not been polled, and must not be yet.
pub(super) const HELD: u8 = u8::MAX;

/// The state of a task, beside its coroutine (`TaskCell`) and what it has as a node (`Core`). Every task has one, so it
/// is kept small. `N` is a counted pointer to a node.
///
/// A task is in one of five states. No cell holds the state as such; several cells together say which it is. These are
/// all moves between them:
///
/// ```text
///    create_task ──────────▶ Queued    Kernel::insert_task
///    Queued  ──────────────▶ Held      hold, and Kernel::unqueue: a gathering with a limit holds back a child
///    Held    ──────────────▶ Queued    let_go, and Kernel::wake: the child may begin
///    Held    ──────────────▶ Queued    Kernel::wake: the child is cancelled
///    Queued  ──────────────▶ Running   its entry is reached: the step begins
///    Running ──────────────▶ Waiting   the coroutine has returned Pending
///    Running ──────────────▶ Queued    the coroutine has returned Pending, and the task was woken during the step
///    Waiting ──────────────▶ Queued    Kernel::wake, or a wake from another thread
///    Running ──────────────▶ Ended     the coroutine has returned or panicked, or a cancellation has reached its edge
///    all but Running ──────▶ Ended     the loop closes: Node::abandon
///
///                          ┌───────────────── woken ─────────────────┐
///                          ▼                                         │
///    create_task ──────▶ Queued ─── entry reached ───▶ Running ──────┼──── Pending ───▶ Waiting
///                         │  ▲                            │          │                     │
///                         ▼  │                            ▼          └──────── wake ───────┘
///                         Held                          Ended
/// ```
///
/// | state   | `Core.state` | queued mark | `running` | has a `turn`     | `waits` and `leaf`                       |
/// | ------- | ------------ | ----------- | --------- | ---------------- | ---------------------------------------- |
/// | Queued  | pending      | yes         | no        | after step 1     | of the last step                         |
/// | Held    | pending      | no matter   | no        | it is `HELD`     | empty                                    |
/// | Running | pending      | if woken    | yes       | yes              | `waits` of this step, `leaf` of the last |
/// | Waiting | pending      | no          | no        | yes              | of the last step                         |
/// | Ended   | not pending  | no          | no        | if it was polled | without meaning                          |
///
/// - The queued mark is in the pointer to the task: see `Queued`. The entry of a task without the mark does nothing.
/// - The kernel's table holds the task in every state but Ended.
/// - `waits` and `leaf` are both empty in a Waiting task that waits for something outside the loop, such as another
///   thread. Both may be filled if the task polls several futures at once.
/// - A task that is cancelled before its first step goes through Running to Ended unpolled, so `turn` stays 0.
/// - `stage_in_use` is true while the coroutine is polled or dropped, and while the value is moved or shown.
///
/// A cancellation of the task goes through `request`, or, if the task waits for a single node, through `handed_on`:
///
/// ```text
///    None  ────────────────▶ Asked         cancel() while Running, or Queued and not awaiting one pending node; or
///                                          while Waiting for what is done anyway
///    Asked ────────────────▶ None          uncancel() leaves no request
///    Asked ────────────────▶ None          the step begins and delivers it
///    Asked ────────────────▶ None          the step ends, and the task waits for one node: deliver_to_wait cancels it
///    Asked ────────────────▶ Interrupted   the step ends, and it does not, or the node refuses: deliver_to_wait
///    None  ────────────────▶ Interrupted   cancel() while Held, or while Waiting, but not for one node: wakes the task
///    Interrupted ──────────▶ None          the step begins and delivers it
///    None  ────────────────▶ Interrupted   the step ends, and catchers have not been polled that were told: throw_again
///
///    no handed_on ─────────▶ handed_on     cancel() while Waiting or Queued, and awaiting one node, which is pending:
///                                          that node is cancelled instead
///    handed_on ────────────▶ no handed_on  the step begins and delivers another cancellation
///    handed_on ────────────▶ no handed_on  the step ends, and the task has seen how the node ended
///    handed_on ────────────▶ Interrupted   the step ends, and the task had given the node up: take_back_if_given_up
/// ```
///
/// - An Interrupted task is Queued. An Asked task is Queued or Running, or it will be woken by what it waits for, which
///   is done.
/// - `cancelling` counts the calls of `cancel()` less those of `uncancel()`, whatever becomes of the cancellations.
/// - While `needs_bookkeeping` is false, `request` is None, `waits` and `handed_on` are empty, nothing stands under wakers
///   of other crates, and the turn is the first: a step has nothing to do but to poll. It may be true without a reason.
pub(crate) struct TaskState<N> {
    id: u64,
    key: TaskKey,
    pub(super) waits: Cell<Waits<N>>,
    /// What it waits for beside nodes, in words.
    pub(super) leaf: Cell<Option<Leaf>>,
    pub(super) rare: Cell<Option<Box<Rare<N>>>>,
    created: &'static Location<'static>,
    cancelling: Cell<u32>,
    /// The number of the last step.
    pub(super) last_step: Cell<u32>,
    /// How many of the requests in `cancelling` are those of scopes inside. (A word has no more room. Beyond 65,535 at
    /// a time they count as requests by other code.)
    own_requests: Cell<u16>,
    pub(super) beside: Cell<Beside>,
    request: Cell<Request>,
    /// The turn of the poll that is on, or was the last one, counted from 1; before the first poll `UNPOLLED` or `HELD`.
    pub(super) turn: Cell<u8>,
    running: Cell<bool>,
    stage_in_use: Cell<bool>,
    pub(super) needs_bookkeeping: Cell<bool>,
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
            last_step: Cell::new(0),
            own_requests: Cell::new(0),
            beside: Cell::default(),
            request: Cell::new(Request::None),
            turn: Cell::new(UNPOLLED),
            running: Cell::new(false),
            stage_in_use: Cell::new(false),
            needs_bookkeeping: Cell::new(false),
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

    pub(super) fn with_rare<R>(&self, change: impl FnOnce(&mut Rare<N>) -> R) -> R {
        let mut rare = self.rare.take().unwrap_or_default();
        let result = change(&mut rare);
        self.rare.set(Some(rare));
        result
    }

    /// Takes the task's context out, for a step. `None` stands for an empty context.
    pub(crate) fn take_context(&self) -> Option<Context> {
        let mut rare = self.rare.take()?;
        let context = rare.context.take();
        self.rare.set(Some(rare));
        context
    }

    /// Sets the context of the next step, and returns the one that was set before.
    pub(crate) fn set_context(&self, context: Option<Context>) -> Option<Context> {
        let last = self.take_context();
        if context.is_some() {
            self.with_rare(|rare| rare.context = context);
        }
        last
    }

    /// Whether the coroutine has been polled.
    pub(crate) fn has_started(&self) -> bool {
        !matches!(self.turn.get(), UNPOLLED | HELD)
    }

    /// The turn of the poll that is on, or was the last one.
    pub(crate) fn turn(&self) -> u8 {
        self.turn.get()
    }

    #[inline]
    pub(crate) fn set_turn(&self, turn: u8) {
        self.turn.set(turn);
    }

    /// The turn of the next poll. The turns move on after each poll in which a future of another crate has cloned the
    /// waker, so that the future does not take the next waker for the one that it has.
    pub(crate) fn next_turn(&self) -> u8 {
        let cloned = self.beside.get().has_any(Beside::CLONE.and(Beside::CLONES));
        match self.turn.get() {
            UNPOLLED | HELD => 1,
            turn if cloned => turn % TURNS + 1,
            turn => turn,
        }
    }

    /// Whether the coroutine is being polled or dropped, or its value moved or shown. The flag belongs to the
    /// coroutine's cell, and is here because there is a byte to spare.
    pub(crate) fn stage_in_use(&self) -> &Cell<bool> {
        &self.stage_in_use
    }

    pub(crate) fn running(&self) -> &Cell<bool> {
        &self.running
    }

    /// False: a step has nothing to do but to poll. This is the fast path of every step.
    pub(crate) fn needs_bookkeeping(&self) -> &Cell<bool> {
        &self.needs_bookkeeping
    }

    // Cancellations.

    pub(crate) fn cancelling(&self) -> u32 {
        self.cancelling.get()
    }

    pub(crate) fn count_cancel(&self) {
        self.cancelling.set(self.cancelling.get().saturating_add(1));
    }

    /// Takes back one request to cancel, and returns how many are left. If none is left, a cancellation that was asked
    /// for and not delivered yet is dropped.
    pub(crate) fn uncancel(&self) -> u32 {
        let left = self.cancelling.get().saturating_sub(1);
        self.cancelling.set(left);
        if left == 0 && self.request.get() == Request::Asked {
            self.request.set(Request::None);
            self.take_message();
        }
        left
    }

    /// A scope inside asks to end what it holds. asyncio's `cancel()` by a time limit or a group.
    pub(crate) fn count_own_request(&self) {
        self.count_cancel();
        self.own_requests.set(self.own_requests.get().saturating_add(1));
    }

    /// A scope that has asked to end what it holds is over: its request is taken back. Returns how many requests are
    /// left.
    pub(crate) fn uncancel_own_request(&self) -> u32 {
        self.own_requests.set(self.own_requests.get().saturating_sub(1));
        self.uncancel()
    }

    /// The requests that were not made by scopes inside. Negative if the program has taken requests of scopes back.
    pub(crate) fn outside_requests(&self) -> i64 {
        i64::from(self.cancelling.get()) - i64::from(self.own_requests.get())
    }

    pub(crate) fn request(&self) -> Request {
        self.request.get()
    }

    /// Has the next step deliver a cancellation. After an interruption, also one of a scope inside, its message stands.
    pub(crate) fn ask(&self, request: Request, message: Option<Arc<str>>) {
        if self.request.get() != Request::Interrupted {
            self.request.set(request);
            self.needs_bookkeeping.set(true);
            self.set_message(message.filter(|_| !self.scope_is_due()));
        }
    }

    /// Whether a cancellation has ended the wait for what the task awaits.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.request.get() == Request::Interrupted || self.scope_is_due()
    }

    fn scope_is_due(&self) -> bool {
        self.beside.get().has_any(Beside::SCOPE_IS_DUE)
    }

    /// A scope is asked to end what it holds. It was polled in the last step, and awaits what is in `inside`.
    pub(crate) fn note_due_scope(&self, inside: Counts) {
        let several = Beside::LEAVES.and(Beside::CLONE).and(Beside::CLONES);
        let one_leaf = self.leaf.get().is_some() && !self.beside.get().has_any(several);
        if one_leaf && inside.leaves() == 1 && self.waits_for_nodes().is_empty() {
            self.beside.set(self.beside.get().and(Beside::SCOPE_IS_DUE));
            self.needs_bookkeeping.set(true);
        }
    }

    /// How many more steps the throw may take that is on, if it goes on over several steps.
    pub(crate) fn take_rounds(&self) -> Option<usize> {
        let mut rare = self.rare.take()?;
        let rounds = rare.rounds.take();
        self.rare.set(Some(rare));
        rounds
    }

    /// Whether a throw is on that goes on in the next step, for which the task is queued.
    pub(crate) fn is_thrown_again(&self) -> bool {
        let rare = self.rare.take();
        let is_on = rare.as_ref().is_some_and(|rare| rare.rounds.is_some());
        self.rare.set(rare);
        is_on
    }

    /// The throw goes on in the next step.
    pub(crate) fn throw_again(&self, rounds: usize, message: Option<Arc<str>>) {
        self.with_rare(|rare| rare.rounds = Some(rounds));
        self.request.set(Request::Interrupted);
        self.needs_bookkeeping.set(true);
        self.set_message(message);
    }

    /// Takes the request out, to deliver it or to hand it on.
    pub(crate) fn take_request(&self) -> (Request, Option<Arc<str>>) {
        match self.request.replace(Request::None) {
            Request::None => (Request::None, None),
            request => (request, self.take_message()),
        }
    }

    /// Notes that a cancellation of this task goes to `node` instead, which the task waits for as far as is known.
    /// The caller drops what was noted before.
    pub(crate) fn hand_on(&self, node: N, message: Option<Arc<str>>) -> Option<(N, Option<Arc<str>>)> {
        self.needs_bookkeeping.set(true);
        self.with_rare(|rare| rare.handed_on.replace((node, message)))
    }

    /// The node to which a cancellation of this task went.
    pub(crate) fn handed_on(&self) -> Option<N> {
        let rare = self.rare.take();
        let node = rare.as_ref().and_then(|rare| rare.handed_on.as_ref()).map(|(node, _)| node.clone());
        self.rare.set(rare);
        node
    }

    pub(crate) fn has_handed_on(&self) -> bool {
        let rare = self.rare.take();
        let has = rare.as_ref().is_some_and(|rare| rare.handed_on.is_some());
        self.rare.set(rare);
        has
    }

    /// A step has begun: sets whether more steps need bookkeeping. A task that polls futures of other crates needs it
    /// in every step.
    pub(crate) fn set_bookkeeping(&self, turn: u8) {
        let rare = self.rare.take();
        let has_more = rare.as_ref().is_some_and(|rare| rare.handed_on.is_some() || rare.root != Place::NONE);
        self.rare.set(rare);
        self.needs_bookkeeping.set(has_more || turn > 1);
    }

    pub(crate) fn take_handed_on(&self) -> Option<(N, Option<Arc<str>>)> {
        let mut rare = self.rare.take()?;
        let handed_on = rare.handed_on.take();
        self.rare.set(Some(rare));
        handed_on
    }
}
