//! Random programs as data: what tasks, callbacks and destructors do. Owns the words of which they are made; must not
//! know what they do to a loop.

use std::sync::Arc;

/// What happens when a value is dropped.
#[derive(Clone, Debug)]
pub(crate) enum Charge {
    Nothing,
    Bomb,
    Act(Arc<Act>),
}

/// What takes no await: callbacks, destructors and wakers can do it as well as tasks. Numbers are places in the world.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Nothing,
    Panic,
    /// A panic whose payload panics when it is dropped.
    PanicWithBomb,
    Spawn(Arc<Script>),
    CallSoon(Charge, Arc<Self>),
    CallLater(u64, Charge, Arc<Self>),
    /// A callback that this thread sends as another would.
    CallThreadsafe(Charge, Arc<Self>),
    CancelCall(usize),
    CancelTask(usize),
    CancelMe,
    DropTask(usize),
    DoneCallback(usize, Charge, Arc<Self>),
    SetEvent(usize),
    ClearEvent(usize),
    SetFuture(usize, Charge),
    CancelFuture(usize),
    NewFuture(usize),
    Notify,
    Put(Line, Charge),
    Get(Line),
    Shutdown(Line),
    Release(usize),
    SetVariable(Charge),
    SetHandler(Charge),
    WatchPipe(Charge, Arc<Self>),
    Stop,
    /// Calls that are refused while the loop runs.
    Refused,
    ShutExecutor,
}

/// Which queue.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Line {
    Fifo,
    Lifo,
    Priority,
}

/// How several coroutines are awaited.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Together {
    Gather,
    TryGather,
    CancelRest,
    Outcomes,
    Limited,
    WaitAll,
    WaitFirst,
    WaitFailed,
    WaitTimed,
    Completed,
    Group,
    FailingGroup,
    Race,
    Join,
    Select,
    Unordered,
    Macro,
}

/// What is between a coroutine and its await.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Handle {
    Task,
    Shield,
    Mapped,
    Shared,
    Gathering,
}

/// How one coroutine is awaited.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Around {
    Plain,
    Catch,
    CatchAndRaise,
    Limit(u64),
    WaitFor(u64),
    Shield,
    Task,
    Shared,
    Mapped,
    Lock(usize),
    Permit(usize),
    /// Polled with a waker that panics when it is woken, and when it is dropped.
    BadWaker,
    OwnContext,
    /// Awaited for one poll, kept for a while, and dropped.
    GivenUp(Handle, u64),
}

/// What another thread does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Elsewhere {
    Returns,
    Panics,
    /// The result's destructor panics.
    ReturnsBomb,
    /// Drops a bomb in the job.
    DropsBomb,
    /// Calls the loop.
    CallsBack,
}

/// Bytes from one end to the other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wire {
    Tcp,
    Unix,
    Pipe,
    Streams,
    Server,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Yield,
    Sleep(u64),
    /// A value that lives to the end of the script.
    Hold(Charge),
    Do(Act),
    Around(Around, Arc<Script>),
    Together(Together, Vec<Arc<Script>>),
    /// A task in a place, with what its handle replaces dropped there.
    Start(usize, Arc<Script>),
    AwaitTask(usize),
    Outcome(usize),
    Event(usize),
    Future(usize),
    Condition,
    Barrier,
    AbortBarrier,
    Get(Line),
    Put(Line, Charge),
    Join(Line),
    ToThread(Elsewhere),
    InPool(Elsewhere),
    /// A coroutine that another thread starts here, and may cancel.
    Threadsafe(bool, Arc<Script>),
    /// A future of no loop's: so many wakes come from another thread. If it is late, the waker is kept until the loop
    /// has closed, and used then.
    Foreign {
        wakes: u64,
        late: bool,
    },
    Carry(Wire, usize),
}

/// What a task does, and what the destructor of its value does.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) steps: Vec<Step>,
    pub(crate) value: Charge,
}

#[expect(clippy::struct_excessive_bools, reason = "four choices that have nothing to do with each other")]
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) tasks: Vec<Arc<Script>>,
    /// On the machine's clock in place of the virtual one.
    pub(crate) real_clock: bool,
    /// The first run's main future panics.
    pub(crate) main_panics: bool,
    /// What is left is cancelled at the end, in place of being dropped when the loop closes.
    pub(crate) cancels_what_is_left: bool,
    /// The loop is closed by the drop of its last handle.
    pub(crate) closes_by_drop: bool,
}
