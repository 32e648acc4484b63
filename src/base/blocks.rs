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
/// What the usual allocator keeps for itself of each block. It makes them of multiples of 16, so every size of ours is
/// this much less than a multiple of `SIZE_STEP`.
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
            class => LISTS.with(|lists| lists.of_class(class).pop()),
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
        let push = |lists: &Lists| unsafe { lists.of_class(class).push(block.cast()) };
        if !LISTS.with(push) {
            // SAFETY: by the contract of this function.
            unsafe { Self::give_back_without_room(class, block) };
        }
    }

    /// # Safety
    /// As `give_back`.
    #[cold]
    unsafe fn give_back_without_room(class: u8, block: NonNull<u8>) {
        if LISTS.with(Lists::open) {
            // SAFETY: by the contract of this function. The lists are open now, so that this does not come here again.
            unsafe { Self::give_back(class, block) };
        } else {
            // SAFETY: `allocate` allocated it with the layout of its class.
            unsafe { dealloc(block.as_ptr(), Self::of_class(class).layout) };
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
    /// For how many more there is room.
    room: Cell<usize>,
}

impl FreeList {
    const fn closed() -> Self {
        Self { first: Cell::new(None), room: Cell::new(0) }
    }

    fn pop(&self) -> Option<NonNull<FreeBlock>> {
        let first = self.first.get()?;
        // SAFETY: a block in the list is free, and `push` wrote its link.
        self.first.set(unsafe { first.as_ref() }.next);
        self.room.set(self.room.get() + 1);
        Some(first)
    }

    /// Adds a block, and returns whether there was room for it.
    ///
    /// # Safety
    /// The block must be free, and of this list's class.
    unsafe fn push(&self, block: NonNull<FreeBlock>) -> bool {
        let Some(room) = self.room.get().checked_sub(1) else { return false };
        // SAFETY: the block is free, and even the smallest one is large enough for a link.
        unsafe { block.write(FreeBlock { next: self.first.get() }) };
        self.first.set(Some(block));
        self.room.set(room);
        true
    }
}

/// The free blocks of a thread, by class.
///
/// They have no destructor of their own. That of [`END`] frees them, which is there from the first block on that is
/// given back: to have one costs a new process a microsecond (measured), and a look at each block whether it has run.
/// Before and after, the lists have no room.
struct Lists {
    lists: [FreeList; CLASSES],
    state: Cell<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// No block was given back yet.
    New,
    Open,
    /// The thread ends.
    Ended,
}

impl Lists {
    #[inline]
    fn of_class(&self, class: u8) -> &FreeList {
        &self.lists[class as usize]
    }

    /// Makes room for blocks, when the first is given back. False if the room is used up, or the thread ends.
    fn open(&self) -> bool {
        let is_new = self.state.get() == State::New && !cfg!(any(miri, oneloop_plain_alloc));
        let opens = is_new && END.try_with(|_| ()).is_ok();
        if opens {
            self.state.set(State::Open);
            self.lists.iter().for_each(|list| list.room.set(MAX_FREE_PER_CLASS));
        }
        opens
    }

    fn end(&self) {
        self.state.set(State::Ended);
        for (class, list) in (0..).zip(&self.lists) {
            let layout = Block::of_class(class).layout;
            while let Some(block) = list.pop() {
                // SAFETY: all blocks of the class were allocated with this layout.
                unsafe { dealloc(block.as_ptr().cast(), layout) };
            }
            list.room.set(0);
        }
    }
}

/// Its destructor is called when the thread ends.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        LISTS.with(Lists::end);
    }
}

thread_local! {
    static LISTS: Lists = const {
        Lists { lists: [const { FreeList::closed() }; CLASSES], state: Cell::new(State::New) }
    };
    static END: End = const { End };
    #[cfg(test)]
    static BEHIND_THE_END: Cell<Option<tests::BehindTheEnd>> = const { Cell::new(None) };
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::base::PooledRc;

    /// How many free blocks this thread keeps.
    fn kept() -> usize {
        LISTS.with(|lists| lists.lists.iter().filter(|list| list.first.get().is_some()).count())
    }

    /// Dropped when a thread ends, behind the lists.
    pub(super) struct BehindTheEnd(mpsc::Sender<[usize; 2]>);

    impl Drop for BehindTheEnd {
        fn drop(&mut self) {
            let before = kept();
            drop(PooledRc::new(7_u64));
            self.0.send([before, kept()]).expect("the test waits");
        }
    }

    #[test]
    fn blocks_are_kept_until_the_thread_ends_and_none_after_that() {
        let (sender, counts) = mpsc::channel();
        let thread = move || {
            BEHIND_THE_END.set(Some(BehindTheEnd(sender))); // before the lists are opened: the last is dropped first
            let before = kept();
            drop(PooledRc::new(7_u64));
            (before, kept())
        };
        let expected = usize::from(!cfg!(any(miri, oneloop_plain_alloc)));
        assert_eq!(thread::spawn(thread).join().expect("it ends well"), (0, expected));
        assert_eq!(counts.recv(), Ok([0, 0]));
    }
}
