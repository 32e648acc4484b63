//! How a cancellation meets a scope. Owns the poll of a scope; must not know time limits, groups, nor how a
//! cancellation travels between tasks.
#![expect(unsafe_code, reason = "a counted pointer to the loop would cost each poll of a scope a tenth: measured")]

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::leaf::{poll_again, with_running};
use super::own_throw;
use super::scope::{ScopeRef, settle_place, tell, wake_uncertain};
use crate::current::{self, key_of};
use crate::error::Cancelled;
use crate::kernel::{AwaitCounts, OwnState, OwnThrow, Place, PutAside, ScopeEntry, Throw, ThrowMessage};
use crate::node::{Loop, NodeRef, TaskState};

type Message = Option<Arc<str>>;

const ENDS_ONCE: &str = "a poll ends once";

/// Polls the future of a scope. If the scope catches a cancellation, the future is dropped, and the result is an error.
#[expect(clippy::inline_always, reason = "each of its three callers has a kind of scope: else each pays for all")]
#[inline(always)]
pub(crate) fn poll_scope<F: Future>(
    scope: ScopeRef<'_>,
    mut future: Pin<&mut Option<F>>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Cancelled>> {
    let mut inner = future.as_mut().as_pin_mut().expect("a scope for cancellations was polled again after it was done");
    // SAFETY: this is called by a poll in the step, and the reference is not kept.
    let Some((kernel, is_own)) = (unsafe { current::running_loop(cx.waker()) }) else {
        return inner.poll(cx).map(Ok); // outside a task nothing is cancelled
    };
    let is_quiet = is_own && with_running(kernel, |task| scope.is_quiet(kernel, task)) == Some(true);
    let (polled, caught) = if is_quiet {
        let entered = scope.enter(kernel);
        let polled = kernel.enclosing().during(scope.cells, scope.own, false, || inner.poll(cx));
        if polled.is_ready() {
            scope.leave(kernel);
            return polled.map(Ok);
        }
        scope.suspend(kernel, entered);
        if kernel.throwing().throw() == Throw::Off {
            return Poll::Pending;
        }
        (polled, scope.catch_raise(kernel))
    } else {
        let mut covered = Covered::begin(kernel, scope, cx);
        let polled = loop {
            let polled = covered.poll(|| inner.as_mut().poll(cx));
            if polled.is_ready() || !covered.polls_again() {
                break polled;
            }
        };
        let caught = covered.end(polled.is_pending(), cx);
        (polled, caught)
    };
    match caught {
        Some(message) => {
            kernel.throwing().caught();
            drop(polled);
            future.set(None);
            scope.leave(kernel);
            Poll::Ready(Err(Cancelled::new(message)))
        }
        None => polled.map(Ok),
    }
}

impl ScopeRef<'_> {
    /// Whether no cancellation is near: the usual case.
    #[inline]
    fn is_quiet(self, kernel: &Loop, task: &TaskState) -> bool {
        if let Some(own) = self.own {
            if own.state.get() != OwnState::None {
                return false;
            }
            if own.task.get() != Some(task.key()) {
                own_throw::settle_task(kernel, self, own, task);
            }
        }
        (self.cells.is_plain() || self.is_plain_with_node(kernel)) && kernel.throwing().is_quiet()
    }

    /// Whether the scope awaits a node, and nothing else sets it apart.
    #[cold]
    fn is_plain_with_node(self, kernel: &Loop) -> bool {
        let is_plain = self.cells.is_plain_but_for_node();
        if let (Some(own), true) = (self.own, is_plain) {
            note_handed_on(kernel, self, own, false);
        }
        is_plain
    }

    #[inline]
    fn enter(self, kernel: &Loop) -> AwaitCounts {
        let counts = kernel.step().counts();
        if self.cells.enter(kernel.step().number()) { counts } else { counts.since(self.counted_before()) }
    }

    /// What was counted in earlier polls of this step.
    #[cold]
    fn counted_before(self) -> AwaitCounts {
        let catchers = AwaitCounts { catchers: self.cells.catchers(), ..AwaitCounts::default() };
        self.own.map_or(catchers, |own| own.inside.get())
    }

    /// A cancellation was raised inside. Returns its message, if the scope catches it.
    #[cold]
    fn catch_raise(self, kernel: &Loop) -> Option<Message> {
        let catches = self.cells.is_catcher() || self.own.is_some_and(|own| own.state.get() != OwnState::None);
        if !catches {
            return None;
        }
        if let Some(own) = self.own {
            own.is_own.set(own_throw::is_own(kernel, own, false));
        }
        Some(kernel.throwing().take())
    }

    /// The scope has returned `Pending`: it keeps what was counted in the poll.
    #[expect(clippy::inline_always, reason = "as `poll_scope`")]
    #[inline(always)]
    fn suspend(self, kernel: &Loop, entered: AwaitCounts) {
        let inside = kernel.step().counts().since(entered);
        if let Some(own) = self.own {
            if inside.nodes != 0 || self.cells.awaits_node() {
                note_node(kernel, self, own, inside);
            }
            own.inside.set(inside);
        }
        kernel.running_task().with(|task| {
            self.cells.suspend(kernel.step(), task.awaits(), inside);
            if self.own.is_none() || self.cells.may_catch() {
                self.cells.count_as_catcher(kernel.step(), task.awaits());
            }
        });
        if let Some(own) = self.own
            && own.state.get() != OwnState::None
        {
            own_throw::outlives_its_throw(kernel, self, own);
        }
    }
}

/// Notes the node that the scope awaits under its task's own waker, if that is the only one.
#[cold]
fn note_node(kernel: &Loop, scope: ScopeRef<'_>, own: &OwnThrow<NodeRef>, inside: AwaitCounts) {
    let before = if scope.cells.is_polled_again() { own.inside.get().nodes } else { 0 };
    if before != 0 && before == inside.nodes {
        return; // polled again in this step, and nothing has changed
    }
    let node = if before == 0 { with_running(kernel, |task| task.last_node(inside.nodes)).flatten() } else { None };
    scope.cells.set_awaits_node(inside.nodes != 0);
    drop(own.node.replace(node));
}

/// A cancellation of the task, or of a scope around this one, may have gone to the node that this scope awaits. If the
/// scope is `due`, its own throw takes the place of that cancellation: the await ends by it, whatever becomes of the
/// node.
#[cold]
fn note_handed_on(kernel: &Loop, scope: ScopeRef<'_>, own: &OwnThrow<NodeRef>, due: bool) {
    let by_scopes = kernel.throwing().handed_on().get() != 0;
    if !by_scopes && with_running(kernel, TaskState::has_handed_on) != Some(true) {
        return;
    }
    let Some(node) = own_throw::sole_await(kernel, scope, own) else { return };
    let by_task = with_running(kernel, TaskState::handed_on).flatten().is_some_and(|other| other == node);
    let mut has_met = by_task;
    if by_task && due {
        drop(with_running(kernel, TaskState::take_handed_on));
    }
    let look = |around: &OwnThrow<NodeRef>| -> Option<()> {
        if around.handed_on().is_some_and(|other| other == node) {
            has_met = true;
            if due {
                own_throw::give_way(kernel, around);
            }
        }
        None
    };
    if by_scopes {
        kernel.enclosing().find(look);
    }
    if has_met {
        own.has_met.set(true);
    }
}

/// A scope with a throw of its own is polled while a cancellation is near. Returns whether its own is due in this poll.
/// `was_foreign`: it stood under a waker of another crate.
fn begin_own(kernel: &Loop, scope: ScopeRef<'_>, own: &OwnThrow<NodeRef>, was_foreign: bool) -> bool {
    kernel.running_task().with(|task| {
        if own.task.get() != Some(task.key()) {
            own_throw::settle_task(kernel, scope, own, task);
        }
    });
    let is_put_off = || is_put_off(kernel, scope.cells.place(), (!was_foreign).then(|| own.inside.get()));
    let due = own.state.get() == OwnState::Due && !is_put_off();
    note_handed_on(kernel, scope, own, due);
    due
}

/// The poll of a scope while a cancellation is near. The state of throws around the scope is put aside meanwhile.
struct Covered<'a> {
    kernel: &'a Loop,
    scope: ScopeRef<'a>,
    /// `None` once it was put back.
    aside: Option<PutAside>,
    /// See `ScopeRef::enter`.
    entered: AwaitCounts,
    /// The scope meets a cancellation from around it.
    meets: bool,
    /// The scope ends what it holds.
    due: bool,
    /// No catcher waits inside, so what it holds is dropped as it stands.
    skips: bool,
    /// How many catches there were before.
    catches: u32,
    /// How often it may be polled again, for combinators that poll a part of what they hold at a time.
    rounds: Option<usize>,
}

impl<'a> Covered<'a> {
    #[cold]
    fn begin(kernel: &'a Loop, scope: ScopeRef<'a>, cx: &Context<'_>) -> Self {
        let was_foreign = scope.cells.is_foreign();
        let told = settle_place(kernel, scope, cx);
        let (last, catchers) = (scope.cells.polled(), scope.cells.catchers());
        let due = scope.own.is_some_and(|own| begin_own(kernel, scope, own, was_foreign));
        let owed = scope.own.is_some_and(|own| own.is_owed.take());
        let is_told = told.is_some();
        let throwing = kernel.throwing();
        let own_message = (due && throwing.is_quiet()).then_some(ThrowMessage(None));
        let aside = throwing.put_aside(told.or(own_message));
        let waited = aside.since != 0 && aside.since == last && !was_foreign;
        let meets = scope.cells.is_catcher() && (is_told || waited || owed);
        if due {
            scope.own.into_iter().for_each(|own| own.state.set(OwnState::Over));
            tell_inside(kernel, scope);
        }
        if meets || due || aside.throw == Throw::Delivered {
            throwing.deliver_inside(if due { last } else { aside.since });
        }
        let lets_pass = !scope.cells.is_catcher() && scope.cells.may_catch() && aside.throw == Throw::Delivered;
        Self {
            kernel,
            scope,
            aside: Some(aside),
            entered: scope.enter(kernel),
            meets,
            due,
            skips: (meets || due || lets_pass) && !scope.has_catcher(kernel, catchers),
            catches: throwing.catches(),
            rounds: None,
        }
    }

    fn poll<T>(&self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        if self.skips {
            return Poll::Pending;
        }
        let is_requested = self.scope.own.is_some_and(|own| own.is_requested.get());
        self.kernel.enclosing().during(self.scope.cells, self.scope.own, is_requested, poll)
    }

    /// Whether the scope is polled once more before it ends what it holds: because a catcher inside has been told of
    /// the cancellation, and its combinator has not polled it yet.
    fn polls_again(&mut self) -> bool {
        let (tree, place) = (self.kernel.await_tree(), self.scope.cells.place());
        if self.skips || self.kernel.throwing().throw() != Throw::Delivered || !tree.has_told(place) {
            return false;
        }
        let left = self.rounds.unwrap_or_else(|| tree.len(place) + 2);
        self.rounds = Some(left.saturating_sub(1));
        left > 0
    }

    /// The poll is over. Returns the message of the cancellation that the scope catches, if it catches one.
    fn end(mut self, is_pending: bool, cx: &Context<'_>) -> Option<Message> {
        let throwing = self.kernel.throwing();
        let around = self.aside.as_ref().expect(ENDS_ONCE);
        let inside = throwing.throw();
        let around_is_on = around.throw == Throw::Delivered;
        if let Some(own) = self.scope.own {
            self.note_met(own, around);
            own.is_own.set(own_throw::is_own(self.kernel, own, around_is_on));
        }
        let caught = self.catches(is_pending, inside, around_is_on);
        let is_raised = matches!(inside, Throw::Raised(_));
        let message = caught.then(|| if is_raised { throwing.take() } else { throwing.delivered_message() });
        let mut again = throwing.again().get() && !caught;
        self.put_back(inside, caught);

        if caught && !is_raised && (self.meets || around_is_on) {
            throwing.count_catch();
        }
        let goes_on = is_pending && !caught;
        if goes_on {
            self.scope.suspend(self.kernel, self.entered);
        } else if !is_pending {
            self.scope.leave(self.kernel);
        }
        if let Some(own) = self.scope.own {
            if caught && self.meets {
                own.has_met.set(true);
            }
            own.is_owed.set(!is_pending && !caught && self.meets && inside == Throw::Delivered);
            again |= goes_on && self.own_goes_on(own, inside, around_is_on);
        }
        if again {
            poll_again_at(self.kernel, cx, around_is_on);
        }
        message
    }

    /// Puts back the state of throws around the scope, with what has become of it. `inside`: the throw in the scope,
    /// which goes on around it if the scope does not catch it.
    fn put_back(&mut self, inside: Throw, caught: bool) {
        let throwing = self.kernel.throwing();
        let mut around = self.aside.take().expect(ENDS_ONCE);
        if around.throw == Throw::Delivered && (caught || inside != Throw::Delivered) {
            around.throw = Throw::Off;
        }
        if matches!(inside, Throw::Raised(_)) && !caught {
            match around.throw {
                Throw::Off => {
                    around.throw = inside;
                    around.raised = throwing.take();
                }
                // it is polled again if the other one is taken back
                Throw::Raised(_) | Throw::Delivered => around.raise_postponed = true,
            }
        }
        around.raise_postponed |= !caught && throwing.raise_postponed().get();
        throwing.put_back(around);
    }

    /// Whether a cancellation from around has gone into the scope: a catcher inside has met it.
    fn note_met(&self, own: &OwnThrow<NodeRef>, aside: &PutAside) {
        let covered = aside.since != 0 || aside.throw == Throw::Delivered;
        let by_own_waker = covered && self.kernel.throwing().catches() != self.catches;
        let entry = |scope: &mut ScopeEntry| std::mem::take(&mut scope.has_met);
        if self.kernel.await_tree().with_scope(self.scope.cells.place(), entry) == Some(true) || by_own_waker {
            own.has_met.set(true);
        }
    }

    fn catches(&self, is_pending: bool, inside: Throw, around_is_on: bool) -> bool {
        let own = self.scope.own;
        match (is_pending, inside) {
            (_, Throw::Off) | (false, Throw::Raised(_)) => false,
            (true, Throw::Raised(_)) => {
                self.scope.cells.is_catcher() || own.is_some_and(|own| own.state.get() != OwnState::None)
            }
            // a limit lets pass what is thrown around it, if it does not take that for its own
            (true, Throw::Delivered) => {
                let has_thrown = own.is_some_and(|own| own.state.get() != OwnState::None);
                let may_take = self.due || !self.scope.cells.is_catcher() && has_thrown;
                let takes_it = around_is_on && may_take && own.is_some_and(|own| own.is_own.get());
                self.meets || self.due && !around_is_on || takes_it
            }
            // what a catcher holds has a value all the same: it is lost, as at the edge of a task
            (false, Throw::Delivered) => self.meets && own.is_none(),
        }
    }

    /// The next state of the throw of the scope's own, if the scope waits on. Returns whether it is to be polled once
    /// more.
    fn own_goes_on(&self, own: &OwnThrow<NodeRef>, inside: Throw, around_is_on: bool) -> bool {
        if self.due {
            // a throw from around went through. If the scope outlives that, its own comes then.
            let went_through = inside == Throw::Delivered;
            if went_through {
                own.state.set(OwnState::Due);
            }
            return went_through;
        }
        let again = self.skips || own.state.get() == OwnState::Due;
        if own.state.get() == OwnState::HandedOn {
            let met = around_is_on || self.kernel.throwing().catches() != self.catches;
            if own_throw::is_given_up(self.kernel, self.scope, own, met) {
                own.state.set(OwnState::Due);
                return true;
            }
        }
        again
    }
}

/// The poll has panicked: the state of throws around the scope is put back.
impl Drop for Covered<'_> {
    fn drop(&mut self) {
        if let Some(aside) = self.aside.take() {
            self.kernel.throwing().put_back(aside);
        }
    }
}

/// Has the future that is polled with `cx` polled once more. While a throw goes through it, only if it outlives that: a
/// task that is queued without a reason would take its next turn too early.
fn poll_again_at(kernel: &Loop, cx: &Context<'_>, is_thrown_at: bool) {
    if key_of(cx.waker()).is_none() {
        cx.waker().wake_by_ref();
    } else if is_thrown_at {
        kernel.throwing().again().set(true);
    } else {
        poll_again(kernel);
    }
}

/// Whether the own throw of the scope waits for its next poll: because catchers under wakers of other crates, which may
/// be inside it, stand elsewhere in the tree. In this poll they take their places. A scope can only hold such a catcher
/// if it holds a combinator with wakers of its own. That has cloned the waker of the scope, or stands in the tree
/// with nothing below it, or nothing is known of it. `inside`: what was counted in the last poll under the task's
/// waker.
fn is_put_off(kernel: &Loop, place: Place, inside: Option<AwaitCounts>) -> bool {
    let tree = kernel.await_tree();
    let may_hold_set = || match inside {
        Some(inside) => inside.clones != 0 || inside.awaits == 0,
        None => !tree.has_below(place),
    };
    tree.has_uncertain()
        && may_hold_set()
        && with_running(kernel, |task| wake_uncertain(kernel, Some(task.root()))) == Some(true)
}

/// Tells the catchers that stand inside the scope under wakers of other crates of the scope's own throw.
fn tell_inside(kernel: &Loop, scope: ScopeRef<'_>) {
    let first_time = scope.own.is_some_and(|own| !own.is_told.replace(true));
    if first_time && scope.cells.place() != Place::NONE {
        tell(kernel, scope.cells.place(), None);
    }
}
