//! Nothing: the package is its bench, `cargo bench -p oneloop-versus`. A package needs a target that is not one, and
//! the peers stay dev-dependencies, so that building the whole workspace builds none of them.
