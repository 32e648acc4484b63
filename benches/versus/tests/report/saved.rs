//! Results that are written, and read again: this version's files and earlier ones.

use std::path::Path;

use oneloop_versus::results::{Results, Spread};
use oneloop_versus::rows::find;
use oneloop_versus::{saved, tables};

use super::results;

fn some() -> Results {
    results(&[
        ("queue", "oneloop", &[22.1, 20.0, 21.2]),
        ("queue", "asyncio", &[1_088.0, 1_001.0, 1_210.0]),
        ("idle", "oneloop", &[0.0, 0.0, 0.0]),
    ])
}

/// What the files keep: the names, the median, the spread.
fn kept(results: &Results) -> Vec<(String, &'static str, f64, Option<Spread>)> {
    let kept = results.measured.iter().map(|one| (one.row.name.to_string(), one.system, one.median(), one.spread()));
    kept.collect()
}

#[test]
fn json_is_read_as_it_was_written() {
    let read = saved::from_json(&saved::json(&some())).expect("it was just written");
    assert_eq!(kept(&read), kept(&some()));
    assert_eq!(read.measured[0].rounds, some().measured[0].rounds);
}

#[test]
fn json_has_the_spread_beside_the_median() {
    let text = saved::json(&some());
    for field in [r#""value": 21.2"#, r#""min": 20.0"#, r#""max": 22.1"#] {
        assert!(text.contains(field), "{field} is not in {text}");
    }
}

#[test]
fn json_without_rounds_has_no_spread() {
    let read = saved::from_json(r#"[{"bench": "queue", "system": "tokio", "value": 45.6, "unit": "ns"}]"#);
    assert_eq!(kept(&read.expect("an earlier file")), [("queue".to_owned(), "tokio", 45.6, None)]);
}

#[test]
fn a_page_is_read_as_it_was_written() {
    let read = saved::from_page(&tables::markdown(&some())).expect("it was just written");
    let find = |results: &Results, system| {
        let measured = results.get(find("queue").expect("a row"), system).expect("it was measured");
        (measured.median(), measured.spread())
    };
    assert_eq!(find(&read, "oneloop"), find(&some(), "oneloop"));
    assert_eq!(find(&read, "asyncio"), find(&some(), "asyncio"));
    assert_eq!(read.rows.len(), 2);
}

#[test]
fn a_page_of_medians_alone_has_no_spread() {
    let page = "| of one | unit | oneloop | tokio | goal |\n| --- | ---: | ---: | ---: | ---: |\n\
                | queue | ns | 21.2 | – | 2.0 |\n";
    let read = saved::from_page(page).expect("an earlier page");
    assert_eq!(kept(&read), [("queue".to_owned(), "oneloop", 21.2, None)]);
    assert!(!read.has_spread());
}

#[test]
fn what_a_file_names_and_there_is_not_is_refused_by_name() {
    let page = |head: &str, row: &str| {
        saved::from_page(&format!("| of one | unit | {head} |\n| --- | ---: | ---: |\n| {row} | ns | 1 |\n"))
    };
    assert!(page("oneloop", "queue").is_ok());
    assert_eq!(page("oneloop", "zqueue").expect_err("a row").lines().next(), Some("unknown row `zqueue`"));
    assert!(page("onelop", "queue").expect_err("a system").starts_with("unknown system `onelop`; there is oneloop, "));
    let json = r#"[{"bench": "zqueue", "system": "oneloop", "value": 1.0}]"#;
    assert_eq!(saved::from_json(json).expect_err("a row"), "unknown row `zqueue`");
}

#[test]
fn what_are_no_results_is_refused_in_plain_words() {
    assert_eq!(saved::from_page("# All systems\n").expect_err("no table"), "there are no results in it");
    assert!(saved::from_json("[{}]").expect_err("no fields").starts_with("no `bench` in"));
    let error = saved::read(Path::new("/dev/null")).expect_err("neither format");
    assert!(error.contains("a file of results is .json, as --json writes it, or .md"), "{error}");
    assert!(saved::read(Path::new("nowhere.json")).expect_err("no file").starts_with("nowhere.json: "));
}
