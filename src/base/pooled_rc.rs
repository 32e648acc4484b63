//! A shared pointer like `Rc`, made for cells that come and go by the ten thousand. Owns the count and the memory, which it
//! keeps for the next cell of that size; must not know what is in a cell.
//!
//! Two things set it apart from `Rc`: there are no weak pointers, so a cell is eight bytes smaller, and a freed cell's
//! block goes to a list of its thread instead of the allocator, whose general lists cost more than the whole rest of a
//! task's life (measured: 350 of 960 instructions for a task that is spawned and joined).
#![expect(unsafe_code, reason = "a reference count in front of the value, and lists of free blocks; measured")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::any::TypeId;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::{self, NonNull};

/// What stands right in front of a value.
struct Prefix {
    /// How many pointers to the value there are.
    count: Cell<u32>,
    /// Which list the block belongs to; `NO_CLASS` if it is not kept.
    class: u8,
    mark: Cell<bool>,
}

/// A shared pointer to a value in a block of its own.
///
/// Invariants: **prefix**: a `Prefix` ends where the value begins. **counted**: its count says how many pointers to the
/// value there are; the last one drops the value and frees the block. **blocks**: the block was taken for the value's
/// size and alignment, which do not change when the pointer is turned into one to a trait object.
pub(crate) struct PooledRc<T: ?Sized> {
    /// Not `Send`, as the count is not atomic.
    value: NonNull<T>,
    _owns: PhantomData<T>,
}

/// Moving the pointer does not move the value.
impl<T: ?Sized> Unpin for PooledRc<T> {}

impl<T> PooledRc<T> {
    pub(crate) fn new(value: T) -> Self {
        Self::make(|| value)
    }

    /// A pointer to what `make` makes, which the compiler then makes in its place: a cell that is put together elsewhere
    /// and copied costs as much again.
    #[inline]
    pub(crate) fn make(make: impl FnOnce() -> T) -> Self {
        let block = Block::of(Layout::new::<T>());
        let place = block.take().cast::<u8>();
        // SAFETY: the block is that large.
        let at = unsafe { place.add(block.offset) };
        // SAFETY: a prefix fits in front of it.
        let prefix = unsafe { at.cast::<Prefix>().sub(1) };
        // SAFETY: it is inside the block, and aligned: the offset is a multiple of the prefix's size.
        unsafe { prefix.write(Prefix { count: Cell::new(1), class: block.class(), mark: Cell::new(false) }) };
        let place = at.cast::<T>();
        // SAFETY: the rest of the block is large enough for a value, and aligned for it.
        unsafe { place.write(make()) };
        Self { value: place, _owns: PhantomData }
    }
}

impl<T: ?Sized> PooledRc<T> {
    /// The same pointer, to what `convert` makes of its type.
    ///
    /// # Safety
    /// `convert` must be a cast between the value's type and its trait objects: same address, same value.
    pub(crate) unsafe fn unsize<U: ?Sized>(self, convert: impl FnOnce(*mut T) -> *mut U) -> PooledRc<U> {
        let value = self.value.as_ptr();
        std::mem::forget(self);
        // SAFETY: a cast of a pointer that is not null is not null; the share moves from the old pointer to the new.
        let value = unsafe { NonNull::new_unchecked(convert(value)) };
        PooledRc { value, _owns: PhantomData }
    }

    #[inline]
    fn prefix(&self) -> &Prefix {
        // SAFETY: prefix: it is inside the same block.
        let prefix = unsafe { self.value.cast::<Prefix>().sub(1) };
        // SAFETY: prefix, and counted: it lives as long as this pointer.
        unsafe { prefix.as_ref() }
    }

    /// A mark that all pointers to the value share, for their owners' use: it is found without knowing the value's type,
    /// where the count is, which whoever marks is about to change. At first it is off.
    #[inline]
    pub(crate) fn mark(&self) -> &Cell<bool> {
        &self.prefix().mark
    }

    /// The last pointer goes. Not inlined, so that a pointer that is not the last costs its place no more than the count.
    #[inline(never)]
    fn free(&mut self) {
        let class = self.prefix().class;
        let block = if class == NO_CLASS { Block::of(Layout::for_value(&**self)) } else { Block::of_class(class) };
        let _freed = Freed { block, class, value: self.value.cast() };
        // SAFETY: counted: nobody else refers to the value. The block is freed afterwards, also if the drop panics.
        unsafe { ptr::drop_in_place(self.value.as_ptr()) };
    }
}

/// What type a value has, also behind a trait object of a trait that has this one as its supertrait.
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
    /// The same pointer with the value's type, if that is `N`; otherwise it comes back.
    pub(crate) fn downcast<N: 'static>(self) -> Result<PooledRc<N>, Self> {
        if (*self).type_of() == TypeId::of::<N>() {
            // SAFETY: the value is an `N`, and its address stays the same.
            Ok(unsafe { self.unsize(|p| p.cast::<N>()) })
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
        let count = &self.prefix().count;
        match count.get().checked_add(1) {
            Some(more) => count.set(more),
            // only by forgetting four thousand million pointers; the count must not wrap
            None => std::process::abort(),
        }
        Self { value: self.value, _owns: PhantomData }
    }
}

impl<T: ?Sized> Deref for PooledRc<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: counted: this pointer keeps the value alive, and there are only shared references to it.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> Drop for PooledRc<T> {
    #[inline]
    fn drop(&mut self) {
        let count = &self.prefix().count;
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

/// Frees a block when it is dropped.
struct Freed {
    block: Block,
    class: u8,
    value: NonNull<u8>,
}

impl Drop for Freed {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: blocks: the value stands `offset` bytes into its block.
        let block = unsafe { self.value.sub(self.block.offset) };
        // SAFETY: nobody uses the block any more, and it was taken for this layout.
        unsafe { self.block.give_back(self.class, block) };
    }
}

/// What a block for a value looks like.
#[derive(Clone, Copy)]
struct Block {
    layout: Layout,
    /// Where the value stands.
    offset: usize,
}

/// Blocks for common alignments are kept in steps of so many bytes,
const STEP: usize = 16;
/// up to this size,
const LARGEST: usize = 1024;
/// and so many of each.
const MOST: usize = 16 * 1024;
const CLASSES: usize = LARGEST / STEP;
const NO_CLASS: u8 = u8::MAX;
/// The alignment of every block that is kept, and of the values in them at the most.
const COMMON_ALIGN: usize = align_of::<usize>();

impl Block {
    const fn of(value: Layout) -> Self {
        let align = if value.align() > COMMON_ALIGN { value.align() } else { COMMON_ALIGN };
        let offset = if align > size_of::<Prefix>() { align } else { size_of::<Prefix>() };
        let size = (offset + value.size()).next_multiple_of(if align > STEP { align } else { STEP });
        match Layout::from_size_align(size, align) {
            Ok(layout) => Self { layout, offset },
            Err(_) => panic!("a value too large for the address space"),
        }
    }

    /// The list that such a block is kept in.
    #[expect(clippy::cast_possible_truncation, reason = "there are few classes")]
    const fn class(self) -> u8 {
        if self.layout.align() == COMMON_ALIGN && self.layout.size() <= LARGEST {
            (self.layout.size() / STEP - 1) as u8
        } else {
            NO_CLASS
        }
    }

    const fn of_class(class: u8) -> Self {
        let size = (class as usize + 1) * STEP;
        match Layout::from_size_align(size, COMMON_ALIGN) {
            Ok(layout) => Self { layout, offset: size_of::<Prefix>() },
            Err(_) => panic!("the classes are small"),
        }
    }

    /// A free block.
    #[inline]
    fn take(self) -> NonNull<FreeBlock> {
        let kept = match self.class() {
            NO_CLASS => None,
            class => LISTS.try_with(|lists| lists.0[class as usize].pop()).ok().flatten(),
        };
        kept.unwrap_or_else(|| self.allocate())
    }

    #[cold]
    fn allocate(self) -> NonNull<FreeBlock> {
        // SAFETY: the size is not zero: there is room for a prefix.
        let block = unsafe { alloc(self.layout) };
        NonNull::new(block.cast()).unwrap_or_else(|| handle_alloc_error(self.layout))
    }

    /// # Safety
    /// The block must come from `take` of the same layout, and nobody may use it any more.
    #[inline]
    unsafe fn give_back(self, class: u8, block: NonNull<u8>) {
        let kept = match class {
            NO_CLASS => false,
            // SAFETY: as said of this function; every block is large enough for a link.
            class => LISTS.try_with(|lists| unsafe { lists.0[class as usize].push(block.cast()) }).unwrap_or(false),
        };
        if !kept {
            // SAFETY: it was allocated in `allocate` with this layout.
            unsafe { dealloc(block.as_ptr(), self.layout) };
        }
    }
}

/// A free block holds the link to the next.
struct FreeBlock {
    next: Option<NonNull<Self>>,
}

/// Free blocks of one size.
struct List {
    first: Cell<Option<NonNull<FreeBlock>>>,
    len: Cell<usize>,
}

impl List {
    fn pop(&self) -> Option<NonNull<FreeBlock>> {
        let first = self.first.get()?;
        // SAFETY: a block in the list is free, and `push` has written its link.
        self.first.set(unsafe { first.as_ref() }.next);
        self.len.set(self.len.get() - 1);
        Some(first)
    }

    /// Whether there was room.
    ///
    /// # Safety
    /// The block must be free, and of this list's size.
    unsafe fn push(&self, block: NonNull<FreeBlock>) -> bool {
        let room = self.len.get() < MOST && !cfg!(any(miri, oneloop_plain_alloc));
        if room {
            // SAFETY: it is free and large enough.
            unsafe { block.write(FreeBlock { next: self.first.get() }) };
            self.first.set(Some(block));
            self.len.set(self.len.get() + 1);
        }
        room
    }
}

/// The free blocks of a thread.
struct Lists([List; CLASSES]);

impl Drop for Lists {
    fn drop(&mut self) {
        for (class, list) in (0..).zip(&self.0) {
            let layout = Block::of_class(class).layout;
            while let Some(block) = list.pop() {
                // SAFETY: all blocks of the list were allocated with this layout.
                unsafe { dealloc(block.as_ptr().cast(), layout) };
            }
        }
    }
}

thread_local! {
    static LISTS: Lists = const { Lists([const { List { first: Cell::new(None), len: Cell::new(0) } }; CLASSES]) };
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
