//! The call graph as a picture. Owns its measures and colours; must not know how the graph was taken down.

use std::fmt::{self, Write as _};

use super::call_graph::{CallGraph, NodeState};
use super::drawing::{begun, escaped, shortened};
use super::rows::{Row, Shown};
use super::tree::{label, what_it_does};

// All measures are in pixels.
const WIDTH: usize = 1_000;
const MARGIN: usize = 20;
/// The legend.
const TOP: usize = 52;
const ROW: usize = 24;
const INDENT: usize = 20;
/// The middle of a letter is above its line by so much.
const RISE: usize = 4;
/// The width of a letter, about.
const LETTER: usize = 7;
/// A picture of more rows would be opened by few programs.
const ROWS_MAX: usize = 10_000;
/// What each colour becomes for a reader who prefers dark pages; the others can be seen on both.
const DARK: [(&str, &str); 6] = [
    ("#111", "#e6edf3"),    // names
    ("#555", "#9da7b1"),    // what they do, the legend
    ("#888", "#7d8590"),    // where they were made
    ("#ccc", "#30363d"),    // branches
    ("#1b7f3b", "#3fb27f"), // runs
    ("#6b5b7b", "#9d8bb0"), // held back
];

impl CallGraph {
    /// The graph as a picture of its own, 1,000 pixels wide: the tree, coloured by what each node does. It has 10,000
    /// rows at most. What is cut off to the right is said where the pointer rests on it. It
    /// is dark for a reader who prefers dark pages.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{EventLoop, run};
    ///
    /// let graph = run(async { EventLoop::current().call_graph() })?;
    /// assert!(graph.to_svg().starts_with("<svg "));
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn to_svg(&self) -> String {
        let (mut rows, mut count) = (String::new(), 0);
        // the rows that come after the last one that is drawn are not looked at
        let _ = self.each_row(&mut |row| {
            if count == ROWS_MAX {
                return Err(fmt::Error);
            }
            self.draw_row(&mut rows, row, TOP + ROW * count);
            count += 1;
            Ok(())
        });
        let height = TOP + ROW * count + MARGIN;
        let mut svg = begun(WIDTH, height, 13, &DARK);
        draw_legend(&mut svg);
        svg + &rows + "</svg>\n"
    }

    fn draw_row(&self, svg: &mut String, row: &Row, top: usize) {
        let node = &self.nodes[row.node];
        let (x, y) = (MARGIN + INDENT * row.levels.len(), top + ROW / 2);
        draw_branch(svg, &row.levels, top);
        let place = node.created.map(|place| format!("{}:{}", place.file(), place.line())).unwrap_or_default();
        let (name, does) = match row.shown {
            Shown::Here => (label(node), what_it_does(node)),
            Shown::Above => (label(node), "(see above)".to_owned()),
            Shown::Below => (label(node), "(see below)".to_owned()),
        };
        let letters = (WIDTH - MARGIN - x - INDENT) / LETTER;
        let whole = name.chars().count() + does.chars().count() + place.chars().count() + 2;
        let place_shown = if whole < letters && row.shown == Shown::Here { place.as_str() } else { "" };
        let _ = writeln!(
            svg,
            "<g><title>{} {} {}</title><circle cx=\"{x}\" cy=\"{y}\" r=\"5\" fill=\"{}\"/>\
             <text x=\"{}\" y=\"{}\" fill=\"#555\"><tspan fill=\"#111\" font-weight=\"bold\">{}</tspan> {} \
             <tspan fill=\"#888\">{}</tspan></text></g>",
            escaped(&name),
            escaped(&does),
            escaped(&place),
            colour(node.state),
            x + 12,
            y + RISE,
            escaped(&shortened(&name, letters)),
            escaped(&shortened(&does, letters.saturating_sub(name.chars().count() + 1))),
            escaped(place_shown),
        );
    }
}

fn draw_legend(svg: &mut String) {
    for (place, state) in STATES.into_iter().enumerate() {
        let x = MARGIN + 100 * place;
        let _ = writeln!(
            svg,
            "<circle cx=\"{x}\" cy=\"26\" r=\"5\" fill=\"{}\"/><text x=\"{}\" y=\"30\" fill=\"#555\">{}</text>",
            colour(state),
            x + 12,
            name(state)
        );
    }
}

/// The lines from what is above to a row: down at each level at which something follows, and to the row.
fn draw_branch(svg: &mut String, levels: &[bool], top: usize) {
    let Some((follows, above)) = levels.split_last() else { return };
    let mut path = String::new();
    for (level, _) in above.iter().enumerate().filter(|(_, goes_on)| **goes_on) {
        let _ = write!(path, "M{},{top} v{ROW} ", MARGIN + INDENT * level);
    }
    let (x, down) = (MARGIN + INDENT * above.len(), if *follows { ROW } else { ROW / 2 });
    let _ = write!(path, "M{x},{top} v{down} M{x},{} h{}", top + ROW / 2, INDENT - 5);
    let _ = writeln!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"#ccc\"/>");
}

/// In the order of a legend.
pub(super) const STATES: [NodeState; 4] = [NodeState::Running, NodeState::Ready, NodeState::Waiting, NodeState::Held];

pub(super) fn name(state: NodeState) -> &'static str {
    match state {
        NodeState::Running => "runs",
        NodeState::Ready => "ready",
        NodeState::Waiting => "waits",
        NodeState::Held => "held back",
    }
}

/// Colours that differ in brightness too.
pub(super) fn colour(state: NodeState) -> &'static str {
    match state {
        NodeState::Running => "#1b7f3b",
        NodeState::Ready => "#f2b705",
        NodeState::Waiting => "#7a9cc6",
        NodeState::Held => "#6b5b7b",
    }
}
