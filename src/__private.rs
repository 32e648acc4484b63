//! Names that the crate's macros and sealed traits need to reach. They are no part of the API.

pub use crate::cancel::Returns;
pub use crate::primitives::{
    DecidesWait, MayBeError, Member, MemberCore, OpaqueDecider, Sealed, TryTuple, Tuple, Value, gather_tuple,
    try_gather_tuple,
};
