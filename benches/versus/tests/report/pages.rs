//! What the pages of the repository show of the numbers.

use std::fs;
use std::path::Path;

use oneloop_versus::redraw::{self, with_table};
use oneloop_versus::tables::digits;

#[test]
fn the_pictures_and_tables_of_the_pages_are_those_of_their_numbers() {
    let repository = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let files = redraw::files(repository).unwrap_or_else(|error| panic!("{error}"));
    assert!(files.len() > 10, "a picture for each peer");
    for (file, text) in files {
        let there = fs::read_to_string(&file).unwrap_or_default();
        assert!(there == text, "{} is stale: cargo bench -p oneloop-versus -- --draw", file.display());
    }
}

#[test]
fn a_table_takes_the_place_of_the_one_with_its_head() {
    let page = "text\n\n| a | b |\n| --- |\n| 1 | 2 |\n\n| a | c |\n| --- |\n| 3 | 4 |\nend\n";
    let with = with_table(page, "| a | c |\n| --- |\n| 5 | 6 |\n| 7 | 8 |\n").expect("there is one");
    assert_eq!(with, "text\n\n| a | b |\n| --- |\n| 1 | 2 |\n\n| a | c |\n| --- |\n| 5 | 6 |\n| 7 | 8 |\nend\n");
    assert_eq!(with_table(page, "| a |\n| --- |\n"), None);
}

#[test]
fn a_number_of_a_table_is_written_as_it_was_read() {
    for value in [0.0, 0.04, 6.04, 37.03, 37.06, 99.94, 99.96, 100.4, 12_345.6] {
        let text = digits(value);
        assert_eq!(digits(text.parse().expect("a number")), text);
    }
}
