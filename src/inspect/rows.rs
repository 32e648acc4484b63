//! The call graph as rows of a tree, for text and for pictures. Owns their order, and what is shown where if several
//! wait for it; must not know how a row is drawn.

use std::fmt;

use super::call_graph::CallGraph;

/// What is nested deeper is shown further below, so that a chain of a million tasks has lines of a usual length.
const DEEPEST: usize = 24;

/// A row of the tree.
pub(super) struct Row {
    pub(super) node: usize,
    /// For each level above it, whether something follows there.
    pub(super) levels: Vec<bool>,
    pub(super) shown: Shown,
}

/// Where a node of a row is shown with what it waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Here,
    Above,
    Below,
}

impl CallGraph {
    /// Calls `draw` with each row in order, until it fails.
    pub(super) fn each_row(&self, draw: &mut dyn FnMut(&Row) -> fmt::Result) -> fmt::Result {
        let mut seen = vec![false; self.nodes.len()];
        let mut blocks = self.roots();
        blocks.reverse();
        while let Some(root) = blocks.pop() {
            let mut rows = vec![Row { node: root, levels: Vec::new(), shown: Shown::Here }];
            let mut deeper = Vec::new();
            while let Some(mut row) = rows.pop() {
                let awaits = &self.nodes[row.node].awaits;
                row.shown = if seen[row.node] {
                    Shown::Above
                } else if row.levels.len() == DEEPEST && !awaits.is_empty() {
                    Shown::Below
                } else {
                    Shown::Here
                };
                draw(&row)?;
                match row.shown {
                    Shown::Above => {}
                    Shown::Below => deeper.push(row.node),
                    Shown::Here => {
                        seen[row.node] = true;
                        rows.extend(row.below(awaits));
                    }
                }
            }
            blocks.extend(deeper.into_iter().rev());
        }
        Ok(())
    }
}

impl Row {
    /// The rows below this one, the first of them last.
    fn below(&self, awaits: &[usize]) -> impl Iterator<Item = Self> {
        let last = awaits.len().wrapping_sub(1);
        awaits.iter().enumerate().rev().map(move |(i, &node)| {
            let levels = self.levels.iter().copied().chain([i != last]).collect();
            Self { node, levels, shown: Shown::Here }
        })
    }
}
