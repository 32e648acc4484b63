//! Who is ahead, and where that cannot be told.

use oneloop_versus::results::{Lead, Spread};
use oneloop_versus::rows::find;
use oneloop_versus::{chart, front, tables};

use super::{measured, results};

fn lead(own: &[f64], peer: &[f64]) -> Lead {
    let results = results(&[("queue", "oneloop", own), ("queue", "tokio", peer)]);
    results.lead(find("queue").expect("a row")).expect("both have it")
}

#[test]
fn the_spread_is_the_least_and_the_most_of_the_rounds() {
    assert_eq!(measured("queue", "oneloop", &[3.0, 1.0, 2.0]).spread(), Some(Spread { min: 1.0, max: 3.0 }));
    assert!((measured("queue", "oneloop", &[3.0, 1.0, 2.0]).median() - 2.0).abs() < f64::EPSILON);
    assert_eq!(measured("queue", "oneloop", &[3.0]).spread(), None, "one round has none");
}

#[test]
fn the_median_of_an_even_number_is_half_way() {
    assert!((measured("queue", "oneloop", &[4.0, 1.0, 3.0, 2.0]).median() - 2.5).abs() < f64::EPSILON);
    assert!((measured("queue", "oneloop", &[37.5, 973.0]).median() - 505.25).abs() < f64::EPSILON);
}

#[test]
fn a_ratio_is_a_tie_while_the_rounds_overlap() {
    assert!(lead(&[10.0, 11.0, 12.0], &[12.0, 13.0, 14.0]).tie, "they touch");
    assert!(lead(&[10.0, 11.0, 20.0], &[12.0, 13.0, 14.0]).tie, "one is within the other");
    assert!(!lead(&[10.0, 11.0, 12.0], &[12.1, 13.0, 14.0]).tie, "ahead");
    assert!(!lead(&[12.1, 13.0, 14.0], &[10.0, 11.0, 12.0]).tie, "behind");
}

#[test]
fn of_one_round_nothing_is_a_tie() {
    assert!(!lead(&[10.0], &[10.0]).tie);
    assert!(!lead(&[10.0], &[9.0, 10.0, 11.0]).tie);
}

#[test]
fn the_best_peer_is_no_floor_and_not_oneloop_itself() {
    let results = results(&[
        ("echo_1k_1", "oneloop", &[10.0]),
        ("echo_1k_1", "floor", &[5.0]),
        ("echo_1k_1", "epoll", &[6.0]),
        ("echo_1k_1", "oneloop-precise", &[7.0]),
        ("echo_1k_1", "smol", &[20.0]),
    ]);
    assert_eq!(results.lead(find("echo_1k_1").expect("a row")).expect("a peer").peer, "smol");
}

#[test]
fn the_tables_show_the_spread_and_mark_ties() {
    let results = results(&[
        ("queue", "oneloop", &[10.0, 11.5, 12.0]),
        ("queue", "tokio", &[12.0, 13.0, 14.5]),
        ("lock", "oneloop", &[10.0, 11.0, 12.0]),
        ("lock", "tokio", &[22.0, 23.0, 24.0]),
    ]);
    let text = tables::markdown(&results);
    assert!(text.contains("| queue | ns | 11.5 (10–12) | 13 (12–14.5) | 1.13 tokio (tie) |"), "{text}");
    assert!(text.contains("| lock | ns | 11 (10–12) | 23 (22–24) | 2.09 tokio |"), "{text}");
    // the front page has both in bold where they are level
    assert!(text.contains("| pass an item through a queue | **11.5** | **13** | **13** tokio | – |"), "{text}");
}

#[test]
fn the_pictures_show_a_tie_in_grey_and_say_so() {
    let level = results(&[("queue", "oneloop", &[10.0, 12.0, 14.0]), ("queue", "tokio", &[12.0, 13.0, 14.0])]);
    assert!(chart::svg(&level).contains("1.08× tokio (tie)"));
    assert!(chart::svg(&level).contains("their rounds overlap"));
    assert!(front::svg(&level).contains(r#"<rect class="level" x="#));
    let ahead = results(&[("queue", "oneloop", &[10.0, 10.0, 10.0]), ("queue", "tokio", &[12.0, 13.0, 14.0])]);
    assert!(!chart::svg(&ahead).contains("(tie)"));
    // beside the one of the legend
    assert_eq!(front::svg(&ahead).matches(r#"<rect class="ahead""#).count(), 2);
    assert_eq!(front::svg(&level).matches(r#"<rect class="ahead""#).count(), 1);
}

#[test]
fn the_pictures_of_results_without_spread_say_that_none_is_level() {
    let results = results(&[("queue", "oneloop", &[10.0]), ("queue", "tokio", &[10.0])]);
    assert!(front::svg(&results).contains("Of one round, so none is level."));
    assert!(!chart::svg(&results).contains("their rounds overlap"));
}

#[test]
fn the_front_page_compares_with_tokio_and_names_the_fastest_peer() {
    let with_both = results(&[("queue", "oneloop", &[10.0]), ("queue", "tokio", &[20.0]), ("queue", "smol", &[15.0])]);
    assert!(front::svg(&with_both).contains(">2.00× · 1.50× smol<"));
    let with_tokio = results(&[("queue", "oneloop", &[10.0]), ("queue", "tokio", &[20.0])]);
    assert!(front::svg(&with_tokio).contains(">2.00×<"));
    let without = results(&[("queue", "oneloop", &[10.0]), ("queue", "smol", &[5.0])]);
    assert!(front::svg(&without).contains(">0.50× smol<"));
    assert_eq!(front::svg(&without).matches("<rect class=\"behind\"").count(), 1, "the legend's alone");
}
