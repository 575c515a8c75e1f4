//! Fields of structs and maps, and methods.

use super::{Run, time};
use crate::Value;
use crate::datum::Datum;
use crate::tree::Term;

impl<'t, 'a> Run<'t, 'a> {
    /// A chain of names after a value; arguments belong to the last.
    pub(super) fn chain(
        &mut self,
        mut value: Datum<'a>,
        names: &'t [Box<str>],
        term: &'t Term,
        dot: &Datum<'a>,
        args: &'t [Term],
        piped: Option<Datum<'a>>,
    ) -> Result<Datum<'a>, String> {
        let Some((last, front)) = names.split_last() else { return Ok(value) };
        for name in front {
            value = self.member(&value, name, term, dot, &[], None)?;
        }
        self.member(&value, last, term, dot, args, piped)
    }

    fn member(
        &mut self,
        value: &Datum<'a>,
        name: &str,
        term: &'t Term,
        dot: &Datum<'a>,
        args: &'t [Term],
        piped: Option<Datum<'a>>,
    ) -> Result<Datum<'a>, String> {
        self.at = (term.at, term);
        let given = !args.is_empty() || piped.is_some();
        match value {
            Datum::Missing => return Ok(Datum::Missing),
            Datum::Value(Value::Nil) => {
                return self.wrong(format_args!("nil pointer evaluating interface {{}}.{name}"));
            }
            Datum::Value(Value::Map(map) | Value::Tags(map)) => {
                if given {
                    return self.wrong(format_args!("{name} is not a method but has arguments"));
                }
                return Ok(map.get(name).map_or(Datum::Missing, |v| Datum::Value(v.clone())));
            }
            _ => {}
        }
        if let Some(object) = value.object() {
            let Some(field) = object.field(name) else {
                return self.no_field(name, value);
            };
            if given {
                let text = format!("{name} has arguments but cannot be invoked as function");
                return self.wrong(text);
            }
            return Ok(Datum::Value(field));
        }
        let Some(method) = time::method(value, name) else { return self.no_field(name, value) };
        let mut values = Vec::with_capacity(args.len() + 1);
        for arg in args {
            values.push(self.term(arg, dot)?);
        }
        values.extend(piped);
        self.at = (term.at, term);
        self.spend(0)?;
        match method.call(value, name, &values, self.zone) {
            Ok(value) => Ok(value),
            Err(message) => self.wrong(message),
        }
    }

    fn no_field<T>(&self, name: &str, value: &Datum<'a>) -> Result<T, String> {
        let found = value.type_name();
        self.wrong(format_args!("can't evaluate field {name} in type {found}"))
    }
}
