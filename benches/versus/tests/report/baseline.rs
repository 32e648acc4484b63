//! A run beside an earlier one.

use oneloop_versus::baseline::compare;

use super::results;

#[test]
fn what_moved_beyond_the_spread_of_both_is_told_and_the_rest_counted() {
    let before = results(&[
        ("queue", "oneloop", &[20.0, 21.0, 22.0]),
        ("queue", "tokio", &[40.0, 42.0, 44.0]),
        ("lock", "oneloop", &[50.0, 51.0, 52.0]),
        ("lock", "tokio", &[90.0]),
    ]);
    let after = results(&[
        ("queue", "oneloop", &[22.5, 25.2, 26.0]),
        ("queue", "tokio", &[44.0, 45.0, 46.0]),
        ("lock", "oneloop", &[30.0, 31.0, 32.0]),
        ("lock", "tokio", &[10.0, 11.0, 12.0]),
        ("semaphore", "oneloop", &[1.0, 2.0, 3.0]),
    ]);
    let comparison = compare(&before, &after);
    let moved: Vec<_> = comparison.moved.iter().map(|(_, now)| (now.row.name.text(), now.system)).collect();
    assert_eq!(moved, [("queue", "oneloop"), ("lock", "oneloop")]);
    assert_eq!((comparison.level, comparison.without_spread, comparison.new), (1, 1, 1));
    let text = comparison.text();
    let line =
        |row: &str| text.lines().find(|line| line.starts_with(row)).map(|line| line.split_whitespace().collect());
    let queue: Vec<_> = line("queue").expect("a line");
    assert_eq!(queue, ["queue", "oneloop", "ns", "21", "(20–22)", "25.2", "(22.5–26)", "1.20", "more"]);
    let lock: Vec<_> = line("lock").expect("a line");
    assert_eq!(lock[lock.len() - 2..], ["0.61", "less"]);
    let last =
        "2 moved beyond the spread, 1 within it, 1 of one round, so that nothing can be told, 1 not in the baseline";
    assert_eq!(text.lines().last(), Some(last));
}

#[test]
fn a_run_beside_itself_has_not_moved() {
    let run = results(&[("queue", "oneloop", &[20.0, 21.0, 22.0]), ("idle", "oneloop", &[0.0, 0.0, 0.0])]);
    assert_eq!(compare(&run, &run).text(), "0 moved beyond the spread, 2 within it\n");
}

#[test]
fn what_was_nothing_before_has_no_ratio() {
    let before = results(&[("idle", "oneloop", &[0.0, 0.0, 0.0])]);
    let after = results(&[("idle", "oneloop", &[5.0, 6.0, 7.0])]);
    let text = compare(&before, &after).text();
    assert!(!text.contains("inf") && text.contains("more"), "{text}");
}
