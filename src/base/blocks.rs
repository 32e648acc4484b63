//! Blocks of memory for values that are created and freed by the ten thousand. Owns the sizes of blocks, and the memory
//! of freed ones; must not know what is in a block.
//!
//! A freed block does not go back to the allocator, but into a list of its thread, for the next value of that size. The
//! allocator's general lists cost 350 of the 960 instructions of a task that is spawned and joined (measured).
#![expect(unsafe_code, reason = "lists of free blocks: measured")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::ptr::NonNull;

/// The bytes in front of a value that belong to its owner.
pub(super) const HEADER: usize = 8;

/// The layout of a block for a value.
#[derive(Clone, Copy)]
pub(super) struct Block {
    layout: Layout,
    /// Where the value begins.
    pub(super) offset: usize,
}

/// The sizes of pooled blocks are this far apart. All blocks of one size form a class.
const SIZE_STEP: usize = 16;
/// What the usual allocator keeps for itself of each block. It makes them of multiples of 16, so every size of ours is this
/// much less than a multiple of `SIZE_STEP`.
const ALLOCATORS_OWN: usize = size_of::<usize>();
/// The size of the largest pooled blocks. Larger ones go back to the allocator.
const LARGEST_POOLED: usize = 1024 - ALLOCATORS_OWN;
/// The number of free blocks that a thread keeps of each class.
const MAX_FREE_PER_CLASS: usize = 16 * 1024;
const CLASSES: usize = (LARGEST_POOLED + ALLOCATORS_OWN) / SIZE_STEP;
/// The class of a block that is not pooled: too large, or of an uncommon alignment.
pub(super) const NO_CLASS: u8 = u8::MAX;
/// The alignment of every pooled block. The value in it needs at most this alignment.
const COMMON_ALIGN: usize = align_of::<usize>();

impl Block {
    pub(super) const fn of(value: Layout) -> Self {
        let align = if value.align() > COMMON_ALIGN { value.align() } else { COMMON_ALIGN };
        let offset = if align > HEADER { align } else { HEADER };
        let size = if align > COMMON_ALIGN {
            (offset + value.size()).next_multiple_of(align)
        } else {
            (offset + value.size() + ALLOCATORS_OWN).next_multiple_of(SIZE_STEP) - ALLOCATORS_OWN
        };
        match Layout::from_size_align(size, align) {
            Ok(layout) => Self { layout, offset },
            Err(_) => panic!("a value is too large for the address space"),
        }
    }

    /// The size class of the block, which is the index of its list of free blocks.
    #[expect(clippy::cast_possible_truncation, reason = "there are 64 classes")]
    pub(super) const fn class(self) -> u8 {
        if self.layout.align() == COMMON_ALIGN && self.layout.size() <= LARGEST_POOLED {
            (self.layout.size() / SIZE_STEP) as u8
        } else {
            NO_CLASS
        }
    }

    const fn of_class(class: u8) -> Self {
        let size = (class as usize + 1) * SIZE_STEP - ALLOCATORS_OWN;
        match Layout::from_size_align(size, COMMON_ALIGN) {
            Ok(layout) => Self { layout, offset: HEADER },
            Err(_) => panic!("a size class is small"),
        }
    }

    /// Takes a block: a free one, or one from the allocator.
    #[inline]
    pub(super) fn take(self) -> NonNull<u8> {
        let pooled = match self.class() {
            NO_CLASS => None,
            class => LISTS.try_with(|lists| lists.0[class as usize].pop()).ok().flatten(),
        };
        pooled.map_or_else(|| self.allocate(), NonNull::cast)
    }

    #[cold]
    fn allocate(self) -> NonNull<u8> {
        // SAFETY: the size is not zero, because a block has room for a header.
        let block = unsafe { alloc(self.layout) };
        NonNull::new(block).unwrap_or_else(|| handle_alloc_error(self.layout))
    }

    /// Puts a block into the list of its class, or returns it to the allocator if that is full.
    ///
    /// # Safety
    /// The block must come from `take` of a block of this class, and must not be in use.
    #[inline]
    pub(super) unsafe fn give_back(class: u8, block: NonNull<u8>) {
        // SAFETY: by the contract of this function the block is free and of this class.
        let push = |lists: &Lists| unsafe { lists.0[class as usize].push(block.cast()) };
        if !LISTS.try_with(push).unwrap_or(false) {
            // SAFETY: by the contract of this function.
            unsafe { Self::deallocate(class, block) };
        }
    }

    /// Returns a block of no class to the allocator.
    ///
    /// # Safety
    /// The block must come from `take` of this block, and must not be in use.
    pub(super) unsafe fn free(self, block: NonNull<u8>) {
        // SAFETY: by the contract of this function: `allocate` allocated it with this layout.
        unsafe { dealloc(block.as_ptr(), self.layout) };
    }

    /// # Safety
    /// As `give_back`.
    #[cold]
    unsafe fn deallocate(class: u8, block: NonNull<u8>) {
        // SAFETY: `allocate` allocated it with the layout of its class.
        unsafe { dealloc(block.as_ptr(), Self::of_class(class).layout) };
    }
}

/// The size of the block of a value.
#[cfg(test)]
pub(crate) fn block_size<T>() -> usize {
    Block::of(Layout::new::<T>()).layout.size()
}

/// The content of a free block: the link to the next one.
struct FreeBlock {
    next: Option<NonNull<Self>>,
}

/// The free blocks of one class.
struct FreeList {
    first: Cell<Option<NonNull<FreeBlock>>>,
    len: Cell<usize>,
}

impl FreeList {
    fn pop(&self) -> Option<NonNull<FreeBlock>> {
        let first = self.first.get()?;
        // SAFETY: a block in the list is free, and `push` wrote its link.
        self.first.set(unsafe { first.as_ref() }.next);
        self.len.set(self.len.get() - 1);
        Some(first)
    }

    /// Adds a block, and returns whether there was room for it.
    ///
    /// # Safety
    /// The block must be free, and of this list's class.
    unsafe fn push(&self, block: NonNull<FreeBlock>) -> bool {
        let room = self.len.get() < MAX_FREE_PER_CLASS && !cfg!(any(miri, oneloop_plain_alloc));
        if room {
            // SAFETY: the block is free, and even the smallest one is large enough for a link.
            unsafe { block.write(FreeBlock { next: self.first.get() }) };
            self.first.set(Some(block));
            self.len.set(self.len.get() + 1);
        }
        room
    }
}

/// The free blocks of a thread, by class.
struct Lists([FreeList; CLASSES]);

impl Drop for Lists {
    fn drop(&mut self) {
        for (class, list) in (0..).zip(&self.0) {
            let layout = Block::of_class(class).layout;
            while let Some(block) = list.pop() {
                // SAFETY: all blocks of the class were allocated with this layout.
                unsafe { dealloc(block.as_ptr().cast(), layout) };
            }
        }
    }
}

thread_local! {
    static LISTS: Lists = const { Lists([const { FreeList { first: Cell::new(None), len: Cell::new(0) } }; CLASSES]) };
}
