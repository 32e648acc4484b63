//! Holds this folder to CPython's list of tests, and `docs/PARITY.md` to the list of asyncio's public names: every test
//! is one here or has its reason there, and every name has its row. Must not know what any test does.
#![expect(clippy::print_stdout, reason = "the counts are there to be read")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// `LockTests` as a module is called: `lock_tests`.
fn module(class: &str) -> String {
    let mut name = String::new();
    for letter in class.trim_start_matches('_').chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

/// `file.Class.name` for each line of the list.
fn listed() -> Vec<(String, String, String)> {
    let (mut found, mut file, mut class) = (Vec::new(), String::new(), String::new());
    for line in read("tests/asyncio/portable.txt").lines() {
        if let Some(name) = line.strip_prefix("  ") {
            found.push((file.clone(), class.clone(), name.to_owned()));
        } else {
            let (of, this) = line.split_once('.').expect("a line without indent is file.Class");
            (file, class) = (of.to_owned(), this.to_owned());
        }
    }
    found
}

/// `module::name` for each test of a file.
fn tests_of(file: &str) -> BTreeSet<String> {
    let (mut found, mut inside, mut is_test) = (BTreeSet::new(), String::new(), false);
    for line in read(&format!("tests/asyncio/{file}.rs")).lines() {
        if let Some(module) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(" {")) {
            module.clone_into(&mut inside);
        } else if let Some(rest) = line.trim_start().strip_prefix("fn test_").filter(|_| is_test) {
            let name = rest.split('(').next().unwrap_or_default();
            found.insert(format!("{inside}::{name}"));
        }
        is_test = line.trim() == "#[test]";
    }
    found
}

#[test]
fn every_portable_name_is_a_test_here_or_has_a_reason() {
    let parity = read("docs/PARITY.md");
    let listed = listed();
    assert!(listed.len() > 200, "the list was not read");
    let mut wrong = Vec::new();
    for (file, class, name) in &listed {
        let here = tests_of(file).contains(&format!("{}::{name}", module(class)));
        let excused = parity.contains(&format!("`{class}.test_{name}`"));
        match (here, excused) {
            (false, false) => wrong.push(format!("{file}.{class}.test_{name} is missing")),
            (true, true) => wrong.push(format!("{file}.{class}.test_{name} is here and excused")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A row of the table of names.
struct Row {
    name: String,
    class: String,
    text: String,
}

/// How a name of asyncio relates to what is here.
const CLASSES: &[&str] = &["same", "stricter", "different", "not here"];

fn rows() -> Vec<Row> {
    let page = read("docs/PARITY.md");
    let (_, table) = page.split_once("\n## Every name of asyncio\n").expect("the table of names");
    let lines = table.lines().filter(|line| line.starts_with("| `"));
    lines
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').splitn(3, '|').map(|cell| cell.trim().to_owned()).collect();
            let [name, class, text] = <[String; 3]>::try_from(cells).expect("three cells");
            Row { name: name.trim_matches('`').to_owned(), class, text }
        })
        .collect()
}

/// The texts between `[` and `]` that are code.
fn links(text: &str) -> Vec<&str> {
    text.split("[`").skip(1).filter_map(|rest| rest.split_once("`]")).map(|(link, _)| link).collect()
}

#[test]
fn every_public_name_of_asyncio_has_its_row() {
    let list = read("tests/asyncio/public_names.txt");
    let listed: Vec<_> = list.lines().filter(|line| !line.starts_with('#')).collect();
    let rows = rows();
    let in_rows: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
    assert!(listed.len() > 300, "the list was not read");
    assert_eq!(in_rows, listed, "the rows are the names of the list, in its order");
    let unknown: Vec<_> = rows.iter().filter(|row| !CLASSES.contains(&row.class.as_str())).collect();
    assert!(unknown.is_empty(), "{} is of no class", unknown[0].name);
    let silent: Vec<_> = rows.iter().filter(|row| row.text.is_empty()).collect();
    assert!(silent.is_empty(), "{} has neither counterpart nor reason", silent[0].name);
    let counted = CLASSES.iter().map(|class| (*class, rows.iter().filter(|row| row.class == *class).count()));
    let counts: Vec<String> = counted.map(|(class, count)| format!("{count} {class}")).collect();
    println!("{} names of asyncio: {}", rows.len(), counts.join(", "));
}

#[test]
fn every_counterpart_of_a_name_is_there() {
    let page = read("docs/PARITY.md");
    let file_of = |link: &str| {
        let label = format!("[`{link}`]: ../");
        page.lines().find_map(|line| line.strip_prefix(&label)).map(str::to_owned)
    };
    let (rows, mut seen, mut wrong) = (rows(), 0, Vec::new());
    for Row { name, class, text } in &rows {
        if class == "same" && links(text).is_empty() {
            wrong.push(format!("{name} is the same as what?"));
        }
        for link in links(text) {
            seen += 1;
            let Some(file) = file_of(link) else {
                wrong.push(format!("{name}: [`{link}`] is not defined at the end of the page"));
                continue;
            };
            let (source, item) = (read(&file), link.rsplit("::").next().expect("a name"));
            let is_there = ["fn", "struct", "enum"].iter().any(|kind| {
                let start = format!("{kind} {item}");
                source.match_indices(&start).any(|(at, _)| !source[at + start.len()..].starts_with(is_of_a_word))
            });
            // queues and handles of one kind are made by macros
            if !is_there && !source.contains(&format!("({item}<")) && !source.contains(&format!("{item},")) {
                wrong.push(format!("{name}: {file} has no {item}"));
            }
        }
    }
    assert!(seen > 200, "the links were not read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn is_of_a_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}
