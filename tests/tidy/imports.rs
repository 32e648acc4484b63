//! The arrows between modules: the `mod` lists of `src/lib.rs` and of each folder's `mod.rs`, and the paths that break
//! them. Reads no file.

use std::collections::BTreeMap;

use crate::text::{blank, in_word};

/// The modules of a crate as their files declare them: the path of each folder, and what its list names, in order. The
/// crate's own path is empty.
pub(crate) type Lists = BTreeMap<Vec<String>, Vec<String>>;

/// The modules that the file declares, in order.
pub(crate) fn declared(source: &str) -> Vec<String> {
    let code = blank(source);
    let names = code.lines().filter_map(|line| {
        let words = line.trim().trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        words.strip_prefix("mod ")?.strip_suffix(';').map(String::from)
    });
    names.collect()
}

/// The path of the module in this file: `src/net/udp.rs` is `[net, udp]`, `src/net/mod.rs` is `[net]`.
pub(crate) fn module_of(file: &str) -> Vec<String> {
    let inner = file.trim_start_matches("src/").trim_end_matches(".rs");
    let names = inner.split('/').filter(|name| !matches!(*name, "lib" | "mod"));
    names.map(String::from).collect()
}

/// `code` up to its inline test module, which may name what it likes.
fn shipped(code: &str) -> &str {
    let Some(end) = code.find("\nmod tests {") else {
        return code;
    };
    let attributes = code[..end].rfind(['}', ';']).unwrap_or(0);
    let exempt = code[attributes..end].contains("#[cfg(test)]");
    if exempt { &code[..end] } else { code }
}

/// Every path that `code` begins with, `{…}` spelled out, each with its offset: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn spelled_out(code: &str, offset: usize, before: &[String], found: &mut Vec<(usize, Vec<String>)>) {
    let mut path = before.to_vec();
    let mut at = 0;
    loop {
        at += code[at..].find(|c: char| !c.is_whitespace()).unwrap_or(0);
        let rest = &code[at..];
        if let Some(inner) = rest.strip_prefix('{') {
            for (from, part) in parts(inner) {
                spelled_out(part, offset + at + 1 + from, &path, found);
            }
            return;
        }
        let name: String = rest.chars().take_while(|&c| in_word(c)).collect();
        let end = at + name.len();
        path.push(if name.is_empty() { "*".into() } else { name });
        let Some(next) = code[end..].trim_start().strip_prefix("::") else {
            found.push((offset + at, path));
            return;
        };
        at = code.len() - next.len();
    }
}

/// What stands between the commas up to the closing brace, each with its offset.
fn parts(inner: &str) -> Vec<(usize, &str)> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                if !inner[start..at].trim().is_empty() {
                    parts.push((start, &inner[start..at]));
                }
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    parts
}

/// Every path of the code that begins at the crate's root, at a parent or at the module itself, from the root on.
fn paths(code: &str, own: &[String]) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    for root in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(root) {
            let continued = |c| in_word(c) || c == '$' || c == ':';
            if !code[..at].ends_with(continued) {
                let mut names = Vec::new();
                spelled_out(&code[at + root.len()..], at + root.len(), &[], &mut names);
                found.extend(names.into_iter().map(|(at, names)| (at, from_root(root, names, own))));
            }
        }
    }
    found
}

fn from_root(root: &str, names: Vec<String>, own: &[String]) -> Vec<String> {
    let levels = match root {
        "crate::" => return names,
        "self::" => 0,
        _ => 1 + names.iter().take_while(|name| *name == "super").count(),
    };
    let mut path = own[..own.len().saturating_sub(levels)].to_vec();
    path.extend(names.into_iter().filter(|name| name != "super"));
    path
}

/// Every path in the file that leads to something that is not above the file's own module in a list: to a module below,
/// or to a re-export of a folder that the file is in.
pub(crate) fn misplaced(file: &str, code: &str, lists: &Lists) -> Vec<String> {
    let own = module_of(file);
    let listed =
        |path: &[String]| lists.get(&path[..path.len() - 1]).is_some_and(|list| list.contains(&path[path.len() - 1]));
    if !listed(&own) {
        return vec![format!("{file}:1: module `{}` is in no list", own.join("::"))];
    }
    let code = shipped(code);
    let mut problems = Vec::new();
    for (at, path) in paths(code, &own) {
        let shared = own.iter().zip(&path).take_while(|(a, b)| a == b).count();
        if shared == own.len() {
            continue; // inside itself
        }
        let place = |name: &String| lists.get(&own[..shared])?.iter().position(|listed| listed == name);
        let above =
            path.get(shared).and_then(place).is_some_and(|there| place(&own[shared]).is_some_and(|here| there < here));
        if !above {
            let line = code[..at].lines().count();
            problems.push(format!("{file}:{line}: `{}` names `{}`", own.join("::"), path.join("::")));
        }
    }
    problems
}

/// A crate with the modules `a`, `b` (a folder of `x` and `y`) and `c`.
fn lists() -> Lists {
    let lib = "//! docs\n\nmod a; // first\n#[cfg(unix)]\npub(crate) mod b;\npub mod c;\npub use a::A;\n";
    let b = "mod x;\n\nmod y;\npub(crate) use x::X;\n";
    Lists::from([(vec![], declared(lib)), (vec!["b".into()], declared(b))])
}

/// What the checker says of a file in that crate, without the file's name.
fn found(file: &str, source: &str) -> String {
    let problems = misplaced(file, &blank(source), &lists());
    problems.iter().map(|problem| problem.replace(file, "")).collect()
}

#[test]
fn lists_are_read_in_order() {
    assert_eq!(lists()[&vec![]], ["a", "b", "c"]);
    assert_eq!(lists()[&vec!["b".to_string()]], ["x", "y"]);
}

#[test]
fn paths_are_spelled_out() {
    let mut found = Vec::new();
    spelled_out("a::{b, c::{D, e::*}, F as G};\nrest::of", 0, &[], &mut found);
    let paths: Vec<String> = found.into_iter().map(|(_, path)| path.join("::")).collect();
    assert_eq!(paths, ["a::b", "a::c::D", "a::c::e::*", "a::F"]);
}

#[test]
fn arrows_that_point_up_pass() {
    assert_eq!(found("src/c.rs", "use crate::a::A;\nuse crate::b::X;\nuse std::fmt;\n"), "");
    assert_eq!(found("src/c.rs", "use crate::{a, b::{X, Y}};\nuse super::a;\n"), "");
    assert_eq!(found("src/b/y.rs", "use super::x::X;\nuse crate::a::A;\nuse super::super::a;\n"), "");
    assert_eq!(found("src/b/y.rs", "use crate::b::x::X;\n"), "");
    assert_eq!(found("src/b/mod.rs", "pub(crate) use self::x::X;\n"), "");
    assert_eq!(found("src/a.rs", "pub(in crate::a) fn f() { mycrate::c(); $crate::c::x!() }"), "");
}

#[test]
fn arrows_that_point_down_are_found() {
    assert_eq!(found("src/a.rs", "\nuse crate::b::X;"), ":2: `a` names `b::X`");
    let nested = "use crate::{\n    a::{A, c},\n    c::{D, a},\n};\n";
    assert_eq!(found("src/b/x.rs", nested), ":3: `b::x` names `c::D`:3: `b::x` names `c::a`");
}

#[test]
fn arrows_that_point_down_inside_a_folder_are_found() {
    assert_eq!(found("src/b/x.rs", "use super::y::Y;"), ":1: `b::x` names `b::y::Y`");
    assert_eq!(found("src/b/x.rs", "fn f() { crate::b::y::f() }"), ":1: `b::x` names `b::y::f`");
}

#[test]
fn ways_round_the_lists_are_found() {
    let to = |file: &str, source: &str| found(file, source).rsplit(' ').next().map(String::from);
    assert_eq!(to("src/c.rs", "use crate::A;").unwrap(), "`A`");
    assert_eq!(to("src/c.rs", "use crate::*;").unwrap(), "`*`");
    assert_eq!(to("src/b/y.rs", "use super::X;").unwrap(), "`b::X`");
    assert_eq!(to("src/b/y.rs", "use crate::b::X;").unwrap(), "`b::X`");
    assert_eq!(to("src/b/y.rs", "use super::super::c;").unwrap(), "`c`");
    assert_eq!(found("src/b/new.rs", ""), ":1: module `b::new` is in no list");
}

#[test]
fn comments_strings_and_test_modules_name_what_they_like() {
    let quiet = r##"
//! [`crate::c::D`]
/* crate::c /* crate::c */ crate::c */
const S: &str = "\"crate::c";
const R: &str = r#""crate::c"#;
#[cfg(test)]
#[expect(dead_code, reason = "shown; here")]
mod tests {
    use crate::c::D;
}
"##;
    assert_eq!(found("src/a.rs", quiet), "");
}

#[test]
fn code_beside_comments_and_before_tests_is_checked() {
    let after = "/* \" */ use crate::c;\nconst Q: char = '\"';\n";
    assert_eq!(found("src/a.rs", after), ":1: `a` names `c`");
    let before = "const Q: char = '\"';\nuse crate::c;\n#[cfg(test)]\nmod tests {\n}\n";
    assert_eq!(found("src/a.rs", before), ":2: `a` names `c`");
    let declared = "#[cfg(test)]\nmod tests;\nuse crate::c;\n";
    assert_eq!(found("src/a.rs", declared), ":3: `a` names `c`");
}
