//! The context variables of a case, and its ops on them. Owns variables, tokens and kept contexts by name; must not
//! know other ops.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use oneloop::{Context, ContextToken, ContextVar, EventLoop, copy_context};
use serde_json::Value as Json;

use super::ops::{int, text};
use super::program::Program;
use super::quiet::refused;

#[derive(Default)]
pub(crate) struct Contexts {
    variables: RefCell<HashMap<String, Rc<ContextVar<i64>>>>,
    /// None for a token that was used.
    tokens: RefCell<HashMap<String, Option<ContextToken<i64>>>>,
    kept: RefCell<HashMap<String, Context>>,
}

impl Contexts {
    fn variable(&self, name: &str) -> Rc<ContextVar<i64>> {
        let mut variables = self.variables.borrow_mut();
        let made = || Rc::new(ContextVar::new("a variable of the case"));
        Rc::clone(variables.entry(name.to_owned()).or_insert_with(made))
    }

    pub(crate) fn kept(&self, name: &str) -> Context {
        self.kept.borrow().get(name).expect("a context has this name").clone()
    }

    /// Whether the token was taken. It is used up in either case.
    fn reset(&self, name: &str, token: &str) -> bool {
        let token = self.tokens.borrow_mut().get_mut(token).expect("a token has this name").take();
        let variable = self.variable(name);
        token.is_some_and(|token| refused("cannot reset", || variable.reset(token)).is_some())
    }
}

impl Program {
    /// An op on context variables; false if it is another.
    pub(crate) fn context_op(self: &Rc<Self>, op: &Json) -> bool {
        let contexts = &self.contexts;
        let name = || text(&op[1]);
        match text(&op[0]) {
            "cv_set" => {
                let token = contexts.variable(name()).set(int(&op[2]));
                contexts.tokens.borrow_mut().insert(text(&op[3]).to_owned(), Some(token));
            }
            "cv_get" => self.note_variable(name()),
            "cv_reset" => {
                if !contexts.reset(name(), text(&op[2])) {
                    self.event("invalid");
                }
            }
            "ctx" => {
                contexts.kept.borrow_mut().insert(name().to_owned(), copy_context());
            }
            "ctx_get" => {
                let value = contexts.kept(name()).get(&contexts.variable(text(&op[2])));
                self.event(format!("{}.{}", name(), shown(text(&op[2]), value)));
            }
            "soon_cv" => drop(EventLoop::current().call_soon(self.looking_at(name()))),
            "soon_in" => {
                let (context, look) = (contexts.kept(name()), self.looking_at(text(&op[2])));
                EventLoop::current().call_soon(move || context.run(look));
            }
            _ => return false,
        }
        true
    }

    fn note_variable(&self, name: &str) {
        self.event(shown(name, self.contexts.variable(name).get()));
    }

    /// A callback that notes what a variable is there.
    fn looking_at(self: &Rc<Self>, name: &str) -> impl FnOnce() + 'static + use<> {
        let (program, name) = (Rc::clone(self), name.to_owned());
        move || program.note_variable(&name)
    }
}

/// `V = 3`, or `V unset`.
fn shown(name: &str, value: Option<i64>) -> String {
    value.map_or_else(|| format!("{name} unset"), |value| format!("{name} = {value}"))
}
