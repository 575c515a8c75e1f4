//! `kapacitorctl member add ADDR`

use crate::tool::{Call, Command, Failure, Text};

use super::token;

pub(crate) const COMMAND: Command = Command {
    name: "member add",
    arguments: "ADDR",
    about: "Adds the member whose RPC address is ADDR (host:port, 9091 by default) to the cluster of the \
            asked one.",
    flags: &[token::CONFIG],
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Result<Text, Failure> {
    let [address] = call.exactly("Must provide the RPC address of the new member: host:port")?;
    check(address).map_err(Failure::Failed)?;
    let (client, why_not) = token::client(&call)?;
    let done = client.add_member(address).await;
    done.map(|()| Text::NONE).map_err(|e| token::explain(e, why_not))
}

/// Refuses what is surely no `host:port`; the member judges the rest.
fn check(address: &str) -> Result<(), String> {
    if address.contains("://") {
        return Err(format!(
            "{address:?} is a URL: give host:port of the new member's RPC (port 9091 by default)"
        ));
    }
    let port = address.rsplit_once(':').map(|(_, port)| port);
    if port.is_none_or(|port| port.parse::<u16>().is_err()) {
        return Err(format!(
            "{address:?} has no port: give host:port of the new member's RPC (port 9091 by default)"
        ));
    }
    Ok(())
}
