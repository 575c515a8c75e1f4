//! `kapacitorctl member remove ID`

use client::MemberId;

use crate::tool::{Call, Command, Failure, Text};

use super::token;

pub(crate) const COMMAND: Command = Command {
    name: "member remove",
    arguments: "ID",
    about: "Removes the member with this ID, dead or alive; any member may be asked, itself too.",
    flags: &[token::CONFIG],
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Result<Text, Failure> {
    let [id] = call.exactly("Must provide the ID of the member to remove")?;
    let id: MemberId = id.parse().map_err(|_| {
        Failure::Failed(format!(
            "{id:?} is no member ID: give the ID as `kapacitorctl member list` shows it"
        ))
    })?;
    let (client, why_not) = token::client(&call)?;
    let done = client.remove_member(id).await;
    done.map(|()| Text::NONE).map_err(|e| token::explain(e, why_not))
}
