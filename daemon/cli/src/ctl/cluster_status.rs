//! `kapacitorctl cluster status`: the health of the cluster, for people and (`-o json`) for tools.

use std::fmt::Write as _;

use client::MemberId;
use client::cluster::{Cluster, Member, Run, Task, Topic};

use crate::flags::Flag;
use crate::table::{self, Column};
use crate::tool::{Call, Command, Failure, Text};

pub(crate) const COMMAND: Command = Command {
    name: "cluster status",
    arguments: "",
    about: "Shows how the cluster and each member are, as the asked member sees them.",
    flags: &[Flag::value("o", "FORMAT", "text or json (default text)")],
    run: |call| Box::pin(run(call)),
};

/// Topics and tasks that the text form shows; `-o json` shows all that the member tells.
const SHOWN: usize = 50;

const TOPICS: [Column; 3] =
    [Column::new("Topic", 20), Column::new("Pending", 8), Column::new("Owners", 0)];
const TASKS: [Column; 2] = [Column::new("Task", 20), Column::new("Runs On", 0)];

const COLUMNS: [Column; 8] = [
    Column::new("Member ID", 38),
    Column::new("API Address", 12),
    Column::new("Status", 8),
    Column::new("Since", 7),
    Column::new("Ready", 8),
    Column::new("Version", 8),
    Column::new("Boot", 14),
    Column::new("Last Sync", 10),
];

async fn run(call: Call) -> Result<Text, Failure> {
    call.exactly::<0>("cluster status takes no argument")?;
    let json = match call.given.flag("o").unwrap_or("text") {
        "text" => false,
        "json" => true,
        other => {
            let text = format!("invalid value {other:?} for flag -o: neither text nor json");
            return Err(Failure::Usage(text));
        }
    };
    let cluster = call.client()?.cluster().await?;
    if json {
        let text = serde_json::to_string_pretty(&cluster).expect("a cluster is plain JSON");
        return Ok(format!("{text}\n").into());
    }
    Ok(render(&cluster).into())
}

/// The text form.
pub(crate) fn render(cluster: &Cluster) -> String {
    let rows: Vec<Vec<String>> = cluster.members.iter().map(row).collect();
    let mut text = format!(
        "State: {}\nCluster ID: {}\nLocal Member ID: {}\nVersion: {}\nReady: {}\n",
        cluster.state,
        cluster.cluster_id,
        cluster.member_id,
        cluster.version,
        yes_or_no(Some(cluster.ready)),
    );
    let known = &cluster.replication;
    let _ = writeln!(
        text,
        "Replicated: {} handlers, {} event states, {} delivered, {} pending; {} syncs, {} failed; {} conflicts",
        known.specs,
        known.states,
        known.done,
        known.pending,
        known.syncs,
        known.syncs_failed,
        known.conflicts,
    );
    for conflict in &cluster.conflicts {
        let _ = writeln!(text, "Conflict: {conflict}");
    }
    text += &table::render(&COLUMNS, &rows);
    text += &topics(cluster);
    text + &tasks(cluster)
}

fn topics(cluster: &Cluster) -> String {
    if cluster.topics.is_empty() {
        return String::new();
    }
    let row = |topic: &Topic| {
        let owners: Vec<String> = topic.owners.iter().map(|id| name(cluster, *id)).collect();
        vec![topic.topic.clone(), topic.pending.to_string(), owners.join(" ")]
    };
    let rows: Vec<Vec<String>> = cluster.topics.iter().take(SHOWN).map(row).collect();
    format!("\n{}{}", table::render(&TOPICS, &rows), more(rows.len(), cluster.topics_total))
}

fn tasks(cluster: &Cluster) -> String {
    if cluster.tasks.is_empty() {
        return String::new();
    }
    let run = |run: &Run| {
        let cold = if run.warm { "" } else { " (cold)" };
        format!("{}{cold}", name(cluster, run.member))
    };
    let row = |task: &Task| {
        vec![task.id.clone(), task.runs.iter().map(run).collect::<Vec<_>>().join(", ")]
    };
    let rows: Vec<Vec<String>> = cluster.tasks.iter().take(SHOWN).map(row).collect();
    format!("\n{}{}", table::render(&TASKS, &rows), more(rows.len(), cluster.tasks_total))
}

fn more(shown: usize, total: usize) -> String {
    if total > shown { format!("… and {} more\n", total - shown) } else { String::new() }
}

/// A member by the host people know it by.
fn name(cluster: &Cluster, id: MemberId) -> String {
    let found = cluster.members.iter().find(|member| member.id == id);
    found.map_or_else(|| id.to_string(), |member| member.api_address.clone())
}

fn row(member: &Member) -> Vec<String> {
    let sync = match (&member.last_sync, member.digest_equal) {
        (Some(at), Some(false)) => format!("{} (differing)", whole_seconds(at)),
        (Some(at), _) => whole_seconds(at),
        (None, _) => "-".to_owned(),
    };
    vec![
        member.id.to_string(),
        member.api_address.clone(),
        member.status.to_string(),
        whole_seconds(&member.since),
        yes_or_no(member.ready).to_owned(),
        member.version.clone().unwrap_or_else(|| "-".to_owned()),
        member.boot.map_or_else(|| "-".to_owned(), |boot| boot.to_string()),
        sync,
    ]
}

/// An RFC 3339 time in UTC without its fraction.
fn whole_seconds(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, fraction)) if fraction.ends_with('Z') => format!("{seconds}Z"),
        _ => time.to_owned(),
    }
}

fn yes_or_no(known: Option<bool>) -> &'static str {
    match known {
        Some(true) => "yes",
        Some(false) => "no",
        None => "-",
    }
}
