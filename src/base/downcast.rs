//! Recognises a value of a known type behind a type parameter, also one with borrowed parts, for which the standard
//! library has no downcast. Owns that one trick; must not know what it is used for.
#![expect(unsafe_code, reason = "a downcast for types that are not 'static; std::any::Any covers the others")]

use std::any::TypeId;
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};

/// `value` as a `B` if that is its type, else `value` back.
///
/// # Safety
/// If `A` and `B` are the same type but for lifetimes, they must be the same type. (It holds where `B` is written in
/// terms of a type that `A` determines, such as `B = Task<A::Output>`.) If they differ in the lifetime of a reference, the
/// `B` must be let go while `A`'s is not over.
pub(crate) unsafe fn downcast<A, B>(value: A) -> Result<B, A> {
    if same_but_for_lifetimes::<A, B>() {
        let value = ManuallyDrop::new(value);
        // SAFETY: the ids agree, so A and B are one type but for lifetimes, and then, the caller says, altogether.
        Ok(unsafe { mem::transmute_copy::<ManuallyDrop<A>, B>(&value) })
    } else {
        Err(value)
    }
}

/// Whether `A` and `B` are one type but for lifetimes: asked first, it saves a large value from being moved about.
pub(crate) fn same_but_for_lifetimes<A, B>() -> bool {
    id_of::<A>() == id_of::<B>()
}

/// The id of `T` with its lifetimes forgotten.
fn id_of<T>() -> TypeId {
    trait Identified {
        fn id(&self) -> TypeId
        where
            Self: 'static;
    }
    impl<T> Identified for PhantomData<T> {
        fn id(&self) -> TypeId
        where
            Self: 'static,
        {
            TypeId::of::<T>()
        }
    }
    let marker = PhantomData::<T>;
    let borrowed: &dyn Identified = &marker;
    // SAFETY: only the lifetime bound of the trait object changes; the method called reads nothing of `T`, not even
    // through a reference, and its vtable entry is the same code for every lifetime.
    let forever: &(dyn Identified + 'static) = unsafe { mem::transmute(borrowed) };
    forever.id()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string_in<A>(value: A) -> Option<String> {
        // SAFETY: String has no lifetimes.
        unsafe { downcast::<A, String>(value) }.ok()
    }

    #[test]
    fn the_same_type_is_recognised_and_moved() {
        assert_eq!(string_in(String::from("it")).as_deref(), Some("it"));
    }

    #[test]
    fn another_type_comes_back() {
        let local = 1;
        assert_eq!(string_in(&local), None);
        // SAFETY: u8 has no lifetimes.
        assert_eq!(unsafe { downcast::<_, u8>("back") }, Err("back"));
    }
}
