//! Rust as text: what is code, what is a word, how long is a function. Knows no rule and no file.

/// The source with comments, strings and characters blanked out, line for line.
pub(crate) fn blank(source: &str) -> String {
    let (mut out, mut rest) = (String::new(), source);
    while let Some(first) = rest.chars().next() {
        let hidden = hidden_len(rest);
        let (head, tail) = rest.split_at(hidden.max(first.len_utf8()));
        let keep = |c| if hidden > 0 && c != '\n' { ' ' } else { c };
        out.extend(head.chars().map(keep));
        rest = tail;
    }
    out
}

/// The length of the comment, string or character that `rest` begins with; 0 if that is code.
fn hidden_len(rest: &str) -> usize {
    let hashes = rest.bytes().skip(1).take_while(|&b| b == b'#').count();
    if rest.starts_with("//") {
        rest.find('\n').unwrap_or(rest.len())
    } else if rest.starts_with("/*") {
        block_comment_len(rest.as_bytes())
    } else if rest.starts_with('r') && rest[1 + hashes..].starts_with('"') {
        let (open, close) = (hashes + 2, format!("\"{}", "#".repeat(hashes)));
        let end = rest[open..].find(&close);
        end.map_or(rest.len(), |end| open + end + close.len())
    } else if rest.starts_with('"')
        || rest.starts_with("'\\")
        || rest.chars().nth(2) == Some('\'') && rest.starts_with('\'')
    {
        quoted_len(rest.as_bytes())
    } else {
        0 // a quote that gets here opens a lifetime
    }
}

fn block_comment_len(rest: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < rest.len() {
        let (step, deeper) = match &rest[at..] {
            [b'/', b'*', ..] => (2, 1),
            [b'*', b'/', ..] => (2, -1),
            _ => (1, 0),
        };
        at += step;
        depth += deeper;
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted_len(rest: &[u8]) -> usize {
    let mut escaped = false;
    for (at, &byte) in rest.iter().enumerate().skip(1) {
        if !escaped && byte == rest[0] {
            return at + 1;
        }
        escaped = !escaped && byte == b'\\';
    }
    rest.len()
}

pub(crate) fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

pub(crate) fn has_word(code: &str, word: &str) -> bool {
    code.split(|c| !in_word(c)).any(|found| found == word)
}

fn is_fn_line(line: &str) -> bool {
    let before = ["const", "async", "unsafe", "extern", "default"];
    let may_precede = |word: &str| before.contains(&word) || word.starts_with("pub") || word.ends_with(')');
    let mut words = line.split_whitespace();
    words.find(|word| !may_precede(word)) == Some("fn")
}

/// Line number and length of each function, by indentation, as rustfmt leaves it.
pub(crate) fn functions(code: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = code.lines().map(str::trim_end).collect();
    let starts = (0..lines.len()).filter(|&start| is_fn_line(lines[start]));
    let measured = starts.map(|start| {
        let rest = &lines[start..];
        let first = rest.iter().position(|line| line.ends_with(['{', ';', '}'])).unwrap_or(0);
        if !rest[first].ends_with('{') {
            return (start + 1, first + 1); // a declaration, or all on one line
        }
        let indent = rest[0].len() - rest[0].trim_start().len();
        let close = format!("{}}}", &rest[0][..indent]);
        let last = rest.iter().position(|line| *line == close);
        (start + 1, last.unwrap_or(rest.len()) + 1)
    });
    measured.collect()
}

#[test]
fn what_is_not_code_is_blanked_and_lines_stay() {
    assert_eq!(blank("a // b\nc"), "a     \nc");
    assert_eq!(blank("a /* b /* c\n */ d */ e"), "a          \n         e");
    assert_eq!(blank(r#"f("\"x", 'y', '\'', b"z")"#), "f(     ,    ,     , b   )");
    assert_eq!(blank(r##"r#"a"b"# + br"\" + 'ß'"##), "         + b     +    ");
    assert_eq!(blank("<'a, 'b>(r#fn: &'a str)"), "<'a, 'b>(r#fn: &'a str)");
}

#[test]
fn words_are_whole() {
    assert!(has_word("#[unsafe(no_mangle)]", "unsafe"));
    assert!(!has_word("#![deny(unsafe_code)]", "unsafe"));
}

#[test]
fn functions_are_measured_by_their_indentation() {
    let code = "\
fn a() {
}
trait T {
    fn b();
    pub(crate) async unsafe fn c<F>(
        f: F,
    ) where
        F: Fn(),
    {
        let f: fn() = || {
        };
    }
    fn d() {}
}
";
    assert_eq!(functions(code), [(1, 2), (4, 1), (5, 8), (13, 1)]);
}
