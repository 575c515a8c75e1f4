//! Node kinds: what a script may chain, with which properties, and the machine each becomes.
//!
//! A kind lives in one file `node/<kind>.rs`: its definition (what the script says), its checks, its
//! machine and its tests. **To add a node**: write that file with a `pub(crate) static KIND: Kind`,
//! a type that implements [`Define`] and a type that implements [`Run`]; add one `mod` line and one
//! entry in [`KINDS`] below. Nothing else names a kind.
//!
//! A definition is made by the chain call, changed by property calls, validated once the whole
//! script ran, and started (maybe many times) as a machine. Arguments are checked against the
//! signatures before a kind sees them, so [`Args`] accessors cannot fail on a promised index.

mod alert;
mod args;
mod barrier;
mod change_detect;
mod combine;
mod default;
mod delete;
mod derivative;
mod dimensions;
mod eval;
mod flatten;
mod from;
mod group_by;
mod http_out;
mod http_post;
mod influxql;
mod join;
mod kapacitor_loopback;
mod log;
mod noop;
mod prefixes;
mod sample;
mod shift;
mod state;
mod stream;
mod trickle;
mod unbuilt;
mod union;
mod where_;
mod window;

use std::fmt;

use model::{Batch, Duration, Group, Time};
use tick::Signature;

pub(crate) use args::Args;

use crate::effect::Answer;
use crate::graph::{Grouped, Out};
use crate::task::Settings;

/// Every kind that is built, in the order of the handbook.
static KINDS: &[&Kind] = &[
    &stream::KIND,
    &from::KIND,
    &where_::KIND,
    &eval::KIND,
    &group_by::KIND,
    &window::KIND,
    &barrier::KIND,
    &trickle::KIND,
    &join::KIND,
    &union::KIND,
    &combine::KIND,
    &flatten::KIND,
    &sample::KIND,
    &derivative::KIND,
    &change_detect::KIND,
    &shift::KIND,
    &default::KIND,
    &delete::KIND,
    &influxql::count::KIND,
    &influxql::sum::KIND,
    &influxql::mean::KIND,
    &influxql::min::KIND,
    &influxql::max::KIND,
    &influxql::first::KIND,
    &influxql::last::KIND,
    &influxql::spread::KIND,
    &influxql::stddev::KIND,
    &influxql::median::KIND,
    &influxql::mode::KIND,
    &influxql::percentile::KIND,
    &influxql::distinct::KIND,
    &influxql::top::KIND,
    &influxql::bottom::KIND,
    &influxql::elapsed::KIND,
    &influxql::difference::KIND,
    &influxql::moving_average::KIND,
    &influxql::cumulative_sum::KIND,
    &influxql::holt_winters::KIND,
    &influxql::holt_winters::WITH_FIT,
    &state::DURATION,
    &state::COUNT,
    &alert::KIND,
    &log::KIND,
    &http_out::KIND,
    &http_post::KIND,
    &kapacitor_loopback::KIND,
    &noop::KIND,
];

/// Every kind a script may name, built or not.
pub(crate) fn kinds() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().chain(unbuilt::KINDS).copied()
}

/// What travels between two nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// Points one by one.
    Stream,
    /// Batches of points.
    Batch,
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stream => "stream",
            Self::Batch => "batch",
        })
    }
}

/// What a kind hands to its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gives {
    /// The edge its parent has.
    Same,
    /// Always this edge.
    Always(Edge),
    /// No children (but `stats`, `deadman` and properties).
    Nothing,
}

/// Where a kind may be chained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A root of the script.
    Root(Edge),
    /// Only on the nodes of these Go types (`from` on `StreamNode` and `FromNode`).
    On(&'static [&'static str]),
    /// On every node that may have children, but not on a root.
    Anywhere,
    /// On every node, roots and childless ones too (`stats`, `deadman`).
    Everywhere,
}

/// The property every node has: errors are counted, not logged.
pub(crate) const QUIET: &[Signature] = &[Signature::method("quiet", &[])];

/// Makes a definition from the arguments of a chain call and the edge of the parent.
pub(crate) type Definer = fn(&Args<'_>, Edge) -> Result<Box<dyn Define>, String>;

/// A kind of node.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Name and parameters of the chain call: `httpOut(string)`.
    pub(crate) signature: Signature,
    /// First part of node names, and the kind in statistics: `http_out`.
    pub(crate) label: &'static str,
    /// Name of the original's Go type, which error texts show: `HTTPOutNode`.
    pub(crate) go_type: &'static str,
    /// Where it may stand.
    pub(crate) place: Place,
    /// The edge it wants of its parent; `None` takes both.
    pub(crate) wants: Option<Edge>,
    /// The edge its children get.
    pub(crate) gives: Gives,
    /// Its properties, [`QUIET`] among them.
    pub(crate) properties: &'static [&'static [Signature]],
    /// Makes the definition from the chain call; arguments are already checked. An error is shown
    /// as `error calling func "…" on obj *pipeline.…: TEXT`.
    pub(crate) define: Definer,
}

/// What a property call gives back to the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Returned {
    /// The same object.
    Same,
    /// A part of the node (an alert's handler); its own properties are looked up first, then the
    /// node's, so a chain may go on with either.
    Part(usize),
}

/// How far a node's windows have filled since the task started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filling {
    /// It is no window.
    NoWindow,
    /// It has not emitted a full window.
    Cold,
    /// The time of the first full window it emitted.
    Since(Time),
}

/// What a `from` wants of the stream; an empty text is "any".
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// Database.
    pub database: model::Str,
    /// Retention policy.
    pub retention_policy: model::Str,
    /// Measurement.
    pub measurement: model::Str,
}

impl Wanted {
    /// Whether it takes points of this database and retention policy.
    pub(crate) fn matches_pair(&self, database: &str, retention_policy: &str) -> bool {
        (self.database.is_empty() || *self.database == *database)
            && (self.retention_policy.is_empty() || *self.retention_policy == *retention_policy)
    }
}

/// A node as the script defines it. Immutable once the script ran.
pub(crate) trait Define: fmt::Debug + Send + Sync {
    /// Applies property `name` to the node, or to its part number `part`. The arguments were
    /// checked against [`Kind::properties`] or [`Define::part`].
    fn set(&mut self, part: Option<usize>, name: &str, args: &Args<'_>)
    -> Result<Returned, String>;

    /// Go type (`SlackHandler`) and properties of part number `part`; the tables should end with the
    /// node's own.
    fn part(&self, _part: usize) -> (&'static str, &'static [&'static [Signature]]) {
        ("", &[QUIET])
    }

    /// Checks the definition as a whole, after the script ran; texts without prefix.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }

    /// Makes the machine; texts are those of a failing task start, without prefix.
    fn start(&self, start: &Start<'_>) -> Result<Box<dyn Run>, String>;

    /// Why no task with this node can be started by this version, if so.
    fn not_built(&self) -> Option<String> {
        None
    }

    /// For `from`: what it wants of the stream.
    fn wanted(&self) -> Option<Wanted> {
        None
    }

    /// For `httpOut`: the name it serves under.
    fn serves(&self) -> Option<&model::Str> {
        None
    }

    /// For windows by time without alignment of their own: the length that a cluster aligns to.
    fn unaligned(&self) -> Option<Duration> {
        None
    }

    /// For windows by count: where they end depends on the first point, no cluster can align them.
    fn counted(&self) -> bool {
        false
    }
}

/// What a definition is started with.
pub(crate) struct Start<'a> {
    /// Of the task.
    pub(crate) settings: &'a Settings,
    /// The node's name, `eval2`.
    pub(crate) name: &'a model::Str,
}

/// A node at work: a plain state machine. Messages come in order; what it makes leaves through
/// [`Out`], at once and in order.
///
/// A node that must wait for the world calls [`Out::request`] and returns: the graph keeps later
/// messages in order until [`Run::answer`] was called and asked for nothing more.
pub(crate) trait Run: Send {
    /// A point on a stream edge.
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>);

    /// A batch on a batch edge.
    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>);

    /// No data of `group` older than `time` follows.
    fn barrier(&mut self, group: &Group, time: Time, out: &mut Out<'_, '_>) {
        out.barrier(group, time);
    }

    /// Forget `group`. Nodes with state per group drop it, and forward only what they knew.
    fn delete_group(&mut self, group: &Group, out: &mut Out<'_, '_>) {
        out.delete_group(group);
    }

    /// The answer to the request the node waits for.
    fn answer(&mut self, _answer: Answer, _out: &mut Out<'_, '_>) {}

    /// Wall-clock time at which [`Run::wake`] wants to be called.
    fn wakes_at(&self) -> Option<Time> {
        None
    }

    /// `wakes_at` has come.
    fn wake(&mut self, _out: &mut Out<'_, '_>) {}

    /// The task ends: emit what is held back, where the original does.
    fn finish(&mut self, _out: &mut Out<'_, '_>) {}

    /// Groups with state (`working_cardinality`).
    fn cardinality(&self) -> usize {
        0
    }

    /// Statistics of this kind beside the common ones, by name.
    fn counters(&self) -> Vec<(&'static str, i64)> {
        Vec::new()
    }

    /// How far its window has filled since the task started.
    fn filling(&self) -> Filling {
        Filling::NoWindow
    }

    /// For `alert`: its anonymous topic and inline handlers.
    fn handlers(&self) -> Option<(model::Str, Vec<::alert::HandlerSpec>)> {
        None
    }

    /// For `httpOut`: what `GET …/tasks/ID/NAME` answers when `name` is its name, compact JSON.
    fn served(&self, _name: &str) -> Option<String> {
        None
    }
}
