//! Ops that wait for nothing and ask for no task, so that a callback may carry them out too. Owns their mapping to
//! calls; must not know how bodies nest.

use std::rc::Rc;

use oneloop::gather::{FirstError, Gathering, Outcomes};
use oneloop::{
    Awaitable, EventLoop, Shared, TaskError, create_future, create_task, ensure_future, gather, shield, try_gather,
};
use serde_json::Value as Json;

use super::ops::{int, list, span, text};
use super::program::Program;
use super::value::{Outcome, Raise, Value, ended};

impl Program {
    /// Carries out the op; false if it is another.
    pub(crate) fn at_once(self: &Rc<Self>, op: &Json) -> Result<bool, Raise> {
        let here = self.task_op(op) || self.callback_op(op) || self.limit_op(op) || self.context_op(op);
        Ok(here || self.prim_op_at_once(op)?)
    }

    fn task_op(self: &Rc<Self>, op: &Json) -> bool {
        let label = op[1].as_str().unwrap_or_default();
        match text(&op[0]) {
            "log" => self.event(label),
            "task" => drop(self.keep(label, create_task(self.coro(text(&op[2]))))),
            "eager" => {
                let task = create_task(self.coro(text(&op[2]))).named(label).eager();
                drop(self.keep(label, task));
            }
            "task_in" => {
                let context = self.contexts.kept(text(&op[3]));
                drop(self.keep(label, create_task(self.coro(text(&op[2]))).in_context(&context)));
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
            "shield_as" => self.shield_as(op),
            _ => return false,
        }
        true
    }

    fn callback_op(self: &Rc<Self>, op: &Json) -> bool {
        let lp = EventLoop::current();
        let keep = |timer| drop(self.timers.borrow_mut().insert(text(&op[3]).to_owned(), timer));
        let delay = || span(&op[1]).expect("a time");
        let subject = || self.labelled(text(&op[1]));
        match text(&op[0]) {
            "soon" => drop(lp.call_soon(self.noting(text(&op[1])))),
            "soon_do" => drop(lp.call_soon(self.acting(&op[1]))),
            "later" => keep(lp.call_later(delay(), self.noting(text(&op[2])))),
            "later_do" => keep(lp.call_later(delay(), self.acting(&op[2]))),
            "unschedule" => self.timers.borrow().get(text(&op[1])).expect("a timer has this label").cancel(),
            "on_done" => {
                let note = self.noting(text(&op[2]));
                subject().add_done_callback(move |_| note());
            }
            "on_done_do" => {
                let act = self.acting(&op[2]);
                subject().add_done_callback(move |_| act());
            }
            "stop" => lp.stop(),
            _ => return false,
        }
        true
    }

    /// What is asked of a time limit, and cells.
    fn limit_op(&self, op: &Json) -> bool {
        let name = || text(&op[1]);
        let limit = || self.limits.borrow().get(name()).expect("a limit has this name").clone();
        match text(&op[0]) {
            "reschedule" => {
                let deadline = span(&op[2]).map(|from_now| EventLoop::current().time() + from_now);
                if limit().reschedule(deadline).is_err() {
                    self.event("invalid");
                }
            }
            "expired" => self.event(format!("expired {}", limit().expired())),
            "cell" | "cell_set" => drop(self.cells.borrow_mut().insert(name().to_owned(), int(&op[2]))),
            _ => return false,
        }
        true
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
    pub(crate) fn child(self: &Rc<Self>, child: &Json) -> Shared<Outcome> {
        match text(&child[0]) {
            "t" => self.labelled(text(&child[1])),
            _ => self.keep(text(&child[1]), create_task(self.coro(text(&child[2])))),
        }
    }

    fn children(self: &Rc<Self>, children: &Json) -> Vec<Shared<Outcome>> {
        list(children).iter().map(|child| self.child(child)).collect()
    }

    pub(crate) fn gather_values(self: &Rc<Self>, children: &Json) -> Gathering<Result<Vec<Value>, Raise>, FirstError> {
        try_gather(self.children(children))
    }

    pub(crate) fn gather_outcomes(
        self: &Rc<Self>,
        children: &Json,
    ) -> Gathering<Vec<Result<Outcome, TaskError>>, Outcomes> {
        gather(self.children(children)).return_exceptions()
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

    /// The shield of what is done is that itself.
    fn shield_as(self: &Rc<Self>, op: &Json) {
        let child = self.child(&op[2]);
        let of_gathering = self.gatherings.borrow().contains(&child.any());
        let shield = if child.done() { child } else { shield(child).shared() };
        if of_gathering {
            self.gatherings.borrow_mut().push(shield.any());
        }
        drop(self.label(text(&op[1]), shield));
    }
}

pub(crate) fn values(values: Vec<Value>) -> Value {
    Value::List(values.into_iter().map(Ok).collect())
}

pub(crate) fn outcomes(outcomes: Vec<Result<Outcome, TaskError>>) -> Value {
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
