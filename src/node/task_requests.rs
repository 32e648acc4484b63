//! The cancellations that were asked of a task. Owns their counts, and what the next step delivers; must not know how a
//! cancellation travels, nor what throws or catches it.

use std::sync::Arc;

use super::chores::Chores;
use super::task_state::TaskState;
use crate::kernel::{AwaitCounts, AwaitFlags};

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

impl<N: Clone + PartialEq> TaskState<N> {
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
        if left == 0 && self.request() == Request::Asked {
            self.take_request();
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
        let chores = self.chores.get();
        if chores.has_any(Chores::INTERRUPTED) {
            Request::Interrupted
        } else if chores.has_any(Chores::ASKED) {
            Request::Asked
        } else {
            Request::None
        }
    }

    fn set_request(&self, request: Request) {
        self.remove_chore(Chores::REQUEST);
        self.add_chore(match request {
            Request::None => Chores::default(),
            Request::Asked => Chores::ASKED,
            Request::Interrupted => Chores::INTERRUPTED,
        });
    }

    /// Has the next step deliver a cancellation. After an interruption, also one of a scope inside, its message stands.
    pub(crate) fn ask(&self, request: Request, message: Option<Arc<str>>) {
        if self.request() != Request::Interrupted {
            self.set_request(request);
            self.set_message(message.filter(|_| !self.scope_is_due()));
        }
    }

    /// Whether a cancellation has ended the wait for what the task awaits.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.request() == Request::Interrupted || self.scope_is_due()
    }

    fn scope_is_due(&self) -> bool {
        self.awaits().has_any(AwaitFlags::SCOPE_IS_DUE)
    }

    /// A scope is asked to end what it holds. It was polled in the last step, and awaits what is in `inside`.
    pub(crate) fn note_due_scope(&self, inside: AwaitCounts) {
        if self.awaits().leaves() == 1 && !self.awaits_clones() && inside.leaves() == 1 && !self.awaits_nodes() {
            self.awaits().mark(AwaitFlags::SCOPE_IS_DUE);
        }
    }

    /// How many more steps the present throw may take, if it goes on over several.
    pub(crate) fn take_rounds(&self) -> Option<usize> {
        let mut rare = self.rare.take()?;
        let rounds = rare.rounds.take();
        self.rare.set(Some(rare));
        rounds
    }

    /// Whether a throw goes on in the next step, for which the task is queued.
    pub(crate) fn is_thrown_again(&self) -> bool {
        let rare = self.rare.take();
        let is_on = rare.as_ref().is_some_and(|rare| rare.rounds.is_some());
        self.rare.set(rare);
        is_on
    }

    /// The throw goes on in the next step.
    pub(crate) fn throw_again(&self, rounds: usize, message: Option<Arc<str>>) {
        self.with_rare(|rare| rare.rounds = Some(rounds));
        self.set_request(Request::Interrupted);
        self.set_message(message);
    }

    /// Takes the request out, to deliver it or to hand it on.
    pub(crate) fn take_request(&self) -> (Request, Option<Arc<str>>) {
        let request = self.request();
        if request == Request::None {
            return (request, None);
        }
        self.set_request(Request::None);
        (request, self.take_message())
    }

    /// Notes that a cancellation of this task goes to `node` instead, which the task waits for as far as is known.
    /// The caller drops what was noted before.
    pub(crate) fn hand_on(&self, node: N, message: Option<Arc<str>>) -> Option<(N, Option<Arc<str>>)> {
        self.add_chore(Chores::HANDED_ON);
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
        self.chores.get().has_any(Chores::HANDED_ON)
    }

    pub(crate) fn take_handed_on(&self) -> Option<(N, Option<Arc<str>>)> {
        if !self.has_handed_on() {
            return None;
        }
        self.remove_chore(Chores::HANDED_ON);
        let mut rare = self.rare.take()?;
        let handed_on = rare.handed_on.take();
        self.rare.set(Some(rare));
        handed_on
    }

    #[inline]
    fn set_message(&self, message: Option<Arc<str>>) {
        if message.is_some() {
            self.with_rare(|rare| rare.message = message);
        } else {
            self.take_message();
        }
    }

    #[inline]
    fn take_message(&self) -> Option<Arc<str>> {
        let mut rare = self.rare.take()?;
        let message = rare.message.take();
        self.rare.set(Some(rare));
        message
    }
}
