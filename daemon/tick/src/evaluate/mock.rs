//! A builder for tests: a few of the engine's nodes, and no behaviour but a record of the calls.

use crate::builder::{ArgType, Builder, CallError, Description, Signature};
use crate::program::TaskType;
use crate::value::{NodeRef, Value};

use ArgType::{Any, Duration, Float, Int, Lambda, Node, String as Text};

const EVERY: &[Signature] = &[
    Signature::method("alert", &[]),
    Signature::method("barrier", &[]),
    Signature::method("combine", &[]),
    Signature::method("default", &[]),
    Signature::variadic("eval", &[], Lambda),
    Signature::method("flatten", &[]),
    Signature::variadic("groupBy", &[], Any),
    Signature::method("holtWinters", &[Text, Int, Int, Duration]),
    Signature::method("httpOut", &[Text]),
    Signature::variadic("httpPost", &[], Text),
    Signature::variadic("join", &[], Node),
    Signature::method("log", &[]),
    Signature::method("percentile", &[Text, Float]),
    Signature::method("sample", &[Any]),
    Signature::method("stateCount", &[Lambda]),
    Signature::variadic("union", &[], Node),
    Signature::method("where", &[Lambda]),
    Signature::method("window", &[]),
];

const FROM: &[Signature] = &[Signature::method("from", &[])];

type Kind = (&'static str, &'static [&'static [Signature]], &'static [&'static [Signature]]);

const KINDS: &[Kind] = &[
    ("StreamNode", &[FROM], &[]),
    ("BatchNode", &[&[Signature::method("query", &[Text])]], &[]),
    (
        "FromNode",
        &[FROM, EVERY],
        &[&[
            Signature::field("measurement", Text),
            Signature::method("where", &[Lambda]),
            Signature::variadic("groupBy", &[], Any),
        ]],
    ),
    (
        "WindowNode",
        &[EVERY],
        &[&[
            Signature::field("period", Duration),
            Signature::field("every", Duration),
            Signature::field("periodCount", Int),
            Signature::field("everyCount", Int),
        ]],
    ),
    ("DefaultNode", &[EVERY], &[&[Signature::method("tag", &[Text, Text])]]),
    ("FlattenNode", &[EVERY], &[&[Signature::variadic("on", &[], Text)]]),
    (
        "JoinNode",
        &[EVERY],
        &[&[Signature::variadic("as", &[], Text), Signature::field("tolerance", Duration)]],
    ),
    ("EvalNode", &[EVERY], &[&[Signature::variadic("as", &[], Text)]]),
    ("AlertNode", &[EVERY], &[&[Signature::field("crit", Lambda)]]),
    ("LogNode", &[EVERY], &[]),
    ("UDFNode", &[EVERY], &[]),
    ("NoOpNode", &[EVERY], &[]),
];

/// The kinds of the nodes made so far, and the calls with their arguments.
#[derive(Default)]
pub(crate) struct Mock {
    nodes: Vec<usize>,
    pub(crate) calls: Vec<(String, Vec<Value>)>,
}

impl Mock {
    fn make(&mut self, go_type: &str) -> NodeRef {
        let kind = KINDS.iter().position(|kind| kind.0 == go_type).unwrap_or(KINDS.len() - 1);
        self.nodes.push(kind);
        NodeRef(self.nodes.len() as u32 - 1)
    }
}

impl Builder for Mock {
    fn root(&mut self, kind: TaskType) -> NodeRef {
        self.make(if kind == TaskType::Stream { "StreamNode" } else { "BatchNode" })
    }

    fn describe(&self, node: NodeRef) -> Description {
        let (go_type, chains, properties) = KINDS[self.nodes[node.0 as usize]];
        Description { go_type, chains, properties }
    }

    fn has_dynamic(&self, name: &str) -> bool {
        name == "udf"
    }

    fn chain(
        &mut self,
        parent: NodeRef,
        name: &'static str,
        args: Vec<Value>,
    ) -> Result<NodeRef, CallError> {
        self.calls.push((format!("{}|{name}", parent.0), args.clone()));
        if name == "window" && self.describe(parent).go_type == "WindowNode" {
            return Err(CallError::Calling("cannot Window batch edge".to_owned()));
        }
        if let ("sample", [Value::String(_)]) = (name, &args[..]) {
            let text = "must pass int64 or duration to new sample node";
            return Err(CallError::Calling(text.to_owned()));
        }
        let mut go_type = name.to_owned();
        go_type[..1].make_ascii_uppercase();
        Ok(self.make(&format!("{go_type}Node")))
    }

    fn property(
        &mut self,
        node: NodeRef,
        name: &'static str,
        args: Vec<Value>,
    ) -> Result<NodeRef, CallError> {
        self.calls.push((format!("{}.{name}", node.0), args));
        Ok(node)
    }

    fn dynamic(
        &mut self,
        parent: NodeRef,
        name: &str,
        args: Vec<Value>,
    ) -> Result<NodeRef, CallError> {
        self.calls.push((format!("{}@{name}", parent.0), args));
        Ok(self.make("UDFNode"))
    }
}
