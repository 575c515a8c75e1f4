//! The list of functions and how one is described.

use std::fmt::Write as _;

use super::{Env, LKind, LValue, State, choose, clock, convert, math, stateful, text};

/// A function: its name, what it takes, what it does.
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) signatures: &'static [Signature],
    pub(super) run: Run,
}

/// Kinds of the arguments and of the result.
pub(super) type Signature = (&'static [LKind], LKind);

/// What a function does with arguments that fit one of its signatures.
#[derive(Clone, Copy)]
pub(super) enum Run {
    Pure(fn(&[LValue]) -> Result<LValue, String>),
    Env(fn(&[LValue], &Env<'_>) -> Result<LValue, String>),
    Stateful(fn(&[LValue], &mut State, &Env<'_>) -> Result<LValue, String>),
}

const FAMILIES: [&[Function]; 6] = [
    convert::FUNCTIONS,
    math::FUNCTIONS,
    text::FUNCTIONS,
    clock::FUNCTIONS,
    stateful::FUNCTIONS,
    choose::FUNCTIONS,
];

/// The function called `name`.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FAMILIES.into_iter().flatten().find(|function| function.name == name)
}

/// Names of all functions, sorted.
pub fn function_names() -> Vec<&'static str> {
    let mut names: Vec<_> = FAMILIES.into_iter().flatten().map(|function| function.name).collect();
    names.sort_unstable();
    names
}

impl Function {
    pub(super) fn is_stateful(&self) -> bool {
        matches!(self.run, Run::Stateful(_))
    }

    pub(super) fn accepts(&self, args: &[LValue]) -> bool {
        self.signatures.iter().any(|(kinds, _)| {
            kinds.len() == args.len()
                && kinds.iter().zip(args).all(|(kind, arg)| *kind == arg.kind())
        })
    }

    /// The kind of the result for arguments of these kinds.
    pub(super) fn result(&self, args: &[LKind]) -> Option<LKind> {
        self.signatures.iter().find(|(kinds, _)| *kinds == args).map(|(_, result)| *result)
    }

    /// `(float,duration), (int)`, sorted.
    pub(super) fn signatures_text(&self) -> String {
        let one = |(kinds, _): &Signature| {
            let mut text = String::from("(");
            for (i, kind) in kinds.iter().enumerate() {
                let _ = write!(text, "{}{kind}", if i > 0 { "," } else { "" });
            }
            text.push(')');
            text
        };
        let mut all: Vec<String> = self.signatures.iter().map(one).collect();
        all.sort_unstable();
        all.join(", ")
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Arguments that fit no signature: [`Function::accepts`] was not asked.
#[cold]
pub(super) fn unfit() -> String {
    "arguments do not fit".to_owned()
}
