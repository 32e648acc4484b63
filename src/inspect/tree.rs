//! The call graph as text. Owns its lines; must not know how the graph was taken down.

use std::fmt;
use std::time::Duration;

use super::call_graph::{CallGraph, GraphNode, NodeKind, NodeState};
use super::rows::{Row, Shown};
use crate::awaitables::{SHORTEST, in_words};

/// As a tree: below each node what it waits for. What several wait for is printed once, and named again with "(see
/// above)".
impl fmt::Display for CallGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        self.each_row(&mut |row| {
            if !std::mem::take(&mut first) {
                f.write_str("\n")?;
            }
            self.print_row(f, row)
        })
    }
}

impl CallGraph {
    fn print_row(&self, f: &mut fmt::Formatter<'_>, row: &Row) -> fmt::Result {
        print_branch(f, &row.levels)?;
        let node = &self.nodes[row.node];
        match row.shown {
            Shown::Above => return write!(f, "{} (see above)", label(node)),
            Shown::Below => return write!(f, "{} (see below)", label(node)),
            Shown::Here => {}
        }
        write!(f, "{} {}", label(node), what_it_does(node))?;
        if let Some(place) = node.created {
            write!(f, "  ({}:{})", place.file(), place.line())?;
        }
        Ok(())
    }
}

fn print_branch(f: &mut fmt::Formatter<'_>, levels: &[bool]) -> fmt::Result {
    let Some((here, above)) = levels.split_last() else { return Ok(()) };
    above.iter().try_for_each(|&goes_on| f.write_str(if goes_on { "│  " } else { "   " }))?;
    f.write_str(if *here { "├─ " } else { "└─ " })
}

/// What it is, in a word or two.
pub(super) fn label(node: &GraphNode) -> String {
    match node.kind {
        NodeKind::Task => node.name.clone(),
        NodeKind::Future => "future".to_owned(),
        NodeKind::Gathering { ended, children } => format!("gathering [{ended}/{children}]"),
    }
}

/// What it does, or waits for.
pub(super) fn what_it_does(node: &GraphNode) -> String {
    match (node.state, node.kind) {
        (NodeState::Running, _) => "runs".to_owned(),
        (NodeState::Ready, _) => "is ready".to_owned(),
        (NodeState::Held, _) => "is held back by the limit of its gathering".to_owned(),
        (NodeState::Waiting, NodeKind::Future) if node.awaits.is_empty() && node.leaf.is_none() => {
            "waits to be set".to_owned()
        }
        (NodeState::Waiting, _) => {
            let waits = waits(node);
            let limit = limit(node).map(|limit| format!(", {limit}")).unwrap_or_default();
            match leaves(node) {
                Some(leaves) if node.awaits.is_empty() => format!("{waits} {leaves}{limit}"),
                Some(leaves) => format!("{waits} {leaves}{limit}, and for"),
                None if node.awaits.is_empty() => format!("{waits} something outside the loop{limit}"),
                None if limit.is_empty() => waits,
                None => format!("{waits} what is below{limit}"),
            }
        }
    }
}

/// That it waits, and since when, if that is known and long enough to be told.
fn waits(node: &GraphNode) -> String {
    match waited(node) {
        Some(waited) => format!("has waited at least {} for", in_words(waited)),
        None => "waits for".to_owned(),
    }
}

/// How long it has waited at least, if that is long enough to be told.
pub(super) fn waited(node: &GraphNode) -> Option<Duration> {
    node.waited.filter(|waited| *waited >= SHORTEST)
}

/// How much is left of the time limit around it.
pub(super) fn limit(node: &GraphNode) -> Option<String> {
    node.limit_left.map(|left| format!("{} left of a time limit", in_words(left)))
}

/// What it waits for beside nodes.
pub(super) fn leaves(node: &GraphNode) -> Option<String> {
    let leaf = node.leaf?;
    let leaf = node.detail.as_ref().map_or_else(|| leaf.to_owned(), ToString::to_string);
    let left = node.time_left.map(|left| format!(", {} left", in_words(left))).unwrap_or_default();
    let more = node.leaves.checked_sub(2).map(|others| format!(" and {} more", others + 1)).unwrap_or_default();
    Some(format!("{leaf}{left}{more}"))
}
