//! The children of a gathering. Owns what their results are put together to;
//! must not know when.

use std::any::Any;

use crate::awaitables::JoinHandle;
use crate::error::TaskError;
use crate::node::{Core, NodeRef, State};

/// Several children, by index.
pub(crate) trait Children: 'static {
    fn len(&self) -> usize;
    fn core(&self, index: usize) -> &Core;
    fn node(&self, index: usize) -> NodeRef;
}

impl<T: 'static> Children for Vec<JoinHandle<T>> {
    fn len(&self) -> usize {
        self.len()
    }

    fn core(&self, index: usize) -> &Core {
        self[index].core()
    }

    fn node(&self, index: usize) -> NodeRef {
        self[index].node()
    }
}

/// Whether the child returned an error.
#[expect(clippy::ptr_arg, reason = "children are a Vec here and a tuple there")]
pub(crate) fn is_err<V: 'static, E: 'static>(children: &Vec<JoinHandle<Result<V, E>>>, index: usize) -> bool {
    failed(&children[index])
}

/// Whether this child returned an error.
pub(super) fn failed<V, E>(child: &JoinHandle<Result<V, E>>) -> bool {
    let mut failed = false;
    if child.core().state() == State::Finished {
        child.promise().peek(&mut |result| failed = result.is_err());
    }
    failed
}

/// The values of children that have all finished.
pub(crate) fn values<T: 'static>(children: Vec<JoinHandle<T>>, _failed: Option<usize>) -> Option<Box<dyn Any>> {
    let mut values = Vec::with_capacity(children.len());
    for child in children {
        values.push(child.promise().take()?);
    }
    Some(Box::new(values))
}

/// How each child ended.
#[expect(clippy::needless_pass_by_value, clippy::unnecessary_wraps, reason = "a `Collect`, as the others")]
pub(crate) fn outcomes<T: 'static>(children: Vec<JoinHandle<T>>, _failed: Option<usize>) -> Option<Box<dyn Any>> {
    let outcomes: Vec<Result<T, TaskError>> = children.iter().map(JoinHandle::take_result).collect();
    Some(Box::new(outcomes))
}

/// The values of children that have all finished, or the error of the one that failed.
pub(crate) fn first_error<V: 'static, E: 'static>(
    children: Vec<JoinHandle<Result<V, E>>>,
    failed: Option<usize>,
) -> Option<Box<dyn Any>> {
    let result: Result<Vec<V>, E> = if let Some(index) = failed {
        Err(children[index].promise().take()?.err()?)
    } else {
        let mut values = Vec::with_capacity(children.len());
        for child in children {
            values.push(child.promise().take()?.ok()?);
        }
        Ok(values)
    };
    Some(Box::new(result))
}
