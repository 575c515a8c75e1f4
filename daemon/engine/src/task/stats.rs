//! What a running task tells about itself.

use model::{Str, Time};

use super::Task;
use crate::node::Edge;

/// Statistics of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeStats {
    /// `eval2`
    pub name: Str,
    /// `eval`
    pub kind: &'static str,
    /// `stream` or `batch`: what it hands on.
    pub edge: &'static str,
    /// Messages taken; a batch is one.
    pub collected: u64,
    /// Messages put on its edges, summed over its children.
    pub emitted: u64,
    /// Errors, each about one message.
    pub errors: u64,
    /// Groups it keeps state of.
    pub working_cardinality: u64,
    /// Moving average of its own time per message, nanoseconds.
    pub avg_exec_time_ns: i64,
    /// What only its kind counts, by name: `crits_triggered`, …
    pub extra: Vec<(&'static str, i64)>,
}

/// Statistics of an edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeStats {
    /// Node that puts messages on it.
    pub parent: Str,
    /// Node that takes them.
    pub child: Str,
    /// `stream` or `batch`.
    pub edge: &'static str,
    /// Messages put on it.
    pub collected: u64,
    /// Messages taken from it.
    pub emitted: u64,
}

/// Statistics of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskStats {
    /// Messages per second at the source, over the last full second.
    pub throughput: f64,
    /// Nodes in order of id.
    pub nodes: Vec<NodeStats>,
    /// Edges in order of parent and child.
    pub edges: Vec<EdgeStats>,
}

/// Messages per second, by whole seconds of the wall clock.
#[derive(Debug, Default)]
pub(crate) struct Throughput {
    second: i64,
    count: u64,
    before: u64,
}

impl Throughput {
    /// Counts messages at `now`.
    pub(crate) fn count(&mut self, now: Time, messages: u64) {
        self.turn(now);
        self.count += messages;
    }

    fn turn(&mut self, now: Time) {
        let second = now.0.div_euclid(1_000_000_000);
        if second != self.second {
            self.before = if second == self.second + 1 { self.count } else { 0 };
            self.second = second;
            self.count = 0;
        }
    }

    /// Messages in the second before the current one.
    fn rate(&self, now: Time) -> f64 {
        match now.0.div_euclid(1_000_000_000) - self.second {
            0 => self.before as f64,
            1 => self.count as f64,
            _ => 0.0,
        }
    }
}

/// `stream` or `batch`
fn edge_name(edge: Edge) -> &'static str {
    match edge {
        Edge::Stream => "stream",
        Edge::Batch => "batch",
    }
}

impl Task {
    /// Statistics at `now` (wall clock).
    pub fn stats(&self, now: Time) -> TaskStats {
        let slots = &self.graph.slots;
        let mut edges = Vec::new();
        let mut nodes = Vec::with_capacity(slots.len());
        for slot in slots {
            let station = &slot.station;
            for child in &station.children {
                edges.push(EdgeStats {
                    parent: station.name.clone(),
                    child: slots[child.node].station.name.clone(),
                    edge: edge_name(station.gives),
                    collected: station.emitted,
                    emitted: station.emitted.saturating_sub(slots[child.node].queued() as u64),
                });
            }
            nodes.push(NodeStats {
                name: station.name.clone(),
                kind: station.kind.label,
                edge: edge_name(station.gives),
                collected: station.collected,
                emitted: station.emitted * station.children.len() as u64,
                errors: station.errors,
                working_cardinality: slot.run.cardinality() as u64,
                avg_exec_time_ns: i64::try_from(station.average.as_nanos()).unwrap_or(i64::MAX),
                extra: slot.run.counters(),
            });
        }
        TaskStats { throughput: self.throughput.rate(now), nodes, edges }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throughput_is_that_of_the_last_full_second() {
        let at = |ms: i64| Time(ms * 1_000_000);
        let mut throughput = Throughput::default();
        throughput.count(at(1_100), 3);
        throughput.count(at(1_900), 4);
        assert_eq!(throughput.rate(at(1_950)), 0.0);
        assert_eq!(throughput.rate(at(2_000)), 7.0);
        throughput.count(at(2_100), 1);
        assert_eq!(throughput.rate(at(2_200)), 7.0);
        assert_eq!(throughput.rate(at(9_000)), 0.0);
    }
}
