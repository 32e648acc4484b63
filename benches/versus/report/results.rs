//! What was measured, and what follows: medians and their spread, and who is ahead by how much. Must not know how it is
//! shown.

use crate::rows::Row;
use crate::systems::{INLINE, NO_PEERS, ONELOOP};

/// What a run has found, or a file of an earlier one says.
#[derive(Debug)]
pub struct Results {
    /// Those that were to be measured.
    pub rows: Vec<&'static Row>,
    /// The name and the version of each, in the order of the columns.
    pub systems: Vec<(&'static str, String)>,
    /// What there is of each row on each system.
    pub measured: Vec<Measured>,
}

/// A row on a system.
#[derive(Debug)]
pub struct Measured {
    /// What was measured.
    pub row: &'static Row,
    /// On what.
    pub system: &'static str,
    /// The value of each round; at least one.
    pub rounds: Vec<f64>,
}

/// The least and the most of several rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

/// The best peer on a row, and how many times as much as oneloop it has.
#[derive(Debug)]
pub struct Lead {
    /// The best peer.
    pub peer: &'static str,
    /// Its median / that of oneloop.
    pub ratio: f64,
    /// The least and the most that the ratio of two rounds can be, where both have a spread.
    pub spread: Option<Spread>,
    /// Whether the rounds of the two overlap, so that it cannot be told which is ahead.
    pub tie: bool,
}

/// Where oneloop stands beside a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is faster.
    Ahead,
    /// The rounds of the two overlap.
    Level,
    /// It is slower.
    Behind,
}

impl Lead {
    /// Where oneloop stands beside this peer.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match self.ratio {
            _ if self.tie => Standing::Level,
            ..1.0 => Standing::Behind,
            _ => Standing::Ahead,
        }
    }
}

impl Spread {
    /// Whether the two have a value in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.min <= other.max && other.min <= self.max
    }

    /// What a value of this one can be, divided by a value of the other.
    fn over(self, other: Self) -> Self {
        Self { min: self.min / other.max, max: self.max / other.min }
    }
}

impl Measured {
    /// The median of the rounds; of an even number, what is half way between the two in the middle.
    #[must_use]
    pub fn median(&self) -> f64 {
        let mut rounds = self.rounds.clone();
        rounds.sort_by(f64::total_cmp);
        rounds[(rounds.len() - 1) / 2].midpoint(rounds[rounds.len() / 2])
    }

    /// How far the rounds are apart; of a single one there is nothing to say.
    #[must_use]
    pub fn spread(&self) -> Option<Spread> {
        let spread = self.rounds.iter().fold(Spread { min: f64::INFINITY, max: f64::NEG_INFINITY }, |spread, round| {
            Spread { min: spread.min.min(*round), max: spread.max.max(*round) }
        });
        (self.rounds.len() > 1).then_some(spread)
    }

    /// Whether the spreads of the two have a value in common, if both are known.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> Option<bool> {
        Some(self.spread()?.overlaps(other.spread()?))
    }
}

impl Results {
    /// What there is of a row on a system.
    #[must_use]
    pub fn get(&self, row: &Row, system: &str) -> Option<&Measured> {
        self.on(row).find(|measured| measured.system == system)
    }

    /// The median of a row on a system.
    #[must_use]
    pub fn median(&self, row: &Row, system: &str) -> Option<f64> {
        self.get(row, system).map(Measured::median)
    }

    /// Whether any of the values has a spread, without which nothing is known to be level.
    #[must_use]
    pub fn has_spread(&self) -> bool {
        self.measured.iter().any(|measured| measured.spread().is_some())
    }

    /// The best peer of a row. `None` if oneloop or all peers lack the row, or have a median of 0, of which there are
    /// no ratios.
    #[must_use]
    pub fn lead(&self, row: &Row) -> Option<Lead> {
        self.lead_over(row, |_| true)
    }

    /// As [`lead`](Self::lead), of the peers whose children are tasks as ours are.
    #[must_use]
    pub fn lead_of_tasks(&self, row: &Row) -> Option<Lead> {
        self.lead_over(row, |system| system != INLINE)
    }

    /// As [`lead`](Self::lead), of one peer, which may have been measured in several ways.
    #[must_use]
    pub fn lead_of(&self, row: &Row, systems: &[&str]) -> Option<Lead> {
        self.lead_over(row, |system| systems.contains(&system))
    }

    /// How many times as long as oneloop each of the peers takes.
    #[must_use]
    pub fn ratios(&self, row: &Row) -> Vec<f64> {
        let own = self.median(row, ONELOOP);
        own.map_or_else(Vec::new, |own| self.peers(row).map(|peer| peer.median() / own).collect())
    }

    fn lead_over(&self, row: &Row, counts: impl Fn(&str) -> bool) -> Option<Lead> {
        let own = self.get(row, ONELOOP)?;
        let peers = self.peers(row).filter(|measured| counts(measured.system));
        let best = peers.min_by(|a, b| a.median().total_cmp(&b.median()))?;
        (own.median() > 0.0 && best.median() > 0.0).then(|| Lead {
            peer: best.system,
            ratio: best.median() / own.median(),
            spread: own.spread().zip(best.spread()).map(|(own, best)| best.over(own)),
            tie: own.overlaps(best).unwrap_or(false),
        })
    }

    fn peers(&self, row: &Row) -> impl Iterator<Item = &Measured> {
        self.on(row).filter(|measured| !NO_PEERS.contains(&measured.system))
    }

    fn on(&self, row: &Row) -> impl Iterator<Item = &Measured> {
        self.measured.iter().filter(move |measured| measured.row.name == row.name)
    }
}
