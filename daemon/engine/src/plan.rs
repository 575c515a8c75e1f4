//! A plan: the graph of nodes a script defines, checked, ready to be started many times.

mod builder;
mod dot;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use model::{Duration, Str};
use smallvec::SmallVec;
use tick::{Diagnostic, Inputs, TaskType, Var};

use self::builder::Builder;
use crate::graph::Link;
use crate::node::{Define, Edge, Kind, Wanted};

/// Nodes one script may define.
pub const MAX_NODES: usize = 1_000;

/// What a task or template is defined with.
#[derive(Clone, Copy, Debug)]
pub struct Definition<'a> {
    /// Which root the script sees.
    pub task_type: TaskType,
    /// Values the user sends for vars; those the script does not declare are ignored.
    pub vars: &'a BTreeMap<String, Var>,
    /// A template: declared vars may lack a value.
    pub template: bool,
}

/// Why a script makes no plan. `Display` is the text after `invalid TICKscript: `.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError(pub Diagnostic);

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for PlanError {}

/// A node of a plan.
#[derive(Debug)]
pub(crate) struct Planned {
    /// `eval2`
    pub(crate) name: Str,
    /// Its kind.
    pub(crate) kind: &'static Kind,
    /// What the script says of it.
    pub(crate) define: Box<dyn Define>,
    /// The edge its children get.
    pub(crate) gives: Edge,
    /// Its parents, the chained one first.
    pub(crate) parents: Vec<usize>,
    /// Its children in order of creation.
    pub(crate) children: Vec<usize>,
    /// `.quiet()`
    pub(crate) quiet: bool,
}

/// What a script became.
#[derive(Clone, Debug)]
pub struct Plan {
    task_type: TaskType,
    vars: Arc<BTreeMap<String, Var>>,
    dbrps: Arc<[(Str, Str)]>,
    pub(crate) nodes: Arc<[Planned]>,
    pub(crate) order: Arc<[usize]>,
}

impl Plan {
    /// Parses and evaluates `script`, and checks every node. Whether the script is of the type that
    /// `definition` says is the caller's to check ([`tick::ast::Program::task_type`]).
    pub fn build(script: &str, definition: Definition<'_>) -> Result<Self, PlanError> {
        let program = tick::parse(script).map_err(PlanError)?;
        let Definition { task_type, vars, template } = definition;
        let inputs = Inputs { task_type, vars, allow_missing: template };
        let mut builder = Builder::default();
        let vars = tick::evaluate(&program, inputs, &mut builder).map_err(PlanError)?;
        let (nodes, order) = builder
            .finish()
            .map_err(|message| PlanError(Diagnostic { message, line: 0, column: 0, hint: None }))?;
        Ok(Self {
            task_type,
            vars: Arc::new(vars),
            dbrps: program.dbrps().into(),
            nodes: nodes.into(),
            order: order.into(),
        })
    }

    /// The type it was built for.
    pub fn task_type(&self) -> TaskType {
        self.task_type
    }

    /// The vars the script declares, with their defaults.
    pub fn vars(&self) -> &BTreeMap<String, Var> {
        &self.vars
    }

    /// What its `dbrp` statements say, in order.
    pub fn dbrps(&self) -> &[(Str, Str)] {
        &self.dbrps
    }

    /// Ids of the nodes in the order in which they are listed: each after its parents.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// What the `from` nodes on the root want, for the [`crate::Index`].
    pub fn measurements(&self) -> Vec<Wanted> {
        let on_root = self.nodes.iter().filter(|n| n.parents == [0]);
        on_root.filter_map(|n| n.define.wanted()).collect()
    }

    /// Names under which `httpOut` nodes serve, in order of node id; the same name may stand twice,
    /// which is an error when the task starts.
    pub fn http_outs(&self) -> Vec<Str> {
        self.nodes.iter().filter_map(|n| n.define.serves().cloned()).collect()
    }

    /// Windows without alignment of their own, which a cluster anchors to multiples of this length:
    /// node name and length. For the note of `define`.
    pub fn unaligned_windows(&self) -> Vec<(Str, Duration)> {
        let windows = self.nodes.iter();
        windows.filter_map(|n| Some((n.name.clone(), n.define.unaligned()?))).collect()
    }

    /// Windows by count: members that started at different points end them at different ones.
    pub fn counted_windows(&self) -> Vec<Str> {
        let windows = self.nodes.iter().filter(|n| n.define.counted());
        windows.map(|n| n.name.clone()).collect()
    }

    /// Edges of node number `at` to its children, in order of creation.
    pub(crate) fn links(&self, at: usize) -> SmallVec<[Link; 2]> {
        let children = &self.nodes[at].children;
        let link = |(i, node): (usize, &usize)| {
            // A node may be several inputs of one child.
            let before = children[..i].iter().filter(|c| *c == node).count();
            let inputs = self.nodes[*node].parents.iter().enumerate();
            let input = inputs.filter(|(_, parent)| **parent == at).nth(before);
            Link { node: *node, input: input.map_or(0, |(input, _)| input) }
        };
        children.iter().enumerate().map(link).collect()
    }

    /// Checks that all inputs of a node are of one type; the error is that of a failing start.
    pub(crate) fn check_edges(&self) -> Result<(), String> {
        for node in &*self.nodes {
            let Some((first, others)) = node.parents.split_first() else { continue };
            let wanted = self.nodes[*first].gives;
            if let Some(other) = others.iter().find(|p| self.nodes[**p].gives != wanted) {
                let (parent, gives) = (&self.nodes[*other].name, self.nodes[*other].gives);
                return Err(format!(
                    "cannot add child mismatched edges: {parent}:{gives} -> {}:{wanted}",
                    node.name
                ));
            }
        }
        Ok(())
    }

    /// Names and kinds of the nodes, in order of id.
    pub fn nodes(&self) -> impl Iterator<Item = (&Str, &'static str)> {
        self.nodes.iter().map(|n| (&n.name, n.kind.label))
    }
}
