//! Holds this folder to CPython's list: every name is a test here, or has its reason in `docs/PARITY.md`. Must not know
//! what any test does.

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
