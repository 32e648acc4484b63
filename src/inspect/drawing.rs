//! What pictures and pages have in common: how a picture begins, and texts in it. Owns these pieces; must not know what
//! is drawn.

use std::fmt::{Display, Write as _};
use std::iter;

/// The ground of a picture, and what it becomes for a reader who prefers dark pages.
const GROUND: (&str, &str) = ("#fff", "#161b22");

/// The beginning of a picture: its size in pixels, its letters, and a ground. `dark` has what each other colour becomes
/// for a reader who prefers dark pages; a colour that can be seen on both grounds need not be there. `</svg>` ends the
/// picture.
pub(crate) fn begun(width: impl Display, height: impl Display, letters: u32, dark: &[(&str, &str)]) -> String {
    let ground = GROUND.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"{letters}\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"{ground}\"/>\n\
         <style>@media (prefers-color-scheme: dark) {{"
    );
    for (light, dark) in iter::once(&GROUND).chain(dark) {
        // a rule of a style sheet counts more than an attribute
        let _ = write!(svg, "[fill=\"{light}\"]{{fill:{dark}}}[stroke=\"{light}\"]{{stroke:{dark}}}");
    }
    svg + "}</style>\n"
}

/// The text, or its beginning: so many letters at most.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// A text as XML and HTML have it, also between quotation marks. Neither has signs for control characters.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || c == '\u{fffe}' || c == '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
