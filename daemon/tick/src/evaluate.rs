//! Runs a script once, top to bottom: vars into a scope, calls into a [`Builder`].
//!
//! No data is seen here. Lambdas are resolved (identifiers replaced by their values) and handed on.

mod call;
mod constant;
#[cfg(test)]
pub(crate) mod mock;
mod resolve;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Duration;

use crate::Diagnostic;
use crate::ast::{
    Call, ChainOp, Expr, ExprKind, Lambda, Link, LinkTarget, Pos, Program, StatementKind, UnaryOp,
};
use crate::builder::{Builder, CallError};
use crate::program::{TaskType, description};
use crate::value::{NodeRef, Value, Var, VarType};

pub use resolve::MAX_LAMBDA_SIZE;

/// With what a script is evaluated.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Which root the script sees.
    pub task_type: TaskType,
    /// Values the user sends for vars; those the script does not declare are ignored.
    pub vars: &'a BTreeMap<String, Var>,
    /// Whether declared vars may lack a value (templates): their type's zero stands in.
    pub allow_missing: bool,
}

/// Parses nothing, validates nothing: evaluates `program` into `builder`, and gives back the vars
/// the script declares with their default values and descriptions. Node vars are not among them.
pub fn evaluate(
    program: &Program,
    inputs: Inputs<'_>,
    builder: &mut dyn Builder,
) -> Result<BTreeMap<String, Var>, Diagnostic> {
    let root = builder.root(inputs.task_type);
    let scope = BTreeMap::from([(inputs.task_type.word().into(), Value::Node(root))]);
    let mut evaluator = Evaluator { inputs, builder, scope, defaults: BTreeMap::new() };
    for statement in &program.statements {
        match &statement.kind {
            StatementKind::Declaration { name, value } => {
                let value = evaluator.value(value)?;
                let description = description(statement.comment.as_ref());
                evaluator.declare(&name.name, name.pos, value, description)?;
            }
            StatementKind::TypeDeclaration { name, kind } => {
                let Some(known) = VarType::parse(&kind.name) else {
                    let text = format!("invalid var type {:?}", kind.name);
                    return Err(Diagnostic::new(kind.pos, text));
                };
                let description = description(statement.comment.as_ref());
                evaluator.declare_type(&name.name, name.pos, known, description)?;
            }
            // A lone name is looked up by nobody.
            StatementKind::Expression(Expr { kind: ExprKind::Identifier(_), .. })
            | StatementKind::Dbrp { .. }
            | StatementKind::Trailing => {}
            StatementKind::Expression(expr) => drop(evaluator.value(expr)?),
        }
    }
    Ok(evaluator.defaults)
}

/// The one function of the scope.
const TIME: &str = "time";

struct Evaluator<'a> {
    inputs: Inputs<'a>,
    builder: &'a mut dyn Builder,
    scope: BTreeMap<Arc<str>, Value>,
    defaults: BTreeMap<String, Var>,
}

impl Evaluator<'_> {
    fn lookup(&self, name: &str, pos: Pos) -> Result<&Value, Diagnostic> {
        if let Some(value) = self.scope.get(name) {
            return Ok(value);
        }
        if name == TIME {
            let text = format!("unsupported use of function {name:?}: write {name}(1m)");
            return Err(Diagnostic::new(pos, text));
        }
        let mut names: Vec<&str> = self.scope.keys().map(|name| &**name).chain([TIME]).collect();
        names.sort_unstable();
        let error = undefined(name, &names, pos);
        Err(match name {
            "true" | "false" => error.with_hint(format!("write {}", name.to_uppercase())),
            _ => error,
        })
    }

    fn check_new(&self, name: &str, pos: Pos) -> Result<(), Diagnostic> {
        if self.scope.contains_key(name) || name == TIME {
            let text = format!("attempted to redefine {name}, vars are immutable");
            return Err(Diagnostic::new(pos, text));
        }
        Ok(())
    }

    fn declare(
        &mut self,
        name: &Arc<str>,
        pos: Pos,
        default: Value,
        description: String,
    ) -> Result<(), Diagnostic> {
        self.check_new(name, pos)?;
        let kind = default.var_type();
        let supplied = self.supplied(name, pos, kind)?;
        if let Some(kind) = kind {
            let value = Some(default.clone());
            self.defaults.insert(name.to_string(), Var { kind, value, description });
        }
        self.scope.insert(name.clone(), supplied.unwrap_or(default));
        Ok(())
    }

    fn declare_type(
        &mut self,
        name: &Arc<str>,
        pos: Pos,
        kind: VarType,
        description: String,
    ) -> Result<(), Diagnostic> {
        self.check_new(name, pos)?;
        let value = match self.supplied(name, pos, Some(kind))? {
            Some(value) => value,
            None if self.inputs.allow_missing => kind.zero(),
            None => {
                let text = format!("missing value for var {:?}.", &**name);
                return Err(Diagnostic::new(pos, text));
            }
        };
        self.defaults.insert(name.to_string(), Var { kind, value: None, description });
        self.scope.insert(name.clone(), value);
        Ok(())
    }

    /// The user's value for a var, which must have the var's type.
    fn supplied(
        &self,
        name: &str,
        pos: Pos,
        kind: Option<VarType>,
    ) -> Result<Option<Value>, Diagnostic> {
        let Some(var) = self.inputs.vars.get(name) else {
            return Ok(None);
        };
        if Some(var.kind) != kind {
            let (got, exp) = (var.kind.name(), kind.map_or("invalid type", VarType::name));
            let text = format!("invalid type supplied for {name}, got {got} exp {exp}");
            return Err(Diagnostic::new(pos, text));
        }
        match &var.value {
            Some(Value::Lambda(lambda)) => {
                self.resolve_lambda(&lambda.expr).map(|lambda| Some(Value::Lambda(lambda)))
            }
            value => Ok(value.clone()),
        }
    }

    fn value(&mut self, expr: &Expr) -> Result<Value, Diagnostic> {
        Ok(match &expr.kind {
            ExprKind::Int { value, .. } => Value::Int(*value),
            ExprKind::Float(value) => Value::Float(*value),
            ExprKind::String { value, .. } => Value::String(value.clone()),
            ExprKind::Bool(value) => Value::Bool(*value),
            ExprKind::Duration { value, .. } => Value::Duration(*value),
            ExprKind::Regex(pattern) => Value::Regex(pattern.clone()),
            ExprKind::Star => Value::Star,
            ExprKind::Reference(name) => Value::Reference(name.clone()),
            ExprKind::Identifier(name) => self.lookup(name, expr.pos)?.clone(),
            ExprKind::Lambda(inner) => Value::Lambda(self.resolve_lambda(inner)?),
            ExprKind::Unary { op, operand } => unary(*op, expr.pos, self.value(operand)?)?,
            ExprKind::Binary { .. } => {
                let expr = Arc::new(self.resolve(expr)?);
                constant::evaluate(&Lambda { expr })?
            }
            ExprKind::List(items) => {
                Value::List(items.iter().map(|item| self.value(item)).collect::<Result<_, _>>()?)
            }
            ExprKind::Call(call) => self.global_call(call, expr.pos)?,
            ExprKind::Chain { head, links } => {
                let mut value = match &head.kind {
                    // A global function is called at the end of a statement only: in front of a
                    // chain it stands for itself.
                    ExprKind::Call(call) => self.args(call).map(|_| Value::Opaque)?,
                    _ => self.value(head)?,
                };
                for link in links {
                    value = self.link(&value, link)?;
                }
                value
            }
        })
    }

    /// The values of a call's arguments; a list that stands alone is spread.
    fn args(&mut self, call: &Call) -> Result<Vec<Value>, Diagnostic> {
        let mut args: Vec<Value> =
            call.args.iter().map(|arg| self.value(arg)).collect::<Result<_, _>>()?;
        if let [Value::List(items)] = &mut args[..] {
            return Ok(std::mem::take(items));
        }
        Ok(args)
    }

    fn global_call(&mut self, call: &Call, pos: Pos) -> Result<Value, Diagnostic> {
        let args = self.args(call)?;
        if &*call.name != TIME {
            return Err(Diagnostic::at(pos, format!("no global function {:?} defined", call.name)));
        }
        call::check(&call::TIME, "<nil>", &args, self.builder, pos)?;
        let [length, rest @ ..] = &args[..] else {
            return Ok(Value::Opaque);
        };
        let nanoseconds = |value: &Value| match value {
            Value::Duration(duration) => *duration,
            _ => Duration(0),
        };
        let offset = rest.first().map_or(Duration(0), nanoseconds);
        Ok(Value::Time { length: nanoseconds(length), offset })
    }

    fn link(&mut self, object: &Value, link: &Link) -> Result<Value, Diagnostic> {
        let call = match &link.target {
            LinkTarget::Call(call) => call,
            LinkTarget::Name(name) => return self.read(object, name, link),
        };
        let args = self.args(call)?;
        let Value::Node(node) = *object else {
            let text = "cannot get properties of non pointer value";
            return Err(Diagnostic::at(link.pos, text)
                .with_hint("methods and properties exist on nodes; are parentheses missing?"));
        };
        let name = &*call.name;
        let kind = self.builder.describe(node);
        let object_type = format!("*pipeline.{}", kind.go_type);
        let chain = call::find(kind.chains, name);
        let property = call::find(kind.properties, name);
        let made = match (link.op, chain, property) {
            (ChainOp::Chain, Some(signature), _) => {
                call::check(signature, &object_type, &args, self.builder, link.pos)?;
                self.builder.chain(node, signature.name, args)
            }
            (ChainOp::Property, _, Some(signature)) => {
                call::check(signature, &object_type, &args, self.builder, link.pos)?;
                self.builder.property(node, signature.name, args)
            }
            (ChainOp::Dynamic, ..) if self.builder.has_dynamic(name) => {
                self.builder.dynamic(node, name, args)
            }
            _ => {
                let exists = [
                    (ChainOp::Property, property.is_some()),
                    (ChainOp::Chain, chain.is_some()),
                    (ChainOp::Dynamic, self.builder.has_dynamic(name)),
                ];
                return Err(call::unknown(link.op, name, &object_type, exists, link.pos));
            }
        };
        made.map(Value::Node).map_err(|error| match error {
            CallError::Calling(text) => call::failed(name, &object_type, &text, link.pos),
            CallError::Plain(text) => Diagnostic::at(link.pos, text),
            CallError::Bare(text) => Diagnostic::new(link.pos, text),
        })
    }

    /// `node.name` without parentheses reads a property, and nothing can be done with it.
    fn read(&self, object: &Value, name: &str, link: &Link) -> Result<Value, Diagnostic> {
        let Value::Node(node) = object else {
            let text = "cannot get properties of non pointer value";
            return Err(Diagnostic::at(link.op_pos, text));
        };
        let kind = self.builder.describe(*node);
        if call::find(kind.properties, name).is_some() {
            return Ok(Value::Opaque);
        }
        let text = format!("object *pipeline.{} has no property {name}", kind.go_type);
        Err(Diagnostic::at(link.op_pos, text))
    }

    /// The type of a value in messages about calls.
    fn go_type(&self, value: &Value) -> String {
        go_type(self.builder, value)
    }
}

fn go_type(builder: &dyn Builder, value: &Value) -> String {
    let node = |node: NodeRef| format!("*pipeline.{}", builder.describe(node).go_type);
    match value {
        Value::Node(found) => node(*found),
        other => other.go_type().to_owned(),
    }
}

fn undefined(name: &str, scope: &[&str], pos: Pos) -> Diagnostic {
    let names = scope.join(",");
    Diagnostic::new(pos, format!("name {name:?} is undefined. Names in scope: {names}"))
}

fn unary(op: UnaryOp, pos: Pos, value: Value) -> Result<Value, Diagnostic> {
    Ok(match (op, value) {
        (UnaryOp::Minus, Value::Int(n)) => Value::Int(n.wrapping_neg()),
        (UnaryOp::Minus, Value::Float(n)) => Value::Float(-n),
        (UnaryOp::Minus, Value::Duration(d)) => Value::Duration(Duration(d.0.wrapping_neg())),
        (UnaryOp::Not, Value::Bool(b)) => Value::Bool(!b),
        (op, value) => {
            let text = format!("invalid argument to '{}' {}", op.symbol(), value.go_type());
            return Err(Diagnostic::at(pos, text));
        }
    })
}
