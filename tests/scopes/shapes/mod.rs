//! Named programs of tasks that have several branches, by subject. Must not know the random ones.

mod branches;

mod catchers;
mod deep;
mod dropped;
mod executors;
mod groups;
mod handing_on;
mod limits;
mod moving;
