//! The throws that a scope begins by itself: a time limit that is up, a group that aborts. Owns how such a scope is
//! asked to end, whom that reaches, and how it tells its own cancellation from others; must not know time, nor groups.

use super::leaf::with_running;
use super::propagate::{cancel, wake_too, wakes};
use super::scope::{ScopeRef, wake_scope};
use crate::base::TaskKey;
use crate::kernel::{OwnState, OwnThrow, Place, Scope, SoleAwait};
use crate::node::{Kind, Loop, NodeRef, Request, TaskState};

/// A scope that can throw by itself.
pub(crate) struct ThrowingScope {
    cells: Scope,
    own: OwnThrow<NodeRef>,
}

impl ThrowingScope {
    /// The scope of a time limit: it lets pass what is thrown around it.
    pub(crate) fn limit() -> Self {
        Self { cells: Scope::default(), own: OwnThrow::default() }
    }

    /// The scope of a group: it catches what is thrown around it.
    pub(crate) fn group() -> Self {
        Self { cells: Scope::catcher(), own: OwnThrow::default() }
    }

    /// The scope, as its polls see it.
    pub(crate) fn scope(&self) -> ScopeRef<'_> {
        ScopeRef { cells: &self.cells, own: Some(&self.own) }
    }

    /// Asks the scope to end what it holds, and nothing beside it: where asyncio's limits and groups cancel their task.
    /// The task counts it as a request. The one node that the scope awaits is cancelled at once; otherwise the scope
    /// ends what it holds when it is polled next.
    pub(crate) fn throw(&self, kernel: &Loop) {
        let task = self.own.task.get().and_then(|task| kernel.task(task));
        let state = task.as_ref().and_then(state_of);
        if let Some(state) = state {
            state.count_own_request();
            self.own.is_requested.set(true);
        }
        begin(kernel, self.scope(), &self.own, state);
    }

    /// The task that polls the scope.
    pub(crate) fn task(&self) -> Option<TaskKey> {
        self.own.task.get()
    }

    /// Whether the cancellation that came out of the scope last is its own. If not, it goes on.
    pub(crate) fn is_own(&self) -> bool {
        self.own.is_own.get()
    }

    /// Whether it has asked to end what it holds.
    pub(crate) fn has_thrown(&self) -> bool {
        self.own.state.get() != OwnState::None
    }

    /// How many requests to cancel something around the scope have not been taken back, and whether one of them has
    /// gone into the scope or was made before it began.
    pub(crate) fn outstanding(&self, kernel: &Loop) -> (i64, bool) {
        let now = with_running(kernel, |task| outstanding(kernel, task)).unwrap_or(0);
        (now, self.own.has_met.get() || now <= self.own.before.get())
    }

    /// The scope is over: its request is taken back.
    pub(crate) fn finish(&self, kernel: &Loop) {
        self.scope().leave(kernel);
        if self.own.is_requested.take()
            && let Some(task) = self.own.task.get()
            && with_task(kernel, task, TaskState::uncancel_own_request) == Some(0)
            && with_running(kernel, TaskState::key) == Some(task)
        {
            take_back_around(kernel);
        }
        set_handed_on(kernel, &self.own, None);
        drop(self.own.node.take());
    }
}

/// Has the scopes around the running code that have asked to end ask once more. All of them, since the inner ones may
/// be over before the task waits; of those that wait, the outermost ends by it.
pub(crate) fn throw_again_around(kernel: &Loop) {
    around(kernel, |own| own.state.set(OwnState::Due));
}

/// The program has taken back all requests of the running task: what the scopes around the running code have asked for,
/// and the task has not met yet, goes with them.
pub(super) fn take_back_around(kernel: &Loop) {
    around(kernel, |own| {
        if own.state.get() == OwnState::Due {
            own.state.set(OwnState::Over);
        }
    });
}

/// Shows the scopes around the running code that have asked to end.
fn around(kernel: &Loop, mut see: impl FnMut(&OwnThrow<NodeRef>)) {
    kernel.enclosing().find(|own| -> Option<()> {
        if own.is_requested.get() {
            see(own);
        }
        None
    });
}

/// The scope waits on although it was asked to end. The program may have taken that request back; then the scope may
/// take a later one for its own.
#[cold]
pub(super) fn outlives_its_throw(kernel: &Loop, scope: ScopeRef<'_>, own: &OwnThrow<NodeRef>) {
    with_running(kernel, |task| {
        let is_asked_again = task.request() != Request::None;
        let left = outstanding(kernel, task) - i64::from(is_asked_again);
        scope.cells.set_takes_others(own.before.get() > 0 || left < own.before.get());
        if scope.cells.may_catch() {
            scope.cells.count_as_catcher(kernel.step(), task.awaits());
        }
        if own.state.get() == OwnState::Due {
            begin(kernel, scope, own, Some(task)); // it has come due while it was polled, as a task that cancels itself
        }
    });
}

/// Asks the scope to end. `task` has polled it last; `None` if that is done.
fn begin(kernel: &Loop, scope: ScopeRef<'_>, own: &OwnThrow<NodeRef>, task: Option<&TaskState>) {
    own.is_told.set(false);
    own.state.set(OwnState::Due);
    let is_counted = own.inside.get().nodes != 0;
    // an await that the task has counted may have been dropped since, or go on in another task
    let is_awaited =
        |node: &NodeRef| !is_counted || node.core().is_done() || task.is_some_and(|task| wakes(node, task.key()));
    let Some(node) = sole_await(kernel, scope, own).filter(is_awaited) else {
        if let Some(task) = task
            && task.awaits().step() == scope.cells.polled()
        {
            task.note_due_scope(own.inside.get());
        }
        return wake_scope(kernel, scope, task);
    };
    if node.core().is_done() {
        return wake_scope(kernel, scope, task); // the node has done so, unless its await was dropped since
    }
    if let Some(task) = task.filter(|_| !is_counted) {
        wake_too(&node, task.key());
    }
    own.state.set(OwnState::HandedOn);
    set_handed_on(kernel, own, Some(node.clone()));
    if !cancel(&node, &None) {
        // it is going to end without this cancellation, and wakes the scope then
        own.state.set(OwnState::Due);
        set_handed_on(kernel, own, None);
    }
}

/// Another throw, of a scope inside, has taken the place of the one that has gone to a node.
pub(super) fn give_way(kernel: &Loop, own: &OwnThrow<NodeRef>) {
    own.state.set(OwnState::Over);
    set_handed_on(kernel, own, None);
}

/// Changes the node that was cancelled in place of the scope.
fn set_handed_on(kernel: &Loop, own: &OwnThrow<NodeRef>, node: Option<NodeRef>) {
    let count = kernel.throwing().handed_on();
    let more = u32::from(node.is_some());
    let last = own.handed_on.replace(node);
    count.set(count.get() + more - u32::from(last.is_some()));
}

/// The one node that the scope awaits, if it awaits nothing else.
pub(super) fn sole_await(kernel: &Loop, scope: ScopeRef<'_>, own: &OwnThrow<NodeRef>) -> Option<NodeRef> {
    let mut sole = SoleAwait::Nothing;
    let place = scope.cells.place();
    let something_below = place != Place::NONE && kernel.await_tree().add_to(place, &mut sole);
    let awaits = own.inside.get();
    if awaits.leaves() != 0 || awaits.clones > u32::from(something_below) {
        sole.add_other();
    }
    if awaits.nodes != 0 {
        match own.node() {
            Some(node) => sole.add_node(node),
            None => sole.add_other(),
        }
    }
    sole.into_node()
}

/// Called when the scope has returned `Pending`, and its throw has gone to a node before. Returns whether the scope had
/// given that node up without dropping its await, as `select` over `&mut task` does: then the throw is its own again.
/// `met`: another cancellation has met what the scope holds meanwhile, and has taken its place.
#[cold]
pub(super) fn is_given_up(kernel: &Loop, scope: ScopeRef<'_>, own: &OwnThrow<NodeRef>, met: bool) -> bool {
    let Some(node) = own.handed_on() else { return false };
    let still_awaited = || !node.core().is_done() && awaits_node(kernel, scope, &node);
    if !met && !node.core().was_retrieved() && still_awaited() {
        return false;
    }
    own.state.set(OwnState::Over);
    set_handed_on(kernel, own, None);
    !met && !node.core().was_retrieved()
}

fn awaits_node(kernel: &Loop, scope: ScopeRef<'_>, node: &NodeRef) -> bool {
    with_running(kernel, |task| task.nodes().contains(node)) == Some(true)
        || kernel.await_tree().listed(scope.cells.place()).0.contains(node)
}

/// Whether a cancellation that comes out of the scope now is its own: unless another one has gone into the scope, or is
/// on around it, and more requests are outstanding than when the scope began.
pub(super) fn is_own(kernel: &Loop, own: &OwnThrow<NodeRef>, around_is_on: bool) -> bool {
    let others = || with_running(kernel, |task| outstanding(kernel, task) > own.before.get()) == Some(true);
    !((own.has_met.get() || around_is_on) && others())
}

/// How many requests have not been taken back: to cancel the task, and of the scopes around the one that is polled.
pub(super) fn outstanding(kernel: &Loop, task: &TaskState) -> i64 {
    task.outside_requests() + i64::from(kernel.enclosing().requests())
}

/// Notes the task that polls the scope. If it is another one than before, or the first, the scope counts from now on.
#[cold]
pub(super) fn settle_task(kernel: &Loop, scope: ScopeRef<'_>, own: &OwnThrow<NodeRef>, task: &TaskState) {
    let last = own.task.replace(Some(task.key()));
    own.before.set(outstanding(kernel, task));
    scope.cells.set_takes_others(own.before.get() > 0);
    own.has_met.set(false);
    if let (Some(last), true) = (last, own.is_requested.take()) {
        with_task(kernel, last, TaskState::uncancel_own_request);
    }
    if own.state.get() != OwnState::None {
        task.count_own_request();
        own.is_requested.set(true);
    }
}

/// Shows the state of a task to `f`, unless it is done.
fn with_task<R>(kernel: &Loop, key: TaskKey, f: impl FnOnce(&TaskState) -> R) -> Option<R> {
    if with_running(kernel, TaskState::key) == Some(key) {
        return with_running(kernel, f);
    }
    kernel.task(key).as_ref().and_then(state_of).map(f)
}

fn state_of(task: &NodeRef) -> Option<&TaskState> {
    match task.kind() {
        Kind::Task(state) => Some(state),
        Kind::Plain | Kind::Gathering(_) => None,
    }
}
