//! The screen of the terminal, for a view that goes on. Owns how it is taken and given back; must not know what is
//! shown.

use std::io::{Stdout, Write, stdout};

use rustix::termios::tcgetwinsize;

/// A second screen, beside that of the shell, and no cursor.
const TAKE: &str = "\x1b[?1049h\x1b[?25l";
const GIVE_BACK: &str = "\x1b[?25h\x1b[?1049l";
const TO_THE_TOP: &str = "\x1b[H";
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// The size of a terminal that does not tell it.
const USUAL: (usize, usize) = (80, 24);

/// The screen, while it is taken. Dropping this gives it back.
pub(crate) struct Screen {
    terminal: Stdout,
}

impl Screen {
    pub(crate) fn take() -> Self {
        let screen = Self { terminal: stdout() };
        screen.write(TAKE);
        screen
    }

    /// Shows a text, cut off at the edges of the terminal, below a line of its own.
    pub(crate) fn show(&self, head: &str, text: &str) {
        let (columns, rows) = self.size();
        let mut shown = TO_THE_TOP.to_owned();
        let lines: Vec<&str> = [head, ""].into_iter().chain(text.lines()).collect();
        // the last row tells what is cut off
        let (fitting, left) = lines.split_at(lines.len().min(rows - 1));
        for line in fitting {
            shown.extend(line.chars().take(columns));
            shown.push_str(CLEAR_LINE);
            shown.push('\n');
        }
        if !left.is_empty() {
            shown.extend(["… ", &left.len().to_string(), " lines more"]);
        }
        shown.push_str(CLEAR_LINE);
        shown.push_str(CLEAR_BELOW);
        self.write(&shown);
    }

    /// Columns and rows.
    fn size(&self) -> (usize, usize) {
        match tcgetwinsize(&self.terminal) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 1 => (size.ws_col.into(), size.ws_row.into()),
            _ => USUAL,
        }
    }

    fn write(&self, text: &str) {
        let mut out = self.terminal.lock();
        // a terminal that is gone sends a signal, which ends the program
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.write(GIVE_BACK);
    }
}
