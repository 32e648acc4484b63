//! Names that must be reachable without being part of the API. Owns nothing.

pub use crate::gather::{TryTuple, Tuple, gather_tuple, try_gather_tuple};
pub use crate::throw::Returns;
pub use crate::wait::{Judge, Judges, Member, Sealed, Value};
