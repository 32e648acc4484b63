//! Pages about the whole of oneloop: where to begin if you know asyncio, which name is what, how it compares, which crates
//! of others run on it, how it works, how fast it is.
//!
//! They are the files of the repository's folder `docs`.

// Owns no code. Each page takes its links from docs/rustdoc first, where a label stands for a page of rustdoc; in the
// repository the labels at the end of the page stand for files. docs/rustdoc/wrap.md lets long names and lines wrap.

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/FROM_ASYNCIO.md")]
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
#[doc = include_str!("../../docs/PARITY.md")]
#[doc = include_str!("../../docs/rustdoc/wrap.md")]
pub mod parity {}

#[cfg(not(doctest))] // tests/ecosystem, which has the crates that the page names, runs what is on it
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
#[doc = include_str!("../../docs/CHANGELOG.md")]
pub mod changelog {}

#[cfg(not(doctest))] // tests/it/examples.rs runs them
pub mod examples;
