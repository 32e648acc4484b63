//! What each op of a task is on this library: those that wait, or ask which task is running. Owns the mapping from
//! names to calls; must not know how bodies nest.

use std::rc::Rc;
use std::time::Duration;

use oneloop::{
    AnyFuture, ReturnWhen, Shared, Timeout, as_completed, catch_cancelled, current_task, shield, sleep, task_group,
    timeout, wait, wait_for, yield_now,
};
use serde_json::Value as Json;

use super::at_once::{outcomes, values};
use super::program::{Program, Step};
use super::value::{Caught, Raise, Value, show};

/// The next op has its turn.
pub(crate) const NEXT: Step = Ok(None);

pub(crate) fn text(json: &Json) -> &str {
    json.as_str().expect("a string")
}

pub(crate) fn list(json: &Json) -> &[Json] {
    json.as_array().expect("a list")
}

pub(crate) fn int(json: &Json) -> i64 {
    json.as_i64().expect("a number")
}

/// A time in units, or none for null.
pub(crate) fn span(json: &Json) -> Option<Duration> {
    let units = |json: &Json| Duration::from_millis(json.as_u64().expect("a time"));
    (!json.is_null()).then(|| units(json))
}

fn me() -> oneloop::TaskHandle {
    current_task().expect("ops are in tasks")
}

impl Program {
    pub(crate) async fn op(self: &Rc<Self>, op: &Json, caught: Option<&Caught>) -> Step {
        if self.at_once(op)? {
            return NEXT;
        }
        match text(&op[0]) {
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
            "timeout_as" => return self.timeout_as(op, caught).await,
            "group" => return self.group(op, caught).await,
            "start" => {
                let coro = self.coro(text(&op[2]));
                drop(self.keep(text(&op[1]), self.innermost_group().create_result_task(coro)));
            }
            "uncancel" => self.event(format!("uncancel {}", me().uncancel())),
            "cancelling" => self.event(format!("cancelling {}", me().cancelling())),
            other => match self.prim_op(op, caught).await {
                Some(step) => return step,
                None => panic!("no op is called {other}"),
            },
        }
        NEXT
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

    async fn timeout_as(self: &Rc<Self>, op: &Json, caught: Option<&Caught>) -> Step {
        let limit = span(&op[2]).map_or_else(Timeout::none, Timeout::after);
        self.limits.borrow_mut().insert(text(&op[1]).to_owned(), limit.clone());
        limit.run(self.body(&op[3], caught)).await?
    }

    async fn group(self: &Rc<Self>, op: &Json, caught: Option<&Caught>) -> Step {
        let grouped = task_group(async |group| {
            let _in = self.enter(group.clone());
            self.body(&op[1], caught).await
        });
        Ok(grouped.await?)
    }
}
