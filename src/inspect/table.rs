//! The tasks of a call graph as a table. Owns its columns; must not know how the graph was taken down.

use super::call_graph::{CallGraph, GraphNode, NodeKind, NodeState};
use super::tree::{label, leaves, limit, waited};
use crate::awaitables::in_words;

/// So many of the nodes that a task waits for are named.
const NAMED: usize = 3;
/// The widths that a column may have, in letters, but the last, which has what it needs.
const WIDEST: [usize; COLUMNS - 1] = [32, 7, 9, 56];
const COLUMNS: usize = 5;
const HEAD: [&str; COLUMNS] = ["TASK", "STATE", "WAITED", "WAITS FOR", "CREATED AT"];

impl CallGraph {
    /// The tasks as a table, one a line, in order of creation: the name, the state, how long it has waited at
    /// least, for what, and where it was created. asyncio's `python -m asyncio ps`. What several tasks wait for
    /// together is easier seen in the tree, which is what printing the graph gives.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{Clock, EventLoop, create_task, sleep, yield_now};
    /// use std::time::Duration;
    ///
    /// let graph = EventLoop::builder().clock(Clock::Virtual).run(async {
    ///     create_task(sleep(Duration::from_secs(3))).named("sleeper");
    ///     yield_now().await; // it begins
    ///     EventLoop::current().call_graph()
    /// })?;
    /// let table = graph.to_table();
    /// // TASK     STATE  WAITED  WAITS FOR          CREATED AT
    /// // Task-1   runs                              src/main.rs:4
    /// // sleeper  waits          a timer, 3 s left  src/main.rs:5
    /// assert!(table.starts_with("TASK     STATE  WAITED  WAITS FOR  "), "{table}");
    /// assert!(table.contains("\nsleeper  waits          a timer, 3 s left  "), "{table}");
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn to_table(&self) -> String {
        let tasks = self.nodes.iter().filter(|node| node.kind == NodeKind::Task);
        let rows: Vec<[String; COLUMNS]> =
            [HEAD.map(str::to_owned)].into_iter().chain(tasks.map(|task| self.row(task))).collect();
        let width = |column: usize| {
            let longest = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
            longest.min(WIDEST[column])
        };
        let widths: [usize; COLUMNS - 1] = std::array::from_fn(width);
        let mut table = String::new();
        for row in &rows {
            for (text, width) in row.iter().zip(widths) {
                push_cell(&mut table, text, width);
            }
            table.push_str(&row[COLUMNS - 1]);
            table.truncate(table.trim_end_matches(' ').len());
            table.push('\n');
        }
        table
    }

    fn row(&self, task: &GraphNode) -> [String; COLUMNS] {
        let state = match task.state {
            NodeState::Running => "runs",
            NodeState::Ready => "ready",
            NodeState::Held => "held",
            NodeState::Waiting => "waits",
        };
        let created = task.created.map(|place| format!("{}:{}", place.file(), place.line()));
        let waited = waited(task).map(in_words).unwrap_or_default();
        [task.name.clone(), state.to_owned(), waited, self.waits_for(task), created.unwrap_or_default()]
    }

    fn waits_for(&self, task: &GraphNode) -> String {
        if task.state != NodeState::Waiting {
            return String::new();
        }
        let mut named: Vec<String> = leaves(task).into_iter().collect();
        named.extend(task.awaits.iter().take(NAMED).map(|&node| label(&self.nodes[node])));
        if let more @ 1.. = task.awaits.len().saturating_sub(NAMED) {
            named.push(format!("{more} more"));
        }
        if named.is_empty() {
            named.push("something outside the loop".to_owned());
        }
        named.extend(limit(task));
        named.join("; ")
    }
}

/// Appends a text, shortened or filled up to this width, and two spaces. It stays in its line.
fn push_cell(table: &mut String, text: &str, width: usize) {
    let letters = text.chars().count();
    let shown = if letters > width { width - 1 } else { letters };
    table.extend(text.chars().take(shown).map(|c| if c.is_control() { ' ' } else { c }));
    if letters > width {
        table.push('…');
    }
    table.extend(std::iter::repeat_n(' ', width.saturating_sub(letters) + 2));
}
