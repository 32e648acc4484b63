//! Children of several types. Owns `gather!` and `try_gather!` behind their macros; must not know how a gathering ends.

use std::panic::Location;

use super::children::{Children, failed};
use super::gather::{child, gathering, with_outcomes};
use crate::awaitables::{FirstError, Gathering, JoinHandle, Outcomes, Values};
use crate::current;
use crate::error::TaskError;
use crate::node::{Core, NodeRef};

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
        impl<$($T: 'static),+> Children for ($(JoinHandle<$T>,)+) {
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
                let kernel = current::expect();
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
                let kernel = current::expect();
                let children = ($(child(&kernel, self.$i, created),)+);
                let fails = |children: &($(JoinHandle<Result<$V, Error>>,)+), index| match index {
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
                with_outcomes(&self, |children: ($(JoinHandle<$T>,)+), _failed| {
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
