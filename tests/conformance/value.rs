//! What a coroutine of a case can come to: a value, or an error with a name. Owns how each is written in a trace; must
//! not know how they come about.

use std::fmt;
use std::rc::Rc;

use oneloop::{Cancelled, GroupError, TaskError, TimeoutError};

#[derive(Clone)]
pub(crate) enum Value {
    Int(i64),
    /// Of a gathering.
    List(Vec<Outcome>),
    /// In the list of a gathering that keeps such outcomes.
    Cancelled,
}

/// An error is a name.
#[derive(Clone)]
pub(crate) struct Raise(pub(crate) Rc<str>);

pub(crate) type Outcome = Result<Value, Raise>;

/// What a handler was called for, and may raise again.
pub(crate) enum Caught {
    Error(Raise),
    Cancelled(Cancelled),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => value.fmt(f),
            Self::Cancelled => f.write_str("!cancelled"),
            Self::List(outcomes) => {
                let shown: Vec<String> = outcomes.iter().map(show).collect();
                write!(f, "[{}]", shown.join(", "))
            }
        }
    }
}

/// `3`, or `!boom`.
pub(crate) fn show(outcome: &Outcome) -> String {
    match outcome {
        Ok(value) => value.to_string(),
        Err(raise) => format!("!{raise}"),
    }
}

impl fmt::Display for Raise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Raise {
    fn from(name: &str) -> Self {
        Self(Rc::from(name))
    }
}

impl From<TimeoutError> for Raise {
    fn from(_: TimeoutError) -> Self {
        Self::from("TimeoutError")
    }
}

impl From<GroupError<Self>> for Raise {
    fn from(group: GroupError<Self>) -> Self {
        let names: Vec<String> = group.errors.iter().map(ToString::to_string).collect();
        Self::from(format!("group({})", names.join(",")).as_str())
    }
}

/// How a child ended, as an item of a list.
///
/// # Panics
/// If it has no ending that a case could ask for.
pub(crate) fn ended(outcome: Result<Outcome, TaskError>) -> Outcome {
    outcome.unwrap_or_else(|error| match error {
        TaskError::Cancelled(_) => Ok(Value::Cancelled),
        other => panic!("a child ended with: {other}"),
    })
}
