//! Children of several types. Owns what the macros `gather!` and `try_gather!` call; must not know when a gathering
//! ends.

use std::panic::Location;

use super::children::{Children, is_err};
use super::gather::{child, gathering, with_outcomes};
use super::gathering_node::GatheringNode;
use crate::awaitables::{FirstError, Gathering, Outcomes, ValueHandle, Values};
use crate::current;
use crate::error::TaskError;
use crate::node::{Core, NodeRef, Promise};

/// A tuple of awaitables.
#[doc(hidden)]
pub trait Tuple: 'static {
    type Values: 'static;
    #[track_caller]
    fn gather(self, created: &'static Location<'static>) -> Gathering<Self::Values, Values>;
}

/// A tuple of awaitables with one type of error.
#[doc(hidden)]
pub trait TryTuple<E>: 'static {
    type Values: 'static;
    #[track_caller]
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

/// The implementations for tuples of `$count` children: with the types `$F` of the awaitables, `$T` of the values of
/// `gather!`, `$V` of those of `try_gather!`, and their indexes.
macro_rules! tuple {
    ($count:literal: $($F:ident $T:ident $V:ident $i:tt),+) => {
        impl<$($T: 'static),+> Children for ($(ValueHandle<$T>,)+) {
            type Outcomes = ($(Result<$T, TaskError>,)+);

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

            fn part(&self, index: usize) -> Option<NodeRef> {
                match index {
                    $($i => self.$i.part(),)+
                    _ => unreachable!("there are {} children", $count),
                }
            }

            fn into_outcomes(self) -> Self::Outcomes {
                ($(self.$i.take_result(),)+)
            }
        }

        impl<$($T: 'static),+> Promise<($(Result<$T, TaskError>,)+)>
            for GatheringNode<($(ValueHandle<$T>,)+), ($($T,)+)>
        {
            fn take(&self) -> Option<($(Result<$T, TaskError>,)+)> {
                self.take_outcomes()
            }

            fn peek(&self, look: &mut dyn FnMut(&($(Result<$T, TaskError>,)+))) {
                self.peek_outcomes(look);
            }
        }

        impl<$($F),+> Tuple for ($($F,)+)
        where
            $($F: Future + 'static, $F::Output: 'static,)+
        {
            type Values = ($($F::Output,)+);

            #[track_caller]
            fn gather(self, created: &'static Location<'static>) -> Gathering<Self::Values, Values> {
                let kernel = current::expect();
                let mut nests = false;
                let children = ($(child(&kernel, self.$i, created, &mut nests),)+);
                gathering(children, nests, None, |children, _failed| Some(($(children.$i.take_result().ok()?,)+)))
            }
        }

        impl<$($F, $V),+, Error> TryTuple<Error> for ($($F,)+)
        where
            $($F: Future<Output = Result<$V, Error>> + 'static, $V: 'static,)+
            Error: 'static,
        {
            type Values = ($($V,)+);

            #[track_caller]
            fn try_gather(
                self,
                created: &'static Location<'static>,
            ) -> Gathering<Result<Self::Values, Error>, FirstError> {
                let kernel = current::expect();
                let mut nests = false;
                let children = ($(child(&kernel, self.$i, created, &mut nests),)+);
                let fails = |children: &($(ValueHandle<Result<$V, Error>>,)+), index| match index {
                    $($i => is_err(&children.$i),)+
                    _ => false,
                };
                gathering(children, nests, Some(fails), |children, failed| match failed {
                    $(Some($i) => Some(Err(children.$i.take_result().ok()?.err()?)),)+
                    _ => Some(Ok(($(children.$i.take_result().ok()?.ok()?,)+))),
                })
            }
        }

        impl<$($T: 'static),+> Gathering<($($T,)+), Values> {
            /// Makes this a gathering of outcomes, see `return_exceptions` of a gathering of a `Vec`.
            pub fn return_exceptions(self) -> Gathering<($(Result<$T, TaskError>,)+), Outcomes> {
                with_outcomes::<($(ValueHandle<$T>,)+), _>(&self)
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
