//! Pages about the whole of oneloop: the chapters of its book, which name is what, how it compares with asyncio, which
//! crates of others run on it, how fast it is. To learn it, begin with the [`tutorial`]; to do one thing, with the
//! [`cookbook`].
//!
//! They are the files of the repository's folder `docs`; `mdbook serve docs/book` shows the chapters as a book.

// Owns no code. Each page takes its links from docs/rustdoc first, where a label stands for a page of rustdoc; in the
// repository the labels at the end of the page stand for files. docs/rustdoc/wrap.md lets long names and lines wrap.

#[cfg(not(doctest))] // its blocks are files of one program: docs/book/check
#[doc = include_str!("../../docs/book/src/tutorial/01_project.md")]
#[doc = include_str!("../../docs/book/src/tutorial/02_connections.md")]
#[doc = include_str!("../../docs/book/src/tutorial/03_protocol.md")]
#[doc = include_str!("../../docs/book/src/tutorial/04_state.md")]
#[doc = include_str!("../../docs/book/src/tutorial/05_time.md")]
#[doc = include_str!("../../docs/book/src/tutorial/06_subscribe.md")]
#[doc = include_str!("../../docs/book/src/tutorial/07_limits.md")]
#[doc = include_str!("../../docs/book/src/tutorial/08_end.md")]
#[doc = include_str!("../../docs/book/src/tutorial/09_tests.md")]
#[doc = include_str!("../../docs/book/src/tutorial/10_inside.md")]
#[doc = include_str!("../../docs/rustdoc/wrap.md")]
pub mod tutorial {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/rustdoc/pictures.md")]
#[doc = include_str!("../../docs/book/src/gather_and_wait.md")]
#[doc = include_str!("../../docs/rustdoc/wrap.md")]
pub mod gather_and_wait {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/rustdoc/pictures.md")]
#[doc = include_str!("../../docs/book/src/cancellation.md")]
pub mod cancellation {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/book/src/from_tokio.md")]
#[doc = include_str!("../../docs/rustdoc/wrap.md")]
pub mod from_tokio {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/book/src/cookbook.md")]
#[doc = include_str!("../../docs/rustdoc/wrap.md")]
pub mod cookbook;

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/book/src/testing.md")]
#[doc = include_str!("../../docs/rustdoc/wrap.md")]
pub mod testing {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/book/src/contract.md")]
#[doc = include_str!("../../docs/rustdoc/wrap.md")]
pub mod contract {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/rustdoc/pictures.md")]
#[doc = include_str!("../../docs/rustdoc/sources.md")]
#[doc = include_str!("../../docs/book/src/inside.md")]
#[doc = include_str!("../../docs/rustdoc/wrap.md")]
pub mod inside {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/book/src/hanging.md")]
pub mod hanging {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/book/src/finding_a_fault.md")]
#[doc = include_str!("../../docs/rustdoc/wrap.md")]
pub mod finding_a_fault {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/book/src/inspecting.md")]
#[doc = include_str!("../../docs/rustdoc/wrap.md")]
pub mod inspecting {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/book/src/from_asyncio.md")]
#[doc = include_str!("../../docs/rustdoc/wrap.md")]
pub mod from_asyncio {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/rustdoc/names.md")]
#[cfg_attr(
    all(feature = "signal", feature = "process"),
    doc = include_str!("../../docs/rustdoc/names_of_features.md")
)]
#[doc = include_str!("../../docs/NAMES.md")]
pub mod names {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/rustdoc/counterparts.md")]
#[cfg_attr(
    all(feature = "signal", feature = "process", feature = "tls"),
    doc = include_str!("../../docs/rustdoc/counterparts_of_features.md")
)]
#[doc = include_str!("../../docs/PARITY.md")]
#[doc = include_str!("../../docs/rustdoc/wrap.md")]
pub mod parity {}

#[cfg(not(doctest))] // tests/ecosystem compiles its blocks, with the crates that they are about
#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/ECOSYSTEM.md")]
#[doc = include_str!("../../docs/rustdoc/wrap.md")]
pub mod ecosystem {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/ARCHITECTURE.md")]
pub mod architecture {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/EMBEDDING.md")]
pub mod embedding {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/rustdoc/versus.md")]
#[doc = include_str!("../../docs/BENCHMARKS.md")]
#[doc = include_str!("../../docs/rustdoc/wrap.md")]
pub mod benchmarks {
    #[doc = include_str!("../../docs/rustdoc/pages.md")]
    #[doc = include_str!("../../docs/benchmarks/versus.md")]
    pub mod all_systems {}
}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/RELIABILITY.md")]
#[doc = include_str!("../../docs/rustdoc/wrap.md")]
pub mod reliability {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/SECURITY.md")]
pub mod security {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/CONTRIBUTING.md")]
pub mod contributing {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/CHANGELOG.md")]
pub mod changelog {}

#[cfg(not(doctest))] // programs that CI runs
pub mod examples;
