//! A process that measures one row. Owns how its value is read, and the time that it may take; must not know what it
//! measures.

use std::io::{self, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::measure::IMPOSSIBLE;

/// Many times what the slowest row takes on the slowest system.
const LIMIT: Duration = Duration::from_secs(90);

/// How a child ended.
pub(crate) enum Ended {
    Value(f64),
    /// The machine cannot do the row, and why.
    Impossible(String),
    Failed(String),
}

/// Runs a child to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    let (status, out, err) = match output(command) {
        Ok(output) => output,
        Err(error) => return Ended::Failed(error.to_string()),
    };
    let err = err.trim();
    match out.trim().parse() {
        Ok(value) if status.success() => Ended::Value(value),
        _ if status.code() == Some(IMPOSSIBLE.into()) => Ended::Impossible(err.to_owned()),
        _ => Ended::Failed(format!("{status}: {err}")),
    }
}

/// As [`Command::output`] does it, but no longer than [`LIMIT`].
fn output(command: &mut Command) -> io::Result<(ExitStatus, String, String)> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (out, err) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
    let (ended, end) = mpsc::channel();
    let out = thread::spawn(move || {
        let text = text(out);
        ended.send(()).ok(); // no parent waits for one that was killed
        text
    });
    let err = thread::spawn(move || text(err));
    let late = end.recv_timeout(LIMIT).is_err();
    if late {
        child.kill()?;
    }
    let status = child.wait()?;
    let [out, err] = [out, err].map(|reader| reader.join().expect("no reader panics"));
    if late {
        let error = format!("killed after {} s; it printed: {}", LIMIT.as_secs(), err.trim());
        return Err(io::Error::new(io::ErrorKind::TimedOut, error));
    }
    Ok((status, out, err))
}

/// All there is to read, as far as it is text.
fn text(mut from: impl Read) -> String {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).ok(); // what was printed before the error counts
    String::from_utf8_lossy(&bytes).into_owned()
}
