//! The shape of the project, as tests: which module may name which, and the house rules on files.
//! The `mod` lists of `src/lib.rs` and of each folder are the architecture; they are read here, not copied.

mod docs;
mod imports;
mod text;

use std::fs;
use std::path::Path;

use imports::{Lists, declared, misplaced, module_of};
use text::{blank, functions, has_word};

const UNSAFE_FILES: &[&str] = &[
    "src/adapters/for_hyper.rs",
    "src/adapters/for_tokio.rs",
    "src/awaitables/recognise.rs",
    "src/awaitables/task/cell.rs",
    "src/base/batch.rs",
    "src/base/downcast.rs",
    "src/base/poll_with.rs",
    "src/base/blocks.rs",
    "src/base/pooled_rc.rs",
    "src/base/static_ref.rs",
    "src/cancel/poll_scope.rs",
    "src/current/this_thread.rs",
    "src/current/waker.rs",
    "src/kernel/ready_queue.rs",
    "src/kernel/enclosing.rs",
    "src/kernel/task_table.rs",
    "src/node/pointer.rs",
    "src/primitives/wait/wait.rs",
    "src/event_loop/run_until_complete.rs",
    "src/sys/find_byte.rs",
    "src/sys/fork.rs",
    "src/sys/lock.rs",
    "src/sys/name_of.rs",
    "src/sys/process.rs",
    "src/sys/resolver.rs",
    "src/sys/send.rs",
    "src/sys/signal.rs",
    "src/sys/socket.rs",
    "src/sys/socket_options.rs",
    "src/sys/time.rs",
];
/// Words that do not say who is meant.
const VAGUE: &[&str] = &["anybody", "anyone", "everybody", "everyone", "nobody", "somebody", "someone", "whoever"];
/// Which loop a thread is in, its free blocks, and its number.
const THREAD_LOCAL_FILES: &[&str] = &["src/base/blocks.rs", "src/base/thread_id.rs", "src/current/this_thread.rs"];
const FILE_LINES_MAX: usize = 450;
const FUNCTION_LINES_MAX: usize = 50;
/// As in rustfmt.toml, which leaves comments and what is in macros alone.
const COLUMNS_MAX: usize = 120;
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A file as written, and its code alone, line for line.
struct Source {
    path: String,
    raw: String,
    code: String,
}

/// `path:line: a word`, for each line of code that has one of the words.
fn lines_with(words: &[&str], files: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for (i, line) in file.code.lines().enumerate() {
            let words = words.iter().filter(|word| has_word(line, word));
            found.extend(words.map(|word| format!("{}:{}: `{word}`", file.path, i + 1)));
        }
    }
    found
}

fn report(rule: &str, problems: &[String]) {
    assert!(problems.is_empty(), "{rule}\n{}\n", problems.join("\n"));
}

fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let entries = fs::read_dir(Path::new(ROOT).join(folder));
    for entry in entries.into_iter().flatten() {
        let file = entry.expect("a readable folder").path();
        let path = format!("{folder}/{}", file.file_name().unwrap().display());
        if file.is_dir() {
            found.append(&mut sources(&path));
        } else if file.extension().is_some_and(|extension| extension == "rs") {
            let raw = fs::read_to_string(&file).expect("readable text");
            let code = blank(&raw);
            found.push(Source { path, raw, code });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The lists of modules: that of the crate, and that of each folder.
fn lists(src: &[Source]) -> Lists {
    let lists = src.iter().filter(|file| is_list(&file.path));
    lists.map(|file| (module_of(&file.path), declared(&file.raw))).collect()
}

fn is_list(path: &str) -> bool {
    path == "src/lib.rs" || path.ends_with("/mod.rs")
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

#[test]
fn a_module_names_only_what_stands_above_it() {
    let src = sources("src");
    let lists = lists(&src);
    assert!(lists[&Vec::new()].len() > 1, "src/lib.rs: no list of `mod` lines");
    let mut problems = Vec::new();
    for Source { path, code, .. } in src.iter().filter(|file| file.path != "src/lib.rs" && !is_test(&file.path)) {
        problems.append(&mut misplaced(path, code, &lists));
    }
    let rule = "A module names only what stands above it: folders in the list of src/lib.rs, files in the list of \
                their folder's mod.rs; and no re-export of a folder that it is in. Move what is shared up, or a method \
                to its noun.";
    report(rule, &problems);
}

#[test]
fn lists_hold_only_declarations() {
    let (lists, others): (Vec<_>, Vec<_>) = sources("src").into_iter().partition(|file| is_list(&file.path));
    let mut items = vec!["fn", "struct", "enum", "union", "trait", "impl"];
    items.extend(["const", "static", "type", "macro_rules"]);
    let rule = "src/lib.rs and each mod.rs are `mod` lines, docs and `use`: move the item to a file.";
    report(rule, &lines_with(&items, &lists));
    let declares = |file: &Source| declared(&file.raw).iter().any(|name| name != "tests");
    let others: Vec<_> = others.iter().filter(|file| declares(file)).map(|file| format!("{}:1", file.path)).collect();
    report("Only src/lib.rs and the mod.rs of a folder declare modules.", &others);
}

#[test]
fn the_page_on_the_architecture_lists_the_folders_in_their_order() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/ARCHITECTURE.md")).expect("docs/ARCHITECTURE.md");
    let table = page.lines().skip_while(|line| !line.starts_with("| folder |")).skip(2);
    let rows = table.take_while(|line| line.starts_with("| `"));
    let told: Vec<String> = rows.map(|row| row[3..].split('`').next().unwrap_or_default().to_string()).collect();
    let lib = fs::read_to_string(Path::new(ROOT).join("src/lib.rs")).expect("src/lib.rs");
    let mut folders = declared(&lib);
    folders.retain(|name| Path::new(ROOT).join("src").join(name).is_dir() && name != "guide");
    assert_eq!(told, folders, "docs/ARCHITECTURE.md: the table of folders is not the list of src/lib.rs");
}

#[test]
fn the_walks_through_the_code_name_functions_that_are_there() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/ARCHITECTURE.md")).expect("docs/ARCHITECTURE.md");
    let walks = page.split("\n## ").find(|section| section.starts_with("Walks through the code")).expect("the section");
    let src = sources("src");
    let (mut functions, mut named, mut problems) = (Vec::new(), 0, Vec::new());
    for row in walks.lines().filter(|line| line.starts_with("| ")) {
        // every second part is between backquotes: functions, and behind them the file that they are in
        for name in row.rsplit(" | ").next().unwrap_or_default().split('`').skip(1).step_by(2) {
            if name.strip_suffix(".rs").is_none() {
                functions.push(name);
                continue;
            }
            let file = src.iter().find(|file| file.path == format!("src/{name}"));
            for function in functions.drain(..) {
                named += 1;
                if !file.is_some_and(|file| has_function(&file.code, function)) {
                    problems.push(format!("`{function}` is not in src/{name}"));
                }
            }
        }
        problems.extend(functions.drain(..).map(|function| format!("`{function}` has no file behind it")));
    }
    assert!(named > 50, "{named} functions are named");
    report("docs/ARCHITECTURE.md: a walk names a function that is not there.", &problems);
}

fn has_function(code: &str, name: &str) -> bool {
    code.lines().any(|line| {
        let after = line.split_once("fn ").map(|(_, after)| after);
        after.and_then(|after| after.strip_prefix(name)).is_some_and(|rest| rest.starts_with(['(', '<']))
    })
}

#[test]
fn words_say_who_is_meant() {
    let folders = ["src", "tests", "benches", "docs/examples", "docs/console"];
    let mut problems = Vec::new();
    for file in folders.into_iter().flat_map(sources).filter(|file| file.path != "tests/tidy/main.rs") {
        for (i, line) in file.raw.lines().enumerate() {
            // in the names of tests, too
            let words = line.split(|c: char| !c.is_alphabetic()).map(str::to_lowercase);
            let vague = words.filter(|word| VAGUE.contains(&word.as_str()));
            problems.extend(vague.map(|word| format!("{}:{}: `{word}`", file.path, i + 1)));
            if line.starts_with("//!")
                && ["Owns that;", "Owns that,", "Owns it;", "Owns it,"].iter().any(|it| line.contains(it))
            {
                problems.push(format!("{}:{}: a pronoun for what the file owns", file.path, i + 1));
            }
        }
    }
    report("Say who is meant, and what a file owns, with a noun.", &problems);
}

#[test]
fn every_file_says_what_it_owns() {
    let mut files: Vec<Source> = Vec::new();
    for folder in ["src", "tests", "benches", "docs/examples", "docs/console"] {
        files.append(&mut sources(folder));
    }
    // the crate's own first words are the README's
    files.retain(|file| !file.raw.starts_with("//!") && !file.raw.starts_with("#![doc = include_str!("));
    let problems: Vec<_> = files.iter().map(|file| format!("{}:1", file.path)).collect();
    let rule = "A file opens with a `//!` line: say what it owns and what it must not know.";
    report(rule, &problems);
}

#[test]
fn files_and_functions_are_short() {
    let mut problems = Vec::new();
    for Source { path, raw, code } in sources("src") {
        let lines = raw.lines().count();
        if lines > FILE_LINES_MAX {
            problems.push(format!("{path}:{lines}: a file of {lines} lines"));
        }
        for (line, length) in functions(&code) {
            if length > FUNCTION_LINES_MAX {
                problems.push(format!("{path}:{line}: a function of {length} lines"));
            }
        }
    }
    let rule = format!("Files end by line {FILE_LINES_MAX}, functions have {FUNCTION_LINES_MAX}: split.");
    report(&rule, &problems);
}

#[test]
fn lines_are_no_wider_than_a_page() {
    let mut problems = Vec::new();
    for Source { path, raw, code } in ["src", "tests", "benches", "docs"].into_iter().flat_map(sources) {
        for (i, (line, code)) in raw.lines().zip(code.lines()).enumerate() {
            let columns = line.chars().count();
            let is_free = if line.trim_start().starts_with("//") {
                is_table_or_drawing(line)
            } else {
                code.trim().is_empty() // nothing but a literal: a picture's own text, which may need one line
            };
            if columns > COLUMNS_MAX && !is_free {
                problems.push(format!("{path}:{}: {columns} columns", i + 1));
            }
        }
    }
    let rule = format!("Lines have {COLUMNS_MAX} columns at most, but for tables, drawings and literals.");
    report(&rule, &problems);
}

/// Whether a comment is a row of a table, or of a drawing, which is indented or has arrows; a program in the docs of an
/// item, which may be indented too, is neither.
fn is_table_or_drawing(line: &str) -> bool {
    let text = line.trim_start().trim_start_matches('/').trim_start_matches('!');
    text.starts_with(" |") || text.chars().any(|c| "─│▶└┘┌┐".contains(c))
}

#[test]
fn unsafe_stays_in_the_listed_files() {
    let is_listed = |file: &Source| UNSAFE_FILES.contains(&file.path.as_str());
    let (listed, others): (Vec<_>, Vec<_>) = sources("src").into_iter().partition(is_listed);
    let mut problems = lines_with(&["unsafe"], &others);
    for path in UNSAFE_FILES {
        let file = listed.iter().find(|file| file.path == *path);
        if !file.is_some_and(|file| has_word(&file.code, "unsafe")) {
            problems.push(format!("{path}:1: listed, and has no `unsafe`"));
        }
    }
    let rule = "`unsafe` is in the UNSAFE_FILES of tests/tidy/main.rs: move it there, or mend the list.";
    report(rule, &problems);
}

#[test]
fn thread_locals_stay_in_the_listed_files() {
    let is_listed = |file: &Source| THREAD_LOCAL_FILES.contains(&file.path.as_str());
    let (listed, others): (Vec<_>, Vec<_>) = sources("src").into_iter().partition(is_listed);
    let mut problems = lines_with(&["thread_local"], &others);
    for file in listed.iter().filter(|file| lines_with(&["thread_local"], std::slice::from_ref(file)).len() != 1) {
        problems.push(format!("{}:1: must have one `thread_local!`", file.path));
    }
    let rule = "Thread-local state is in src/current/this_thread.rs, free memory in src/base/blocks.rs: make yours a \
        field of one.";
    report(rule, &problems);
}

/// The required dependencies: line, table and name of each.
fn required(manifest: &str) -> Vec<(usize, &str, &str)> {
    let (mut table, mut found) = ("", Vec::new());
    for (i, line) in manifest.lines().enumerate() {
        if line.starts_with('[') {
            table = line.trim_matches(['[', ']']);
        }
        let counts = table.ends_with("dependencies") && !table.ends_with("dev-dependencies");
        if let Some((_, name)) = line.trim_matches(['[', ']']).split_once("dependencies.") {
            found.push((i + 1, "a table of its own", name));
        } else if let Some((name, _)) = line.split_once('=')
            && counts
            && !line.contains("optional = true")
        {
            found.push((i + 1, table, name.trim()));
        }
    }
    found
}

#[test]
fn three_crates_are_required() {
    // in a package `Cargo.toml` is cargo's own version, and the one that was written is beside it
    let written = ["Cargo.toml.orig", "Cargo.toml"].map(|name| fs::read_to_string(Path::new(ROOT).join(name)));
    let manifest = written.into_iter().find_map(Result::ok).expect("Cargo.toml");
    let mut missing = vec!["mio", "slab", "thiserror"];
    let mut problems = Vec::new();
    for (line, table, name) in required(&manifest) {
        let wanted = table == "dependencies" && missing.contains(&name);
        missing.retain(|other| !wanted || *other != name);
        if !wanted && (table, name) != ("target.'cfg(unix)'.dependencies", "libc") {
            problems.push(format!("Cargo.toml:{line}: `{name}` in {table}"));
        }
    }
    problems.extend(missing.iter().map(|name| format!("Cargo.toml:1: no `{name}`")));
    let rule = "Required are mio, slab, thiserror, and libc on Unix: others say `optional = true`.";
    report(rule, &problems);
}

#[test]
fn async_functions_say_what_a_cancelled_wait_loses() {
    let mut problems = Vec::new();
    for file in sources("src") {
        let (raw, code): (Vec<_>, Vec<_>) = file.raw.lines().zip(file.code.lines()).unzip();
        for at in (0..code.len()).filter(|&at| code[at].trim().starts_with("pub async fn ")) {
            let ends = |i: usize| raw[i].trim().is_empty() || code[i].trim_end().ends_with(['{', '}', ';']);
            let mut above = (0..at).rev().take_while(|&i| !ends(i));
            if !above.any(|i| raw[i].trim().starts_with("/// # Cancel safety")) {
                problems.push(format!("{}:{}: has none", file.path, at + 1));
            }
        }
    }
    let rule = "A `pub async fn` has a doc section `# Cancel safety`: say what a dropped wait loses.";
    report(rule, &problems);
}

/// Whether a public `enum`, or a `struct` all of whose fields are public and have names, is declared in the line: a
/// program could name all of it.
fn can_be_named_whole(lines: &[&str], line: usize) -> bool {
    let body = || lines[line + 1..].iter().take_while(|line| **line != "}").map(|line| line.trim());
    let declared = lines[line];
    let fields = || body().filter(|line| !line.starts_with("//") && !line.starts_with("#[") && line.contains(": "));
    declared.ends_with('{')
        && (declared.starts_with("pub enum ")
            || declared.starts_with("pub struct ") && fields().all(|field| field.starts_with("pub ")))
}

#[test]
fn what_may_grow_is_non_exhaustive_and_what_may_not_says_so() {
    let (mut problems, mut checked) = (Vec::new(), 0);
    for file in sources("src") {
        let lines: Vec<&str> = file.raw.lines().collect();
        for line in (0..lines.len()).filter(|line| can_be_named_whole(&lines, *line)) {
            let above = |line: &&&str| ["///", "#[", ")]", "    "].iter().any(|start| line.starts_with(start));
            let above: Vec<&str> = lines[..line].iter().rev().take_while(above).copied().collect();
            checked += 1;
            if !above.iter().any(|line| *line == "#[non_exhaustive]" || line.contains("on purpose")) {
                problems.push(format!("{}:{}", file.path, line + 1));
            }
        }
    }
    assert!(checked > 15, "{checked} types were found");
    report("#[non_exhaustive], or a sentence that says why not (\"closed on purpose, …\")", &problems);
}
