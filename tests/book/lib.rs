//! The programs of the book, made by build.rs of the very blocks of its pages. Must not know what they are for.

pub mod recording;

/// A program of a page.
#[derive(Debug)]
pub struct Program {
    /// Of the section that it is in.
    pub heading: &'static str,
    /// The same program in Python, which stands before it; empty if there is none.
    pub python: &'static str,
    /// What the page says that it prints.
    pub prints: &'static str,
    /// The name of the picture that follows it; empty if none does.
    pub picture: &'static str,
    /// It, as it stands there.
    pub run: fn() -> Result<(), oneloop::Error>,
}

#[expect(
    clippy::print_stdout,
    clippy::unused_async,
    clippy::semicolon_if_nothing_returned,
    clippy::no_effect_underscore_binding,
    reason = "programs of a page, which print and are short"
)]
mod programs {
    use super::Program;

    include!(concat!(env!("OUT_DIR"), "/programs.rs"));
}

pub use programs::PROGRAMS;
