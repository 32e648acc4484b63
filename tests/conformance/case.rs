//! A recorded program, as read from its line of JSON. Owns what is replayed and what is compared; must not know the
//! loop.

use serde_json::{Map, Value as Json};

pub(crate) struct Case {
    /// Bodies by name, as `FORMAT.md` describes them.
    pub(crate) coros: Json,
    /// What each primitive is made as, by name.
    pub(crate) prims: Map<String, Json>,
    /// The coroutines that are run, one after another on one loop. Mostly `main` alone.
    pub(crate) runs: Vec<String>,
    pub(crate) recording: Recording,
}

/// What a program did, and how each of its runs ended.
#[derive(PartialEq, Eq)]
pub(crate) struct Recording {
    pub(crate) trace: Vec<Event>,
    pub(crate) ends: Vec<String>,
}

#[derive(PartialEq, Eq)]
pub(crate) struct Event {
    /// In units of the case; a unit is a millisecond of the loop's virtual clock.
    pub(crate) time: u128,
    pub(crate) who: String,
    pub(crate) what: String,
}

impl Case {
    pub(crate) fn new(json: &Json) -> Self {
        let text = |json: &Json| json.as_str().expect("a string").to_owned();
        // The iteration of the loop, which comes second, is no part of the promise.
        let event = |entry: &Json| Event {
            time: entry[0].as_u64().expect("a time").into(),
            who: text(&entry[2]),
            what: text(&entry[3]),
        };
        let trace = json["trace"].as_array().expect("a trace").iter().map(event).collect();
        let prims = json["prims"].as_object().cloned().unwrap_or_default();
        let texts = |json: &Json| json.as_array().map(|list| list.iter().map(text).collect::<Vec<_>>());
        let ends = texts(&json["end"]).unwrap_or_else(|| vec![text(&json["end"])]);
        let runs = texts(&json["runs"]).unwrap_or_else(|| vec!["main".to_owned()]);
        let recording = Recording { trace, ends };
        Self { coros: json["coros"].clone(), prims, runs, recording }
    }
}

impl Recording {
    /// One line an event, then the ends.
    pub(crate) fn lines(&self) -> Vec<String> {
        let event = |event: &Event| format!("at {:<4} {:<8} {}", event.time, event.who, event.what);
        self.trace.iter().map(event).chain([format!("end: {}", self.ends.join(", "))]).collect()
    }
}
