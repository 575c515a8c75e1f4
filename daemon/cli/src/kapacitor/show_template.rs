//! `kapacitor show-template ID`

use client::template::Template;

use super::value;
use crate::dates::rfc822_as_received;
use crate::table::{self, Column};
use crate::tool::{Call, Command, Failure, Text};

pub(crate) const COMMAND: Command = Command {
    name: "show-template",
    arguments: "<template ID>",
    about: "Shows a template.",
    flags: &[],
    run: |call| Box::pin(run(call)),
};

const VARS: [Column; 4] = [
    Column::new("Name", 30),
    Column::new("Type", 10),
    Column::new("Default Value", 40),
    Column::new("Description", 40),
];

async fn run(call: Call) -> Result<Text, Failure> {
    let [id] = call.exactly("Must specify one template ID")?;
    Ok(render(&call.client()?.template(id).await?).into())
}

/// Lines, script, variables, graph.
pub(crate) fn render(template: &Template) -> String {
    let row = |(name, var): (&String, &client::vars::Var)| {
        let default = value::show(var).unwrap_or_else(|| "<required>".to_owned());
        vec![name.clone(), var.kind.clone(), default, var.description.clone()]
    };
    let rows: Vec<Vec<String>> = template.vars.iter().map(row).collect();
    format!(
        "ID: {}\nError: {}\nType: {}\nCreated: {}\nModified: {}\nTICKscript:\n{}\nVars:\n{}DOT:\n{}\n",
        template.id,
        template.error,
        template.kind,
        rfc822_as_received(&template.created),
        rfc822_as_received(&template.modified),
        template.script,
        table::render(&VARS, &rows),
        template.dot,
    )
}
