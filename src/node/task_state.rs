//! The state of a task beside its coroutine: what it waits for, and which cancellations were asked of it. Owns these
//! cells, and their legal combinations; must not know the coroutine, nor how a cancellation travels.

use std::any::Any;
use std::cell::Cell;
use std::panic::Location;
use std::sync::Arc;

use super::chores::Chores;
use super::lending::Lending;
use crate::base::{Context, Fact, TaskKey};
use crate::kernel::{Place, TaskAwaits};

/// The text of the error, if the value is one.
pub(crate) type ErrorText = fn(&dyn Any) -> Option<String>;

/// Fields that few tasks need, in a box of their own.
pub(super) struct Rare<N> {
    name: Option<Box<str>>,
    /// The task is work of the loop itself: `all_tasks` leaves it out.
    hidden: bool,
    /// Reads the error in the value of a task whose errors are reported if nothing asks for them.
    error_text: Option<ErrorText>,
    /// The message of `request`.
    pub(super) message: Option<Arc<str>>,
    /// The node to which a cancellation of this task went instead, and the message.
    pub(super) handed_on: Option<(N, Option<Arc<str>>)>,
    /// The context of the task, in which its steps are taken.
    context: Option<Context>,
    /// The nodes that the task awaits beside `TaskState::node`: if it polls several futures in one step.
    pub(super) other_nodes: Vec<N>,
    /// The root of what the task awaits under wakers of other crates.
    pub(super) root: Place,
    /// While a throw goes on over several steps: how many more it may take.
    pub(super) rounds: Option<usize>,
}

impl<N> Default for Rare<N> {
    fn default() -> Self {
        Self {
            name: None,
            hidden: false,
            error_text: None,
            message: None,
            handed_on: None,
            context: None,
            other_nodes: Vec::new(),
            root: Place::NONE,
            rounds: None,
        }
    }
}

/// How often a task was asked to be cancelled: a number of three bytes, since a word has no more room beside it.
#[derive(Default)]
pub(super) struct Cancelling(Cell<[u8; 3]>);

impl Cancelling {
    /// 16,777,215.
    const MOST: u32 = (1 << 24) - 1;

    pub(super) fn get(&self) -> u32 {
        let [a, b, c] = self.0.get();
        u32::from_le_bytes([a, b, c, 0])
    }

    pub(super) fn set(&self, count: u32) {
        let [a, b, c, _] = count.min(Self::MOST).to_le_bytes();
        self.0.set([a, b, c]);
    }
}

/// How many variants there are of the waker of a task. Polls in which wakers are cloned are told apart by their
/// variants, which follow each other; only a future that is not polled for exactly so many takes the next one for its
/// last.
pub(crate) const VARIANTS: u8 = 8;

/// The variant for a poll before which no future of another crate has cloned the waker of its task.
pub(crate) const FIRST_VARIANT: u8 = 1;

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
///    Queued  ──────────────▶ Running   its entry is reached: the step begins; or the task is eager, and its entry is
///                                      taken off the queue
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
/// | state   | `Core.state` | queued mark | is a running task   | `awaits.step` | `node` and `awaits` |
/// | ------- | ------------ | ----------- | ------------------- | ------------- | ------------------- |
/// | Queued  | pending      | yes         | no                  | 0 in step 1   | of the last step    |
/// | Held    | pending      | no matter   | no                  | 0             | empty               |
/// | Running | pending      | if woken    | yes                 | of this step  | of this step        |
/// | Waiting | pending      | no          | no                  | not 0         | of the last step    |
/// | Ended   | not pending  | no          | no                  | if it was polled | without meaning  |
///
/// - A Held task has the chore `HELD`, and only such a task has it, until it is cancelled.
/// - The queued mark is in the pointer to the task: see `Queued`. The entry of a task without the mark does nothing.
/// - The kernel's table holds the task in every state but Ended.
/// - `node` and `awaits` are both empty in a Waiting task that waits for something outside the loop, such as another
///   thread. Both may be filled if the task polls several futures at once.
/// - A task that is cancelled before its first step ends in that step unpolled, so `awaits.step` stays 0.
/// - `memory` says what is there beside this state: see `Held`.
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
/// - While there are no `chores`, there is no request, `node` and `handed_on` are empty, nothing stands under wakers of
///   other crates, and the variant is the first: a step has nothing to do but to poll.
pub(crate) struct TaskState<N> {
    key: TaskKey,
    /// The node that it awaits, or the last of several.
    pub(super) node: Cell<Option<N>>,
    awaits: TaskAwaits,
    pub(super) rare: Cell<Option<Box<Rare<N>>>>,
    created: Fact<Option<&'static Location<'static>>>,
    pub(super) cancelling: Cancelling,
    /// How many of the requests in `cancelling` are those of scopes inside. (Beyond 65,535 at a time they count as
    /// requests by other code.)
    pub(super) own_requests: Cell<u16>,
    pub(super) chores: Cell<Chores>,
    /// The variant of the waker for the poll that is on, or was the last one.
    variant: Cell<u8>,
    memory: Lending,
}

impl<N: Clone + PartialEq> TaskState<N> {
    #[expect(clippy::inline_always, reason = "else it is made on the stack and copied: 5 instructions of a new task")]
    #[inline(always)]
    pub(crate) fn new(key: TaskKey, created: &'static Location<'static>) -> Self {
        Self {
            key,
            node: Cell::default(),
            awaits: TaskAwaits::default(),
            rare: Cell::default(),
            created: Fact::new(Some(created)),
            cancelling: Cancelling::default(),
            own_requests: Cell::new(0),
            chores: Cell::default(),
            variant: Cell::new(FIRST_VARIANT),
            memory: Lending::of_coroutine(),
        }
    }

    pub(crate) fn key(&self) -> TaskKey {
        self.key
    }

    pub(crate) fn created(&self) -> &'static Location<'static> {
        self.created.get().unwrap_or_else(Location::caller)
    }

    /// Appends the name that the task was given, if it was given one, to a text that has its memory already.
    pub(crate) fn append_own_name(&self, text: &mut String) -> bool {
        let rare = self.rare.take();
        let name = rare.as_ref().and_then(|rare| rare.name.as_deref());
        let has_name = name.is_some();
        text.push_str(name.unwrap_or_default());
        self.rare.set(rare);
        has_name
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

    #[inline]
    pub(crate) fn error_text(&self) -> Option<ErrorText> {
        let rare = self.rare.take()?;
        let error_text = rare.error_text;
        self.rare.set(Some(rare));
        error_text
    }

    pub(crate) fn report_errors(&self, error_text: ErrorText) {
        self.with_rare(|rare| rare.error_text = Some(error_text));
    }

    pub(super) fn with_rare<R>(&self, change: impl FnOnce(&mut Rare<N>) -> R) -> R {
        let mut rare = self.rare.take().unwrap_or_default();
        let result = change(&mut rare);
        self.rare.set(Some(rare));
        result
    }

    /// The task's context. `None` stands for an empty one: also in a step that has made one, until it ends.
    pub(crate) fn context(&self) -> Option<Context> {
        let rare = self.rare.take()?;
        let context = rare.context.clone();
        self.rare.set(Some(rare));
        context
    }

    /// Takes the task's context out.
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

    /// What the memory of the task holds.
    #[inline]
    pub(crate) fn memory(&self) -> &Lending {
        &self.memory
    }

    /// What it awaits since its last step, but for nodes.
    #[inline]
    pub(crate) fn awaits(&self) -> &TaskAwaits {
        &self.awaits
    }

    /// Whether the coroutine has been polled.
    pub(crate) fn has_started(&self) -> bool {
        self.awaits.step() != 0
    }

    /// The variant of the waker for the poll that is on, or was the last one.
    pub(crate) fn waker_variant(&self) -> u8 {
        self.variant.get()
    }

    /// Begins the variant for the next poll, and returns it. It moves on after each poll in which a future of another
    /// crate has cloned the waker, so that the future does not take the next waker for the one that it has.
    pub(crate) fn next_variant(&self) -> u8 {
        if self.awaits_clones() {
            self.variant.set(self.variant.get() % VARIANTS + FIRST_VARIANT);
        }
        let variant = self.variant.get();
        if variant == FIRST_VARIANT {
            self.remove_chore(Chores::VARIANTS);
        }
        variant
    }

    #[inline]
    pub(super) fn add_chore(&self, chore: Chores) {
        self.chores.set(self.chores.get().union(chore));
    }

    #[inline]
    pub(super) fn remove_chore(&self, chore: Chores) {
        self.chores.set(self.chores.get().without(chore));
    }

    #[inline]
    pub(super) fn chores(&self) -> Chores {
        self.chores.get()
    }

    /// False: a step has nothing to do but to poll. This is the fast path of every step.
    #[inline]
    pub(crate) fn has_chores(&self) -> bool {
        self.chores.get() != Chores::default()
    }

    /// Whether a step has something to do if the task waits after it.
    #[inline]
    pub(crate) fn has_chores_at_a_wait(&self) -> bool {
        self.chores.get().has_any(Chores::AT_A_WAIT)
    }

    /// Whether the end of the task has something to do.
    #[inline]
    pub(crate) fn has_chores_at_the_end(&self) -> bool {
        self.chores.get().has_any(Chores::AT_THE_END)
    }
}
