//! The picture of a peer, and the table of what a server takes.

use oneloop_versus::peers;
use oneloop_versus::results::{Results, Spread};
use oneloop_versus::rows::find;
use oneloop_versus::systems::{PEERS, Peer};

use super::results;

fn peer(name: &str) -> &'static Peer {
    PEERS.iter().find(|peer| peer.name == name).expect("a peer")
}

fn picture(results: &Results, name: &str) -> String {
    peers::svg(results, peer(name)).expect("it has a row")
}

#[test]
fn the_faster_of_two_ways_to_measure_a_peer_counts() {
    let results = results(&[
        ("queue", "oneloop", &[10.0]),
        ("queue", "tokio", &[20.0]),
        ("queue", "tokio-local", &[15.0]),
        ("queue", "smol", &[5.0]),
    ]);
    assert!(picture(&results, "tokio").contains(">1.50×<"));
    assert!(picture(&results, "smol").contains(">0.50×<"));
}

#[test]
fn a_row_that_is_level_is_grey_and_says_so() {
    let results = results(&[
        ("queue", "oneloop", &[10.0, 12.0, 14.0]),
        ("queue", "tokio", &[12.0, 13.0, 14.0]),
        ("queue", "smol", &[24.0, 25.0, 26.0]),
    ]);
    let level = picture(&results, "tokio");
    assert!(level.contains(">1.08× level<"), "{level}");
    assert_eq!(level.matches(r#"<rect class="level""#).count(), 2, "the legend's and the row's");
    assert_eq!(picture(&results, "smol").matches(r#"<rect class="level""#).count(), 1, "the legend's alone");
}

#[test]
fn the_spread_of_a_ratio_is_that_of_any_two_rounds() {
    let results = results(&[("queue", "oneloop", &[10.0, 12.0, 20.0]), ("queue", "tokio", &[30.0, 36.0, 40.0])]);
    let lead = results.lead_of(find("queue").expect("a row"), &["tokio"]).expect("both have it");
    assert_eq!(lead.spread, Some(Spread { min: 1.5, max: 4.0 }));
    assert!(picture(&results, "tokio").contains("<path class=\"one\""));
}

#[test]
fn of_one_round_no_spread_is_drawn() {
    let results = results(&[("queue", "oneloop", &[10.0]), ("queue", "tokio", &[30.0])]);
    let picture = picture(&results, "tokio");
    assert!(!picture.contains("<path") && !picture.contains("spread"), "{picture}");
}

#[test]
fn what_a_peer_does_not_have_is_left_out() {
    let results =
        results(&[("queue", "oneloop", &[10.0]), ("lock", "oneloop", &[10.0]), ("queue", "futures", &[30.0])]);
    let picture = picture(&results, "futures");
    assert!(picture.contains("an item through a queue") && !picture.contains("a lock"), "{picture}");
    assert!(!picture.contains(">Sockets<"), "a group without rows has no head");
    assert!(peers::svg(&results, peer("glommio")).is_none());
}

#[test]
fn a_bar_ends_within_the_picture() {
    for value in [1.0, 1_000_000.0] {
        let results =
            results(&[("queue", "oneloop", &[1_000.0]), ("queue", "asyncio", &[value, value, value * 9_000.0])]);
        let picture = picture(&results, "asyncio");
        let bar = picture.lines().rfind(|line| line.starts_with("<rect")).expect("a bar");
        let number = |name: &str| -> f64 {
            let (_, rest) = bar.split_once(&format!("{name}=\"")).expect("an attribute");
            rest.split('"').next().expect("its end").parse().expect("a number")
        };
        assert!(number(" x") >= 200.0 && number(" x") + number("width") <= 415.0, "{bar}");
    }
}

#[test]
fn the_table_of_a_server_has_each_peer_at_its_best() {
    let results = results(&[
        ("http", "oneloop", &[10.0, 11.0, 12.0]),
        ("http", "tokio", &[30.0]),
        ("http", "tokio-local", &[20.0, 20.0, 20.0]),
        ("memory_task", "oneloop", &[216.0, 216.0, 216.0]),
    ]);
    let table = peers::markdown(&results);
    assert!(table.contains("\n| oneloop | 11 (10–12) | – | – | – | 216 | – |\n"), "{table}");
    assert!(table.contains("\n| tokio | 20 | – | – | – | – | – |\n"), "{table}");
    assert!(!table.contains("glommio"), "who has none of it is not in it: {table}");
}
