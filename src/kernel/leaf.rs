//! What a leaf waits for. Owns the words for it, and one number that says more; must not know how anything is waited
//! for, nor who reads the words.
//!
//! Each task has room for one, and writes it down in every wait. So it is a word in size, made of constants and of what
//! the leaf has at hand; what else there is to say is looked up when it is asked for.

use std::fmt;
use std::num::NonZeroU64;

use crate::base::FACTS;

/// What a leaf waits for: below, one more than the place of the kind in `What::ALL`; above, the number, which is 0 if
/// there is nothing more to say, or if it would not fit. (Two fields of half a word are passed one by one.)
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leaf(NonZeroU64);

macro_rules! kinds {
    ($($(#[$meta:meta])* $name:ident => $words:literal,)*) => {
        /// The things that leaves wait for, and what the number of each is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum What {
            $($(#[$meta])* $name,)*
        }

        impl What {
            const ALL: &[Self] = &[$(Self::$name),*];

            /// The words for it.
            fn words(self) -> &'static str {
                match self {
                    $(Self::$name => $words,)*
                }
            }
        }
    };
}

kinds! {
    NextIteration => "the next iteration",
    NextTurn => "its next turn",
    Timer => "a timer",
    TimeLimit => "a time limit",
    Future => "a future",
    Outcome => "the outcome of a task",
    /// The number of the lock among those that are waited for: see `holders.rs`.
    Lock => "a lock",
    Event => "an event",
    Condition => "a condition",
    /// Which of them the task is, and how many parties the barrier has.
    Barrier => "a barrier",
    /// How many permits the semaphore has that are free, and how many in all.
    Semaphore => "a semaphore",
    Item => "an item of a queue",
    /// The size of the queue.
    Room => "room in a queue",
    /// How many there are.
    ItemsDone => "the items of a queue to be done",
    /// How many tasks there are.
    AllCompleted => "some of several tasks",
    FirstCompleted => "some of several tasks",
    FirstException => "some of several tasks",
    NextCompleted => "the next of several tasks",
    GroupChildren => "the children of its task group",
    /// The number by which the reactor knows the descriptor.
    Readable => "a descriptor to be readable",
    Writable => "a descriptor to be writable",
    OtherEnd => "the other end of a descriptor to be gone",
    /// The PID.
    Process => "a process to end",
    /// The number by which the reactor knows the descriptor.
    StreamData => "data of a stream",
    StreamRoom => "room in a stream",
    StreamSent => "a stream to send",
    StreamDrained => "a stream to drain",
    ConnectionClosed => "a connection to be closed",
    ServerClosed => "a server to be closed",
    ServerFinished => "a server to be closed and its clients to be gone",
    RemoteCoroutine => "a coroutine of another thread's event loop",
    Job => "a call in another thread",
    /// The number of the signal.
    Signal => "a signal",
    Outside => "something outside the loop",
}

impl Leaf {
    pub(crate) const fn of(what: What) -> Self {
        Self::numbered(what, 0)
    }

    pub(crate) const fn numbered(what: What, number: u32) -> Self {
        match NonZeroU64::new((number as u64) << u32::BITS | (what as u64 + 1)) {
            Some(word) if FACTS => Self(word),
            _ => Self(NonZeroU64::MIN), // otherwise never: one was added
        }
    }

    /// As `numbered`, for a count.
    pub(crate) fn counted(what: What, count: usize) -> Self {
        Self::numbered(what, u32::try_from(count).unwrap_or_default())
    }

    /// As `numbered`, for a count and the other things beside those. If there are too many, there is nothing more to
    /// say.
    #[inline]
    pub(crate) fn packed(what: What, some: usize, others: usize) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "both fit")]
        match some | others {
            0..=Self::MOST => Self::numbered(what, (some << u16::BITS | others) as u32),
            _ => Self::too_many(what),
        }
    }

    const MOST: usize = u16::MAX as usize;

    #[cold]
    fn too_many(what: What) -> Self {
        Self::of(what)
    }

    /// The counts of `packed`: how many, and of how many in all.
    pub(crate) fn unpacked(number: u32) -> (usize, usize) {
        let (some, others) = ((number >> u16::BITS) as usize, (number & u32::from(u16::MAX)) as usize);
        (some, some + others)
    }

    pub(crate) fn what(self) -> What {
        let place = (self.0.get() & u64::from(u32::MAX)) - 1;
        let what = usize::try_from(place).ok().and_then(|place| What::ALL.get(place));
        what.copied().unwrap_or(What::Outside)
    }

    pub(crate) fn number(self) -> Option<u32> {
        u32::try_from(self.0.get() >> u32::BITS).ok().filter(|number| *number != 0)
    }

    /// The words for what it waits for, whatever the number is.
    pub(crate) fn words(self) -> &'static str {
        self.what().words()
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Leaf").field(&self.what()).field(&self.number()).finish()
    }
}
