//! Kinds that scripts may name and this version does not run: their calls are checked with the
//! original's words, so that a mistake in them is found, and then the script is refused by name.

use tick::{ArgType, Signature};

use super::{Args, Define, Edge, Gives, Kind, Place, QUIET, Returned, Run, Start};

use ArgType::{Any, Duration, Float, Int, Lambda, String as Text};

/// A kind that is not built: name, label, Go type, chain call, edges, properties.
macro_rules! unbuilt {
    ($($kind:ident $label:literal $go:literal $signature:expr, $place:expr, $wants:expr, $gives:expr,
       [$($property:expr),* $(,)?];)*) => {
        $(static $kind: Kind = Kind {
            signature: $signature,
            label: $label,
            go_type: $go,
            place: $place,
            wants: $wants,
            gives: $gives,
            properties: &[&[$($property),*], QUIET],
            define: |_, _| Ok(Box::new(Unbuilt { name: $signature.name })),
        };)*
    };
}

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
    BATCH_ROOT "batch" "BatchNode" method("batch", &[]), Place::Root(Edge::Batch), None, BATCH, [];
    QUERY "query" "QueryNode" method("query", &[Text]), Place::On(&["BatchNode"]), None, BATCH,
        [field("period", Duration), field("every", Duration), field("cron", Text), field("offset", Duration),
         field("fill", Any), field("cluster", Text), method("align", &[]), method("alignGroup", &[]),
         variadic("groupBy", &[], Any), method("groupByMeasurement", &[])];
    QUERY_FLUX "queryFlux" "QueryFluxNode" method("queryFlux", &[Text]), Place::On(&["BatchNode"]), None, BATCH,
        [field("period", Duration), field("every", Duration), field("cron", Text), field("offset", Duration),
         field("cluster", Text), field("org", Text), field("orgID", Text), method("align", &[])];
    SIDELOAD "sideload" "SideloadNode" method("sideload", &[]), ANYWHERE, None, SAME,
        [field("source", Text), variadic("order", &[], Text), method("field", &[Text, Any]),
         method("tag", &[Text, Text])];
    INFLUXDB_OUT "influxdb_out" "InfluxDBOutNode" method("influxDBOut", &[]), ANYWHERE, None, Gives::Nothing,
        [field("cluster", Text), field("database", Text), field("retentionPolicy", Text), field("measurement", Text),
         field("writeConsistency", Text), field("precision", Text), field("buffer", Int),
         field("flushInterval", Duration), method("create", &[]), method("tag", &[Text, Text])];
    STATS "stats" "StatsNode" method("stats", &[Duration]), EVERYWHERE, None, STREAM, [method("align", &[])];
    DEADMAN "alert" "AlertNode" variadic("deadman", &[Float, Duration], Lambda), EVERYWHERE, None, STREAM, [];
    K8S "k8s_autoscale" "K8sAutoscaleNode" method("k8sAutoscale", &[]), ANYWHERE, None, STREAM,
        [field("cluster", Text), field("currentField", Text), field("decreaseCooldown", Duration),
         field("increaseCooldown", Duration), field("kind", Text), field("kindTag", Text), field("max", Int),
         field("min", Int), field("namespace", Text), field("namespaceTag", Text), field("replicas", Lambda),
         field("resourceName", Text), field("resourceNameTag", Text), field("resourceTag", Text)];
    SWARM "swarm_autoscale" "SwarmAutoscaleNode" method("swarmAutoscale", &[]), ANYWHERE, None, STREAM,
        [field("cluster", Text), field("currentField", Text), field("decreaseCooldown", Duration),
         field("increaseCooldown", Duration), field("max", Int), field("min", Int),
         field("outputServiceNameTag", Text), field("replicas", Lambda), field("serviceName", Text),
         field("serviceNameTag", Text)];
    EC2 "ec2_autoscale" "Ec2AutoscaleNode" method("ec2Autoscale", &[]), ANYWHERE, None, STREAM,
        [field("cluster", Text), field("currentField", Text), field("decreaseCooldown", Duration),
         field("increaseCooldown", Duration), field("max", Int), field("min", Int), field("groupName", Text),
         field("groupNameTag", Text), field("outputGroupNameTag", Text), field("replicas", Lambda)];
}

/// All of them.
pub(crate) static KINDS: &[&Kind] = &[
    &BATCH_ROOT,
    &QUERY,
    &QUERY_FLUX,
    &SIDELOAD,
    &INFLUXDB_OUT,
    &STATS,
    &DEADMAN,
    &K8S,
    &SWARM,
    &EC2,
];

#[derive(Clone, Copy, Debug)]
struct Unbuilt {
    name: &'static str,
}

impl Define for Unbuilt {
    fn set(&mut self, _: Option<usize>, _: &str, _: &Args<'_>) -> Result<Returned, String> {
        Ok(Returned::Same)
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
