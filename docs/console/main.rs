//! The command `oneloop`: what the tasks of a running program wait for. Owns what is done and the exit codes; must not
//! know how a program is asked.

mod args;
mod client;
mod screen;

use std::fs;
use std::io::{self, IsTerminal, Write, stderr, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use oneloop::signal::{SIGHUP, SIGTERM};
use oneloop::{Error, EventLoop, current_task, run, sleep};

use args::{Args, Command, HELP, Options, View};
use client::{Answer, AskError, ask, programs};
use screen::Screen;

/// The program is stuck in a step.
const EXIT_BUSY: u8 = 3;
/// The command was called in a wrong way.
const EXIT_USAGE: u8 = 2;

const NO_PROGRAM: &str = "no program of yours can be asked; build a loop with EventLoop::builder().inspect_by_pid()";

/// Between two looks of `--watch`.
const PAUSE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let command = match Args::of(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(wrong) => {
            complain(&format!("{wrong}; oneloop --help says more"));
            return EXIT_USAGE.into();
        }
    };
    let goes_on = matches!(&command, Command::Look(options) if options.watch);
    match run(execute(command)) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
        Err(Error::Interrupted | Error::Cancelled(_)) if goes_on => ExitCode::SUCCESS, // this is how it ends
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn execute(command: Command) -> Result<ExitCode, AskError> {
    match command {
        Command::Help => print(HELP),
        Command::Version => print(concat!("oneloop ", env!("CARGO_PKG_VERSION"), "\n")),
        Command::List => print(&list().await?),
        Command::Look(options) => {
            return look(&options).await.map_err(|error| client::told_of(&options.target, error));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The programs of this user that can be asked, one a line.
async fn list() -> Result<String, AskError> {
    let mut rows = vec![format!("{:<9}{:<18}{}", "PID", "PROGRAM", "TASKS")];
    for (pid, path) in programs()? {
        let state = match ask(&path, "ps").await {
            Ok(Answer::Ok(table)) => table.lines().skip(1).count().to_string(),
            Ok(Answer::Busy(why)) => why.lines().next().unwrap_or_default().to_owned(),
            Err(AskError::Ended(_) | AskError::NoFile(_)) => continue, // what it has left is no program
            Err(error) => error.to_string(),
        };
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        rows.push(format!("{pid:<9}{:<18}{state}", name.trim_end()));
    }
    if rows.len() == 1 {
        rows = vec![NO_PROGRAM.to_owned()];
    }
    Ok(with_newline(rows.join("\n")))
}

async fn look(options: &Options) -> Result<ExitCode, AskError> {
    let path = client::path_of(&options.target)?;
    if let Some(file) = &options.html {
        return write_page(&path, file).await;
    }
    if options.watch {
        return watch(&path, options).await;
    }
    Ok(match ask(&path, word(options)).await? {
        Answer::Ok(text) => {
            print(&with_newline(text));
            ExitCode::SUCCESS
        }
        Answer::Busy(why) => {
            complain(&format!("stuck: {why}"));
            EXIT_BUSY.into()
        }
    })
}

fn word(options: &Options) -> &'static str {
    match (options.json, options.view) {
        (_, View::Metrics) => "metrics",
        (true, _) => "json",
        (false, View::Ps) => "ps",
        (false, View::Tree) => "tree",
    }
}

async fn write_page(path: &Path, file: &Path) -> Result<ExitCode, AskError> {
    match ask(path, "html").await? {
        Answer::Ok(page) => {
            fs::write(file, page).map_err(|error| AskError::Write(file.to_owned(), error))?;
            Ok(ExitCode::SUCCESS)
        }
        Answer::Busy(why) => {
            complain(&format!("stuck: {why}"));
            Ok(EXIT_BUSY.into())
        }
    }
}

/// Looks again and again, until the program has ended, or this is cancelled. Then the screen is given back.
async fn watch(path: &Path, options: &Options) -> Result<ExitCode, AskError> {
    cancel_on_signals();
    let head = format!("{}, every second; Ctrl-C ends this", options.target.display());
    let screen = stdout().is_terminal().then(Screen::take);
    loop {
        let text = match ask(path, word(options)).await? {
            Answer::Ok(text) => text,
            Answer::Busy(why) => format!("stuck: {why}"),
        };
        match &screen {
            Some(screen) => screen.show(&head, &printable(&text)),
            None => print(&with_newline(text)),
        }
        sleep(PAUSE).await;
    }
}

/// Has other signals end the program in the way in which Ctrl-C does.
fn cancel_on_signals() {
    let Some(main) = current_task() else { return };
    for signal in [SIGTERM, SIGHUP] {
        let main = main.clone();
        // without it, the signal ends the program as it is
        let _ = EventLoop::current().add_signal_handler(signal, move || {
            main.cancel();
        });
    }
}

fn with_newline(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// A text of another program without what would steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Prints, and ends the program if its output is wanted no more.
fn print(text: &str) {
    let mut out = stdout().lock();
    let printed = out.write_all(printable(text).as_bytes()).and_then(|()| out.flush());
    match printed {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => complain(&error.to_string()),
        Ok(()) => {}
    }
}

fn complain(text: &str) {
    // if nothing can be written, there is no one to be told
    let _ = stderr().lock().write_all(format!("oneloop: {}\n", printable(text)).as_bytes());
}
