//! A running task as a DOT graph with statistics.

use std::fmt::Write as _;

use model::{Duration, Time};

use super::Task;
use super::stats::NodeStats;

impl Task {
    /// The graph `id` with statistics as attributes, or with `labels` as text on nodes and edges
    /// (`dot-view=labels`).
    pub fn dot_running(&self, id: &str, labels: bool, now: Time) -> String {
        let stats = self.stats(now);
        let messages = match stats.nodes.first().map(|n| n.edge) {
            Some("batch") => "batches",
            _ => "points",
        };
        let rate = stats.throughput;
        let mut dot = format!("digraph {id} {{\n");
        let _ = if labels {
            writeln!(
                dot,
                "graph [label=\"Throughput: {rate:.2} {messages}/s\" forcelabels=true pad=\"0.8,0.5\"];"
            )
        } else {
            writeln!(dot, "graph [throughput=\"{rate:.2} {messages}/s\"];")
        };
        for at in &*self.order {
            let Some(node) = stats.nodes.get(*at) else { continue };
            let _ = write!(dot, "\n{} [{}];\n", node.name, attributes(node, labels));
            for edge in stats.edges.iter().filter(|e| e.parent == node.name) {
                let (child, count) = (&edge.child, edge.collected);
                let _ = if labels {
                    writeln!(dot, "{} -> {child} [label=\"processed={count}\"];", node.name)
                } else {
                    writeln!(dot, "{} -> {child} [processed=\"{count}\"];", node.name)
                };
            }
        }
        dot.push('}');
        dot
    }
}

fn attributes(node: &NodeStats, labels: bool) -> String {
    let mut all = vec![
        ("avg_exec_time_ns", Duration(node.avg_exec_time_ns).to_go_string()),
        ("errors", node.errors.to_string()),
        ("working_cardinality", node.working_cardinality.to_string()),
    ];
    all.extend(node.extra.iter().map(|(name, value)| (*name, value.to_string())));
    all.sort();
    if labels {
        let parts: Vec<String> = all.iter().map(|(k, v)| format!("{k}={v}")).collect();
        return format!("xlabel=\"{}\"", parts.join("\\r"));
    }
    all.iter().fold(String::new(), |mut text, (k, v)| {
        let _ = write!(text, "{k}=\"{v}\" ");
        text
    })
}
