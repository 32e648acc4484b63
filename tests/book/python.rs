//! The programs that stand side by side, in Python and in Rust: both print what the page says. And what the examples
//! quote is Python. `skipped: …` is printed where there is no Python that is new enough for `asyncio.timeout`.
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::path::PathBuf;
use std::process::{Command, Output};
use std::{env, fs};

use oneloop_book::{PROGRAMS, Program};

const VIRTUAL_TIME: &str = include_str!("virtual_time.py");

fn side_by_side() -> impl Iterator<Item = &'static Program> {
    PROGRAMS.iter().filter(|program| !program.python.is_empty())
}

/// The first of those on the path and of pyenv's that is 3.11 or newer.
fn python() -> Option<PathBuf> {
    let versions = env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv/versions"));
    let versions = versions.and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let of_pyenv = versions.map(|version| version.path().join("bin/python3"));
    let mut found = ["python3.13", "python3"].map(PathBuf::from).into_iter().chain(of_pyenv);
    found.find(|python| {
        let asked = Command::new(python).args(["-c", "import sys; sys.exit(sys.version_info < (3, 11))"]).output();
        asked.is_ok_and(|output| output.status.success())
    })
}

fn assert_prints(output: &Output, program: &Program, language: &str) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}, in {language}: {err}", program.heading);
    assert_eq!(out, program.prints, "{}, in {language}", program.heading);
}

#[test]
fn each_pair_says_what_it_prints() {
    assert!(side_by_side().count() >= 6, "the pairs are found");
    for program in side_by_side() {
        assert!(!program.prints.is_empty(), "{}: there is no block of text behind it", program.heading);
    }
}

#[test]
fn rust_prints_what_the_page_says() {
    for program in side_by_side() {
        let output = Command::new(env!("CARGO_BIN_EXE_oneloop-book")).arg(program.heading).output().expect("it starts");
        assert_prints(&output, program, "Rust");
    }
}

#[test]
fn python_prints_what_the_page_says() {
    let Some(python) = python() else {
        println!("skipped: no Python from 3.11 on");
        return;
    };
    for program in side_by_side() {
        let text = format!("{VIRTUAL_TIME}\n{}", program.python);
        let output = Command::new(&python).args(["-c", &text]).output().expect("it starts");
        assert_prints(&output, program, "Python");
    }
}

/// The blocks of Python in the comments of a program.
fn blocks_of(program: &str) -> Vec<String> {
    let mut lines = program.lines().map_while(|line| line.strip_prefix("//!"));
    let mut blocks = Vec::new();
    while lines.any(|line| line == " ```python") {
        let block = lines.by_ref().take_while(|line| *line != " ```");
        let block: Vec<&str> = block.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        blocks.push(block.join("\n"));
    }
    blocks
}

/// They are parts of programs, so they are read and not run.
#[test]
fn the_python_of_the_examples_is_python() {
    const READS: &str = "import ast, sys; compile(sys.argv[1], 'it', 'exec', ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)";
    let Some(python) = python() else {
        println!("skipped: no Python from 3.11 on");
        return;
    };
    let folder = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples")).expect("the examples");
    let files = folder.map(|file| file.expect("a readable folder").path()).filter(|file| file.is_file());
    let mut count = 0;
    for file in files {
        for block in blocks_of(&fs::read_to_string(&file).expect("text")) {
            let output = Command::new(&python).args(["-c", READS, &block]).output().expect("it starts");
            assert!(output.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
            count += 1;
        }
    }
    assert!(count > 10, "{count} blocks are found");
}
