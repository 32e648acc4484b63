//! The words of the command line. Owns what they mean; must not know what is done.

use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
oneloop: what the tasks of a running program wait for

  oneloop ps             the programs that can be asked
  oneloop ps PID         the tasks of one, a line each
  oneloop tree PID       who waits for whom
  oneloop metrics PID    what its loop has counted: iterations, polls, timers, tasks, memory of buffers

In place of a PID there may be the path of a socket.

  --watch                look again every second, until Ctrl-C
  --json                 print JSON
  --html FILE            write a page for a browser, to be searched and folded
  --help, --version

A program can be asked if its loop was built with EventLoop::builder().inspect_by_pid(), or with inspect(PATH), and
if it runs as the same user. Nothing is changed in it.

The exit code is 0, 1 if there is no answer, 2 if the command is wrong, 3 if the program is stuck in a step; which one
that is, is printed.
";

const COMMANDS: &str = "there are ps, tree and metrics";

/// What the command is to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Version,
    List,
    Look(Options),
}

/// How a program is looked into.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) view: View,
    /// A PID, or a path, which need not be text.
    pub(crate) target: OsString,
    pub(crate) json: bool,
    pub(crate) watch: bool,
    pub(crate) html: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum View {
    Ps,
    Tree,
    Metrics,
}

/// The words, as far as they are read.
#[derive(Default)]
pub(crate) struct Args {
    view: Option<View>,
    target: Option<OsString>,
    json: bool,
    watch: bool,
    html: Option<PathBuf>,
}

impl Args {
    /// What the words mean, or what is wrong with them.
    pub(crate) fn of(words: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
        let mut args = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match &*word.to_string_lossy() {
                "-h" | "--help" | "help" => return Ok(Command::Help),
                "-V" | "--version" => return Ok(Command::Version),
                "--json" => args.json = true,
                "--watch" => args.watch = true,
                "--html" => args.html = Some(words.next().ok_or("--html needs the name of a file")?.into()),
                option if option.starts_with('-') => return Err(format!("there is no option {option}")),
                "ps" if args.view.is_none() => args.view = Some(View::Ps),
                "tree" | "pstree" if args.view.is_none() => args.view = Some(View::Tree),
                "metrics" if args.view.is_none() => args.view = Some(View::Metrics),
                other if args.view.is_none() => {
                    return Err(format!("there is no command {other}; {COMMANDS}"));
                }
                _ if args.target.is_none() => args.target = Some(word),
                other => return Err(format!("{other} is one word too many")),
            }
        }
        args.command()
    }

    fn command(self) -> Result<Command, String> {
        let has_options = self.json || self.watch || self.html.is_some();
        if self.html.is_some() && (self.json || self.watch) {
            return Err("--html goes alone".to_owned());
        }
        if self.view == Some(View::Metrics) && (self.json || self.html.is_some()) {
            return Err("metrics are printed as text only".to_owned());
        }
        match (self.view, self.target) {
            (None, _) if has_options => Err(format!("there is no command; {COMMANDS}")),
            (None, _) => Ok(Command::Help),
            (Some(View::Ps), None) if !has_options => Ok(Command::List),
            (Some(_), None) => Err("which program? A PID, or the path of a socket, is missing".to_owned()),
            (Some(view), Some(target)) => {
                Ok(Command::Look(Options { view, target, json: self.json, watch: self.watch, html: self.html }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn of(line: &str) -> Result<Command, String> {
        Args::of(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_come_before_or_behind_the_target() {
        let options = Options { view: View::Tree, target: "4711".into(), json: true, watch: true, html: None };
        assert_eq!(of("--watch tree 4711 --json"), Ok(Command::Look(options)));
        assert_eq!(of("ps"), Ok(Command::List));
        assert_eq!(of(""), Ok(Command::Help));
        assert_eq!(of("ps --help"), Ok(Command::Help));
    }

    #[test]
    fn a_path_need_not_be_text_and_an_option_must_be() {
        let not_text = || OsString::from_vec(b"/s\xff.sock".to_vec());
        let words = ["tree".into(), not_text(), "--html".into(), not_text()];
        let Ok(Command::Look(options)) = Args::of(words) else { panic!("it is a command") };
        assert_eq!((options.target, options.html), (not_text(), Some(not_text().into())));
        let wrong = Args::of(["ps".into(), OsString::from_vec(b"--\xff".to_vec())]);
        assert_eq!(wrong, Err("there is no option --\u{fffd}".to_owned()));
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert_eq!(of("top 4711"), Err("there is no command top; there are ps, tree and metrics".to_owned()));
        assert_eq!(of("tree"), Err("which program? A PID, or the path of a socket, is missing".to_owned()));
        assert_eq!(of("ps --json"), of("tree"));
        assert_eq!(of("ps 1 2"), Err("2 is one word too many".to_owned()));
        assert_eq!(of("ps 1 --html"), Err("--html needs the name of a file".to_owned()));
        assert_eq!(of("ps 1 --html a --watch"), Err("--html goes alone".to_owned()));
        assert_eq!(of("metrics 1 --json"), Err("metrics are printed as text only".to_owned()));
        assert_eq!(of("ps 1 --colour"), Err("there is no option --colour".to_owned()));
    }
}
