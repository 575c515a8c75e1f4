//! `kapacitor stats general|ingress`

use std::fmt::Write as _;

use client::server::Statistics;

use crate::table::{self, Column};
use crate::tool::{Call, Command, Failure, Text};

pub(crate) const COMMAND: Command = Command {
    name: "stats",
    arguments: "(general|ingress)",
    about: "Shows statistics of the member, or the points it received.",
    flags: &[],
    run: |call| Box::pin(run(call)),
};

const INGRESS: [Column; 4] = [
    Column::new("Database", 9),
    Column::new("Retention Policy", 17),
    Column::new("Measurement", 12),
    Column::new("Points Received", 15).right(),
];

async fn run(call: Call) -> Result<Text, Failure> {
    let category = match call.given.arguments.as_slice() {
        [] => return Err(Failure::Failed("must provide a stats category".to_owned())),
        [category, ..] => category.as_str(),
    };
    let render = match category {
        "general" => general,
        "ingress" => ingress,
        other => {
            let text = format!("unknown stats category '{other}', expected 'general' or 'ingress'");
            return Err(Failure::Failed(text));
        }
    };
    Ok(render(&call.client()?.statistics().await?).into())
}

fn general(statistics: &Statistics) -> String {
    let number = |n: u64| n.to_string();
    let lines = [
        ("ClusterID:", statistics.cluster_id.clone()),
        ("ServerID:", statistics.server_id.clone()),
        ("Host:", statistics.host.clone()),
        ("Tasks:", number(statistics.num_tasks)),
        ("Enabled Tasks:", number(statistics.num_enabled_tasks)),
        ("Subscriptions:", number(statistics.num_subscriptions)),
        ("Platform:", statistics.platform.clone()),
        ("Version:", statistics.version.clone()),
    ];
    let mut text = String::new();
    for (label, value) in lines {
        let _ = writeln!(text, "{label:30}{value}");
    }
    text
}

fn ingress(statistics: &Statistics) -> String {
    let tag =
        |set: &client::server::Set, name: &str| set.tags.get(name).cloned().unwrap_or_default();
    let mut rows: Vec<Vec<String>> = statistics
        .kapacitor
        .values()
        .filter(|set| set.name == "ingress" && tag(set, "task_master") == "main")
        .map(|set| {
            let received = set.values.get("points_received").map(ToString::to_string);
            vec![
                tag(set, "database"),
                tag(set, "retention_policy"),
                tag(set, "measurement"),
                received.unwrap_or_default(),
            ]
        })
        .collect();
    rows.sort();
    table::render(&INGRESS, &rows)
}
