//! What the front page shows of the results: ten rows as a picture, eight as a table, in words that need no other page.
//! Owns the choice and the words; must not know how the results came about.

use std::fmt::Write as _;

use crate::chart::Scale;
use crate::results::{Lead, Measured, Results, Standing};
use crate::rows::{Name, ROWS, Row};
use crate::systems::{ASYNCIO, ONELOOP, TOKIO};
use crate::tables::{NONE, digits};

/// A row of the front page.
struct Shown {
    row: Name,
    words: &'static str,
    in_table: bool,
}

const fn shown(row: Name, words: &'static str) -> Shown {
    Shown { row, words, in_table: true }
}

/// Rows where oneloop is ahead, rows where it is level, and rows where it is behind.
const SHOWN: [Shown; 10] = [
    shown(Name::spawn_join_1000, "spawn and join a task"),
    shown(Name::gather_1000, "gather: a child of 1,000"),
    shown(Name::wait_drain_1000, "wait: the next of 1,000 tasks"),
    Shown { in_table: false, ..shown(Name::repoll_1000, "poll one of 1,000 tasks again") },
    shown(Name::queue, "pass an item through a queue"),
    Shown { in_table: false, ..shown(Name::lock, "take a lock that ten tasks want") },
    shown(Name::timer_arm_cancel_10000, "set a timer, cancel another"),
    shown(Name::sleepers, "sleep, with 10,000 tasks (CPU)"),
    shown(Name::echo_1k_1, "echo 1 KiB, 1 connection"),
    shown(Name::echo_1k_64, "echo 1 KiB, 64 connections"),
];

/// What the front page calls the rows of its table.
pub fn words() -> impl Iterator<Item = &'static str> {
    SHOWN.iter().filter(|shown| shown.in_table).map(|shown| shown.words)
}

/// The rows that were measured, and the best peer of each whose children are tasks.
fn measured(results: &Results) -> impl Iterator<Item = (Shown, &'static Row, Lead)> {
    SHOWN.into_iter().filter_map(|shown| {
        let row = ROWS.iter().find(|row| row.name == shown.row)?;
        let lead = results.lead_of_tasks(row)?;
        Some((shown, row, lead))
    })
}

const WIDTH: f64 = 820.0;
const NAMES: f64 = 250.0;
const BARS: f64 = 330.0;
const LINE: f64 = 30.0;
const TOP: f64 = 100.0;
const BAR: f64 = 16.0;
const MARKS: [f64; 5] = [0.5, 1.0, 2.0, 4.0, 8.0];

/// The picture has a ground of its own, so that it can be read on any page; dark where the reader's system is.
pub(crate) const STYLE: &str = "\
.ground{fill:#fff;stroke:#d0d7de}.text{fill:#1f2328}.faint{fill:#59636e}.grid{stroke:#d8dee4}.one{stroke:#1f2328}
.ahead{fill:#1a7f4b}.level{fill:#8c959f}.behind{fill:#c4572e}.known{fill:#fff;stroke:#1f6feb}
@media(prefers-color-scheme:dark){.ground{fill:#161b22;stroke:#30363d}.text{fill:#e6edf3}.faint{fill:#9da7b1}
.grid{stroke:#30363d}.one{stroke:#e6edf3}.ahead{fill:#3fb27f}.level{fill:#7d8590}.behind{fill:#e8815a}
.known{fill:#161b22;stroke:#6cb0ff}}";

/// What a ring marks.
const BEST: &str = "the fastest of all that run tasks";

/// For each row a bar from 1 to the ratio of tokio, which most would take instead, and a ring for the fastest peer.
#[must_use]
pub fn svg(results: &Results) -> String {
    let scale = Scale { low: MARKS[0].ln(), high: MARKS[MARKS.len() - 1].ln(), left: NAMES, width: BARS };
    let (mut bars, mut bottom) = (String::new(), TOP);
    for (shown, row, lead) in measured(results) {
        bars += &line(&shown, results.lead_of(row, &[TOKIO]), &lead, bottom + LINE / 2.0, &scale);
        bottom += LINE;
    }
    let marks = marks(&scale, bottom);
    let height = bottom + 34.0;
    let (inner_width, inner_height) = (WIDTH - 1.0, height - 1.0);
    let legend = legend();
    let level = if results.has_spread() { "Level: their rounds overlap." } else { "Of one round, so none is level." };
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" font-family="Helvetica, Arial, sans-serif">
<style>
{STYLE}
</style>
<rect class="ground" x="0.5" y="0.5" width="{inner_width}" height="{inner_height}" rx="6"/>
<text class="text" x="16" y="28" font-size="18" font-weight="bold">Time of {TOKIO} / time of oneloop, one thread each</text>
<text class="faint" x="16" y="50" font-size="14">Right of 1×, oneloop is faster. {level} The scale is logarithmic.</text>
{legend}{marks}{bars}</svg>
"#
    )
}

/// A line for each mark of the scale, and its number below.
fn marks(scale: &Scale, bottom: f64) -> String {
    let mut marks = String::new();
    for mark in MARKS {
        let (x, one) = (scale.x(mark), (mark - 1.0).abs() < f64::EPSILON);
        let (class, thick) = if one { ("one", 2.0) } else { ("grid", 1.0) };
        let (top, base) = (TOP - 4.0, bottom + 20.0);
        let _ = writeln!(
            marks,
            r#"<line class="{class}" x1="{x:.1}" y1="{top:.1}" x2="{x:.1}" y2="{bottom:.1}" stroke-width="{thick}"/>
<text class="faint" x="{x:.1}" y="{base:.1}" text-anchor="middle" font-size="13">{mark}×</text>"#,
        );
    }
    marks
}

/// What a bar is coloured by.
pub(crate) fn class(lead: &Lead) -> &'static str {
    match lead.standing() {
        Standing::Ahead => "ahead",
        Standing::Level => "level",
        Standing::Behind => "behind",
    }
}

fn legend() -> String {
    let mut text = String::new();
    let keys = [("ahead", 16.0, "oneloop is faster"), ("level", 168.0, "level"), ("behind", 236.0, "tokio is faster")];
    for (class, x, words) in keys {
        let _ = writeln!(
            text,
            r#"<rect class="{class}" x="{x}" y="66" width="14" height="14"/>
<text class="text" x="{}" y="78" font-size="14">{words}</text>"#,
            x + 20.0,
        );
    }
    let _ = writeln!(
        text,
        r#"<circle class="known" cx="379" cy="73" r="5" stroke-width="2.5"/>
<text class="text" x="392" y="78" font-size="14">{BEST}</text>"#,
    );
    text
}

/// The line of a row: the bar, if tokio has the row, the ring, and the numbers of both.
fn line(shown: &Shown, known: Option<Lead>, best: &Lead, middle: f64, scale: &Scale) -> String {
    let (top, base, label) = (middle - BAR / 2.0, middle + 5.0, NAMES + BARS + 14.0);
    let mut text = format!(r#"<text class="text" x="16" y="{base:.1}" font-size="14">{}</text>"#, shown.words);
    let mut numbers = Vec::new();
    if let Some(known) = known {
        let (one, end) = (scale.x(1.0), scale.x(known.ratio));
        let class = class(&known);
        let (left, length) = (one.min(end), (end - one).abs().max(3.0));
        let _ = write!(
            text,
            r#"
<rect class="{class}" x="{left:.1}" y="{top:.1}" width="{length:.1}" height="{BAR}"/>"#
        );
        numbers.push(format!("{:.2}×", known.ratio));
    }
    if scale.has(best.ratio) {
        let x = scale.x(best.ratio);
        let _ = write!(
            text,
            r#"
<circle class="known" cx="{x:.1}" cy="{middle:.1}" r="5" stroke-width="2.5"/>"#
        );
    }
    if best.peer != TOKIO {
        numbers.push(format!("{:.2}× {}", best.ratio, best.peer));
    }
    let numbers = numbers.join(" · ");
    let _ = writeln!(
        text,
        r#"
<text class="text" x="{label}" y="{base:.1}" font-size="14">{numbers}</text>"#
    );
    text
}

/// Medians in nanoseconds; the fastest of a row in bold, and all whose rounds overlap with those of the fastest.
#[must_use]
pub fn markdown(results: &Results) -> String {
    let mut text = format!("| ns | {ONELOOP} | {TOKIO} | fastest peer | {ASYNCIO} |\n| --- |{}\n", " ---: |".repeat(4));
    for (shown, row, lead) in measured(results).filter(|(shown, ..)| shown.in_table) {
        let get = |system| results.get(row, system);
        let both = [ONELOOP, lead.peer].into_iter().filter_map(get);
        let Some(best) = both.min_by(|a, b| a.median().total_cmp(&b.median())) else { continue };
        let cell = |measured: Option<&Measured>, name: &str| {
            let Some(measured) = measured else { return NONE.to_owned() };
            let number = thousands(&digits(measured.median()));
            let is_level = measured.system == best.system || measured.overlaps(best) == Some(true);
            let number = if is_level { format!("**{number}**") } else { number };
            format!("{number}{name}")
        };
        let (own, known, python) = (cell(get(ONELOOP), ""), cell(get(TOKIO), ""), cell(get(ASYNCIO), ""));
        let peer = cell(get(lead.peer), &format!(" {}", lead.peer));
        let _ = writeln!(text, "| {} | {own} | {known} | {peer} | {python} |", shown.words);
    }
    text
}

/// A comma before each three digits of the whole part.
fn thousands(number: &str) -> String {
    let whole = number.find('.').unwrap_or(number.len());
    let mut text = String::new();
    for (i, digit) in number.char_indices() {
        if i > 0 && i < whole && (whole - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
