//! What happens when: a heap of (time, number), so that equal times keep their order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Things that will happen.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    heap: BinaryHeap<Reverse<Item<T>>>,
    number: u64,
}

#[derive(Debug)]
struct Item<T> {
    at: Duration,
    number: u64,
    what: T,
}

impl<T> PartialEq for Item<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl<T> Eq for Item<T> {}

impl<T> PartialOrd for Item<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Item<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), number: 0 }
    }
}

impl<T> Agenda<T> {
    pub(crate) fn add(&mut self, at: Duration, what: T) {
        self.number += 1;
        self.heap.push(Reverse(Item { at, number: self.number, what }));
    }

    /// When the next thing happens.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.heap.peek().map(|item| item.0.at)
    }

    pub(crate) fn pop(&mut self) -> Option<(Duration, T)> {
        self.heap.pop().map(|Reverse(item)| (item.at, item.what))
    }
}
