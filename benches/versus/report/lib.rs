//! What the suite knows without running anything: the rows and the systems by name, what follows from the rounds, and
//! how it is shown and compared. Must not know how a row is measured, nor any peer: those are dependencies of the bench
//! alone, so that building the whole workspace builds none of them.

pub mod baseline;
pub mod chart;
pub mod front;
pub mod machine;
pub mod peers;
pub mod redraw;
pub mod results;
pub mod rows;
pub mod saved;
pub mod systems;
pub mod tables;
