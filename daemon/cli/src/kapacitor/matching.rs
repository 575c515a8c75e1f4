//! What the patterns of a command match.

use std::collections::BTreeSet;

use client::Client;

use crate::tool::{Call, Failure};

/// The patterns of a command that wants at least one.
pub(crate) fn patterns(call: &Call) -> Result<&[String], Failure> {
    match call.given.arguments.as_slice() {
        [] => Err(Failure::Usage("Must pass at least one ID".to_owned())),
        patterns => Ok(patterns),
    }
}

/// Ids of all tasks that any of the patterns matches, each once, in order.
pub(crate) async fn tasks(
    client: &Client,
    patterns: &[String],
) -> Result<BTreeSet<String>, client::Error> {
    let mut ids = BTreeSet::new();
    for pattern in patterns {
        ids.extend(client.tasks(pattern, &["link"]).await?.into_iter().map(|task| task.id));
    }
    Ok(ids)
}
