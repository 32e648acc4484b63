//! The search for a byte. Owns the call; must not know what is searched.
#![expect(unsafe_code, reason = "a call into libc: measured")]

/// The place of the first `byte` in `bytes`, by the search of the C library, which knows the processor: a line of a KiB
/// takes some 50 instructions, where the standard library's search, which knows only the target, takes 1,200.
pub(crate) fn find_byte(byte: u8, bytes: &[u8]) -> Option<usize> {
    // SAFETY: the pointer and the length are those of a slice, so all that is read may be.
    let found = unsafe { libc::memchr(bytes.as_ptr().cast(), byte.into(), bytes.len()) };
    (!found.is_null()).then(|| found.addr() - bytes.as_ptr().addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_wherever_it_is() {
        for length in 0..200 {
            let mut bytes = vec![1; length];
            assert_eq!(find_byte(2, &bytes), None);
            for place in (0..length).rev() {
                bytes[place] = 2;
                assert_eq!(find_byte(2, &bytes), Some(place));
            }
        }
    }
}
