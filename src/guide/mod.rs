//! The pages of the repository's folder `docs`, where the documentation of the crate can link to them. Owns no code.
//!
//! Each page takes its links from `docs/rustdoc` first, where its labels stand for pages of rustdoc; in the repository
//! the labels at the end of the page stand for files.

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/FROM_ASYNCIO.md")]
pub mod from_asyncio {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/PARITY.md")]
pub mod parity {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/ARCHITECTURE.md")]
pub mod architecture {}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/rustdoc/versus.md")]
#[doc = include_str!("../../docs/BENCHMARKS.md")]
pub mod benchmarks {
    #[doc = include_str!("../../docs/rustdoc/pages.md")]
    #[doc = include_str!("../../docs/benchmarks/versus.md")]
    pub mod all_systems {}
}

#[doc = include_str!("../../docs/rustdoc/pages.md")]
#[doc = include_str!("../../docs/CHANGELOG.md")]
pub mod changelog {}

pub mod examples;
