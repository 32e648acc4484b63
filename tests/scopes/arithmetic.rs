//! When a tree without catchers and cancellations ends, and what it returns, by arithmetic. Must not know the loop.
//!
//! A limit is late if what it holds would end at its deadline or after it. That holds too if they end together: timers
//! fire in order of setting, and those inside a limit are set after its own, so the limit cancels first, and what it
//! cancels lets that through, as in asyncio. Only the error of a group that fails in the iteration of a limit around it
//! is a matter of iterations. Such groups are in no tree of `Timing::Whole`; under `Timing::EvenAndOdd` they fail in
//! even seconds, and limits are up in odd ones.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::tree::{Nanos, Node, Timing, in_no_order, in_seconds};

/// The end of a node that begins at `start`, and what it returns.
pub(crate) fn end_of(timing: Timing, node: &Node, start: Nanos) -> (Nanos, String) {
    let end = |node: &Node| end_of(timing, node, start);
    match node {
        Node::Sleep(span) => {
            let end = timing.sleep_ends(start, *span);
            (end, format!("s@{}", in_seconds(end)))
        }
        Node::Limit(span, inside) => {
            let (deadline, (end, value)) = (timing.limit_ends(start, *span), end(inside));
            if end < deadline {
                (end, format!("ok({value})"))
            } else {
                (deadline, format!("late@{}", in_seconds(deadline)))
            }
        }
        Node::Catch(inside) | Node::CleanUp(_, inside) => {
            let (end, value) = end(inside);
            (end, format!("kept({value})"))
        }
        Node::Join(parts) | Node::Unordered(parts) | Node::Gather(parts) => last(parts.iter().map(end)),
        Node::Buffered(parts, room) => buffered(timing, parts, *room, start),
        Node::Select(parts) => {
            let first = parts.iter().map(|part| end(part).0).min().expect("a branch");
            (first, format!("first@{}", in_seconds(first)))
        }
        Node::Task(inside) => {
            let (end, value) = end(inside);
            (end, format!("task({value})"))
        }
        Node::Group { fails_after: Some(span), .. } => {
            let failure = timing.sleep_ends(start, *span);
            (failure, format!("failed@{}", in_seconds(failure)))
        }
        Node::Group { body, children, fails_after: None } => {
            let (body_end, body) = end(body);
            let (children_end, children) = last(children.iter().map(end));
            (body_end.max(children_end), format!("group({body}; {children})"))
        }
        Node::Sequence(parts) => {
            let (mut now, mut values) = (start, Vec::new());
            for part in parts {
                let (end, value) = end_of(timing, part, now);
                now = end;
                values.push(value);
            }
            (now, format!("({})", values.join("; ")))
        }
    }
}

/// The last end, 0 if there is none, and all values.
fn last(ends: impl Iterator<Item = (Nanos, String)>) -> (Nanos, String) {
    let (ends, values): (Vec<_>, Vec<_>) = ends.unzip();
    (ends.into_iter().max().unwrap_or(0), in_no_order(values))
}

/// Each part begins when there is room for it.
fn buffered(timing: Timing, parts: &[Node], room: usize, start: Nanos) -> (Nanos, String) {
    let mut running = BinaryHeap::new();
    let ends = parts.iter().map(|part| {
        let begins = if running.len() < room { start } else { running.pop().map_or(start, |Reverse(end)| end) };
        let (end, value) = end_of(timing, part, begins);
        running.push(Reverse(end));
        (end, value)
    });
    last(ends)
}
