//! The arrows between modules: the groups in `src/lib.rs`, and the paths that break them. Reads no file.

use crate::text::{blank, in_word};

/// The modules of `lib.rs` in their groups: a blank line ends a group, a comment or an attribute does not.
pub(crate) fn groups(lib: &str) -> Vec<Vec<String>> {
    let mut groups = vec![Vec::new()];
    for (raw, code) in lib.lines().zip(blank(lib).lines()) {
        if raw.trim().is_empty() {
            groups.push(Vec::new());
        }
        let words = code.trim().trim_start_matches("pub(crate) ");
        let words = words.trim_start_matches("pub ").strip_prefix("mod ");
        if let Some(name) = words.and_then(|rest| rest.strip_suffix(';')) {
            groups.last_mut().unwrap().push(name.to_string());
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
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

/// The name after `crate::`, or the first names in the `{…}` there, each with its offset.
fn first_names(code: &str) -> Vec<(usize, &str)> {
    let (mut names, mut depth, mut wanted) = (Vec::new(), 0, true);
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => wanted = true,
            _ if wanted && !c.is_whitespace() => {
                let name = code[at..].split(|c| !in_word(c)).next().unwrap();
                names.push((at, if name.is_empty() { "*" } else { name }));
                wanted = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// Every path in the file that leads from the crate's root to something not in a group above the file's own.
/// From the file's outermost module `super::` leads to the root as well.
pub(crate) fn misplaced(path: &str, code: &str, groups: &[Vec<String>]) -> Vec<String> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let module = inner.split('/').next().unwrap();
    let group_of = |name: &str| groups.iter().position(|group| group.iter().any(|m| m == name));
    let Some(own) = group_of(module) else {
        return vec![format!("{path}:1: module `{module}` is not declared in src/lib.rs")];
    };
    let mut problems = Vec::new();
    for root in ["crate::", &"super::".repeat(inner.split('/').count())] {
        for (at, _) in shipped(code).match_indices(root) {
            let continued = |c| in_word(c) || c == '$' || c == ':';
            if code[..at].ends_with(continued) {
                continue;
            }
            for (offset, name) in first_names(&code[at + root.len()..]) {
                if name != module && group_of(name).is_none_or(|group| group >= own) {
                    let line = code[..at + root.len() + offset].lines().count();
                    problems.push(format!("{path}:{line}: `{module}` names `{root}{name}`"));
                }
            }
        }
    }
    problems
}

const LIB: &str = "\
//! docs

mod a;

// middle
mod b;
#[cfg(unix)]
pub(crate) mod c;

// last
pub mod d;
pub use a::A;
";

/// What the checker says of a file in a crate of the groups of `LIB`, without the path.
fn found(path: &str, source: &str) -> String {
    let problems = misplaced(path, &blank(source), &groups(LIB));
    let told = problems.iter().map(|problem| problem.replace(path, ""));
    told.collect()
}

#[test]
fn groups_end_at_blank_lines() {
    assert_eq!(groups(LIB), [vec!["a"], vec!["b", "c"], vec!["d"]]);
}

#[test]
fn arrows_that_point_up_pass() {
    let flat = "use crate::a::A;\nuse crate::b::B;\nuse std::fmt;\n";
    assert_eq!(found("src/b.rs", flat), "");
    let nested = "use crate::{a, b::{B, d}, c::*};\nuse super::d;\n";
    assert_eq!(found("src/d/x.rs", nested), "");
    let alike = "pub(in crate::a) fn f() { mycrate::d(); $crate::d::x!() }";
    assert_eq!(found("src/a.rs", alike), "");
}

#[test]
fn arrows_that_point_down_are_found() {
    let flat = "\nuse crate::d::D;";
    assert_eq!(found("src/a.rs", flat), ":2: `a` names `crate::d`");
    let nested = "use crate::{\n    a::{A, d},\n    d::{D, a},\n};\n";
    assert_eq!(found("src/b.rs", nested), ":3: `b` names `crate::d`");
}

#[test]
fn arrows_that_point_sideways_are_found() {
    let path = "fn f() { crate::c::f() }";
    assert_eq!(found("src/b.rs", path), ":1: `b` names `crate::c`");
    assert_eq!(found("src/b/x.rs", path), ":1: `b` names `crate::c`");
    let nested = "use crate::{\n    a::A,\n    c,\n};\n";
    assert_eq!(found("src/b.rs", nested), ":3: `b` names `crate::c`");
}

#[test]
fn ways_round_the_module_list_are_found() {
    let to = |path: &str, source: &str| found(path, source).rsplit(' ').next().map(String::from);
    assert_eq!(to("src/d.rs", "use crate::A;").unwrap(), "`crate::A`");
    assert_eq!(to("src/d.rs", "use crate::*;").unwrap(), "`crate::*`");
    assert_eq!(to("src/a.rs", "use super::d::D;").unwrap(), "`super::d`");
    let grandparent = to("src/a/x.rs", "use super::super::d;");
    assert_eq!(grandparent.unwrap(), "`super::super::d`");
    let stray = ":1: module `new` is not declared in src/lib.rs";
    assert_eq!(found("src/new.rs", ""), stray);
}

#[test]
fn comments_strings_and_test_modules_name_what_they_like() {
    let quiet = r##"
//! [`crate::d::D`]
/* crate::d /* crate::d */ crate::d */
const S: &str = "\"crate::d";
const R: &str = r#""crate::d"#;
#[cfg(test)]
#[expect(dead_code, reason = "shown; here")]
mod tests {
    use crate::d::D;
}
"##;
    assert_eq!(found("src/a.rs", quiet), "");
}

#[test]
fn code_beside_comments_and_before_tests_is_checked() {
    let after = "/* \" */ use crate::d;\nconst Q: char = '\"';\n";
    assert_eq!(found("src/a.rs", after), ":1: `a` names `crate::d`");
    let before = "const Q: char = '\"';\nuse crate::d;\n#[cfg(test)]\nmod tests {\n}\n";
    assert_eq!(found("src/a.rs", before), ":2: `a` names `crate::d`");
    let declared = "#[cfg(test)]\nmod tests;\nuse crate::d;\n";
    assert_eq!(found("src/a.rs", declared), ":3: `a` names `crate::d`");
}
