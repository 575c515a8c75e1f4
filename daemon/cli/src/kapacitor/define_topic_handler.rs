//! `kapacitor define-topic-handler FILE`

use client::HandlerSpec;

use super::file;
use crate::tool::{Call, Command, Failure, Text};

pub(crate) const COMMAND: Command = Command {
    name: "define-topic-handler",
    arguments: "<path to handler file>",
    about: "Creates or replaces a handler; the YAML or JSON file has id, topic, kind, match, options.",
    flags: &[],
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Result<Text, Failure> {
    let [name] = call.exactly("Must provide a path to a handler file.")?;
    let spec: HandlerSpec = file::decode(name)?;
    spec.validate().map_err(|why| Failure::Failed(format!("invalid handler spec: {why}")))?;
    let client = call.client()?;
    match client.handler(&spec.topic, &spec.id).await {
        Ok(_) => client.replace_handler(&spec.id, &spec).await?,
        Err(error) if error.is_missing() => client.create_handler(&spec).await?,
        Err(error) => return Err(error.into()),
    }
    Ok(Text::NONE)
}
