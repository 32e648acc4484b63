//! A filter: the lines of the standard input that have a word in them, with their numbers, and at the end how many
//! there were. The input may be a terminal, a pipe, a file or nothing:
//!
//! ```sh
//! cargo run --example filter -- root </etc/passwd
//! seq 1000000 | cargo run --example filter -- 77 | head
//! cargo run --example filter        # type lines, and Ctrl-D
//! ```
//!
//! In Python, `connect_read_pipe` takes no file, so a program that filters has to read in a thread.

use std::env;
use std::io::{self, Write};

use oneloop::{Error, run, stdin};

/// `println!` would panic if the output is a pipe that no program reads any more.
async fn filter(word: &str) -> io::Result<()> {
    let input = stdin();
    let mut output = io::stdout();
    let (mut number, mut found) = (0_u64, 0_u64);
    while let Some(line) = input.next_line().await? {
        number += 1;
        if line.contains(word) {
            found += 1;
            writeln!(output, "{number:>6}  {line}")?;
        }
    }
    writeln!(output, "{found} of {number} lines")
}

pub(crate) fn main() -> Result<(), Error> {
    let word = env::args().nth(1).unwrap_or_default();
    match run(async move { filter(&word).await })? {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()), // the reader has seen enough
        ended => Ok(ended?),
    }
}
