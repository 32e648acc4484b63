//! The children of a gathering: a list of one type, or a tuple of several. Owns what their results are put together to;
//! must not know when.

use std::any::Any;
use std::panic::Location;

use super::{child, gathering, with_outcomes};
use crate::context;
use crate::error::TaskError;
use crate::gathering::{FirstError, Gathering, Outcomes, Values};
use crate::join::Join;
use crate::node::{Core, NodeRef, State};

/// Several children, by index.
pub(crate) trait Children: 'static {
    fn len(&self) -> usize;
    fn core(&self, index: usize) -> &Core;
    fn node(&self, index: usize) -> NodeRef;
}

impl<T: 'static> Children for Vec<Join<T>> {
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
pub(crate) fn is_err<V: 'static, E: 'static>(children: &Vec<Join<Result<V, E>>>, index: usize) -> bool {
    failed(&children[index])
}

fn failed<V, E>(child: &Join<Result<V, E>>) -> bool {
    let mut failed = false;
    if child.core().state() == State::Finished {
        child.promise().peek(&mut |result| failed = result.is_err());
    }
    failed
}

/// The values of children that have all finished.
pub(crate) fn values<T: 'static>(children: Vec<Join<T>>, _failed: Option<usize>) -> Option<Box<dyn Any>> {
    let mut values = Vec::with_capacity(children.len());
    for child in children {
        values.push(child.promise().take()?);
    }
    Some(Box::new(values))
}

/// How each child ended.
#[expect(clippy::needless_pass_by_value, clippy::unnecessary_wraps, reason = "a `Collect`, as the others")]
pub(crate) fn outcomes<T: 'static>(children: Vec<Join<T>>, _failed: Option<usize>) -> Option<Box<dyn Any>> {
    let outcomes: Vec<Result<T, TaskError>> = children.iter().map(Join::take_result).collect();
    Some(Box::new(outcomes))
}

/// The values of children that have all finished, or the error of the one that failed.
pub(crate) fn first_error<V: 'static, E: 'static>(
    children: Vec<Join<Result<V, E>>>,
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

/// Children of several types.
#[doc(hidden)]
pub trait Tuple: 'static {
    type Values: 'static;
    fn gather(self, created: &'static Location<'static>) -> Gathering<Self::Values, Values>;
}

/// Children of several types with one type of error.
#[doc(hidden)]
pub trait TryTuple<E>: 'static {
    type Values: 'static;
    fn try_gather(self, created: &'static Location<'static>) -> Gathering<Result<Self::Values, E>, FirstError>;
}

#[doc(hidden)]
#[track_caller]
pub fn gather_tuple<C: Tuple>(children: C) -> Gathering<C::Values, Values> {
    children.gather(Location::caller())
}

#[doc(hidden)]
#[track_caller]
pub fn try_gather_tuple<C: TryTuple<E>, E>(children: C) -> Gathering<Result<C::Values, E>, FirstError> {
    children.try_gather(Location::caller())
}

/// Everything above for a tuple of so many children.
macro_rules! tuple {
    ($count:literal: $($F:ident $T:ident $V:ident $i:tt),+) => {
        impl<$($T: 'static),+> Children for ($(Join<$T>,)+) {
            fn len(&self) -> usize {
                $count
            }

            fn core(&self, index: usize) -> &Core {
                match index {
                    $($i => self.$i.core(),)+
                    _ => unreachable!("there are {} children", $count),
                }
            }

            fn node(&self, index: usize) -> NodeRef {
                match index {
                    $($i => self.$i.node(),)+
                    _ => unreachable!("there are {} children", $count),
                }
            }
        }

        impl<$($F),+> Tuple for ($($F,)+)
        where
            $($F: Future + 'static, $F::Output: 'static,)+
        {
            type Values = ($($F::Output,)+);

            fn gather(self, created: &'static Location<'static>) -> Gathering<Self::Values, Values> {
                let kernel = context::expect();
                let children = ($(child(&kernel, self.$i, created),)+);
                gathering(children, None, |children, _failed| {
                    let values: Self::Values = ($(children.$i.take_result().ok()?,)+);
                    Some(Box::new(values))
                })
            }
        }

        impl<$($F, $V),+, Error> TryTuple<Error> for ($($F,)+)
        where
            $($F: Future<Output = Result<$V, Error>> + 'static, $V: 'static,)+
            Error: 'static,
        {
            type Values = ($($V,)+);

            fn try_gather(
                self,
                created: &'static Location<'static>,
            ) -> Gathering<Result<Self::Values, Error>, FirstError> {
                let kernel = context::expect();
                let children = ($(child(&kernel, self.$i, created),)+);
                let fails = |children: &($(Join<Result<$V, Error>>,)+), index| match index {
                    $($i => failed(&children.$i),)+
                    _ => false,
                };
                gathering(children, Some(fails), |children, failed| {
                    let result: Result<Self::Values, Error> = match failed {
                        $(Some($i) => Err(children.$i.take_result().ok()?.err()?),)+
                        _ => Ok(($(children.$i.take_result().ok()?.ok()?,)+)),
                    };
                    Some(Box::new(result))
                })
            }
        }

        impl<$($T: 'static),+> Gathering<($($T,)+), Values> {
            /// Gives every child's outcome in its place, when all have ended: asyncio's `return_exceptions=True`.
            pub fn return_exceptions(self) -> Gathering<($(Result<$T, TaskError>,)+), Outcomes> {
                with_outcomes(&self, |children: ($(Join<$T>,)+), _failed| {
                    let outcomes: ($(Result<$T, TaskError>,)+) = ($(children.$i.take_result(),)+);
                    Some(Box::new(outcomes))
                })
            }
        }
    };
}

tuple!(1: F0 T0 V0 0);
tuple!(2: F0 T0 V0 0, F1 T1 V1 1);
tuple!(3: F0 T0 V0 0, F1 T1 V1 1, F2 T2 V2 2);
tuple!(4: F0 T0 V0 0, F1 T1 V1 1, F2 T2 V2 2, F3 T3 V3 3);
tuple!(5: F0 T0 V0 0, F1 T1 V1 1, F2 T2 V2 2, F3 T3 V3 3, F4 T4 V4 4);
tuple!(6: F0 T0 V0 0, F1 T1 V1 1, F2 T2 V2 2, F3 T3 V3 3, F4 T4 V4 4, F5 T5 V5 5);
tuple!(7: F0 T0 V0 0, F1 T1 V1 1, F2 T2 V2 2, F3 T3 V3 3, F4 T4 V4 4, F5 T5 V5 5, F6 T6 V6 6);
tuple!(8: F0 T0 V0 0, F1 T1 V1 1, F2 T2 V2 2, F3 T3 V3 3, F4 T4 V4 4, F5 T5 V5 5, F6 T6 V6 6, F7 T7 V7 7);
