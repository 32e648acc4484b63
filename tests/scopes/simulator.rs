//! What a tree does under cancellations, simulated event by event. Owns the rules of scopes as a model; must not know
//! the loop.
//!
//! The model is for programs in which no two events fall together, so that it needs no iterations: what follows from an
//! event follows at its time. It has the failing groups of no tree, since those count the cancellations of their task.

use std::collections::VecDeque;

use crate::tree::{Nanos, Node, in_no_order, in_seconds};

/// A cancellation comes out of a part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cancelled;

/// The end of a part.
type Ended = Option<Result<String, Cancelled>>;

/// The end of a tree that begins at 0 and is cancelled at `cancels`, which are in order.
pub(crate) fn simulated(root: &Node, cancels: &[Nanos]) -> (Nanos, Result<String, Cancelled>) {
    let mut state = State::begin(root, 0);
    let mut cancels = cancels.iter().copied().peekable();
    loop {
        let event = state.next_event().expect("what has not ended waits for a timer");
        let (now, ended) = match cancels.next_if(|cancel| *cancel < event) {
            Some(cancel) => (cancel, state.cancel(cancel)),
            None => (event, state.send(Signal::Time, event).ended),
        };
        if let Some(ended) = ended {
            return (now, ended);
        }
    }
}

/// What happens to a part that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    /// It is now. What ends now, ends.
    Time,
    /// A cancellation of a scope around it is thrown.
    Throw,
    /// A cancellation of a scope around it is handed on to the one task that is awaited inside.
    HandOn,
}

/// The answer of a part to a signal.
#[derive(Debug, Default)]
struct Answer {
    /// Whether something inside has caught the throw.
    caught: bool,
    ended: Ended,
}

impl Answer {
    fn caught(ended: Ended) -> Self {
        Self { caught: true, ended }
    }

    fn silent(ended: Ended) -> Self {
        Self { caught: false, ended }
    }

    fn map(self, change: impl FnOnce(String) -> String) -> Self {
        Self { ended: self.ended.map(|ended| ended.map(change)), ..self }
    }
}

/// What a scope awaits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    /// One task, or one gathering.
    OneTask,
    /// One thing that cannot be cancelled.
    One,
    Several,
}

/// A part that has begun.
#[derive(Debug)]
enum State {
    Sleep { until: Nanos },
    Limit(Limit),
    Catch(Box<Self>),
    CleanUp(CleanUp),
    Branches(Branches),
    Select(Vec<Self>),
    Task(Box<Self>),
    Gather(Gather),
    Group(Group),
    Sequence { now: Box<Self>, rest: VecDeque<Node>, values: Vec<String> },
}

#[derive(Debug)]
struct Limit {
    until: Nanos,
    is_up: bool,
    /// How many cancellations of scopes around it were caught inside, or handed on to what it awaits. asyncio's
    /// counter: if there are any, what comes out of the limit is not its own.
    from_around: u32,
    inside: Box<State>,
}

#[derive(Debug)]
struct CleanUp {
    span: Nanos,
    /// Whether it has caught a cancellation, and sleeps.
    is_cleaning: bool,
    /// What it holds, or its sleep.
    inside: Box<State>,
}

/// Parts of one task, side by side.
#[derive(Debug)]
struct Branches {
    waiting: VecDeque<Node>,
    running: Vec<State>,
    values: Vec<String>,
}

#[derive(Debug)]
struct Gather {
    running: Vec<State>,
    values: Vec<String>,
    /// Whether it was cancelled itself. Then it ends cancelled, also if its children go on.
    is_cancelled: bool,
}

#[derive(Debug)]
struct Group {
    /// `None` when it is over.
    body: Option<Box<State>>,
    /// What the body returned.
    value: String,
    running: Vec<State>,
    values: Vec<String>,
    /// Whether it met a cancellation, and waits only for its children.
    is_cancelled: bool,
}

impl State {
    fn begin(node: &Node, now: Nanos) -> Self {
        let one = |node: &Node| Box::new(Self::begin(node, now));
        let all = |nodes: &[Node]| nodes.iter().map(|node| Self::begin(node, now)).collect();
        match node {
            Node::Sleep(span) => Self::Sleep { until: now + span },
            Node::Limit(span, inside) => {
                Self::Limit(Limit { until: now + span, is_up: false, from_around: 0, inside: one(inside) })
            }
            Node::Catch(inside) => Self::Catch(one(inside)),
            Node::CleanUp(span, inside) => {
                Self::CleanUp(CleanUp { span: *span, is_cleaning: false, inside: one(inside) })
            }
            Node::Join(parts) | Node::Unordered(parts) => {
                Self::Branches(Branches { waiting: VecDeque::new(), running: all(parts), values: Vec::new() })
            }
            Node::Buffered(parts, room) => {
                let (first, rest) = parts.split_at(parts.len().min(*room));
                Self::Branches(Branches { waiting: rest.to_vec().into(), running: all(first), values: Vec::new() })
            }
            Node::Select(parts) => Self::Select(all(parts)),
            Node::Task(inside) => Self::Task(one(inside)),
            Node::Gather(parts) => {
                Self::Gather(Gather { running: all(parts), values: Vec::new(), is_cancelled: false })
            }
            Node::Group { fails_after: Some(_), .. } => unreachable!("no group of these trees fails"),
            Node::Group { body, children, fails_after: None } => {
                let body = Some(one(body));
                let (running, values) = (all(children), Vec::new());
                Self::Group(Group { body, value: String::new(), running, values, is_cancelled: false })
            }
            Node::Sequence(parts) => {
                let mut rest: VecDeque<_> = parts.iter().cloned().collect();
                let first = rest.pop_front().expect("a part");
                Self::Sequence { now: one(&first), rest, values: Vec::new() }
            }
        }
    }

    /// The next time at which a timer inside ends.
    fn next_event(&self) -> Option<Nanos> {
        let first = |states: &[Self]| states.iter().filter_map(Self::next_event).min();
        match self {
            Self::Sleep { until } => Some(*until),
            Self::Limit(limit) => {
                let own = (!limit.is_up).then_some(limit.until);
                own.into_iter().chain(limit.inside.next_event()).min()
            }
            Self::Catch(inside) | Self::Task(inside) | Self::Sequence { now: inside, .. } => inside.next_event(),
            Self::CleanUp(clean_up) => clean_up.inside.next_event(),
            Self::Branches(branches) => first(&branches.running),
            Self::Select(running) => first(running),
            Self::Gather(gather) => first(&gather.running),
            Self::Group(group) => {
                let body = group.body.as_ref().and_then(|body| body.next_event());
                body.into_iter().chain(first(&group.running)).min()
            }
        }
    }

    /// What the scope that holds this awaits.
    fn awaited(&self) -> Awaited {
        let of_all = |states: &[Self]| match states {
            [one] => one.awaited(),
            _ => Awaited::Several,
        };
        match self {
            Self::Sleep { .. } => Awaited::One,
            Self::Task(_) | Self::Gather(_) => Awaited::OneTask,
            Self::Limit(limit) => limit.inside.awaited(),
            Self::CleanUp(clean_up) => clean_up.inside.awaited(),
            Self::Catch(inside) | Self::Sequence { now: inside, .. } => inside.awaited(),
            Self::Branches(branches) => of_all(&branches.running),
            Self::Select(running) => of_all(running),
            Self::Group(group) => group.body.as_ref().map_or(Awaited::One, |body| body.awaited()),
        }
    }

    /// Cancels this as a whole: a task, or what a limit holds. What it awaits is cancelled if that is one task. If not,
    /// or if it awaits several, it is thrown at itself, and ends unless that is caught.
    fn cancel(&mut self, now: Nanos) -> Ended {
        if self.awaited() == Awaited::OneTask {
            return self.send(Signal::HandOn, now).ended;
        }
        let answer = self.send(Signal::Throw, now);
        if answer.caught { answer.ended } else { Some(Err(Cancelled)) }
    }

    fn send(&mut self, signal: Signal, now: Nanos) -> Answer {
        match self {
            Self::Sleep { until } => {
                let is_over = signal == Signal::Time && *until == now;
                Answer::silent(is_over.then(|| Ok(format!("s@{}", in_seconds(now)))))
            }
            Self::Limit(limit) => limit.send(signal, now),
            Self::Catch(inside) => {
                let answer = inside.send(signal, now);
                let caught = || format!("caught@{}", in_seconds(now));
                if signal == Signal::Throw && !answer.caught {
                    return Answer::caught(Some(Ok(caught())));
                }
                let kept = |ended: Result<_, _>| Ok(ended.map_or_else(|Cancelled| caught(), |v| format!("kept({v})")));
                Answer { ended: answer.ended.map(kept), ..answer }
            }
            Self::CleanUp(clean_up) => clean_up.send(signal, now),
            Self::Branches(branches) => branches.send(signal, now),
            Self::Select(running) => {
                let mut caught = false;
                for branch in running {
                    let answer = branch.send(signal, now);
                    caught |= answer.caught;
                    if let Some(ended) = answer.ended {
                        return Answer { caught, ended: Some(ended.map(|_| format!("first@{}", in_seconds(now)))) };
                    }
                }
                Answer { caught, ended: None }
            }
            Self::Task(inside) => {
                let ended = match signal {
                    Signal::Time => inside.send(signal, now).ended,
                    Signal::Throw => None, // it is thrown at what awaits the task, which runs on
                    Signal::HandOn => inside.cancel(now),
                };
                Answer::silent(ended).map(|value| format!("task({value})"))
            }
            Self::Gather(gather) => Answer::silent(gather.send(signal, now)),
            Self::Group(group) => group.send(signal, now),
            Self::Sequence { now: part, rest, values } => {
                let answer = part.send(signal, now);
                let Some(Ok(value)) = answer.ended else { return answer };
                values.push(value);
                let ended = match rest.pop_front() {
                    Some(next) => {
                        **part = Self::begin(&next, now);
                        None
                    }
                    None => Some(Ok(format!("({})", values.join("; ")))),
                };
                Answer { ended, ..answer }
            }
        }
    }
}

impl Limit {
    fn send(&mut self, signal: Signal, now: Nanos) -> Answer {
        let mut answer = self.inside.send(signal, now);
        if signal == Signal::HandOn || signal == Signal::Throw && answer.caught {
            self.from_around += 1;
        }
        if signal == Signal::Time && !self.is_up && self.until == now && answer.ended.is_none() {
            self.is_up = true;
            answer.ended = self.inside.cancel(now);
        }
        let is_own = self.is_up && self.from_around == 0;
        answer.ended = answer.ended.map(|ended| match ended {
            Ok(value) => Ok(format!("ok({value})")),
            Err(Cancelled) if is_own => Ok(format!("late@{}", in_seconds(now))),
            Err(Cancelled) => Err(Cancelled),
        });
        answer
    }
}

impl CleanUp {
    fn send(&mut self, signal: Signal, now: Nanos) -> Answer {
        let mut answer = self.inside.send(signal, now);
        if self.is_cleaning {
            answer.ended = answer.ended.map(|_| Err(Cancelled));
            return answer;
        }
        let meets = signal == Signal::Throw && !answer.caught || matches!(answer.ended, Some(Err(Cancelled)));
        answer.caught |= signal == Signal::Throw;
        if meets {
            self.is_cleaning = true;
            *self.inside = State::Sleep { until: now + self.span };
            answer.ended = None;
        }
        answer.map(|value| format!("kept({value})"))
    }
}

/// Removes from `running` what has ended, and appends the values. Returns whether any of them ended cancelled.
fn collect(running: &mut Vec<State>, values: &mut Vec<String>, mut end: impl FnMut(&mut State) -> Ended) -> bool {
    let mut any_cancelled = false;
    running.retain_mut(|state| match end(state) {
        None => true,
        Some(Ok(value)) => {
            values.push(value);
            false
        }
        Some(Err(Cancelled)) => {
            any_cancelled = true;
            false
        }
    });
    any_cancelled
}

impl Branches {
    fn send(&mut self, signal: Signal, now: Nanos) -> Answer {
        let (mut caught, before) = (false, self.running.len());
        let raised = collect(&mut self.running, &mut self.values, |branch| {
            let answer = branch.send(signal, now);
            caught |= answer.caught;
            answer.ended
        });
        if raised {
            return Answer { caught, ended: Some(Err(Cancelled)) };
        }
        // what begins now does not meet what was thrown now
        let room = before - self.running.len();
        let begun = self.waiting.drain(..room.min(self.waiting.len())).map(|node| State::begin(&node, now));
        self.running.extend(begun);
        let ended = self.running.is_empty().then(|| Ok(in_no_order(std::mem::take(&mut self.values))));
        Answer { caught, ended }
    }
}

impl Gather {
    fn send(&mut self, signal: Signal, now: Nanos) -> Ended {
        let any_cancelled = match signal {
            Signal::Time => collect(&mut self.running, &mut self.values, |child| child.send(signal, now).ended),
            Signal::Throw => false, // the children run on
            Signal::HandOn => {
                self.is_cancelled = true;
                collect(&mut self.running, &mut self.values, |child| child.cancel(now))
            }
        };
        let is_over = self.running.is_empty();
        if any_cancelled || is_over && self.is_cancelled {
            return Some(Err(Cancelled));
        }
        is_over.then(|| Ok(in_no_order(std::mem::take(&mut self.values))))
    }
}

impl Group {
    fn send(&mut self, signal: Signal, now: Nanos) -> Answer {
        if signal == Signal::Time {
            self.collect(|child| child.send(signal, now).ended);
        }
        let mut aborts = false;
        let mut answer = match &mut self.body {
            Some(body) => body.send(signal, now),
            None => Answer::default(),
        };
        match answer.ended.take() {
            Some(Ok(value)) => (self.body, self.value) = (None, value),
            Some(Err(Cancelled)) => aborts = true,
            None => aborts = signal == Signal::Throw && !answer.caught,
        }
        // it catches in any case, and raises again when its children have ended
        answer.caught |= signal == Signal::Throw;
        if aborts {
            self.body = None;
            if !self.is_cancelled {
                self.is_cancelled = true;
                self.collect(|child| child.cancel(now));
            }
        }
        if self.body.is_none() && self.running.is_empty() {
            let value = format!("group({}; {})", self.value, in_no_order(std::mem::take(&mut self.values)));
            answer.ended = Some(if self.is_cancelled { Err(Cancelled) } else { Ok(value) });
        }
        answer
    }

    /// Removes the children that have ended. One that was cancelled is no failure.
    fn collect(&mut self, mut end: impl FnMut(&mut State) -> Ended) {
        collect(&mut self.running, &mut self.values, |child| {
            end(child).map(|ended| Ok(ended.unwrap_or_else(|Cancelled| "x".to_owned())))
        });
    }
}
