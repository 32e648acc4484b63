//! The CPython that runs beside the test. Owns how it is found, and the process that records; must not know what is
//! recorded.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::{env, fs};

use serde_json::Value as Json;

/// The oldest version whose traces count.
const OLDEST: (u32, u32) = (3, 13);

/// A CPython that is new enough: of the path, or else one of pyenv's.
pub(crate) fn find() -> Option<PathBuf> {
    let of_the_path = ["python3.13", "python3"].map(PathBuf::from);
    of_the_path.into_iter().chain(of_pyenv()).find(|python| version(python) >= Some(OLDEST))
}

fn of_pyenv() -> Vec<PathBuf> {
    let at_home = || env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv"));
    let Some(root) = env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(at_home) else { return Vec::new() };
    let versions = fs::read_dir(root.join("versions")).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin/python3")).collect();
    found.sort();
    found
}

/// The version of a CPython; none if it does not run, or is another Python.
fn version(python: &Path) -> Option<(u32, u32)> {
    let ask = "import sys; print(sys.implementation.name, *sys.version_info[:2])";
    let said = Command::new(python).args(["-c", ask]).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    let mut words = said.split_whitespace();
    let is_cpython = words.next()? == "cpython";
    let version = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    is_cpython.then_some(version)
}

/// A process that records program after program.
pub(crate) struct Recorder {
    process: Child,
    programs: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Recorder {
    pub(crate) fn start(python: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/record.py");
        let mut command = Command::new(python);
        command.arg(script).arg("--serve").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("it has told its version");
        let programs = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("it is piped"));
        Self { process, programs, answers }
    }

    /// The program with its recording, or none if it is refused.
    pub(crate) fn record(&mut self, program: &Json) -> Option<Json> {
        let programs = self.programs.as_mut().expect("it is open until the end");
        writeln!(programs, "{program}").expect("the recorder takes programs");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the recorder answers");
        let answer: Json = serde_json::from_str(&answer).expect("a line of JSON for each program");
        if answer["refused"].is_string() {
            return None;
        }
        let mut case = program.clone();
        case["trace"] = answer["trace"].clone();
        case["end"] = answer["end"].clone();
        Some(case)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        drop(self.programs.take()); // it ends with its input
        drop(self.process.wait());
    }
}
