//! The default executor of a loop. Owns when it is made and shut down; must not know what a job is.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::pool::ThreadPool;
use crate::node::Loop;

/// The default executor of a loop: made when it is first needed, shut once and for all.
#[derive(Default)]
pub(super) struct DefaultExecutor {
    pool: RefCell<Option<ThreadPool>>,
    is_shut: Cell<bool>,
}

impl DefaultExecutor {
    /// The pool, which is made now if there is none; `None` if it was shut down.
    pub(super) fn pool(&self) -> Option<ThreadPool> {
        (!self.is_shut.get()).then(|| self.pool.borrow_mut().get_or_insert_default().clone())
    }

    pub(super) fn set_pool(&self, pool: ThreadPool) {
        let replaced = self.pool.replace(Some(pool));
        drop(replaced);
    }

    /// From now on there is no pool. Returns the one that there was, to be shut down.
    pub(super) fn shut(&self) -> Option<ThreadPool> {
        self.is_shut.set(true);
        self.pool.borrow().clone()
    }
}

/// The loop closes: the threads end by themselves.
impl Drop for DefaultExecutor {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.shut_down(|| ());
        }
    }
}

/// That of this loop.
pub(super) fn default_executor(kernel: &Loop) -> Rc<DefaultExecutor> {
    kernel.extensions().get_or_default()
}

/// Whether the default executor of a loop has threads.
pub(crate) fn has_default_threads(kernel: &Loop) -> bool {
    let executor = kernel.extensions().get::<DefaultExecutor>();
    let pool = executor.and_then(|executor| executor.pool.borrow().clone());
    pool.is_some_and(|pool| pool.thread_count() > 0)
}
