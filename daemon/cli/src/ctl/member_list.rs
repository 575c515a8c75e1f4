//! `kapacitorctl member list`: the members as the asked one sees them. Scripts read this layout.

use client::cluster::{Cluster, Member};

use crate::table::{self, Column};
use crate::tool::{Call, Command, Failure, Text};

pub(crate) const COMMAND: Command = Command {
    name: "member list",
    arguments: "",
    about: "Lists the members as the asked member sees them.",
    flags: &[],
    run: |call| Box::pin(run(call)),
};

const COLUMNS: [Column; 6] = [
    Column::new("Member ID", 40),
    Column::new("Gossip Address", 15).gap(3),
    Column::new("RPC Address", 12).gap(3),
    Column::new("API Address", 12).gap(3),
    Column::new("Roles", 6),
    Column::new("Status", 0),
];

async fn run(call: Call) -> Result<Text, Failure> {
    call.exactly::<0>("member list takes no argument")?;
    Ok(render(&call.client()?.cluster().await?).into())
}

/// The listing, byte for byte as the original prints it.
pub(crate) fn render(cluster: &Cluster) -> String {
    let rows: Vec<Vec<String>> = cluster.members.iter().map(row).collect();
    format!(
        "State: {}\nCluster ID: {}\nLocal Member ID: {}\n{}",
        cluster.state,
        cluster.cluster_id,
        cluster.member_id,
        table::render(&COLUMNS, &rows)
    )
}

fn row(member: &Member) -> Vec<String> {
    vec![
        member.id.to_string(),
        member.gossip_address.clone(),
        member.rpc_address.clone(),
        member.api_address.clone(),
        member.roles.join(","),
        member.status.to_string(),
    ]
}
