//! Names that must be reachable without being part of the API. Owns nothing.

pub use crate::cancel::Returns;
pub use crate::primitives::{Judge, Judges, Member, Sealed, TryTuple, Tuple, Value, gather_tuple, try_gather_tuple};
