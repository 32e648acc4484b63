//! Tasks that wait at a queue, and their number. Must not know what is put.

use oneloop::{Queue, QueueShutDown, Task, create_task};

/// A task that waits for an item.
pub(crate) fn getting<T: 'static>(queue: &Queue<T>) -> Task<Result<T, QueueShutDown>> {
    let queue = queue.clone();
    create_task(async move { queue.get().await })
}

/// A task that waits for room for an item.
pub(crate) fn putting<T: 'static>(queue: &Queue<T>, item: T) -> Task<Result<(), QueueShutDown<T>>> {
    let queue = queue.clone();
    create_task(async move { queue.put(item).await })
}

/// The number of tasks that wait for an item, and of those that wait for room.
pub(crate) fn waiting<T>(queue: &Queue<T>) -> (usize, usize) {
    (queue.getters(), queue.putters())
}
