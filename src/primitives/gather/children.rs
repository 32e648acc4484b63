//! The children of a gathering. Owns how their results are put together; must not know when that happens.

use crate::awaitables::ValueHandle;
use crate::error::TaskError;
use crate::node::{Core, NodeRef, State};

/// The handles on several children, by index.
pub(crate) trait Children: 'static {
    /// How each child ended: what `return_exceptions` promises.
    type Outcomes: 'static;

    fn len(&self) -> usize;
    fn core(&self, index: usize) -> &Core;
    fn node(&self, index: usize) -> NodeRef;
    /// The child as a part of the gathering's value: see `make_parts`.
    fn part(&self, index: usize) -> Option<NodeRef>;
    /// How each child ended. All children must be done.
    fn into_outcomes(self) -> Self::Outcomes;
}

impl<T: 'static> Children for Vec<ValueHandle<T>> {
    type Outcomes = Vec<Result<T, TaskError>>;

    fn len(&self) -> usize {
        self.len()
    }

    fn core(&self, index: usize) -> &Core {
        self[index].core()
    }

    fn node(&self, index: usize) -> NodeRef {
        self[index].node()
    }

    fn part(&self, index: usize) -> Option<NodeRef> {
        self[index].part()
    }

    fn into_outcomes(self) -> Self::Outcomes {
        self.iter().map(ValueHandle::take_result).collect()
    }
}

/// Whether the child returned an error: the `Fails` of `try_gather`.
#[expect(clippy::ptr_arg, reason = "the type of children is a Vec here and a tuple elsewhere")]
pub(super) fn is_err_at<V: 'static, E: 'static>(children: &Vec<ValueHandle<Result<V, E>>>, index: usize) -> bool {
    is_err(&children[index])
}

/// Whether this child returned an error.
pub(super) fn is_err<V, E>(child: &ValueHandle<Result<V, E>>) -> bool {
    let mut is_err = false;
    if child.core().state() == State::Finished {
        child.promise().peek(&mut |result| is_err = result.is_err());
    }
    is_err
}

/// The values of children that all have one: the `Collect` of `gather`.
pub(super) fn values<T: 'static>(children: Vec<ValueHandle<T>>, _failed: Option<usize>) -> Option<Vec<T>> {
    collected(children.into_iter().map(|child| child.promise().take()))
}

/// The values, in the memory of the handles that they come from, if they fit there: the standard library sees to that.
/// What that memory has more than a few values need is given back.
fn collected<T>(values: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    let mut values: Vec<T> = values.collect::<Option<_>>()?;
    if (values.capacity() - values.len()) * size_of::<T>() > SPARE {
        values.shrink_to_fit();
    }
    Some(values)
}

/// So many bytes of a list of values may be spare.
const SPARE: usize = 1_024;

/// The values of children that all have one, or the error of the child that failed: the `Collect` of `try_gather`.
pub(super) fn values_or_error<V: 'static, E: 'static>(
    children: Vec<ValueHandle<Result<V, E>>>,
    failed: Option<usize>,
) -> Option<Result<Vec<V>, E>> {
    if let Some(index) = failed {
        let error = children[index].promise().take()?.err()?;
        // before the result is made: the compiler loses a result if a destructor, of another child's error, panics then
        drop(children);
        return Some(Err(error));
    }
    collected(children.into_iter().map(|child| child.promise().take()?.ok())).map(Ok)
}
