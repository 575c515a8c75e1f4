//! Kinds that scripts may name and this version does not run: their calls are checked with the
//! original's words, so that a mistake in them is found, and then the script is refused by name.

use std::collections::BTreeMap;

use tick::{ArgType, Signature, Value};

use super::{Args, Define, Edge, Gives, Kind, Place, QUIET, Returned, Run, Start};

use ArgType::{Any, Bool, Duration, Float, Int, Lambda, Node, String as Text};

/// A kind that is not built: name, label, Go type, chain call, edges, properties, check.
macro_rules! unbuilt {
    ($($kind:ident $label:literal $go:literal $signature:expr, $place:expr, $wants:expr, $gives:expr,
       [$($property:expr),* $(,)?], $check:expr;)*) => {
        $(static $kind: Kind = Kind {
            signature: $signature,
            label: $label,
            go_type: $go,
            place: $place,
            wants: $wants,
            gives: $gives,
            properties: &[&[$($property),*], QUIET],
            define: |args, _| Unbuilt::define($signature.name, args, $check),
        };)*
    };
}

type Calls = BTreeMap<String, Vec<Value>>;
type Check = fn(&Calls) -> Result<(), String>;

const fn field(name: &'static str, of: ArgType) -> Signature {
    Signature::field(name, of)
}

const fn method(name: &'static str, fixed: &'static [ArgType]) -> Signature {
    Signature::method(name, fixed)
}

const fn variadic(name: &'static str, fixed: &'static [ArgType], rest: ArgType) -> Signature {
    Signature::variadic(name, fixed, rest)
}

const SAME: Gives = Gives::Same;
const STREAM: Gives = Gives::Always(Edge::Stream);
const BATCH: Gives = Gives::Always(Edge::Batch);
const ANYWHERE: Place = Place::Anywhere;
const EVERYWHERE: Place = Place::Everywhere;

unbuilt! {
    BATCH_ROOT "batch" "BatchNode" method("batch", &[]), Place::Root(Edge::Batch), None, BATCH, [], None;
    QUERY "query" "QueryNode" method("query", &[Text]), Place::On(&["BatchNode"]), None, BATCH,
        [field("period", Duration), field("every", Duration), field("cron", Text), field("offset", Duration),
         field("fill", Any), field("cluster", Text), method("align", &[]), method("alignGroup", &[]),
         variadic("groupBy", &[], Any), method("groupByMeasurement", &[])], None;
    QUERY_FLUX "queryFlux" "QueryFluxNode" method("queryFlux", &[Text]), Place::On(&["BatchNode"]), None, BATCH,
        [field("period", Duration), field("every", Duration), field("cron", Text), field("offset", Duration),
         field("cluster", Text), field("org", Text), field("orgID", Text), method("align", &[])], None;
    BARRIER "barrier" "BarrierNode" method("barrier", &[]), ANYWHERE, None, SAME,
        [field("idle", Duration), field("period", Duration), field("delete", Bool)], Some(barrier);
    JOIN "join" "JoinNode" variadic("join", &[], Node), ANYWHERE, None, SAME,
        [variadic("as", &[], Text), variadic("on", &[], Text), field("delimiter", Text), field("streamName", Text),
         field("tolerance", Duration), field("fill", Any), field("deleteAll", Bool)], Some(join);
    UNION "union" "UnionNode" variadic("union", &[], Node), ANYWHERE, None, SAME, [field("rename", Text)], None;
    COMBINE "combine" "CombineNode" variadic("combine", &[], Lambda), ANYWHERE, None, STREAM,
        [variadic("as", &[], Text), field("delimiter", Text), field("tolerance", Duration), field("max", Int)], Some(combine);
    SIDELOAD "sideload" "SideloadNode" method("sideload", &[]), ANYWHERE, None, SAME,
        [field("source", Text), variadic("order", &[], Text), method("field", &[Text, Any]),
         method("tag", &[Text, Text])], None;
    INFLUXDB_OUT "influxdb_out" "InfluxDBOutNode" method("influxDBOut", &[]), ANYWHERE, None, Gives::Nothing,
        [field("cluster", Text), field("database", Text), field("retentionPolicy", Text), field("measurement", Text),
         field("writeConsistency", Text), field("precision", Text), field("buffer", Int),
         field("flushInterval", Duration), method("create", &[]), method("tag", &[Text, Text])], None;
    LOOPBACK "kapacitor_loopback" "KapacitorLoopbackNode" method("kapacitorLoopback", &[]), ANYWHERE, None,
        Gives::Nothing,
        [field("database", Text), field("retentionPolicy", Text), field("measurement", Text),
         method("tag", &[Text, Text])], Some(loopback);
    STATS "stats" "StatsNode" method("stats", &[Duration]), EVERYWHERE, None, STREAM, [method("align", &[])], None;
    DEADMAN "alert" "AlertNode" variadic("deadman", &[Float, Duration], Lambda), EVERYWHERE, None, STREAM, [], None;
    K8S "k8s_autoscale" "K8sAutoscaleNode" method("k8sAutoscale", &[]), ANYWHERE, None, STREAM,
        [field("cluster", Text), field("currentField", Text), field("decreaseCooldown", Duration),
         field("increaseCooldown", Duration), field("kind", Text), field("kindTag", Text), field("max", Int),
         field("min", Int), field("namespace", Text), field("namespaceTag", Text), field("replicas", Lambda),
         field("resourceName", Text), field("resourceNameTag", Text), field("resourceTag", Text)], None;
    SWARM "swarm_autoscale" "SwarmAutoscaleNode" method("swarmAutoscale", &[]), ANYWHERE, None, STREAM,
        [field("cluster", Text), field("currentField", Text), field("decreaseCooldown", Duration),
         field("increaseCooldown", Duration), field("max", Int), field("min", Int),
         field("outputServiceNameTag", Text), field("replicas", Lambda), field("serviceName", Text),
         field("serviceNameTag", Text)], None;
    EC2 "ec2_autoscale" "Ec2AutoscaleNode" method("ec2Autoscale", &[]), ANYWHERE, None, STREAM,
        [field("cluster", Text), field("currentField", Text), field("decreaseCooldown", Duration),
         field("increaseCooldown", Duration), field("max", Int), field("min", Int), field("groupName", Text),
         field("groupNameTag", Text), field("outputGroupNameTag", Text), field("replicas", Lambda)], None;
}

/// All of them.
pub(crate) static KINDS: &[&Kind] = &[
    &BATCH_ROOT,
    &QUERY,
    &QUERY_FLUX,
    &BARRIER,
    &JOIN,
    &UNION,
    &COMBINE,
    &SIDELOAD,
    &INFLUXDB_OUT,
    &LOOPBACK,
    &STATS,
    &DEADMAN,
    &K8S,
    &SWARM,
    &EC2,
];

#[derive(Clone, Debug)]
struct Unbuilt {
    name: &'static str,
    calls: Calls,
    check: Option<Check>,
}

impl Unbuilt {
    fn define(
        name: &'static str,
        args: &Args<'_>,
        check: Option<Check>,
    ) -> Result<Box<dyn Define>, String> {
        let calls = BTreeMap::from([(name.to_owned(), args.all().to_vec())]);
        Ok(Box::new(Self { name, calls, check }))
    }
}

impl Define for Unbuilt {
    fn set(&mut self, _: Option<usize>, name: &str, args: &Args<'_>) -> Result<Returned, String> {
        self.calls.insert(name.to_owned(), args.all().to_vec());
        Ok(Returned::Same)
    }

    fn validate(&self) -> Result<(), String> {
        self.check.map_or(Ok(()), |check| check(&self.calls))
    }

    fn not_built(&self) -> Option<String> {
        Some(refusal(self.name))
    }

    fn start(&self, _: &Start<'_>) -> Result<Box<dyn Run>, String> {
        Err(refusal(self.name))
    }
}

fn refusal(name: &str) -> String {
    format!("node {name:?} is not built yet: this version cannot run tasks that use it")
}

fn set<'a>(calls: &'a Calls, name: &str) -> &'a [Value] {
    calls.get(name).map_or(&[], |args| args)
}

fn is_zero(args: &[Value]) -> bool {
    !matches!(args, [Value::Duration(d)] if d.0 != 0)
}

fn barrier(calls: &Calls) -> Result<(), String> {
    match (is_zero(set(calls, "idle")), is_zero(set(calls, "period"))) {
        (false, false) => Err("cannot specify both idle and period".to_owned()),
        (true, true) => Err("idle must be greater than zero".to_owned()),
        _ => Ok(()),
    }
}

fn join(calls: &Calls) -> Result<(), String> {
    prefixes("join", set(calls, "as"), set(calls, "join").len() + 1)
}

fn combine(calls: &Calls) -> Result<(), String> {
    prefixes("combine", set(calls, "as"), set(calls, "combine").len())
}

fn prefixes(node: &str, names: &[Value], wanted: usize) -> Result<(), String> {
    if names.is_empty() {
        return Err(format!(
            "a call to {node}.as() is required to specify the output stream prefixes."
        ));
    }
    if names.len() != wanted {
        return Err(format!(
            "number of prefixes specified by {node}.as() must match the number of {node}ed streams"
        ));
    }
    let texts: Vec<&str> =
        names.iter().map(|n| if let Value::String(s) = n { s } else { "" }).collect();
    for (i, text) in texts.iter().enumerate() {
        if text.is_empty() {
            return Err(format!(
                "must provide a prefix name for the {node} node, see .as() property method"
            ));
        }
        if texts[..i].contains(text) {
            return Err("cannot use the same prefix name see .as() property method".to_owned());
        }
    }
    Ok(())
}

fn loopback(calls: &Calls) -> Result<(), String> {
    if set(calls, "database").is_empty() {
        return Err("must specify a database".to_owned());
    }
    if set(calls, "retentionPolicy").is_empty() {
        return Err("must specify a retention policy".to_owned());
    }
    Ok(())
}
