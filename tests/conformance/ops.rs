//! What each op of the format is on this library. Owns the mapping from names to calls; must not know how bodies nest.

use std::rc::Rc;
use std::time::Duration;

use oneloop::gather::{FirstError, Gathering, Outcomes};
use oneloop::{
    AnyFuture, Awaitable, EventLoop, ReturnWhen, Shared, TaskError, Timeout, as_completed, catch_cancelled,
    create_future, create_task, current_task, ensure_future, gather, shield, sleep, task_group, timeout, try_gather,
    wait, wait_for, yield_now,
};
use serde_json::Value as Json;

use super::program::{Program, Step};
use super::value::{Caught, Outcome, Raise, Value, ended, show};

/// The next op has its turn.
pub(crate) const NEXT: Step = Ok(None);

pub(crate) fn text(json: &Json) -> &str {
    json.as_str().expect("a string")
}

fn list(json: &Json) -> &[Json] {
    json.as_array().expect("a list")
}

pub(crate) fn int(json: &Json) -> i64 {
    json.as_i64().expect("a number")
}

/// A time in units, or none for null.
fn span(json: &Json) -> Option<Duration> {
    let units = |json: &Json| Duration::from_millis(json.as_u64().expect("a time"));
    (!json.is_null()).then(|| units(json))
}

fn me() -> oneloop::TaskHandle {
    current_task().expect("ops are in tasks")
}

impl Program {
    pub(crate) async fn op(self: &Rc<Self>, op: &Json, caught: Option<&Caught>) -> Step {
        match text(&op[0]) {
            "log" => self.event(text(&op[1])),
            "yield" => yield_now().await,
            "sleep" => sleep(span(&op[1]).expect("a time")).await,
            "call" => self.event(format!("call = {}", self.coro(text(&op[1])).await?)),
            "raise" => return Err(Raise::from(text(&op[1]))),
            "return" => return Ok(Some(Value::Int(int(&op[1])))),
            "reraise" => match caught.expect("reraise is in a handler") {
                Caught::Error(raise) => return Err(raise.clone()),
                Caught::Cancelled(cancelled) => cancelled.clone().reraise().await,
            },
            "try" => return self.attempt(op, caught).await,
            "await" => self.event(format!("{} = {}", text(&op[1]), self.labelled(text(&op[1])).await?)),
            "gather" => self.gather(op).await?,
            "wait" => self.wait(op).await,
            "wait_for" => self.wait_for(op).await?,
            "shield" => self.event(format!("shield = {}", shield(self.child(&op[1])).await?)),
            "as_completed" => self.as_completed(op).await?,
            "timeout" => return self.timeout(op, caught).await,
            "group" => return self.group(op, caught).await,
            _ => match self.prim_op(op, caught).await {
                Some(step) => return step,
                None => self.at_once(op),
            },
        }
        NEXT
    }

    /// Ops that do not wait.
    fn at_once(self: &Rc<Self>, op: &Json) {
        let label = op[1].as_str().unwrap_or_default();
        match text(&op[0]) {
            "task" => drop(self.keep(label, create_task(self.coro(text(&op[2]))))),
            "start" => {
                let coro = self.coro(text(&op[2]));
                drop(self.keep(label, self.innermost_group().create_result_task(coro)));
            }
            "future" => self.future(label),
            "set" => self.settle(label, Ok(Value::Int(int(&op[2])))),
            "fail" => self.settle(label, Err(Raise::from(text(&op[2])))),
            "cancel" => {
                let taken = self.labelled(label).cancel();
                self.event(format!("cancel {label} {taken}"));
            }
            "state" => self.event(format!("{label} {}", state(&self.labelled(label)))),
            "gather_as" => self.gather_as(op),
            "uncancel" => self.event(format!("uncancel {}", me().uncancel())),
            "cancelling" => self.event(format!("cancelling {}", me().cancelling())),
            "soon" => drop(EventLoop::current().call_soon(self.noting(text(&op[1])))),
            "later" => {
                let delay = span(&op[1]).expect("a time");
                let timer = EventLoop::current().call_later(delay, self.noting(text(&op[2])));
                self.timers.borrow_mut().insert(text(&op[3]).to_owned(), timer);
            }
            "unschedule" => self.timers.borrow().get(label).expect("a timer has this label").cancel(),
            "on_done" => {
                let note = self.noting(text(&op[2]));
                self.labelled(label).add_done_callback(move |_| note());
            }
            other => panic!("no op is called {other}"),
        }
    }

    fn future(&self, label: &str) {
        let future = create_future();
        drop(self.label(label, future.clone().shared()));
        self.futures.borrow_mut().insert(label.to_owned(), future);
    }

    fn settle(&self, label: &str, outcome: Outcome) {
        let future = self.futures.borrow().get(label).expect("a future has this label").clone();
        if future.set_result(outcome).is_err() {
            self.event("invalid");
        }
    }

    /// What `["t", label]` and `["c", label, coro]` stand for; the coroutine becomes a task, which has the label.
    fn child(self: &Rc<Self>, child: &Json) -> Shared<Outcome> {
        match text(&child[0]) {
            "t" => self.labelled(text(&child[1])),
            _ => self.keep(text(&child[1]), create_task(self.coro(text(&child[2])))),
        }
    }

    fn children(self: &Rc<Self>, children: &Json) -> Vec<Shared<Outcome>> {
        list(children).iter().map(|child| self.child(child)).collect()
    }

    fn gather_values(self: &Rc<Self>, children: &Json) -> Gathering<Result<Vec<Value>, Raise>, FirstError> {
        try_gather(self.children(children))
    }

    fn gather_outcomes(self: &Rc<Self>, children: &Json) -> Gathering<Vec<Result<Outcome, TaskError>>, Outcomes> {
        gather(self.children(children)).return_exceptions()
    }

    async fn gather(self: &Rc<Self>, op: &Json) -> Result<(), Raise> {
        let value = if op[2] == true {
            outcomes(self.gather_outcomes(&op[1]).await)
        } else {
            values(self.gather_values(&op[1]).await?)
        };
        self.event(format!("gather {value}"));
        Ok(())
    }

    fn gather_as(self: &Rc<Self>, op: &Json) {
        let gathering: Awaitable<Outcome> = if op[3] == true {
            ensure_future(self.gather_outcomes(&op[2])).map(|ended| Ok(outcomes(ended)))
        } else {
            ensure_future(self.gather_values(&op[2])).map(|result| result.map(values))
        };
        self.gatherings.borrow_mut().push(gathering.any());
        drop(self.label(text(&op[1]), gathering.shared()));
    }

    async fn wait(&self, op: &Json) {
        let labels: Vec<(&str, AnyFuture)> =
            list(&op[1]).iter().map(|l| (text(l), self.labelled(text(l)).any())).collect();
        let waiting = wait(labels.iter().map(|(label, _)| self.labelled(label))).timeout(span(&op[3]));
        let sets = match text(&op[2]) {
            "ALL_COMPLETED" => waiting.return_when(ReturnWhen::AllCompleted).await,
            "FIRST_COMPLETED" => waiting.return_when(ReturnWhen::FirstCompleted).await,
            "FIRST_EXCEPTION" => waiting.return_when(ReturnWhen::FirstException).await,
            other => panic!("no wait ends on {other}"),
        };
        let names = |handles: Vec<AnyFuture>| {
            let mut names: Vec<&str> =
                labels.iter().filter(|(_, handle)| handles.contains(handle)).map(|(label, _)| *label).collect();
            names.sort_unstable();
            if names.is_empty() { "-".to_owned() } else { names.join(",") }
        };
        let done = names(sets.done.iter().map(Shared::any).collect());
        let pending = names(sets.pending.iter().map(Shared::any).collect());
        self.event(format!("wait done {done} pending {pending}"));
    }

    async fn wait_for(self: &Rc<Self>, op: &Json) -> Result<(), Raise> {
        let (child, limit) = (&op[1], span(&op[2]));
        let outcome = match text(&child[0]) {
            "t" => wait_for(self.labelled(text(&child[1])), limit).await?,
            _ => wait_for(self.coro(text(&child[2])), limit).await?,
        };
        self.event(format!("wait_for = {}", outcome?));
        Ok(())
    }

    async fn as_completed(&self, op: &Json) -> Result<(), Raise> {
        let tasks = list(&op[1]).iter().map(|label| self.labelled(text(label)));
        let mut line = as_completed(tasks).timeout(span(&op[2]));
        while let Some(next) = line.next().await {
            let task = next?;
            // To asyncio a gathering is never cancelled, it only raises that it was: then the recorder goes no further.
            let gathering = self.gatherings.borrow().contains(&task.any());
            match catch_cancelled(task).await {
                Ok(Ok(value)) => self.event(format!("next = {value}")),
                Ok(raised) => self.event(format!("next {}", show(&raised))),
                Err(cancelled) if gathering => cancelled.reraise().await,
                Err(_) => self.event("next !cancelled"),
            }
        }
        Ok(())
    }

    async fn timeout(self: &Rc<Self>, op: &Json, caught: Option<&Caught>) -> Step {
        let body = self.body(&op[2], caught);
        match span(&op[1]) {
            Some(limit) => timeout(limit, body).await?,
            None => Timeout::none().run(body).await?,
        }
    }

    async fn group(self: &Rc<Self>, op: &Json, caught: Option<&Caught>) -> Step {
        let grouped = task_group(async |group| {
            let _in = self.enter(group.clone());
            self.body(&op[1], caught).await
        });
        Ok(grouped.await?)
    }
}

fn values(values: Vec<Value>) -> Value {
    Value::List(values.into_iter().map(Ok).collect())
}

fn outcomes(outcomes: Vec<Result<Outcome, TaskError>>) -> Value {
    Value::List(outcomes.into_iter().map(ended).collect())
}

fn state(handle: &Shared<Outcome>) -> String {
    match handle.result() {
        Ok(Ok(value)) => format!("value {value}"),
        Ok(Err(raise)) => format!("error {raise}"),
        Err(TaskError::NotDone) => "pending".to_owned(),
        Err(TaskError::Cancelled(_)) => "cancelled".to_owned(),
        Err(other) => panic!("a state that no case asks for: {other}"),
    }
}
