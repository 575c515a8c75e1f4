//! The functions of templates.

mod compare;
mod element;
mod escape;
mod verb;

use jiff::tz::TimeZone;

use crate::datum::Datum;
use crate::{json, print};

/// Which functions there are besides Go's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extras {
    None,
    /// `json` and `jsonCompact`
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    And,
    Call,
    Eq,
    Ge,
    Gt,
    Html,
    Index,
    Js,
    Json,
    JsonCompact,
    Le,
    Len,
    Lt,
    Ne,
    Not,
    Or,
    Print,
    Printf,
    Println,
    Slice,
    Urlquery,
}

/// Names, and how many arguments: exactly, or at least.
const ALL: &[(Function, &str, usize, bool)] = &[
    (Function::And, "and", 1, true),
    (Function::Call, "call", 1, true),
    (Function::Eq, "eq", 1, true),
    (Function::Ge, "ge", 2, false),
    (Function::Gt, "gt", 2, false),
    (Function::Html, "html", 0, true),
    (Function::Index, "index", 1, true),
    (Function::Js, "js", 0, true),
    (Function::Json, "json", 1, false),
    (Function::JsonCompact, "jsonCompact", 1, false),
    (Function::Le, "le", 2, false),
    (Function::Len, "len", 1, false),
    (Function::Lt, "lt", 2, false),
    (Function::Ne, "ne", 2, false),
    (Function::Not, "not", 1, false),
    (Function::Or, "or", 1, true),
    (Function::Print, "print", 0, true),
    (Function::Printf, "printf", 1, true),
    (Function::Println, "println", 0, true),
    (Function::Slice, "slice", 1, true),
    (Function::Urlquery, "urlquery", 0, true),
];

/// Evaluated arguments.
pub(crate) struct Args<'a, 'z> {
    pub(crate) values: Vec<Datum<'a>>,
    /// The zone of local times.
    pub(crate) zone: &'z TimeZone,
}

impl Function {
    pub(crate) fn named(name: &str, extras: Extras) -> Option<Self> {
        let (function, ..) = ALL.iter().find(|(_, known, ..)| *known == name)?;
        let extra = matches!(function, Self::Json | Self::JsonCompact);
        (!extra || extras == Extras::Json).then_some(*function)
    }

    fn entry(self) -> &'static (Function, &'static str, usize, bool) {
        ALL.iter().find(|(function, ..)| *function == self).expect("every function is listed")
    }

    pub(crate) fn name(self) -> &'static str {
        self.entry().1
    }

    pub(crate) fn check_count(self, got: usize) -> Result<(), String> {
        let (_, name, want, more) = self.entry();
        match got.cmp(want) {
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater if *more => Ok(()),
            _ if *more => {
                Err(format!("wrong number of args for {name}: want at least {want} got {got}"))
            }
            _ => Err(format!("wrong number of args for {name}: want {want} got {got}")),
        }
    }

    /// Calls a function that takes all its arguments evaluated.
    pub(crate) fn call<'a>(self, args: Args<'a, '_>) -> Result<Datum<'a>, String> {
        self.check_count(args.values.len())?;
        let Args { mut values, zone } = args;
        let text = |escape: fn(&str) -> String| {
            Ok(Datum::text(match &values[..] {
                [Datum::Value(crate::Value::Str(text))] => escape(text),
                values => escape(&print::sprint(values, zone)),
            }))
        };
        match self {
            Self::And | Self::Or => Ok(values.swap_remove(0)),
            Self::Call if values[0].is_nil() => Err("call of nil".to_owned()),
            Self::Call => {
                let found = values[0].type_name();
                Err(format!("non-function {} of type {found}", print::text(&values[0], zone)))
            }
            Self::Eq => compare::eq(&values).map(Datum::bool),
            Self::Ne => compare::equal(&values[0], &values[1]).map(|same| Datum::bool(!same)),
            Self::Lt => compare::lt(&values[0], &values[1]).map(Datum::bool),
            Self::Le => compare::le(&values[0], &values[1]).map(Datum::bool),
            Self::Gt => compare::le(&values[0], &values[1]).map(|le| Datum::bool(!le)),
            Self::Ge => compare::lt(&values[0], &values[1]).map(|lt| Datum::bool(!lt)),
            Self::Not => Ok(Datum::bool(!values[0].is_true())),
            Self::Html => text(escape::html),
            Self::Js => text(escape::js),
            Self::Urlquery => text(escape::query),
            Self::Index => element::index(&values),
            Self::Slice => element::slice(&values),
            Self::Len => element::len(&values[0]),
            Self::Print => Ok(Datum::text(print::sprint(&values, zone))),
            Self::Println => Ok(Datum::text(print::sprintln(&values, zone))),
            Self::Printf => {
                let crate::datum::Basic::Text(format) = values[0].basic() else {
                    return Err("the format is no text".to_owned());
                };
                Ok(Datum::text(verb::sprintf(format, &values[1..], zone)?))
            }
            Self::Json => Ok(Datum::Script(json::line(&values[0], zone)?.into())),
            Self::JsonCompact => Ok(Datum::Script(json::compact(&values[0], zone)?.into())),
        }
    }
}
