//! What goes from task to task through queues. Owns the batches; must not know any system, nor any kind of queue.

use std::rc::Rc;

use super::repeat;
use crate::measure::Cost;
use crate::sizes::{ITEMS, MESSAGES, ROOM, SUBSCRIBERS};
use crate::system::{Queues, Spawn};

/// From a producer to a consumer.
pub(crate) fn queue<S: Spawn, Q: Queues>(times: u64) -> Cost {
    repeat(times, ITEMS, async |system: S| {
        let (mut sender, mut receiver) = Q::queue(ROOM);
        let producer = system.spawn(async move {
            for item in 0..ITEMS {
                Q::put(&mut sender, item).await.expect("the consumer is there");
            }
        });
        for _ in 0..ITEMS {
            item(Q::get(&mut receiver).await);
        }
        producer.await;
    })
}

/// What there is while the sender is there.
fn item<T>(got: impl IntoIterator<Item = T>) -> T {
    got.into_iter().next().expect("the sender is there")
}

/// From one task to many, which share each message, and each of which has a queue of its own.
pub(crate) fn broadcast<S: Spawn, Q: Queues>(times: u64) -> Cost {
    repeat(times, SUBSCRIBERS * MESSAGES, async |system: S| {
        let mut queues = Vec::new();
        let subscribers: Vec<_> = (0..SUBSCRIBERS)
            .map(|_| {
                let (sender, receiver) = Q::queue(ROOM);
                queues.push(sender);
                system.spawn(subscribe::<Q>(receiver))
            })
            .collect();
        let hub = system.spawn(async move {
            for message in (0..MESSAGES).map(Rc::new) {
                for queue in &mut queues {
                    Q::put(queue, message.clone()).await.expect("the subscriber is there");
                }
            }
        });
        hub.await;
        for subscriber in subscribers {
            assert_eq!(subscriber.await, MESSAGES * (MESSAGES - 1) / 2);
        }
    })
}

/// The sum of all messages.
async fn subscribe<Q: Queues>(mut receiver: Q::Receiver<Rc<u64>>) -> u64 {
    let mut sum = 0;
    for _ in 0..MESSAGES {
        sum += *item(Q::get(&mut receiver).await);
    }
    sum
}
