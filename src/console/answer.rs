//! What is answered. Owns the words that are asked and the frame of an answer; must not know sockets.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, process};

use super::within::within;
use crate::awaitables::in_words;
use crate::error::{Closed, TaskError};
use crate::inspect::{CallGraph, quoted};
use crate::observe::Activity;
use crate::sync::{Lock, LockGuard};
use crate::threads::{LoopHandle, ThreadsafeFuture};

/// A loop that has not answered by then is said to be stuck.
const STUCK_AFTER: Duration = Duration::from_secs(1);

/// A graph of more nodes than that is not kept: of a million tasks it would take half a gigabyte for as long as the
/// program runs.
const KEPT_NODES: usize = 10_000;

/// The longest request, with its newline.
pub(super) const LONGEST_REQUEST: usize = 32;

/// A loop, as the thread that answers for it sees it.
pub(super) struct Inspected {
    handle: LoopHandle,
    activity: Activity,
    /// Many clients at once do not have it take down many graphs at once.
    turn: Lock,
    /// How many the loop has answered.
    answered: Cell<u64>,
    /// The last graph, and when it was taken: all that is known of its tasks while it is stuck. `None` if it was a
    /// large one.
    last: RefCell<Option<(Instant, CallGraph)>>,
}

/// What is answered, and with which word.
pub(super) enum Answer {
    Ok(String),
    Busy(String),
    Error(String),
}

impl Answer {
    /// The bytes that are sent.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        let (word, text) = match self {
            Self::Ok(text) => ("ok", text),
            Self::Busy(text) => ("busy", text),
            Self::Error(text) => ("error", text),
        };
        format!("{word} {}\n{text}", text.len()).into_bytes()
    }
}

/// A question to the loop.
type Question<T> = fn(&LoopHandle) -> Result<ThreadsafeFuture<T>, Closed>;

/// Why there is no answer.
#[derive(Clone, Copy)]
enum NoAnswer {
    /// The loop does not answer.
    Stuck,
    Closed,
}

/// How a graph is shown.
type Show = fn(&CallGraph) -> String;

impl Inspected {
    pub(super) fn new(handle: LoopHandle, activity: Activity) -> Self {
        Self { handle, activity, turn: Lock::new(()), answered: Cell::new(0), last: RefCell::default() }
    }

    /// The answer to a request.
    pub(super) async fn answer(&self, request: &str) -> Answer {
        let request = request.trim_ascii();
        let is_for_people = matches!(request, "ps" | "tree");
        let show: Show = match request {
            "ps" => CallGraph::to_table,
            "tree" => CallGraph::to_string,
            "json" => as_object,
            "dot" => CallGraph::to_dot,
            "svg" => CallGraph::to_svg,
            "html" => as_page,
            "metrics" => return self.metrics().await,
            _ => {
                let text = "unknown request; there are ps, tree, metrics, json, dot, svg and html";
                return Answer::Error(text.to_owned());
            }
        };
        match self.ask(LoopHandle::call_graph).await {
            Ok(graph) => {
                let shown = show(&graph);
                self.last.replace(Some((Instant::now(), graph)).filter(|(_, graph)| graph.nodes.len() <= KEPT_NODES));
                Answer::Ok(shown)
            }
            Err(NoAnswer::Stuck) if is_for_people => Answer::Busy(self.why_stuck() + &self.as_it_was(show)),
            Err(why) => self.no_answer(why),
        }
    }

    async fn metrics(&self) -> Answer {
        match self.ask(LoopHandle::metrics).await {
            Ok(metrics) => Answer::Ok(metrics.to_string()),
            Err(why) => self.no_answer(why),
        }
    }

    fn no_answer(&self, why: NoAnswer) -> Answer {
        match why {
            NoAnswer::Stuck => Answer::Busy(self.why_stuck()),
            NoAnswer::Closed => Answer::Error("the event loop is closed".to_owned()),
        }
    }

    /// Asks the loop, for as long as it is waited for.
    async fn ask<T: Send + 'static>(&self, ask: Question<T>) -> Result<T, NoAnswer> {
        let _turn = self.begin_turn().await.ok_or(NoAnswer::Stuck)?;
        let mut asked = ask(&self.handle).map_err(|_| NoAnswer::Closed)?;
        let since = self.activity.current_step().map(|step| step.began.elapsed()).unwrap_or_default();
        let answer = match within(STUCK_AFTER.saturating_sub(since), &mut asked).await {
            Some(answer) => answer,
            // the answer may have come while this thread was busy with another client
            None => asked.result_timeout(Duration::ZERO),
        };
        let answer = answer.map_err(|error| match error {
            TaskError::NotDone => NoAnswer::Stuck,
            _ => NoAnswer::Closed,
        })?;
        self.answered.set(self.answered.get() + 1);
        Ok(answer)
    }

    /// The last graph, if there was one. It may be old.
    fn as_it_was(&self, show: Show) -> String {
        self.last.borrow().as_ref().map_or_else(String::new, |(at, graph)| {
            format!("\nas it was {} ago:\n{}", in_words(at.elapsed()), show(graph))
        })
    }

    /// Waits until no other client asks. `None` if the loop has meanwhile answered none for as long as it is waited
    /// for.
    async fn begin_turn(&self) -> Option<LockGuard<'_, ()>> {
        loop {
            let answered = self.answered.get();
            match within(STUCK_AFTER, self.turn.acquire()).await {
                Some(turn) => return Some(turn),
                None if self.answered.get() == answered => return None,
                None => {}
            }
        }
    }

    /// Why the loop does not answer.
    fn why_stuck(&self) -> String {
        match self.activity.current_step() {
            Some(step) => format!("{step}; meanwhile nothing else runs"),
            None => "the event loop does not run: the program is between two runs or turns".to_owned(),
        }
    }
}

fn as_object(graph: &CallGraph) -> String {
    format!(r#"{{"pid":{},"program":{},"nodes":{}}}"#, process::id(), quoted(&program()), graph.to_json())
}

fn as_page(graph: &CallGraph) -> String {
    graph.to_html(&format!("{}, PID {}", program(), process::id()))
}

/// The name of this program.
fn program() -> String {
    let path = env::args_os().next().unwrap_or_default();
    Path::new(&path).file_name().unwrap_or(&path).to_string_lossy().into_owned()
}
