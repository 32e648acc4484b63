//! Searching bytes for separators. Owns which separator counts if several are found, and what a line is as text; must
//! not know where the bytes come from.

use std::string::FromUtf8Error;

use crate::sys::find_byte;

/// A line as text, without the `\n` or `\r\n` at its end; `None` for no bytes, which is the end of a stream.
pub(super) fn line_to_text(mut line: Vec<u8>) -> Result<Option<String>, FromUtf8Error> {
    if line.is_empty() {
        return Ok(None);
    }
    let end = line.strip_suffix(b"\n").map_or(line.len(), |text| text.strip_suffix(b"\r").unwrap_or(text).len());
    line.truncate(end);
    String::from_utf8(line).map(Some)
}

/// The start and the end of the separator that ends first, among those that start at `from` or later. If several end in
/// the same place, the shortest counts.
pub(super) fn find_first(separators: &[&[u8]], bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let found = separators.iter().filter_map(|separator| {
        let start = from + find(separator, &bytes[from..])?;
        Some((start, start + separator.len()))
    });
    found.min_by_key(|(start, end)| (*end, end - start))
}

/// The start of the first `separator` in `bytes`.
fn find(separator: &[u8], bytes: &[u8]) -> Option<usize> {
    let (&first, rest) = separator.split_first()?;
    let mut from = 0;
    loop {
        let start = from + find_byte(first, &bytes[from..])?;
        from = start + 1;
        if bytes[from..].starts_with(rest) {
            return Some(start);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_separators_is_found() {
        assert_eq!(find(b"\n", b"a\nb\n"), Some(1));
        assert_eq!(find(b"\n", b"ab"), None);
        assert_eq!(find(b"\n", b""), None);
        assert_eq!(find(b"aab", b"aaab"), Some(1));
        assert_eq!(find(b"ab", b"aaa"), None);
    }

    #[test]
    fn the_separator_that_ends_first_wins_and_of_two_that_end_there_the_shortest() {
        assert_eq!(find_first(&[b"aaa", b"A"], b"someaaaA", 0), Some((4, 7)));
        assert_eq!(find_first(&[b"yz", b"xyz"], b"wxyz", 0), Some((2, 4)));
        assert_eq!(find_first(&[b"xyz", b"yz"], b"wxyz", 0), Some((2, 4)));
        assert_eq!(find_first(&[b"a"], b"aba", 1), Some((2, 3)));
    }
}
