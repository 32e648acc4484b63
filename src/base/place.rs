//! Places in sources. Owns which are those of this crate; must not know what was made there.

use std::panic::Location;

/// Where the sources of this crate are.
const OWN_SOURCES: &str = file!().split_at(file!().len() - "base/place.rs".len()).0;

/// The place, unless it is in this crate: what the crate makes by itself, for a client of a server say, was made at no
/// place of the program.
pub(crate) fn in_the_program(place: &'static Location<'static>) -> Option<&'static Location<'static>> {
    (!place.file().starts_with(OWN_SOURCES)).then_some(place)
}
