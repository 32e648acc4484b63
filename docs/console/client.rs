//! How a program is asked. Owns the connection and what can be wrong with it; must not know what is done with an
//! answer. The protocol is that of `oneloop::console`.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use oneloop::net::UnixStream;
use oneloop::{console, timeout};

/// A program is sure to have answered by then: it has five seconds.
const LIMIT: Duration = Duration::from_secs(10);
/// A longer answer is no answer of a program that means well: a million tasks have a tenth of it.
const LONGEST_ANSWER: usize = 1 << 30;
const ROOM: usize = 1 << 16;
const ROOT: u32 = 0;

/// What a program answers.
pub(crate) enum Answer {
    Ok(String),
    /// In which step it is stuck.
    Busy(String),
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum AskError {
    NoProcess(u32),
    OtherUser(u32, u32),
    NoSocket(u32),
    NoTarget(PathBuf),
    OtherFile(PathBuf),
    NoFile(PathBuf),
    Ended(PathBuf),
    Refused(PathBuf),
    Foreign(PathBuf, u32),
    Connect(PathBuf, io::Error),
    TimedOut(PathBuf),
    NotOurs(PathBuf),
    Told(String),
    Write(PathBuf, io::Error),
    Place(io::Error),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProcess(pid) => write!(f, "there is no process {pid}"),
            Self::OtherUser(pid, user) => write!(
                f,
                "process {pid} belongs to another user ({user}); as that user, or as root with the path of the socket, \
                 it can be asked"
            ),
            Self::NoSocket(pid) => write!(
                f,
                "process {pid} cannot be asked: build its loop with EventLoop::builder().inspect_by_pid(), or give the \
                 path that it was built with"
            ),
            Self::NoTarget(word) => {
                write!(f, "{} is no PID, and there is no socket of this name here", word.display())
            }
            Self::OtherFile(path) => write!(f, "{} is no socket", path.display()),
            Self::NoFile(path) => write!(f, "there is no socket {}", path.display()),
            Self::Ended(path) => write!(f, "the program of {} has ended", path.display()),
            Self::Refused(path) => write!(f, "{} belongs to another user", path.display()),
            Self::Foreign(path, user) => {
                write!(f, "another user ({user}) listens at {}, so its answer is not asked for", path.display())
            }
            Self::Connect(path, error) => write!(f, "cannot ask at {}: {error}", path.display()),
            Self::TimedOut(path) => write!(f, "the program of {} does not answer", path.display()),
            Self::NotOurs(path) => write!(f, "what listens at {} is no loop that can be asked", path.display()),
            Self::Told(text) => f.write_str(text),
            Self::Write(path, error) => write!(f, "cannot write {}: {error}", path.display()),
            Self::Place(error) => write!(f, "the directory of the sockets cannot be read: {error}"),
        }
    }
}

/// The PID that a word is, if it is one.
fn pid_of(target: &OsStr) -> Option<u32> {
    target.to_str()?.parse().ok()
}

/// The socket that a PID, or a path, stands for.
pub(crate) fn path_of(target: &OsStr) -> Result<PathBuf, AskError> {
    let Some(pid) = pid_of(target) else {
        return named(target);
    };
    let path = console::path_of(pid).map_err(AskError::Place)?;
    if path.exists() { Ok(path) } else { Err(why_no_socket(pid)) }
}

/// What an error says of the word that the user gave. A socket at which no program listens was left by one that was
/// killed: for a PID it is as if it were not there, since the PID may be that of another program by now.
pub(crate) fn told_of(target: &OsStr, error: AskError) -> AskError {
    match (pid_of(target), error) {
        (Some(pid), AskError::Ended(_)) => why_no_socket(pid),
        (_, error) => error,
    }
}

/// The socket at a path.
fn named(target: &OsStr) -> Result<PathBuf, AskError> {
    let path = PathBuf::from(target);
    match fs::metadata(&path) {
        Ok(found) if found.file_type().is_socket() => Ok(path),
        Ok(_) => Err(AskError::OtherFile(path)),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(AskError::Connect(path, error)),
        Err(_) if target.as_encoded_bytes().contains(&b'/') => Err(AskError::NoFile(path)),
        Err(_) => Err(AskError::NoTarget(path)),
    }
}

fn why_no_socket(pid: u32) -> AskError {
    let own = fs::metadata("/proc/self").map(|found| found.uid());
    match (fs::metadata(format!("/proc/{pid}")), own) {
        (Ok(process), Ok(own)) if process.uid() != own => AskError::OtherUser(pid, process.uid()),
        (Err(_), Ok(_)) => AskError::NoProcess(pid),
        _ => AskError::NoSocket(pid), // also where there is no /proc
    }
}

/// The sockets of this user's programs, with their PIDs, which may have ended.
pub(crate) fn programs() -> Result<Vec<(u32, PathBuf)>, AskError> {
    let any = console::path_of(0).map_err(AskError::Place)?;
    let directory = any.parent().unwrap_or(Path::new("/"));
    let entries = fs::read_dir(directory).map_err(AskError::Place)?;
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let pid = name.to_str()?.strip_prefix("oneloop-")?.strip_suffix(".sock")?;
            Some((pid.parse().ok()?, entry.path()))
        })
        .collect();
    found.sort();
    Ok(found)
}

/// Asks the program that listens there.
pub(crate) async fn ask(path: &Path, word: &str) -> Result<Answer, AskError> {
    match timeout(LIMIT, exchange(path, word)).await {
        Ok(answer) => answer,
        Err(_) => Err(AskError::TimedOut(path.to_owned())),
    }
}

async fn exchange(path: &Path, word: &str) -> Result<Answer, AskError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => AskError::NoFile(path.to_owned()),
        io::ErrorKind::ConnectionRefused => AskError::Ended(path.to_owned()),
        io::ErrorKind::PermissionDenied => AskError::Refused(path.to_owned()),
        _ => AskError::Connect(path.to_owned(), error),
    };
    let stream = UnixStream::connect(path).await.map_err(failed)?;
    let (own, listener) = (own_user().map_err(failed)?, stream.peer_cred().map_err(failed)?.uid());
    if own != ROOT && listener != own && listener != ROOT {
        return Err(AskError::Foreign(path.to_owned(), listener));
    }
    stream.write_all(format!("{word}\n").as_bytes()).await.map_err(failed)?;
    let mut bytes = Vec::new();
    let mut room = vec![0; ROOM];
    loop {
        match stream.read(&mut room).await.map_err(failed)? {
            0 => break,
            count => bytes.extend_from_slice(&room[..count]),
        }
        if bytes.len() > LONGEST_ANSWER {
            return Err(AskError::NotOurs(path.to_owned()));
        }
    }
    answer(bytes).unwrap_or_else(|| Err(AskError::NotOurs(path.to_owned())))
}

/// The user as whom this runs: the system tells who is at the other end of a pair of sockets.
fn own_user() -> io::Result<u32> {
    Ok(UnixStream::pair()?.0.peer_cred()?.uid())
}

/// `None` if the bytes are no answer, or not all of one.
fn answer(bytes: Vec<u8>) -> Option<Result<Answer, AskError>> {
    let text = String::from_utf8(bytes).ok()?;
    let (line, rest) = text.split_once('\n')?;
    let (word, length) = line.split_once(' ')?;
    if length.parse() != Ok(rest.len()) {
        return None;
    }
    Some(match word {
        "ok" => Ok(Answer::Ok(rest.to_owned())),
        "busy" => Ok(Answer::Busy(rest.to_owned())),
        "error" => Err(AskError::Told(rest.to_owned())),
        _ => return None,
    })
}
