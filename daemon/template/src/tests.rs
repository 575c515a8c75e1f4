//! Templates over the data of an alert, as recorded from Kapacitor and Go.

mod cases;
mod html;
mod limits;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Mode, Object, Template, Value};

/// The alert of the recorded cases: `kiln,bay=north\ 1,row=r2 t=35.5,n=7i,s="a<b>&'c'",ok=true`.
struct Alert;

struct Server;

impl Object for Server {
    fn fields(&self) -> &'static [&'static str] {
        &["Hostname", "ClusterID", "ServerID"]
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(string(match name {
            "Hostname" => "localhost",
            "ClusterID" => "c1",
            "ServerID" => "s1",
            _ => return None,
        }))
    }

    fn type_name(&self) -> &'static str {
        "main.Server"
    }
}

fn string(text: &str) -> Value {
    Value::Str(text.into())
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Arc<BTreeMap<String, Value>> {
    Arc::new(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

impl Object for Alert {
    fn fields(&self) -> &'static [&'static str] {
        &[
            "Name",
            "TaskName",
            "Group",
            "Tags",
            "ServerInfo",
            "ID",
            "Fields",
            "Level",
            "Time",
            "Duration",
            "Message",
        ]
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "Name" => string("kiln"),
            "TaskName" => string("al"),
            "Group" => string("bay=north 1"),
            "Tags" => Value::Tags(map([("bay", string("north 1")), ("row", string("r2"))])),
            "ServerInfo" => Value::Object(Arc::new(Server)),
            "ID" => string("kiln:bay=north 1"),
            "Fields" => Value::Map(map([
                ("t", Value::Float(35.5)),
                ("n", Value::Int(7)),
                ("s", string("a<b>&'c'")),
                ("ok", Value::Bool(true)),
            ])),
            "Level" => string("CRITICAL"),
            "Time" => Value::Time(1_500_000_000_250_000_000),
            "Duration" => Value::Duration(3_699_000_000_000),
            "Message" => string("m <CRITICAL>"),
            "List" => Value::List([Value::Int(1), string("two"), Value::Float(3.0)].into()),
            "Nil" => Value::Nil,
            _ => return None,
        })
    }

    fn type_name(&self) -> &'static str {
        "alert.detailsInfo"
    }
}

fn render(mode: Mode, text: &str) -> String {
    Template::parse("message", text, mode)
        .and_then(|template| template.render(&Alert))
        .unwrap_or_else(|error| error)
}

fn check_all(mode: Mode, cases: &[(&str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .map(|(text, expected)| (text, expected, render(mode, text)))
        .filter(|(_, expected, found)| found != *expected)
        .map(|(text, expected, found)| format!("{text}\n  want {expected:?}\n  have {found:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
