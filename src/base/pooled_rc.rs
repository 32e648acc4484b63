//! A reference-counted pointer like `Rc`, for values that are created and freed by the ten thousand. Owns the count;
//! must not know the types of its values, nor where their memory comes from.
//!
//! It differs from `Rc` in two points. It has no weak pointers, which makes a value eight bytes smaller. And the block
//! of a freed value is kept for the next value of that size: see `blocks.rs`.
#![expect(unsafe_code, reason = "a reference count in front of the value: see `blocks.rs` for what it saves")]

use std::alloc::Layout;
use std::any::TypeId;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::{self, NonNull};

use super::blocks::{Block, HEADER, NO_CLASS};

/// The header of a block, right in front of the value.
struct Header {
    /// The number of pointers to the value.
    count: Cell<u32>,
    /// The size class of the block; `NO_CLASS` if it is not pooled.
    class: u8,
    /// See `PooledRc::mark`.
    mark: Cell<bool>,
}

const _: () = assert!(size_of::<Header>() == HEADER);

/// A shared pointer to a value in a block of its own.
///
/// Invariants, which the SAFETY comments cite by name:
/// - **header**: a `Header` ends where the value begins.
/// - **counted**: `Header::count` is the number of pointers to the value. The last pointer drops the value and frees
///   the block.
/// - **blocks**: the block was taken for the size and alignment of the value. They do not change when the pointer is
///   cast to one to a trait object.
pub(crate) struct PooledRc<T: ?Sized> {
    /// A `NonNull` is not `Send`, and this pointer must not be, because its count is not atomic.
    value: NonNull<T>,
    _owns: PhantomData<T>,
}

/// Moving the pointer does not move the value.
impl<T: ?Sized> Unpin for PooledRc<T> {}

/// A block for a value of type `T`, which it does not hold yet. If this is dropped, the block leaks.
#[must_use]
pub(crate) struct UninitRc<T> {
    /// Where the value will begin.
    place: NonNull<T>,
}

impl<T> UninitRc<T> {
    /// Writes the value into the block, and the header. (In this order, and not when the block is taken, since the
    /// compiler then knows the count in the pointers that are cloned next.)
    #[inline]
    pub(crate) fn write(self, value: T) -> PooledRc<T> {
        // SAFETY: the block behind the header is large enough for a value, and aligned for it.
        unsafe { self.place.write(value) };
        // SAFETY: the offset, at which the place is, is at least the size of a header.
        let header = unsafe { self.place.cast::<Header>().sub(1) };
        let class = Block::of(Layout::new::<T>()).class();
        // SAFETY: the header is inside the block, and aligned, because the offset is a multiple of its size.
        unsafe { header.write(Header { count: Cell::new(1), class, mark: Cell::new(false) }) };
        PooledRc { value: self.place, _owns: PhantomData }
    }
}

impl<T> PooledRc<T> {
    #[inline]
    pub(crate) fn new(value: T) -> Self {
        Self::new_uninit().write(value)
    }

    /// Takes a block. Call this before the parts of the value are made. Taking a block may panic, which would have to
    /// drop the parts that exist: so the compiler would keep these in memory, and copy them once more (15 instructions
    /// of a new task, measured).
    #[inline]
    pub(crate) fn new_uninit() -> UninitRc<T> {
        let block = Block::of(Layout::new::<T>());
        let place = block.take();
        // SAFETY: the block is larger than its offset.
        UninitRc { place: unsafe { place.add(block.offset) }.cast() }
    }
}

impl<T: ?Sized> PooledRc<T> {
    /// Casts the pointer to another type, usually a trait object.
    ///
    /// # Safety
    /// `convert` must be a cast between the value's type and its trait objects: same address, same value.
    pub(crate) unsafe fn unsize<U: ?Sized>(self, convert: impl FnOnce(*mut T) -> *mut U) -> PooledRc<U> {
        let value = self.value.as_ptr();
        std::mem::forget(self);
        // SAFETY: the cast of a pointer that is not null is not null. The count is unchanged: the new pointer replaces
        // the old.
        let value = unsafe { NonNull::new_unchecked(convert(value)) };
        PooledRc { value, _owns: PhantomData }
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: header: it is in the same block, right in front of the value.
        let header = unsafe { self.value.cast::<Header>().sub(1) };
        // SAFETY: header, and counted: the block lives as long as this pointer.
        unsafe { header.as_ref() }
    }

    /// A spare flag beside the count, for the owners of the value. It is reached without knowing the type of the value,
    /// and shares the count's cache line. False at first. The kernel marks tasks that are in the ready queue.
    #[inline]
    pub(crate) fn mark(&self) -> &Cell<bool> {
        &self.header().mark
    }

    /// Whether there is no other pointer to the value.
    #[inline]
    pub(crate) fn is_last(&self) -> bool {
        self.header().count.get() == 1
    }

    /// Drops the value and frees the block, when the last pointer is dropped. Not inlined, so that the drop of any
    /// other pointer costs only the count.
    #[inline(never)]
    fn free(&mut self) {
        if self.header().class == NO_CLASS {
            return self.free_unpooled();
        }
        let _freed = FreeOnDrop { value: self.value.cast() };
        // SAFETY: counted: no other pointer refers to the value. `_freed` frees the block afterwards, also if this
        // panics.
        unsafe { ptr::drop_in_place(self.value.as_ptr()) };
    }

    #[cold]
    fn free_unpooled(&mut self) {
        let _freed = FreeUnpooledOnDrop { block: Block::of(Layout::for_value(&**self)), value: self.value.cast() };
        // SAFETY: as in `free`.
        unsafe { ptr::drop_in_place(self.value.as_ptr()) };
    }
}

/// Tells the type of a value, also behind a trait object. The trait of the object must have this one as a supertrait.
pub(crate) trait Typed {
    fn type_of(&self) -> TypeId
    where
        Self: 'static;
}

/// The only implementation, so a trait object cannot lie.
impl<T> Typed for T {
    fn type_of(&self) -> TypeId
    where
        Self: 'static,
    {
        TypeId::of::<T>()
    }
}

impl<T: ?Sized + Typed + 'static> PooledRc<T> {
    /// The same pointer with the value's type, if that is `N`; otherwise the pointer comes back as an error.
    pub(crate) fn downcast<N: 'static>(self) -> Result<PooledRc<N>, Self> {
        if (*self).type_of() == TypeId::of::<N>() {
            // SAFETY: the value is an `N`, and its address stays the same.
            Ok(unsafe { self.unsize(<*mut T>::cast::<N>) })
        } else {
            Err(self)
        }
    }
}

/// `unsize!(pointer => dyn Trait)`: the pointer as one to a trait object, or to one of a supertrait.
macro_rules! unsize {
    ($pointer:expr => dyn $Trait:path) => {{
        #[expect(unsafe_code, reason = "only the standard library's own pointers are cast by the compiler")]
        // SAFETY: a cast with `as` to a trait object keeps the address, and compiles only if the value has that trait.
        let unsized_pointer = unsafe { $crate::base::PooledRc::unsize($pointer, |p| p as *mut dyn $Trait) };
        unsized_pointer
    }};
}
pub(crate) use unsize;

impl<T: ?Sized> Clone for PooledRc<T> {
    #[inline]
    fn clone(&self) -> Self {
        let count = &self.header().count;
        match count.get().checked_add(1) {
            Some(more) => count.set(more),
            // reached only by forgetting 2^32 pointers; the count must not wrap
            None => std::process::abort(),
        }
        Self { value: self.value, _owns: PhantomData }
    }
}

impl<T: ?Sized> Deref for PooledRc<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: counted: this pointer keeps the value alive, and only shared references to it are handed out.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> Drop for PooledRc<T> {
    #[inline]
    fn drop(&mut self) {
        let count = &self.header().count;
        count.set(count.get() - 1);
        if count.get() == 0 {
            self.free();
        }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for PooledRc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Frees a pooled block when it is dropped. One structure for both kinds of block would cost the usual free five
/// stores.
struct FreeOnDrop {
    value: NonNull<u8>,
}

impl Drop for FreeOnDrop {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: blocks: the value begins behind the header of a pooled block.
        let block = unsafe { self.value.sub(size_of::<Header>()) };
        // SAFETY: the header is there until the block is given back. (Read before the value is dropped, it would take a
        // register meanwhile.)
        let class = unsafe { block.cast::<Header>().as_ref() }.class;
        // SAFETY: counted: the last pointer is gone. blocks: the block was taken as one of this class.
        unsafe { Block::give_back(class, block) };
    }
}

/// As `FreeOnDrop`, for a block that is not pooled.
struct FreeUnpooledOnDrop {
    block: Block,
    value: NonNull<u8>,
}

impl Drop for FreeUnpooledOnDrop {
    fn drop(&mut self) {
        // SAFETY: blocks: the value begins `offset` bytes into its block.
        let block = unsafe { self.value.sub(self.block.offset) };
        // SAFETY: counted: the last pointer is gone. blocks: it was taken for this layout.
        unsafe { self.block.free(block) };
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn the_last_pointer_drops_the_value() {
        let witness = Rc::new(());
        let one = PooledRc::new(Rc::clone(&witness));
        let two = one.clone();
        drop(one);
        assert_eq!(Rc::strong_count(&witness), 2);
        drop(two);
        assert_eq!(Rc::strong_count(&witness), 1);
    }

    #[test]
    fn a_trait_object_is_the_same_value() {
        let value = PooledRc::new(RefCell::new(vec![1]));
        let other = value.clone();
        // SAFETY: a cast to a trait object.
        let object: PooledRc<dyn fmt::Debug> = unsafe { other.unsize(|p| p as *mut dyn fmt::Debug) };
        value.borrow_mut().push(2);
        assert_eq!(format!("{object:?}"), "RefCell { value: [1, 2] }");
    }

    #[test]
    fn alignment_and_size_are_kept() {
        #[repr(align(64))]
        struct Wide([u8; 100]);
        for _ in 0..3 {
            let (wide, large, none) = (PooledRc::new(Wide([7; 100])), PooledRc::new([1_u64; 1000]), PooledRc::new(()));
            assert_eq!((&raw const *wide).addr() % 64, 0);
            assert!(wide.0.iter().all(|b| *b == 7) && large.iter().all(|n| *n == 1));
            drop((wide, large, none));
        }
    }

    #[test]
    fn a_panicking_drop_frees_the_block() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("boom");
            }
        }
        let bomb = PooledRc::new(Bomb);
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(bomb))).is_err());
    }
}
