//! Makes nodes from the chain and property calls of a script.
//!
//! The evaluator of scripts calls it through [`tick::Builder`]; names, arity and types of arguments
//! are checked there, against the signatures of [`crate::node`].

use std::collections::BTreeMap;
use std::sync::LazyLock;

use tick::{CallError, Description, NodeRef, Signature, TaskType, Value};

use super::{MAX_NODES, Planned};
use crate::node::{Args, Define, Edge, Gives, Kind, Place, Returned, kinds};

/// Something a script can call on: a node, or a part of it (an alert's handler).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Object {
    node: usize,
    part: Option<usize>,
}

/// Nodes under construction.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    nodes: Vec<Planned>,
    objects: Vec<Object>,
}

/// Stands for all Go types.
const EVERYWHERE: &str = "*";

/// Chain methods by the Go type they are called on; `None` for ordinary nodes.
static CHAINS: LazyLock<BTreeMap<Option<&'static str>, [Vec<Signature>; 1]>> =
    LazyLock::new(|| {
        let mut chains: BTreeMap<Option<&'static str>, [Vec<Signature>; 1]> = BTreeMap::new();
        for kind in kinds() {
            match kind.place {
                Place::Root(_) => {}
                Place::Anywhere => chains.entry(None).or_default()[0].push(kind.signature),
                Place::Everywhere => {
                    chains.entry(Some(EVERYWHERE)).or_default()[0].push(kind.signature);
                }
                Place::On(types) => {
                    for on in types {
                        chains.entry(Some(on)).or_default()[0].push(kind.signature);
                    }
                }
            }
        }
        chains
    });

/// Chain methods of a kind, as the evaluator wants them.
static TABLES: LazyLock<BTreeMap<&'static str, Vec<&'static [Signature]>>> = LazyLock::new(|| {
    let table = |on: Option<&'static str>| CHAINS.get(&on).map_or(&[][..], |[list]| &list[..]);
    let tables = |kind: &'static Kind| {
        let general = match kind.place {
            Place::Root(_) => &[][..],
            _ if kind.gives == Gives::Nothing => &[][..],
            _ => table(None),
        };
        (kind.go_type, vec![table(Some(kind.go_type)), general, table(Some(EVERYWHERE))])
    };
    kinds().map(tables).collect()
});

impl Builder {
    fn push(&mut self, planned: Planned) -> NodeRef {
        let node = self.nodes.len();
        for parent in &planned.parents {
            self.nodes[*parent].children.push(node);
        }
        self.nodes.push(planned);
        self.refer(Object { node, part: None })
    }

    fn refer(&mut self, object: Object) -> NodeRef {
        self.objects.push(object);
        NodeRef(self.objects.len() as u32 - 1)
    }

    fn object(&self, node: NodeRef) -> Object {
        self.objects[node.0 as usize]
    }

    /// Ends construction: validates every node in order, then refuses what is not built.
    /// Gives the nodes by id, and the order in which they are listed.
    pub(crate) fn finish(self) -> Result<(Vec<Planned>, Vec<usize>), String> {
        let order = order(&self.nodes);
        for at in &order {
            self.nodes[*at].define.validate()?;
        }
        if let Some(text) = order.iter().find_map(|at| self.nodes[*at].define.not_built()) {
            return Err(text);
        }
        Ok((self.nodes, order))
    }
}

fn planned(
    kind: &'static Kind,
    id: usize,
    define: Box<dyn Define>,
    edge: Edge,
    parents: Vec<usize>,
) -> Planned {
    let gives = match kind.gives {
        Gives::Same | Gives::Nothing => edge,
        Gives::Always(edge) => edge,
    };
    let name = format!("{}{id}", kind.label).into();
    Planned { name, kind, define, gives, parents, children: Vec::new(), quiet: false }
}

impl tick::Builder for Builder {
    fn root(&mut self, kind: TaskType) -> NodeRef {
        let edge = match kind {
            TaskType::Stream => Edge::Stream,
            TaskType::Batch => Edge::Batch,
        };
        let root = kinds().find(|k| k.place == Place::Root(edge));
        let root = root.expect("both roots are in the list");
        let define = (root.define)(&Args(&[]), edge).expect("a root takes no arguments");
        self.push(planned(root, 0, define, edge, Vec::new()))
    }

    fn describe(&self, node: NodeRef) -> Description {
        let Object { node, part } = self.object(node);
        let Planned { kind, define, .. } = &self.nodes[node];
        let chains = TABLES.get(kind.go_type).map_or(&[][..], |tables| &tables[..]);
        let (go_type, properties) = match part {
            Some(part) => define.part(part),
            None => (kind.go_type, kind.properties),
        };
        Description { go_type, chains, properties }
    }

    fn has_dynamic(&self, _: &str) -> bool {
        false
    }

    fn chain(
        &mut self,
        parent: NodeRef,
        name: &'static str,
        args: Vec<Value>,
    ) -> Result<NodeRef, CallError> {
        let at = self.object(parent).node;
        let on = self.nodes[at].kind.go_type;
        let edge = self.nodes[at].gives;
        if self.nodes.len() >= MAX_NODES {
            return Err(CallError::Calling(format!("a task may have at most {MAX_NODES} nodes")));
        }
        let fits = |kind: &&'static Kind| {
            kind.signature.name == name
                && match kind.place {
                    Place::Root(_) => false,
                    Place::On(types) => types.contains(&on),
                    Place::Anywhere | Place::Everywhere => true,
                }
        };
        let Some(kind) = kinds().find(fits) else {
            return Err(CallError::Plain(format!(
                "no method or property {name:?} on *pipeline.{on}"
            )));
        };
        if kind.wants.is_some_and(|wants| wants != edge) {
            let mut name = name.to_owned();
            name[..1].make_ascii_uppercase();
            return Err(CallError::Calling(format!("cannot {name} {edge} edge")));
        }
        let define = (kind.define)(&Args(&args), edge).map_err(CallError::Calling)?;
        let mut parents = vec![at];
        parents.extend(args.iter().filter_map(|a| match a {
            Value::Node(node) => Some(self.object(*node).node),
            _ => None,
        }));
        Ok(self.push(planned(kind, self.nodes.len(), define, edge, parents)))
    }

    fn property(
        &mut self,
        node: NodeRef,
        name: &'static str,
        args: Vec<Value>,
    ) -> Result<NodeRef, CallError> {
        let object = self.object(node);
        let planned = &mut self.nodes[object.node];
        if name == "quiet" {
            planned.quiet = true;
            return Ok(node);
        }
        match planned.define.set(object.part, name, &Args(&args)).map_err(CallError::Calling)? {
            Returned::Same => Ok(node),
            Returned::Part(part) => Ok(self.refer(Object { part: Some(part), ..object })),
        }
    }

    fn dynamic(&mut self, _: NodeRef, name: &str, _: Vec<Value>) -> Result<NodeRef, CallError> {
        Err(CallError::Calling(format!("no such UDF {name}")))
    }
}

/// Ids in topological order: reversed order of finishing of a depth-first walk over the roots, last
/// root first, as the original lists them.
fn order(nodes: &[Planned]) -> Vec<usize> {
    let mut done = Vec::with_capacity(nodes.len());
    let mut seen = vec![false; nodes.len()];
    let roots = (0..nodes.len()).rev().filter(|at| nodes[*at].parents.is_empty());
    for root in roots {
        let mut path = vec![(root, 0)];
        seen[root] = true;
        while let Some((at, next)) = path.last_mut() {
            match nodes[*at].children.get(*next) {
                Some(child) => {
                    *next += 1;
                    if !std::mem::replace(&mut seen[*child], true) {
                        path.push((*child, 0));
                    }
                }
                None => {
                    done.push(*at);
                    path.pop();
                }
            }
        }
    }
    done.reverse();
    done
}
