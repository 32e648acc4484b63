//! A program as a tree: what it waits for and how. Owns its text, and when its timers end; must not know how a tree
//! grows, or how it is run.

use std::fmt;

/// A span of time or a time since the start, in nanoseconds.
pub(crate) type Nanos = u64;

pub(crate) const SECOND: Nanos = 1_000_000_000;

/// A part of a program, and what it returns as text. Where the order in which parts end may differ, their texts are
/// sorted.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// `s@time`.
    Sleep(Nanos),
    /// `timeout`: `ok(…)` or `late@time`.
    Limit(Nanos, Box<Self>),
    /// `catch_cancelled`: `kept(…)` or `caught@time`.
    Catch(Box<Self>),
    /// `catch_cancelled`, and then a sleep, after which it raises the cancellation on: `kept(…)`.
    CleanUp(Nanos, Box<Self>),
    /// `join_all`: `[…]`.
    Join(Vec<Self>),
    /// `FuturesUnordered`: `[…]`, as a join.
    Unordered(Vec<Self>),
    /// `buffer_unordered`, of so many at once: `[…]`.
    Buffered(Vec<Self>, usize),
    /// `select_all`, whose losers are dropped: `first@time`.
    Select(Vec<Self>),
    /// `create_task(…).await`: `task(…)`.
    Task(Box<Self>),
    /// `gather` of coroutines: `[…]`.
    Gather(Vec<Self>),
    /// `task_group` whose children are tasks: `group(the body; the children)`, where a cancelled child is `x`. With a
    /// child more that fails after some time: `failed@time`.
    Group { body: Box<Self>, children: Vec<Self>, fails_after: Option<Nanos> },
    /// One after the other: `(…; …)`.
    Sequence(Vec<Self>),
}

impl Node {
    /// The same program with `change` made to the branches of every `Join` and `Unordered`, from the leaves up.
    pub(crate) fn rebuilt(&self, change: &impl Fn(bool, Vec<Self>) -> Self) -> Self {
        let one = |node: &Self| Box::new(node.rebuilt(change));
        let all = |nodes: &[Self]| nodes.iter().map(|node| node.rebuilt(change)).collect();
        match self {
            Self::Sleep(span) => Self::Sleep(*span),
            Self::Limit(span, inside) => Self::Limit(*span, one(inside)),
            Self::Catch(inside) => Self::Catch(one(inside)),
            Self::CleanUp(span, inside) => Self::CleanUp(*span, one(inside)),
            Self::Join(branches) => change(true, all(branches)),
            Self::Unordered(branches) => change(false, all(branches)),
            Self::Buffered(branches, room) => Self::Buffered(all(branches), *room),
            Self::Select(branches) => Self::Select(all(branches)),
            Self::Task(inside) => Self::Task(one(inside)),
            Self::Gather(children) => Self::Gather(all(children)),
            Self::Group { body, children, fails_after } => {
                Self::Group { body: one(body), children: all(children), fails_after: *fails_after }
            }
            Self::Sequence(parts) => Self::Sequence(all(parts)),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |nodes: &[Self]| nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::Sleep(span) => write!(f, "sleep({})", in_seconds(*span)),
            Self::Limit(span, inside) => write!(f, "limit({}, {inside})", in_seconds(*span)),
            Self::Catch(inside) => write!(f, "catch({inside})"),
            Self::CleanUp(span, inside) => write!(f, "clean_up({}, {inside})", in_seconds(*span)),
            Self::Join(branches) => write!(f, "join[{}]", list(branches)),
            Self::Unordered(branches) => write!(f, "unordered[{}]", list(branches)),
            Self::Buffered(branches, room) => write!(f, "buffered {room}[{}]", list(branches)),
            Self::Select(branches) => write!(f, "select[{}]", list(branches)),
            Self::Task(inside) => write!(f, "task({inside})"),
            Self::Gather(children) => write!(f, "gather[{}]", list(children)),
            Self::Group { body, children, fails_after } => {
                let fails = fails_after.map_or_else(String::new, |span| format!("; fails({})", in_seconds(span)));
                write!(f, "group({body}; {}{fails})", list(children))
            }
            Self::Sequence(parts) => write!(f, "sequence({})", list(parts)),
        }
    }
}

/// A span or time in seconds, exactly.
pub(crate) fn in_seconds(nanos: Nanos) -> String {
    let all = format!("{}.{:09}", nanos / SECOND, nanos % SECOND);
    all.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The text of what several parts have returned, in no order.
pub(crate) fn in_no_order(mut values: Vec<String>) -> String {
    values.sort_unstable();
    format!("[{}]", values.join(", "))
}

/// How the ends of timers follow from their spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timing {
    /// The sum. No two timers of a tree end together: each span has a bit of its own in its fraction of a second.
    Apart,
    /// The next even second for a sleep and the next odd one for a limit, so that many sleeps end together, and many
    /// limits, but never a sleep and a limit.
    EvenAndOdd,
    /// The sum, and all spans are whole seconds.
    Whole,
}

impl Timing {
    /// The end of a sleep of `span` that begins at `now`.
    pub(crate) fn sleep_ends(self, now: Nanos, span: Nanos) -> Nanos {
        match self {
            Self::Apart | Self::Whole => now + span,
            Self::EvenAndOdd => (now + span).next_multiple_of(2 * SECOND),
        }
    }

    /// The end of a limit of `span` that begins at `now`.
    pub(crate) fn limit_ends(self, now: Nanos, span: Nanos) -> Nanos {
        match self {
            Self::Apart | Self::Whole => now + span,
            Self::EvenAndOdd => (now + span + SECOND).next_multiple_of(2 * SECOND) - SECOND,
        }
    }
}
