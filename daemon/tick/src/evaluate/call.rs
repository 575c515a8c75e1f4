//! The sentences about calls that do not fit: one place for all nodes.

use crate::Diagnostic;
use crate::ast::{ChainOp, Pos};
use crate::builder::{ArgType, Builder, Shape, Signature};
use crate::value::Value;

/// `time(length [, offset])`
pub(super) const TIME: Signature =
    Signature::variadic("time", &[ArgType::Duration], ArgType::Duration);

/// Names match when they differ at most in the case of their first letter.
pub(super) fn find(tables: &[&'static [Signature]], name: &str) -> Option<&'static Signature> {
    let wanted = capitalized(name);
    tables.iter().flat_map(|table| table.iter()).find(|s| capitalized(s.name) == wanted)
}

fn capitalized(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

pub(super) fn failed(name: &str, object: &str, text: &str, pos: Pos) -> Diagnostic {
    Diagnostic::at(pos, format!("error calling func {name:?} on obj {object}: {text}"))
}

/// Checks number and types of the arguments.
pub(super) fn check(
    signature: &Signature,
    object: &str,
    args: &[Value],
    builder: &dyn Builder,
    pos: Pos,
) -> Result<(), Diagnostic> {
    let name = signature.name;
    let (fixed, rest) = match signature.shape {
        Shape::Field(kind) => return check_field(name, kind, object, args, builder, pos),
        Shape::Method { fixed, rest } => (fixed, rest),
    };
    let arity =
        |word| failed(name, object, &format!("reflect: Call with too {word} input arguments"), pos);
    if args.len() < fixed.len() {
        return Err(arity("few"));
    }
    let (head, tail) = args.split_at(fixed.len());
    if rest.is_none() && !tail.is_empty() {
        return Err(arity("many"));
    }
    for (value, kind) in head.iter().zip(fixed) {
        if !kind.takes(value) {
            let got = super::go_type(builder, value);
            let text = format!("reflect: Call using {got} as type {}", kind.go_type());
            return Err(mismatch(name, object, &text, *kind, value, pos));
        }
    }
    for (value, kind) in tail.iter().zip(rest.iter().cycle()) {
        if !kind.takes(value) {
            let got = super::go_type(builder, value);
            let text = format!("reflect: cannot use {got} as type {} in Call", kind.go_type());
            return Err(mismatch(name, object, &text, *kind, value, pos));
        }
    }
    Ok(())
}

fn check_field(
    name: &str,
    kind: ArgType,
    object: &str,
    args: &[Value],
    builder: &dyn Builder,
    pos: Pos,
) -> Result<(), Diagnostic> {
    let [value] = args else {
        let property = capitalized(name);
        let text = format!("too many arguments to set property {property} on {object}");
        return Err(Diagnostic::at(pos, text));
    };
    if kind.takes(value) {
        return Ok(());
    }
    let (got, wanted) = (super::go_type(builder, value), kind.go_type());
    let text = format!("reflect.Set: value of type {got} is not assignable to type {wanted}");
    Err(mismatch(name, object, &text, kind, value, pos))
}

fn mismatch(
    name: &str,
    object: &str,
    text: &str,
    wanted: ArgType,
    got: &Value,
    pos: Pos,
) -> Diagnostic {
    if let (ArgType::String, Value::Reference(_)) = (wanted, got) {
        let text = "cannot assign *ast.ReferenceNode to type string, did you use double quotes \
                    instead of single quotes?";
        return Diagnostic::at(pos, text);
    }
    let error = failed(name, object, text, pos);
    match (wanted, got) {
        (ArgType::Duration, Value::Int(n)) => error.with_hint(format!("give it a unit: {n}s")),
        (ArgType::Duration, Value::String(s)) => {
            error.with_hint(format!("write {s} without quotes"))
        }
        (ArgType::Float, Value::Int(n)) => error.with_hint(format!("write {n}.0")),
        (ArgType::Int, Value::Float(_)) => error.with_hint("write a whole number without a dot"),
        (ArgType::Lambda, Value::String(s)) => error.with_hint(format!("write lambda: {s}")),
        _ => error,
    }
}

/// Nothing can be called under that name with that operator; `exists` says where it could be.
pub(super) fn unknown(
    op: ChainOp,
    name: &str,
    object: &str,
    exists: [(ChainOp, bool); 3],
    pos: Pos,
) -> Diagnostic {
    let word = |op| match op {
        ChainOp::Chain => "chaining",
        ChainOp::Property => "property",
        ChainOp::Dynamic => "dynamic",
    };
    let Some((other, _)) = exists.into_iter().find(|(other, found)| *found && *other != op) else {
        return Diagnostic::at(pos, format!("no method or property {name:?} on {object}"));
    };
    let found = match other {
        ChainOp::Property => "property".to_owned(),
        other => format!("{} method", word(other)),
    };
    let (word, symbol) = (word(op), other.symbol());
    Diagnostic::at(
        pos,
        format!(
            "no {word} method {name:?} on {object}, but {found} does exist. \
             Use '{symbol}' operator instead: 'node{symbol}{name}(..)'."
        ),
    )
}
