//! The results as a picture: for each row a bar from 1 to the ratio of the best peer, to the right where oneloop is
//! ahead, grey where the two are level, and a dot for each of the other peers that is not far off. Owns its measures;
//! must not know how the results came about.

use std::fmt::Write as _;

use crate::front::{STYLE, class};
use crate::results::{Lead, Results};
use crate::tables::TIE;

// Little wider than a column of text, so that a phone shows letters that can be read.
const NAMES: f64 = 200.0;
const BARS: f64 = 250.0;
const LABELS: f64 = 250.0;
const LINE: f64 = 26.0;
const TOP: f64 = 102.0;
/// What the scale has room for at least; to the right, for the slower peers.
const LEAST: (f64, f64) = (0.5, 8.0);
const MARKS: [f64; 8] = [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

/// From a ratio to a place, so that twice as fast and half as fast are as far from the middle.
pub(crate) struct Scale {
    /// The logarithms of the ratios at its ends.
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) left: f64,
    pub(crate) width: f64,
}

impl Scale {
    fn new(ratios: impl Iterator<Item = f64> + Clone) -> Self {
        let low = ratios.clone().fold(LEAST.0, f64::min).ln();
        let high = ratios.fold(LEAST.1, f64::max).ln();
        Self { low, high, left: NAMES, width: BARS }
    }

    pub(crate) fn x(&self, ratio: f64) -> f64 {
        self.left + (ratio.ln() - self.low) / (self.high - self.low) * self.width
    }

    pub(crate) fn has(&self, ratio: f64) -> bool {
        (self.low..=self.high).contains(&ratio.ln())
    }
}

/// The picture of all rows.
#[must_use]
pub fn svg(results: &Results) -> String {
    let leads = results.rows.iter().filter_map(|row| Some((*row, results.lead(row)?)));
    let leads: Vec<_> = leads.collect();
    let scale = Scale::new(leads.iter().map(|(_, lead)| lead.ratio));
    let (width, mut bottom) = (NAMES + BARS + LABELS, TOP);
    let mut bars = String::new();
    for (row, lead) in &leads {
        // where the fastest runs no tasks, the fastest that does is named too
        let tasks = results.lead_of_tasks(row).filter(|tasks| tasks.peer != lead.peer);
        let label = [Some(lead), tasks.as_ref()]
            .into_iter()
            .flatten()
            .map(|lead| format!("{:.2}× {}{}", lead.ratio, lead.peer, if lead.tie { TIE } else { "" }));
        bars += &bar(row.name.text(), lead, &label.collect::<Vec<_>>().join(", "), bottom, &scale);
        for ratio in results.ratios(row).into_iter().filter(|ratio| *ratio > lead.ratio && scale.has(*ratio)) {
            bars += &dot(scale.x(ratio), bottom);
        }
        bottom += LINE;
    }
    let (marks, one, height) = (marks(&scale, bottom), scale.x(1.0), bottom + 28.0);
    let (inner_width, inner_height) = (width - 1.0, height - 1.0);
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="Helvetica, Arial, sans-serif">
<style>
{STYLE}
</style>
<rect class="ground" x="0.5" y="0.5" width="{inner_width}" height="{inner_height}" rx="6"/>
<text class="text" x="16" y="28" font-size="17" font-weight="bold">oneloop beside the fastest peer of each row</text>
<text class="faint" x="16" y="48" font-size="13">Time of the peer / time of oneloop; the scale is logarithmic.{}</text>
<text class="faint" x="16" y="66" font-size="13">A bar is the fastest peer, a dot each other one up to {:.0}×.</text>
<text class="text" x="{:.1}" y="88" text-anchor="end" font-size="13">the peer is faster ◂</text>
<text class="text" x="{:.1}" y="88" font-size="13">▸ oneloop is faster</text>
{marks}{bars}</svg>
"#,
        if results.has_spread() { " Grey and “tie”: their rounds overlap." } else { "" },
        scale.high.exp(),
        one - 8.0,
        one + 8.0,
    )
}

/// A line for each mark of the scale, and its number below.
fn marks(scale: &Scale, bottom: f64) -> String {
    let mut marks = String::new();
    for mark in MARKS.into_iter().filter(|mark| scale.has(*mark)) {
        let (x, one) = (scale.x(mark), (mark - 1.0).abs() < f64::EPSILON);
        let (class, thick) = if one { ("one", 2.0) } else { ("grid", 1.0) };
        let _ = writeln!(
            marks,
            r#"<line class="{class}" x1="{x:.1}" y1="{:.1}" x2="{x:.1}" y2="{bottom:.1}" stroke-width="{thick}"/>
<text class="faint" x="{x:.1}" y="{:.1}" text-anchor="middle" font-size="12">{mark}×</text>"#,
            TOP - 6.0,
            bottom + 16.0,
        );
    }
    marks
}

/// The bar of a row, with its name to the left and the ratios to the right.
fn bar(name: &str, lead: &Lead, label: &str, top: f64, scale: &Scale) -> String {
    let (one, end) = (scale.x(1.0), scale.x(lead.ratio));
    let (left, length, base) = (one.min(end), (end - one).abs(), top + LINE * 0.68);
    format!(
        r#"<text class="text" x="16" y="{base:.1}" font-size="13">{name}</text>
<rect class="{}" x="{left:.1}" y="{:.1}" width="{length:.1}" height="{:.1}"/>
<text class="text" x="{:.1}" y="{base:.1}" font-size="13">{label}</text>
"#,
        class(lead),
        top + 4.0,
        LINE - 8.0,
        NAMES + BARS + 14.0,
    )
}

fn dot(x: f64, top: f64) -> String {
    format!("<circle cx=\"{x:.1}\" cy=\"{:.1}\" r=\"3\" class=\"other\"/>\n", top + LINE / 2.0)
}
