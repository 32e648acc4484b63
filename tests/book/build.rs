//! Makes Rust of the pages: each block of Rust that is a program becomes a function, in the list `PROGRAMS`. Owns how a
//! page is read; must not know what is done with the programs.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

const BOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/book/src");
const PAGES: [&str; 3] = ["gather_and_wait.md", "cancellation.md", "from_asyncio.md"];

/// A program of a page, and what stands around it.
#[derive(Default)]
struct Program {
    heading: String,
    rust: String,
    /// The Python block before it.
    python: String,
    /// The block of text behind it.
    prints: String,
    /// The picture behind it.
    picture: String,
}

fn main() {
    println!("cargo:rerun-if-changed={BOOK}");
    let mut programs = Vec::new();
    for page in PAGES {
        let text = fs::read_to_string(Path::new(BOOK).join(page)).expect("a page of the book");
        programs.extend(programs_of(&text));
    }
    let mut functions = String::new();
    let mut list = String::new();
    for (number, program) in programs.iter().enumerate() {
        functions += &function(number, &program.rust);
        let Program { heading, python, prints, picture, .. } = program;
        let _ = writeln!(
            list,
            "Program {{ heading: {heading:?}, python: {python:?}, prints: {prints:?}, picture: {picture:?}, \
             run: program_{number} }},",
        );
    }
    let text = format!("{functions}\n/// All of them.\npub const PROGRAMS: &[Program] = &[\n{list}];\n");
    fs::write(Path::new(&env::var("OUT_DIR").expect("cargo says where")).join("programs.rs"), text).expect("a file");
}

fn programs_of(page: &str) -> Vec<Program> {
    let mut programs: Vec<Program> = Vec::new();
    let (mut heading, mut python) = (String::new(), String::new());
    // a block of text or a picture belongs to a program only if it is the next thing
    let mut is_behind = false;
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let block = block.join("\n") + "\n";
            match kind {
                "python" => python = block,
                "rust" => {
                    let (heading, python) = (heading.clone(), std::mem::take(&mut python));
                    programs.push(Program { heading, python, rust: block, ..Program::default() });
                }
                "text" if is_behind => programs.last_mut().expect("it is behind one").prints = block,
                _ => {}
            }
            is_behind = kind == "rust";
        } else if let Some(text) = line.strip_prefix('#') {
            heading = String::from(text.trim_start_matches('#').trim());
            is_behind = false;
        } else if let (true, Some((_, picture))) = (is_behind, line.split_once("][pictures/")) {
            let name = picture.trim_end_matches(".svg]");
            programs.last_mut().expect("it is behind one").picture = String::from(name);
        } else if !line.is_empty() {
            is_behind = false;
        }
    }
    programs
}

/// The program as rustdoc would make it of the block, with an `EventLoop` that records.
fn function(number: usize, block: &str) -> String {
    let lines: Vec<&str> = block.lines().map(|line| line.strip_prefix("# ").unwrap_or(line)).collect();
    let mut text = lines.join("\n");
    let recording = text.replacen(", EventLoop, ", ", ", 1);
    let records = recording != text;
    text = recording;
    let import = if records { "use crate::recording::EventLoop;" } else { "" };
    let end = match () {
        () if text.contains("fn main()") => "main()",
        () if text.contains("Ok::<(), oneloop::Error>(())") => "",
        () => "Ok(())",
    };
    format!("fn program_{number}() -> Result<(), oneloop::Error> {{\n{import}\n{text}\n{end}\n}}\n\n")
}
