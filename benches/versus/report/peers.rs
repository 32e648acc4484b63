//! A picture for each peer: how its time compares with that of oneloop in what most programs do; and the table of what
//! a server takes on each. Owns which rows, in words that need no other page, and the measures; must not know how the
//! results came about.

use std::fmt::Write as _;

use crate::chart::Scale;
use crate::front::{STYLE, class};
use crate::results::{Lead, Results, Spread, Standing};
use crate::rows::{Name, ROWS, Row};
use crate::systems::{ONELOOP, PEERS, Peer};
use crate::tables::{NONE, cell, digits};

/// Rows that belong together, each with what it is called here.
struct Group {
    words: &'static str,
    rows: &'static [(Name, &'static str)],
}

const GROUPS: [Group; 5] = [
    Group {
        words: "Tasks",
        rows: &[
            (Name::spawn_join_1000, "spawn and join"),
            (Name::spawn_await, "spawn one and await it"),
            (Name::gather_1000, "gather 1,000"),
            (Name::wait_drain_1000, "wait for the next of 1,000"),
            (Name::task_group_100, "a group of 100"),
            (Name::cancel_storm, "cancel 100,000"),
        ],
    },
    Group {
        words: "Between tasks",
        rows: &[
            (Name::queue, "an item through a queue"),
            (Name::broadcast, "a message to 1,000 tasks"),
            (Name::lock, "a lock that ten tasks want"),
            (Name::semaphore, "two permits for ten tasks"),
            (Name::foreign_wake_latency, "a wake from a thread"),
        ],
    },
    Group {
        words: "Time",
        rows: &[
            (Name::timer_arm_cancel_10000, "set a timer, cancel one"),
            (Name::timeouts, "a limit that is not reached"),
            (Name::sleepers, "10,000 sleepers (CPU)"),
            (Name::sleep_overshoot, "how late a sleep ends"),
        ],
    },
    Group {
        words: "Sockets",
        rows: &[
            (Name::echo_1k_1, "echo 1 KiB"),
            (Name::echo_1k_64, "… over 64 connections"),
            (Name::echo_1k_1024, "… over 1,024 connections"),
            (Name::readline_64, "lines, 64 connections"),
            (Name::connect_churn, "connect, echo, close"),
            (Name::udp_ping, "a datagram and its answer"),
            (Name::cold, "an echo after 1 s of sleep"),
            (Name::http, "HTTP: a request"),
            (Name::http_p99, "HTTP: 99 of 100 requests"),
        ],
    },
    Group {
        words: "Memory and start",
        rows: &[
            (Name::memory_task, "bytes of a task"),
            (Name::memory_connection, "bytes of a connection"),
            (Name::first_tick, "the first task of a process"),
        ],
    },
];

// As wide as a column of text, so that a phone shows letters that can be read.
const WIDTH: f64 = 520.0;
const NAMES: f64 = 206.0;
const BARS: f64 = 206.0;
const LINE: f64 = 23.0;
const HEAD: f64 = 30.0;
const TOP: f64 = 84.0;
const BAR: f64 = 13.0;
/// Half the height of the line that ends a spread.
const END: f64 = 4.0;
/// What the scale has room for at least, and at most.
const LEAST: (f64, f64) = (0.5, 4.0);
const MOST: (f64, f64) = (0.1, 2_000.0);
const MARKS: [f64; 13] = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0];
/// Marks that are closer would run into each other.
const BETWEEN_MARKS: f64 = 34.0;

/// The picture of a peer; nothing if it has none of the rows.
#[must_use]
pub fn svg(results: &Results, peer: &Peer) -> Option<String> {
    let groups = GROUPS.iter().map(|group| (group.words, leads(results, group, peer)));
    let groups: Vec<_> = groups.filter(|(_, leads)| !leads.is_empty()).collect();
    if groups.is_empty() {
        return None;
    }
    let scale = scale(groups.iter().flat_map(|(_, leads)| leads.iter().map(|(_, lead)| lead.ratio)));
    let (mut bars, mut bottom) = (String::new(), TOP);
    for (words, leads) in &groups {
        let base = bottom + HEAD - 9.0;
        let _ = writeln!(
            bars,
            r#"<text class="text" x="14" y="{base:.1}" font-size="14" font-weight="bold">{words}</text>"#
        );
        bottom += HEAD;
        for (words, lead) in leads {
            bars += &line(words, lead, bottom + LINE / 2.0, &scale);
            bottom += LINE;
        }
    }
    let (marks, height) = (marks(&scale, bottom), bottom + 32.0);
    let (inner_width, inner_height) = (WIDTH - 1.0, height - 1.0);
    let spread = if results.has_spread() { ", the line its spread" } else { "" };
    let name = peer.name;
    Some(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" font-family="Helvetica, Arial, sans-serif">
<style>
{STYLE}
</style>
<rect class="ground" x="0.5" y="0.5" width="{inner_width}" height="{inner_height}" rx="6"/>
<text class="text" x="14" y="26" font-size="17" font-weight="bold">{name} beside {ONELOOP}</text>
<text class="faint" x="14" y="46" font-size="13">A bar is what {name} takes / what {ONELOOP} takes{spread}.</text>
{}{marks}{bars}</svg>
"#,
        legend(name),
    ))
}

/// The rows of a group that both have.
fn leads(results: &Results, group: &Group, peer: &Peer) -> Vec<(&'static str, Lead)> {
    let rows = group.rows.iter().filter_map(|(name, words)| {
        let row = ROWS.iter().find(|row| row.name == *name)?;
        Some((*words, results.lead_of(row, peer.systems)?))
    });
    rows.collect()
}

/// One that has room for all the ratios.
fn scale(ratios: impl Iterator<Item = f64> + Clone) -> Scale {
    let low = ratios.clone().fold(LEAST.0, f64::min).max(MOST.0).ln();
    let high = ratios.fold(LEAST.1, f64::max).min(MOST.1).ln();
    Scale { low, high, left: NAMES, width: BARS }
}

fn marks(scale: &Scale, bottom: f64) -> String {
    let mut text = String::new();
    let one = scale.x(1.0);
    let mut last = f64::NEG_INFINITY;
    for mark in MARKS.into_iter().filter(|mark| scale.has(*mark)) {
        let (x, is_one) = (scale.x(mark), (mark - 1.0).abs() < f64::EPSILON);
        // the one in the middle is always there
        if !is_one && (x - last < BETWEEN_MARKS || (x - one).abs() < BETWEEN_MARKS) {
            continue;
        }
        last = x;
        let (class, thick) = if is_one { ("one", 1.5) } else { ("grid", 1.0) };
        let base = bottom + 20.0;
        let _ = writeln!(
            text,
            r#"<line class="{class}" x1="{x:.1}" y1="{TOP}" x2="{x:.1}" y2="{bottom}" stroke-width="{thick}"/>
<text class="faint" x="{x:.1}" y="{base}" text-anchor="middle" font-size="13">{mark}×</text>"#,
        );
    }
    text
}

fn legend(name: &str) -> String {
    let mut text = String::new();
    let keys = [
        ("ahead", 14.0, "oneloop takes less".to_owned()),
        ("level", 168.0, "level".to_owned()),
        ("behind", 244.0, format!("{name} takes less")),
    ];
    for (class, x, words) in keys {
        let _ = writeln!(
            text,
            r#"<rect class="{class}" x="{x}" y="60" width="13" height="13"/>
<text class="text" x="{}" y="71" font-size="13">{words}</text>"#,
            x + 19.0,
        );
    }
    text
}

/// The line of a row: the bar, how far the rounds reach, and the ratio.
fn line(words: &str, lead: &Lead, middle: f64, scale: &Scale) -> String {
    let (one, end) = (scale.x(1.0), within(scale, lead.ratio));
    let (left, length) = (one.min(end), (end - one).abs().max(2.0));
    let (top, base, label) = (middle - BAR / 2.0, middle + 5.0, NAMES + BARS + 12.0);
    let ratio = match lead.ratio {
        ..10.0 => format!("{:.2}", lead.ratio),
        ..100.0 => format!("{:.1}", lead.ratio),
        _ => format!("{:.0}", lead.ratio),
    };
    let level = if lead.standing() == Standing::Level { " level" } else { "" };
    let mut text = format!(
        r#"<text class="text" x="14" y="{base:.1}" font-size="14">{words}</text>
<rect class="{}" x="{left:.1}" y="{top:.1}" width="{length:.1}" height="{BAR}"/>
<text class="text" x="{label}" y="{base:.1}" font-size="14">{ratio}×{level}</text>
"#,
        class(lead),
    );
    if let Some(spread) = lead.spread {
        text += &reach(spread, middle, scale);
    }
    text
}

fn reach(spread: Spread, middle: f64, scale: &Scale) -> String {
    let (left, right) = (within(scale, spread.min), within(scale, spread.max));
    let (top, bottom) = (middle - END, middle + END);
    format!(
        r#"<path class="one" fill="none" d="M{left:.1},{top:.1} V{bottom:.1} M{left:.1},{middle:.1} H{right:.1} M{right:.1},{top:.1} V{bottom:.1}"/>
"#
    )
}

/// The place of a ratio, or the end of the scale that it is beyond.
fn within(scale: &Scale, ratio: f64) -> f64 {
    scale.x(ratio).clamp(scale.left, scale.left + scale.width)
}

/// What a server takes, and what its columns are called.
const OF_A_SERVER: [(Name, &str); 6] = [
    (Name::http, "HTTP: a request, ns"),
    (Name::http_p99, "HTTP: 99 of 100 within, µs"),
    (Name::echo_1k_64, "echo over 64 connections, ns"),
    (Name::memory_connection, "bytes of a connection"),
    (Name::memory_task, "bytes of a task"),
    (Name::first_tick, "first task of a process, µs"),
];

/// The table of what a server takes: a line for oneloop and for each peer, each at its best.
#[must_use]
pub fn markdown(results: &Results) -> String {
    let columns = OF_A_SERVER.map(|(name, words)| (ROWS.iter().find(|row| row.name == name), words));
    let heads = columns.map(|(_, words)| words).join(" | ");
    let mut text = format!("| system | {heads} |\n| --- |{}\n", " ---: |".repeat(columns.len()));
    let own = Peer { name: ONELOOP, systems: &[ONELOOP] };
    for system in [&own].into_iter().chain(&PEERS) {
        let cells = columns.map(|(row, _)| row.and_then(|row| best(results, row, system.systems)));
        if cells.iter().any(Option::is_some) {
            let cells = cells.map(|cell| cell.unwrap_or_else(|| NONE.to_owned())).join(" | ");
            let _ = writeln!(text, "| {} | {cells} |", system.name);
        }
    }
    text
}

/// The least that one of the systems takes.
fn best(results: &Results, row: &Row, systems: &[&str]) -> Option<String> {
    let measured = systems.iter().filter_map(|system| results.get(row, system));
    let best = measured.min_by(|a, b| a.median().total_cmp(&b.median()))?;
    // memory is the same in all rounds
    let varies = best.spread().is_some_and(|spread| digits(spread.min) != digits(spread.max));
    Some(if varies { cell(best) } else { digits(best.median()) })
}
