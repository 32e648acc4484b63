//! The pages of README.md and docs lead to one another, in the repository and on rustdoc's pages, and their pictures
//! and numbers are those that were drawn and measured. Must not know how a picture is drawn.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::sources;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(ROOT).join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn markdown_in(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(ROOT).join(folder)).unwrap_or_else(|e| panic!("{folder}: {e}"));
    let names = entries.map(|entry| entry.expect("a readable folder").file_name());
    let pages = names.map(|name| Path::new(folder).join(name));
    // SUMMARY.md is the book's list of chapters, in the form that mdBook reads
    let is_page =
        |page: &PathBuf| page.extension().is_some_and(|extension| extension == "md") && !page.ends_with("SUMMARY.md");
    pages.filter(is_page).collect()
}

/// What a reader of the repository reads.
fn pages() -> Vec<PathBuf> {
    let folders = ["docs", "docs/benchmarks", "docs/book/src", "docs/book/src/cookbook", "docs/examples"];
    folders.into_iter().flat_map(markdown_in).chain([PathBuf::from("README.md")]).collect()
}

/// The lines `[label]: target` of a page.
fn definitions(page: &str) -> Vec<(&str, &str)> {
    page.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ")).collect()
}

/// What `pub use` lines of a module make public, but for what is hidden.
fn exported(path: &str) -> BTreeSet<String> {
    let source = read(path);
    let shown = source.split("#[doc(hidden)]\n").enumerate().map(|(i, part)| match part.split_once(';') {
        Some((_hidden, rest)) if i > 0 => rest,
        _ => part,
    });
    let statements = shown.flat_map(|part| part.split("\npub use ").skip(1));
    let lists = statements.filter_map(|statement| statement.split(';').next());
    let names = lists.flat_map(|list| list.rsplit_once("::").map_or(list, |(_, last)| last).split(','));
    names.map(|name| name.trim_matches(['{', '}', ' ', '\n']).to_owned()).filter(|name| !name.is_empty()).collect()
}

/// What the public modules make public, each by its name.
fn modules() -> [(&'static str, BTreeSet<String>); 6] {
    [
        ("error", exported("src/error/mod.rs")),
        ("net", exported("src/net/mod.rs")),
        ("tls", exported("src/tls/mod.rs")),
        ("gather", exported("src/primitives/gather/mod.rs")),
        ("wait", exported("src/primitives/wait/mod.rs")),
        ("observe", exported("src/observe/mod.rs")),
    ]
}

/// The type, trait or function that a line of code makes public.
fn made_public(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub ")?;
    let rest = rest.strip_prefix("async ").unwrap_or(rest);
    let kinds = ["struct ", "enum ", "trait ", "fn "];
    let name = kinds.into_iter().find_map(|kind| rest.strip_prefix(kind))?;
    name.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

#[test]
fn every_public_item_has_an_example() {
    let names: BTreeSet<_> = modules().into_iter().flat_map(|(_, names)| names).chain(exported("src/lib.rs")).collect();
    let (mut found, mut problems) = (BTreeSet::new(), Vec::new());
    for file in sources("src") {
        let lines: Vec<&str> = file.raw.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(name) = made_public(line).filter(|name| names.contains(*name)) else { continue };
            let docs_end = (0..at).rev().find(|&at| lines[at].starts_with("///")).unwrap_or_default();
            let is_between = |line: &&str| line.starts_with("#[") || line.starts_with([' ', ')']);
            let docs = lines[..=docs_end].iter().rev().take_while(|line| line.starts_with("///"));
            found.insert(name.to_owned());
            if !lines[docs_end + 1..at].iter().all(is_between) || !docs.into_iter().any(|line| line.contains("```")) {
                problems.push(format!("{}:{}: {name}", file.path, at + 1));
            }
        }
    }
    assert!(found.len() > 150, "{} were found", found.len());
    assert!(problems.is_empty(), "add a section `# Examples`, with one that runs:\n{}", problems.join("\n"));
}

/// The sections of an item's docs, in the order in which they stand.
const SECTIONS: [&str; 5] = ["# Examples", "# Errors", "# Panics", "# Safety", "# Cancel safety"];

#[test]
fn the_sections_of_docs_are_in_one_order() {
    let (mut seen, mut problems) = (0, Vec::new());
    for file in sources("src") {
        let mut last = 0; // the place of the latest section of this item
        for (i, line) in file.raw.lines().enumerate() {
            let Some(docs) = line.trim_start().strip_prefix("///") else {
                if !line.trim_start().starts_with("#[doc = ") {
                    last = 0;
                }
                continue;
            };
            let Some(place) = SECTIONS.iter().position(|section| docs.trim() == *section) else { continue };
            seen += 1;
            if place < last {
                problems.push(format!("{}:{}: {} behind {}", file.path, i + 1, SECTIONS[place], SECTIONS[last]));
            }
            last = place;
        }
    }
    assert!(seen > 500, "{seen} sections were found");
    assert!(problems.is_empty(), "the order is {}:\n{}", SECTIONS.join(", "), problems.join("\n"));
}

#[test]
fn the_page_of_names_has_every_name() {
    let (root, modules) = (exported("src/lib.rs"), modules());
    assert!(root.len() > 80 && modules.iter().all(|(_, names)| names.len() > 3), "the lists are read");
    let paths = modules.iter().flat_map(|(module, names)| {
        let inner = names.iter().filter(|name| !root.contains(*name));
        inner.map(move |name| (format!("{module}::{name}"), name))
    });
    let page = read("docs/NAMES.md");
    // links at the end do not count
    let themes: String = page.lines().filter(|line| line.starts_with("- **")).collect();
    let has = |path: &str| themes.contains(&format!("[`{path}`]"));
    let (mut missing, errors) = (Vec::new(), &modules[0].1);
    missing.extend(root.iter().filter(|name| !has(name)).cloned());
    let is_there = |path: &str, name: &str| has(path) || errors.contains(name) && has(&format!("error::{name}"));
    missing.extend(paths.filter(|(path, name)| !is_there(path, name)).map(|(path, _)| path));
    assert!(
        missing.is_empty(),
        "docs/NAMES.md does not name {missing:?}; name each there and link it at the end, and in docs/rustdoc/names.md"
    );
}

/// What rustdoc's pages are told first.
fn rustdoc_labels() -> BTreeSet<String> {
    let files = markdown_in("docs/rustdoc").into_iter().map(read);
    files
        .flat_map(|file| definitions(&file).into_iter().map(|(label, _)| label.to_owned()).collect::<Vec<_>>())
        .collect()
}

#[test]
fn labels_stand_for_files_here_and_for_pages_of_rustdoc_there() {
    let there = rustdoc_labels();
    let mut problems = Vec::new();
    for path in pages() {
        let folder = Path::new(ROOT).join(&path).parent().unwrap().to_owned();
        for (label, target) in definitions(&read(&path)) {
            if !folder.join(target).is_file() {
                problems.push(format!("{}: [{label}] is {target}, which is no file", path.display()));
            }
            if !there.contains(label) {
                problems.push(format!("{}: [{label}] is in no file of docs/rustdoc", path.display()));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_page_that_is_named_is_a_link() {
    let mut problems = Vec::new();
    for path in pages() {
        let page = read(&path);
        let defined: BTreeSet<_> = definitions(&page).into_iter().map(|(label, _)| label).collect();
        for line in page.lines().filter(|line| definitions(line).is_empty()) {
            // a label: `[text][label]`; rustdoc would not see a path in `[text](path)`
            let mut rest = line;
            while let Some((_, after)) = rest.split_once("][") {
                let (label, after) = after.split_once(']').unwrap_or((after, ""));
                if !defined.contains(label) {
                    problems.push(format!("{}: [{label}] is not defined at its end", path.display()));
                }
                rest = after;
            }
            for (at, _) in line.match_indices(".md") {
                let name = line[..at].rfind(|c: char| !c.is_alphanumeric() && !"_-./".contains(c));
                if name.is_none_or(|start| !line[..=start].ends_with("][")) {
                    problems.push(format!("{}: a page is named and is no link: {line}", path.display()));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn decoded(uri: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), uri.as_bytes());
    while let [first, after @ ..] = rest {
        if let (b'%', [high, low, after @ ..]) = (first, after) {
            let digits = [*high, *low];
            let digits = std::str::from_utf8(&digits).expect("two digits");
            bytes.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).expect("text")
}

/// The file of docs/rustdoc that has pictures in itself, the first one's label, its file, and what writes the first.
/// The labels of the others are their files, beside that one.
const PICTURES: [(&str, &str, &str, &str); 3] = [
    ("front", "front.svg", "docs/benchmarks/front.svg", "cargo bench -p oneloop-versus -- --draw"),
    ("versus", "versus.svg", "docs/benchmarks/versus.svg", "cargo bench -p oneloop-versus -- --draw"),
    ("timeline", "picture of wait", "docs/examples/timelines/wait.svg", "ONELOOP_DRAW=1 cargo test --test tidy"),
];

fn encoded(text: &str) -> String {
    let as_it_is = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/,;=".contains(&byte);
    text.bytes().map(|byte| if as_it_is(byte) { char::from(byte).into() } else { format!("%{byte:02X}") }).collect()
}

#[test]
fn architecture_names_every_file_with_unsafe_code() {
    let page = read("docs/ARCHITECTURE.md");
    let table = page.split("## Unsafe code").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("the section");
    let files = crate::UNSAFE_FILES.iter().map(|path| path.trim_start_matches("src/"));
    let named = |file: &&str| file.starts_with("sys/") || table.contains(&format!("`{file}`"));
    let missing: Vec<_> = files.filter(|file| !named(file)).collect();
    assert!(missing.is_empty(), "docs/ARCHITECTURE.md has no reason for {missing:?}, under `Unsafe code`");
}

/// A page of rustdoc has no files beside it, so the pictures are in its text.
#[test]
fn rustdoc_shows_the_pictures_of_the_repository() {
    if std::env::var_os("ONELOOP_DRAW").is_some() {
        let (name, label, picture, _) = PICTURES[2];
        let text = format!("[{label}]: data:image/svg+xml,{}\n", encoded(&read(picture)));
        fs::write(Path::new(ROOT).join(format!("docs/rustdoc/{name}.md")), text).expect("the folder can be written to");
    }
    for (name, label, picture, command) in PICTURES {
        let page = read(format!("docs/rustdoc/{name}.md"));
        let folder = Path::new(picture).parent().expect("a folder");
        let pictures = definitions(&page);
        assert_eq!(pictures[0].0, label);
        for (place, (label, target)) in pictures.into_iter().enumerate() {
            let picture = if place == 0 { picture.into() } else { folder.join(label) };
            assert!(the_picture_of(target) == read(picture), "{label} is stale in docs/rustdoc/{name}.md: {command}");
        }
    }
    let page = read("docs/rustdoc/pictures.md");
    let pictures = definitions(&page);
    assert!(pictures.len() > 5, "the pictures of the book are found");
    for (label, target) in pictures {
        let is_same = the_picture_of(target) == read(format!("docs/book/src/{label}"));
        assert!(is_same, "{label} is stale in docs/rustdoc/pictures.md: docs/book/draw");
    }
}

fn the_picture_of(target: &str) -> String {
    decoded(target.strip_prefix("data:image/svg+xml,").expect("the picture itself"))
}

#[test]
fn the_front_page_says_how_many_recorded_programs_there_are() {
    let folder = Path::new(ROOT).join("tests/conformance/cases");
    let files = fs::read_dir(folder).expect("the cases").map(|file| file.expect("a readable folder").path());
    let programs: usize = files.map(|file| read(file).lines().count()).sum();
    let text = format!("replays {},{:03} programs", programs / 1000, programs % 1000);
    assert!(read("README.md").contains(&text), "README.md does not say that a test {text}");
}

#[test]
fn the_numbers_of_the_front_page_are_measured() {
    let table = read("docs/benchmarks/versus.md");
    // the median comes first, before its spread
    let measured: BTreeSet<_> = table.split('|').filter_map(|cell| cell.split_whitespace().next()).collect();
    let page = read("README.md");
    let rows = page.lines().skip_while(|line| !line.starts_with("| ns |")).skip(2);
    let rows: Vec<_> = rows.take_while(|line| line.starts_with('|')).collect();
    assert!((1..=8).contains(&rows.len()), "README.md has a table of at most eight rows");
    for row in rows {
        for cell in row.trim_matches('|').split('|').skip(1) {
            let number = cell.split_whitespace().next().expect("a number").replace(['*', ','], "");
            assert!(measured.contains(number.as_str()), "{number} is not in docs/benchmarks/versus.md: {row}");
        }
    }
}
