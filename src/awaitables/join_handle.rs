//! The typed handle that `Task`, `Future`, `Gathering` and the others wrap. Owns one counted handle on a node and one
//! await of its value; must not know the kinds of node.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::any_future::AnyFuture;
use super::value_handle::ValueHandle;
use crate::base::WakeTarget;
use crate::cancel::{Raise, Waiting, cancel_here, poll_leaf};
use crate::current::{key_of, wake_target};
use crate::error::TaskError;
use crate::kernel::{Leaf, What};
use crate::node::{Core, Ending, Kind, NodeRef, PromiseRef, State, Watcher};

/// The number of an await that is not registered with the node. The kernel counts watchers from 1.
const NOT_WATCHING: u64 = 0;

/// One handle on a node, and one await of its value.
///
/// ```text
///   NOT_WATCHING ── a poll returns Pending ──▶ watching, under `number`
///        ▲                                               │
///        └──────── a poll returns Ready, or drop ────────┘
/// ```
pub(crate) struct JoinHandle<T> {
    handle: ValueHandle<T>,
    /// The await's number among the node's watchers.
    number: Cell<u64>,
    raise: Raise,
    waiting: Waiting,
}

/// A type in the list of `handles.rs`. A gathering is made only of a type that is in it, see `Gathering::new`; all
/// other handles get their methods from the list.
pub(crate) trait Listed {}

impl<T> JoinHandle<T> {
    /// Takes over a handle that the node counts already.
    pub(crate) fn adopt(promise: PromiseRef<T>) -> Self {
        Self::of(ValueHandle::adopt(promise))
    }

    pub(crate) fn of(handle: ValueHandle<T>) -> Self {
        Self { handle, number: Cell::new(NOT_WATCHING), raise: Raise::default(), waiting: Waiting::default() }
    }

    /// A new handle on the node that `promise` is a view of.
    pub(crate) fn view(promise: PromiseRef<T>) -> Self {
        Self::of(ValueHandle::view(promise))
    }

    /// One more handle on this node.
    pub(crate) fn another(&self) -> Self {
        Self::view(self.promise().clone())
    }

    /// The handle on the node, without an await of it.
    pub(crate) fn into_handle(self) -> ValueHandle<T> {
        ValueHandle::view(self.promise().clone())
    }

    pub(crate) fn promise(&self) -> &PromiseRef<T> {
        self.handle.promise()
    }

    pub(crate) fn node(&self) -> NodeRef {
        self.handle.node()
    }

    /// The node, if its value may have parts: see `make_parts`.
    pub(crate) fn part(&self) -> Option<NodeRef> {
        self.handle.part()
    }

    pub(crate) fn core(&self) -> &Core {
        self.handle.core()
    }

    pub(crate) fn any(&self) -> AnyFuture {
        AnyFuture::new(self.node())
    }

    pub(crate) fn done(&self) -> bool {
        self.core().is_done()
    }

    pub(crate) fn cancelled(&self) -> bool {
        self.core().state() == State::Cancelled
    }

    #[track_caller]
    pub(crate) fn cancel(&self, message: Option<&str>) -> bool {
        cancel_here(&self.node(), &message.map(Arc::from))
    }

    /// How the node ended, with a copy of the value.
    pub(crate) fn result(&self) -> Result<T, TaskError>
    where
        T: Clone,
    {
        self.peek(T::clone)
    }

    /// How the node ended, with what `read` returns for a reference to the value.
    pub(crate) fn peek<R>(&self, read: impl Fn(&T) -> R) -> Result<R, TaskError> {
        let core = self.core();
        if !core.is_done() {
            return Err(TaskError::NotDone);
        }
        core.set_retrieved();
        if let Some(ending) = core.ending() {
            return Err(ending.into_error());
        }
        let mut read_value = None;
        self.promise().peek(&mut |value| read_value = Some(read(value)));
        read_value.ok_or(TaskError::Taken)
    }

    /// How the node ended, with the value moved out.
    pub(crate) fn take_result(&self) -> Result<T, TaskError> {
        self.handle.take_result()
    }

    /// Awaits the value as asyncio's `await` does: the cancellation of a cancelled node is raised here, and the panic
    /// of a panicked one is resumed here.
    #[track_caller]
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<T> {
        let core = self.handle.core();
        if core.state() != State::Finished {
            self.poll_unfinished(cx);
            return Poll::Pending;
        }
        self.number.set(NOT_WATCHING);
        self.waiting.ready(core.kernel());
        core.set_retrieved();
        Poll::Ready(self.promise().take().unwrap_or_else(|| self.panic_as_taken()))
    }

    /// A poll of a node that is pending, or has ended without a value. Apart from the other polls, because they would
    /// pay for every register that this uses.
    #[inline(never)]
    #[track_caller]
    fn poll_unfinished(&mut self, cx: &Context<'_>) {
        let core = self.handle.core();
        if core.is_done() {
            return self.poll_failed(cx);
        }
        self.watch(core, cx);
        self.waiting.note_node(core, cx, || self.node());
    }

    /// A poll of a node that has ended without a value.
    #[cold]
    #[track_caller]
    fn poll_failed(&mut self, cx: &Context<'_>) {
        let core = self.handle.core();
        // the node has told its watchers, and with that dropped the registration
        self.number.set(NOT_WATCHING);
        core.set_retrieved();
        match core.ending().expect("it ended without a value") {
            Ending::Cancelled(cancelled) => self.raise.raise(cancelled.into_message(), cx),
            Ending::Panicked(panic) => panic.resume(),
        }
    }

    /// Waits until the node is done and returns how it ended. Unlike `poll`, this does not enter the node into the
    /// await graph, so a cancellation of the waiting task does not cancel the node.
    pub(crate) fn poll_outcome(&mut self, cx: &Context<'_>) -> Poll<Result<T, TaskError>> {
        poll_leaf(&self.waiting, self.core().kernel(), cx, Leaf::of(What::Outcome), || {
            if self.core().is_done() {
                self.number.set(NOT_WATCHING);
                return Poll::Ready(self.take_result());
            }
            self.watch(self.core(), cx);
            Poll::Pending
        })
    }

    /// Registers the await with the node, or updates its registration to the waker of this poll.
    #[track_caller]
    #[inline]
    fn watch(&self, core: &Core, cx: &Context<'_>) {
        let own_task = key_of(cx.waker()).filter(|_| self.number.get() == NOT_WATCHING);
        let Some(key) = own_task else { return self.watch_again(core, cx) };
        self.assert_is_another(core);
        let number = core.kernel().next_watch();
        self.number.set(number);
        core.watchers().add_made(number, || Watcher::Wake(WakeTarget::Task(key)));
    }

    /// As `watch`, for an await that is registered already, or is polled with a waker of another crate.
    #[cold]
    #[track_caller]
    fn watch_again(&self, core: &Core, cx: &Context<'_>) {
        let mut watcher = Watcher::Wake(wake_target(cx));
        let number = self.number.get();
        // by a swap, so that the old watcher is dropped when the list is whole again
        let updated =
            number != NOT_WATCHING && core.watchers().with(number, |held| std::mem::swap(held, &mut watcher)).is_some();
        if !updated {
            self.assert_is_another(core);
            let number = core.kernel().next_watch();
            self.number.set(number);
            core.watchers().add(number, watcher);
        }
    }

    /// A second await is one by reference, so only a task can say where it is from.
    #[cold]
    #[track_caller]
    fn panic_as_taken(&self) -> ! {
        let place = self.place();
        panic!("awaited again after its value was taken; use shared() to await it more than once{place}")
    }

    /// Which task it is, for the text of a panic.
    fn place(&self) -> String {
        match self.promise().kind() {
            Kind::Task(state) => format!(" ({}, created at {})", state.name(), state.created()),
            Kind::Plain | Kind::Gathering(_) => String::new(),
        }
    }

    /// The await is dropped before its end. The handle is dropped after it, also if a waker's destructor panics here.
    #[inline(never)]
    fn give_up(&self) {
        let number = self.number.get();
        let watcher = (number != NOT_WATCHING).then(|| self.core().watchers().remove(number));
        let noted = self.waiting.was_noted().then(|| self.waiting.end_node(&**self.promise()));
        drop((watcher, noted));
    }

    /// # Panics
    /// If the running task awaits itself: such an await would never end.
    #[track_caller]
    fn assert_is_another(&self, core: &Core) {
        let own = core.kernel().running_task().with_task(|task| std::ptr::eq(task.core(), core)) == Some(true);
        assert!(!own, "Task cannot await on itself; hand its handle to another task{}", self.place());
    }
}

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        // usually not: the await has returned, or there was none
        if self.number.get() != NOT_WATCHING || self.waiting.was_noted() {
            self.give_up();
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.any().fmt(f)
    }
}
