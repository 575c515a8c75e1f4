//! `kapacitor show-topic-handler TOPIC ID`

use client::HandlerSpec;

use crate::tool::{Call, Command, Failure, Text};

pub(crate) const COMMAND: Command = Command {
    name: "show-topic-handler",
    arguments: "<topic ID> <handler ID>",
    about: "Shows a handler of a topic.",
    flags: &[],
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Result<Text, Failure> {
    let [topic, id] = call.exactly("Must specify one topic ID and one handler ID")?;
    Ok(render(&call.client()?.handler(topic, id).await?).into())
}

fn render(spec: &HandlerSpec) -> String {
    let options = serde_json::to_string(&spec.options).expect("options are plain JSON");
    format!(
        "ID: {}\nTopic: {}\nKind: {}\nMatch: {}\nOptions: {options}\n",
        spec.id, spec.topic, spec.kind, spec.matching
    )
}
