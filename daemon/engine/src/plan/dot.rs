//! A plan as a DOT graph, as the API shows a task that does not run.

use std::fmt::Write as _;

use super::Plan;
use crate::node::{Edge, Place};

impl Plan {
    /// The graph called `id`. A batch root prints nothing.
    pub fn dot(&self, id: &str) -> String {
        let mut dot = format!("digraph {id} {{\n");
        for at in &*self.order {
            let node = &self.nodes[*at];
            if node.kind.place == Place::Root(Edge::Batch) {
                continue;
            }
            for child in &node.children {
                let _ = writeln!(dot, "{} -> {};", node.name, self.nodes[*child].name);
            }
        }
        dot.push('}');
        dot
    }
}
