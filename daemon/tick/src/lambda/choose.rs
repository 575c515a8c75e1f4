//! Presence and choice: `isPresent`, `if`.

use super::function::{Function, Run, Signature, unfit};
use super::{LKind, LValue};
use LKind as K;

const PRESENT: &[Signature] = &[
    (&[K::Bool], K::Bool),
    (&[K::Int], K::Bool),
    (&[K::Float], K::Bool),
    (&[K::Str], K::Bool),
    (&[K::Missing], K::Bool),
];

const CHOICE: &[Signature] = &[
    (&[K::Bool, K::Bool, K::Bool], K::Bool),
    (&[K::Bool, K::Int, K::Int], K::Int),
    (&[K::Bool, K::Float, K::Float], K::Float),
    (&[K::Bool, K::Str, K::Str], K::Str),
    (&[K::Bool, K::Duration, K::Duration], K::Duration),
    (&[K::Bool, K::Time, K::Time], K::Time),
    (&[K::Bool, K::Regex, K::Regex], K::Regex),
];

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "isPresent",
        signatures: PRESENT,
        run: Run::Pure(|args| Ok(LValue::Bool(!matches!(args, [LValue::Missing])))),
    },
    Function { name: "if", signatures: CHOICE, run: Run::Pure(choose) },
];

/// Both branches are evaluated already, as in Kapacitor.
fn choose(args: &[LValue]) -> Result<LValue, String> {
    match args {
        [LValue::Bool(true), value, _] | [LValue::Bool(false), _, value] => Ok(value.clone()),
        _ => Err(unfit()),
    }
}
