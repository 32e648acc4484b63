//! A downcast for types that are not `'static`. Owns the comparison of types without their lifetimes; must not know the
//! types that it is used for.
//!
//! The comparison is that of the [`typeid`](https://docs.rs/typeid) crate by David Tolnay: a trait object of a
//! `PhantomData` returns the `TypeId` of its parameter with the lifetimes erased.
#![expect(unsafe_code, reason = "a downcast for types that are not 'static; std::any::Any covers the others")]

use std::any::TypeId;
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};

/// Converts `value` to a `B` if that is its type, and returns it unchanged as an error otherwise.
///
/// # Safety
/// If `A` and `B` differ in nothing but lifetimes, they must be the same type. That holds where `B` is written in terms
/// of a type that `A` determines, such as `B = Task<A::Output>`. If they differ in the lifetime of a reference, the
/// caller must drop the `B` before the lifetime in `A` ends.
pub(crate) unsafe fn downcast<A, B>(value: A) -> Result<B, A> {
    if same_but_for_lifetimes::<A, B>() {
        let value = ManuallyDrop::new(value);
        // SAFETY: the ids agree, so A and B differ at most in lifetimes; by the contract of this function they do not.
        Ok(unsafe { mem::transmute_copy::<ManuallyDrop<A>, B>(&value) })
    } else {
        Err(value)
    }
}

/// Whether `A` and `B` differ in nothing but lifetimes. Asking this first saves `downcast` from moving a large value.
pub(crate) fn same_but_for_lifetimes<A, B>() -> bool {
    id_of::<A>() == id_of::<B>()
}

/// The `TypeId` of `T` with its lifetimes erased.
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
    // SAFETY: the transmute changes only the lifetime bound of the trait object. `id` reads no value of type `T`, and
    // lifetimes are erased before code is generated, so its vtable entry is the same code for every lifetime. This is
    // the argument of the `typeid` crate.
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
    fn a_value_of_another_type_is_returned() {
        let local = 1;
        assert_eq!(string_in(&local), None);
        // SAFETY: u8 has no lifetimes.
        assert_eq!(unsafe { downcast::<_, u8>("back") }, Err("back"));
    }
}
