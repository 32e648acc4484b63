//! What was measured, and what follows: medians, and who is ahead by how much. Must not know how it is shown.

use std::fs;

use crate::rows::Row;
use crate::systems::{FLOORS, INLINE, OWN, SYSTEMS};

pub(crate) struct Results {
    pub(crate) rows: Vec<&'static Row>,
    /// The name and the version of each, in the order of the columns.
    pub(crate) systems: Vec<(&'static str, String)>,
    pub(crate) measured: Vec<Measured>,
}

/// A row on a system.
pub(crate) struct Measured {
    pub(crate) row: &'static Row,
    pub(crate) system: &'static str,
    pub(crate) rounds: Vec<f64>,
}

/// The best peer on a row, and how many times as much as oneloop it has.
pub(crate) struct Lead {
    pub(crate) peer: &'static str,
    pub(crate) ratio: f64,
}

impl Measured {
    /// The median of the rounds.
    pub(crate) fn value(&self) -> f64 {
        let mut rounds = self.rounds.clone();
        rounds.sort_by(f64::total_cmp);
        rounds[rounds.len() / 2]
    }
}

impl Results {
    pub(crate) fn value(&self, row: &Row, system: &str) -> Option<f64> {
        let mut on_row = self.on(row);
        on_row.find(|measured| measured.system == system).map(Measured::value)
    }

    /// If oneloop and a peer have the row, and neither has nothing at all, of which there are no ratios.
    pub(crate) fn lead(&self, row: &Row) -> Option<Lead> {
        self.lead_over(row, |_| true)
    }

    /// The same, of the peers whose children are tasks as ours are.
    pub(crate) fn lead_of_tasks(&self, row: &Row) -> Option<Lead> {
        self.lead_over(row, |system| system != INLINE)
    }

    /// How many times as long as oneloop each of the peers takes.
    pub(crate) fn ratios(&self, row: &Row) -> Vec<f64> {
        let own = self.value(row, SYSTEMS[0].name);
        own.map_or_else(Vec::new, |own| self.peers(row).map(|peer| peer.value() / own).collect())
    }

    fn lead_over(&self, row: &Row, counts: impl Fn(&str) -> bool) -> Option<Lead> {
        let own = self.value(row, SYSTEMS[0].name)?;
        let peers = self.peers(row).filter(|measured| counts(measured.system));
        let best = peers.min_by(|a, b| a.value().total_cmp(&b.value()))?;
        (own > 0.0 && best.value() > 0.0).then(|| Lead { peer: best.system, ratio: best.value() / own })
    }

    fn peers(&self, row: &Row) -> impl Iterator<Item = &Measured> {
        self.on(row).filter(|measured| !OWN.contains(&measured.system) && !FLOORS.contains(&measured.system))
    }

    fn on(&self, row: &Row) -> impl Iterator<Item = &Measured> {
        self.measured.iter().filter(move |measured| measured.row.name == row.name)
    }
}

/// The version of a crate that this program was built with.
pub(crate) fn version(name: &str) -> &'static str {
    const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock"));
    let mut lines = LOCK.lines().skip_while(|line| line.strip_prefix("name = ") != Some(&format!("\"{name}\"")));
    let version = lines.nth(1).and_then(|line| line.strip_prefix("version = "));
    version.map_or("of an unknown version", |version| version.trim_matches('"'))
}

/// What it ran on, as far as the system says.
pub(crate) fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("a processor without a name", |(_, model)| model);
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{count} × {model}, {} {}", std::env::consts::OS, kernel.trim())
}
