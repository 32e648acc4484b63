//! What a leaf waits for. Owns the words for it, and one number that says more; must not know how anything is waited for,
//! nor who reads the words.
//!
//! Each task has room for one, and writes it down in every wait. So it is a word in size, made of constants and of what
//! the leaf has at hand; what else there is to say is looked up when it is asked for.

use std::fmt;

/// What a leaf waits for. The number is 0 if there is nothing more to say, or if it would not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    what: What,
    number: u32,
}

const _: () = assert!(size_of::<Option<Leaf>>() == size_of::<u64>());

/// The things that leaves wait for, and what the number of each is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)] // a leaf without a gap is written by one store
pub(crate) enum What {
    NextIteration,
    NextTurn,
    Timer,
    TimeLimit,
    Future,
    Outcome,
    /// The number of the lock among those that are waited for: see `holders.rs`.
    Lock,
    Event,
    Condition,
    /// How many parties the barrier has.
    Barrier,
    /// How many permits the semaphore has that are free, and how many in all.
    Semaphore,
    Item,
    /// The size of the queue.
    Room,
    ItemsDone,
    /// How many tasks there are.
    AllCompleted,
    FirstCompleted,
    FirstException,
    NextCompleted,
    GroupChildren,
    /// The number by which the reactor knows the descriptor.
    Readable,
    Writable,
    OtherEnd,
    /// The PID.
    #[cfg_attr(not(feature = "process"), expect(dead_code, reason = "no child processes"))]
    Process,
    /// The number by which the reactor knows the descriptor.
    StreamData,
    StreamRoom,
    StreamSent,
    StreamDrained,
    ConnectionClosed,
    ServerClosed,
    ServerFinished,
    RemoteCoroutine,
    Job,
    /// The number of the signal.
    #[cfg_attr(not(feature = "signal"), expect(dead_code, reason = "no signals"))]
    Signal,
    Outside,
}

impl Leaf {
    pub(crate) const fn of(what: What) -> Self {
        Self { what, number: 0 }
    }

    pub(crate) const fn numbered(what: What, number: u32) -> Self {
        Self { what, number }
    }

    /// As `numbered`, for a count.
    pub(crate) fn counted(what: What, count: usize) -> Self {
        Self { what, number: u32::try_from(count).unwrap_or_default() }
    }

    /// As `numbered`, for a count and the other things beside those. If there are too many, there is nothing more to say.
    #[inline]
    pub(crate) fn packed(what: What, some: usize, others: usize) -> Self {
        let of = some.wrapping_add(others);
        let fits = u16::try_from(of).is_ok() && some <= of;
        #[expect(clippy::cast_possible_truncation, reason = "both fit")]
        let number = if fits { (some << u16::BITS | of) as u32 } else { 0 };
        Self { what, number }
    }

    /// The two counts of `packed`.
    pub(crate) fn unpacked(number: u32) -> (usize, usize) {
        ((number >> u16::BITS) as usize, (number & u32::from(u16::MAX)) as usize)
    }

    pub(crate) fn what(self) -> What {
        self.what
    }

    pub(crate) fn number(self) -> Option<u32> {
        (self.number != 0).then_some(self.number)
    }

    /// The words for what it waits for, whatever the number is.
    pub(crate) fn words(self) -> &'static str {
        match self.what {
            What::NextIteration => "the next iteration",
            What::NextTurn => "its next turn",
            What::Timer => "a timer",
            What::TimeLimit => "a time limit",
            What::Future => "a future",
            What::Outcome => "the outcome of a task",
            What::Lock => "a lock",
            What::Event => "an event",
            What::Condition => "a condition",
            What::Barrier => "a barrier",
            What::Semaphore => "a semaphore",
            What::Item => "an item of a queue",
            What::Room => "room in a queue",
            What::ItemsDone => "the items of a queue to be done",
            What::AllCompleted | What::FirstCompleted | What::FirstException => "some of several tasks",
            What::NextCompleted => "the next of several tasks",
            What::GroupChildren => "the children of its task group",
            What::Readable => "a descriptor to be readable",
            What::Writable => "a descriptor to be writable",
            What::OtherEnd => "the other end of a descriptor to be gone",
            What::Process => "a process to end",
            What::StreamData => "data of a stream",
            What::StreamRoom => "room in a stream",
            What::StreamSent => "a stream to send",
            What::StreamDrained => "a stream to drain",
            What::ConnectionClosed => "a connection to be closed",
            What::ServerClosed => "a server to be closed",
            What::ServerFinished => "a server to be closed and its clients to be gone",
            What::RemoteCoroutine => "a coroutine of another thread's event loop",
            What::Job => "a call in another thread",
            What::Signal => "a signal",
            What::Outside => "something outside the loop",
        }
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
