//! The call graph for programs and for drawings: JSON and DOT. Owns these formats; must not know how the graph was
//! taken down.

use std::fmt::Write as _;
use std::time::Duration;

use super::call_graph::{CallGraph, GraphNode, NodeKind, NodeState};
use super::tree::{label, what_it_does};
use crate::awaitables::WaitDetail;

impl CallGraph {
    /// The graph as JSON: an array of objects, in the order of [`nodes`](Self::nodes).
    ///
    /// # Examples
    /// ```
    /// use oneloop::{EventLoop, run};
    ///
    /// let graph = run(async { EventLoop::current().call_graph() })?;
    /// let text = graph.to_json();
    /// assert!(text.starts_with(r#"[{"kind":"task","name":"Task-1","state":"running","#), "{text}");
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn to_json(&self) -> String {
        let mut json = String::from("[");
        for (i, node) in self.nodes.iter().enumerate() {
            if i > 0 {
                json.push(',');
            }
            write!(json, r#"{{"kind":"{}","name":{}"#, kind_name(node.kind), quoted(&node.name)).unwrap_or_default();
            write!(json, r#","state":"{}","awaits":{:?}"#, state_name(node.state), node.awaits).unwrap_or_default();
            if let NodeKind::Gathering { ended, children } = node.kind {
                write!(json, r#","ended":{ended},"children":{children}"#).unwrap_or_default();
            }
            if let Some(leaf) = node.leaf {
                write!(json, r#","leaf":{},"leaves":{}"#, quoted(leaf), node.leaves).unwrap_or_default();
            }
            if let Some(detail) = &node.detail {
                write!(json, r#","detail":{}"#, quoted(&detail.to_string())).unwrap_or_default();
            }
            let times = [
                ("seconds_left", node.time_left),
                ("limit_left", node.limit_left),
                ("waited_at_least", node.waited),
                ("held_at_least", held(node)),
            ];
            for (name, time) in times {
                if let Some(time) = time {
                    write!(json, r#","{name}":{}"#, time.as_secs_f64()).unwrap_or_default();
                }
            }
            if let Some(place) = node.created {
                let (file, line, column) = (quoted(place.file()), place.line(), place.column());
                write!(json, r#","file":{file},"line":{line},"column":{column}"#).unwrap_or_default();
            }
            json.push('}');
        }
        json.push(']');
        json
    }

    /// The graph in the language of Graphviz: `dot -Tsvg` draws it.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{EventLoop, run};
    ///
    /// let graph = run(async { EventLoop::current().call_graph() })?;
    /// assert!(graph.to_dot().starts_with("digraph oneloop {"));
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn to_dot(&self) -> String {
        let mut dot = String::from("digraph oneloop {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n");
        for (i, node) in self.nodes.iter().enumerate() {
            let text = quoted(&format!("{}\n{}", label(node), what_it_does(node)));
            writeln!(dot, "  n{i} [label={text}];").unwrap_or_default();
            for to in &node.awaits {
                writeln!(dot, "  n{i} -> n{to};").unwrap_or_default();
            }
        }
        dot.push_str("}\n");
        dot
    }
}

/// How long the lock is held that it waits for, at least.
fn held(node: &GraphNode) -> Option<Duration> {
    match node.detail {
        Some(WaitDetail::HeldBy { held, .. }) => held,
        _ => None,
    }
}

fn kind_name(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Task => "task",
        NodeKind::Future => "future",
        NodeKind::Gathering { .. } => "gathering",
    }
}

fn state_name(state: NodeState) -> &'static str {
    match state {
        NodeState::Waiting => "waiting",
        NodeState::Ready => "ready",
        NodeState::Held => "held",
        NodeState::Running => "running",
    }
}

/// A string as JSON writes it, which DOT reads too.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            c if c < ' ' => write!(quoted, "\\u{:04x}", u32::from(c)).unwrap_or_default(),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
