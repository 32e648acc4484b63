//! What is answered. Owns the words that are asked and the frame of an answer; must not know sockets.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};
use std::{env, process};

use crate::error::TaskError;
use crate::inspect::{CallGraph, quoted};
use crate::observe::Activity;
use crate::primitives::timeout;
use crate::sync::{Lock, LockGuard};
use crate::threads::LoopHandle;

/// A loop that has not answered by then is said to be stuck.
const STUCK_AFTER: Duration = Duration::from_secs(1);

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
    /// What it has answered last, and when: all that is known of its tasks while it is stuck.
    last: RefCell<Option<(Instant, Rc<CallGraph>)>>,
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

/// Why there is no graph.
enum NoGraph {
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
            _ => return Answer::Error("unknown request; there are ps, tree, json, dot, svg and html".to_owned()),
        };
        match self.graph().await {
            Ok(graph) => Answer::Ok(show(&graph)),
            Err(NoGraph::Closed) => Answer::Error("the event loop is closed".to_owned()),
            Err(NoGraph::Stuck) if is_for_people => Answer::Busy(self.why_stuck() + &self.as_it_was(show)),
            Err(NoGraph::Stuck) => Answer::Busy(self.why_stuck()),
        }
    }

    async fn graph(&self) -> Result<Rc<CallGraph>, NoGraph> {
        let _turn = self.begin_turn().await.ok_or(NoGraph::Stuck)?;
        let mut asked = self.handle.call_graph().map_err(|_| NoGraph::Closed)?;
        let since = self.activity.current_step().map(|step| step.began.elapsed()).unwrap_or_default();
        let graph = match timeout(STUCK_AFTER.saturating_sub(since), &mut asked).await {
            Ok(graph) => graph,
            // the answer may have come while this thread was busy with another client
            Err(_) => asked.result_timeout(Duration::ZERO),
        };
        let graph = graph.map(Rc::new).map_err(|error| match error {
            TaskError::NotDone => NoGraph::Stuck,
            _ => NoGraph::Closed,
        })?;
        self.answered.set(self.answered.get() + 1);
        self.last.replace(Some((Instant::now(), Rc::clone(&graph))));
        Ok(graph)
    }

    /// What the loop has answered last, if it has. It may have been asked long ago.
    fn as_it_was(&self, show: Show) -> String {
        self.last.borrow().as_ref().map_or_else(String::new, |(at, graph)| {
            format!("\nas it was {:.1} s ago:\n{}", at.elapsed().as_secs_f64(), show(graph))
        })
    }

    /// Waits until no other client asks. `None` if the loop has meanwhile answered none for as long as it is waited for.
    async fn begin_turn(&self) -> Option<LockGuard<'_, ()>> {
        loop {
            let answered = self.answered.get();
            match timeout(STUCK_AFTER, self.turn.acquire()).await {
                Ok(turn) => return Some(turn),
                Err(_) if self.answered.get() == answered => return None,
                Err(_) => {}
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
