//! `kapacitorctl cluster status`: the health of the cluster, for people and (`-o json`) for tools.

use std::fmt::Write as _;

use client::cluster::{Cluster, Member};

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

const COLUMNS: [Column; 7] = [
    Column::new("Member ID", 38),
    Column::new("API Address", 12),
    Column::new("Status", 8),
    Column::new("Since", 7),
    Column::new("Ready", 8),
    Column::new("Version", 8),
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
    for conflict in &cluster.conflicts {
        let _ = writeln!(text, "Conflict: {conflict}");
    }
    text + &table::render(&COLUMNS, &rows)
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
