//! What tasks end with, one after the other. Must not know what they do.

use oneloop::{AsCompleted, Task, TimeoutError};

/// The values of the tasks in the order in which they end, until all have or the time is out.
pub(crate) async fn values_as_completed<T: 'static>(mut ended: AsCompleted<Task<T>>) -> Vec<Result<T, TimeoutError>> {
    let mut values = Vec::new();
    while let Some(next) = ended.next().await {
        values.push(match next {
            Ok(task) => Ok(task.await),
            Err(late) => Err(late),
        });
    }
    values
}
