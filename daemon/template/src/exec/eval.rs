//! Values of pipelines, commands and terms.

use super::Run;
use crate::Value;
use crate::datum::Datum;
use crate::func::{Args, Function};
use crate::tree::{Command, Number, Pipe, Term, TermKind};

impl<'t, 'a> Run<'t, 'a> {
    /// The value of a pipeline; its variables are set.
    pub(super) fn pipe(&mut self, pipe: &'t Pipe, dot: &Datum<'a>) -> Result<Datum<'a>, String> {
        self.at = (pipe.at, pipe);
        let mut value = None;
        for command in &pipe.commands {
            let mut next = self.command(command, dot, value)?;
            if matches!(next, Datum::Value(Value::Nil)) {
                next = Datum::Missing;
            }
            value = Some(next);
        }
        let value = value.unwrap_or(Datum::Missing);
        // A range sets its variables in each turn.
        if let [name] = &pipe.variables[..] {
            self.declare(name, &value, pipe.assign)?;
        }
        Ok(value)
    }

    fn command(
        &mut self,
        command: &'t Command,
        dot: &Datum<'a>,
        piped: Option<Datum<'a>>,
    ) -> Result<Datum<'a>, String> {
        let (first, args) = command.terms.split_first().expect("a command has a term");
        match &first.kind {
            TermKind::Field(names) => {
                self.at = (first.at, first);
                self.chain(dot.clone(), names, first, dot, args, piped)
            }
            TermKind::Variable(name, names) => {
                self.at = (first.at, first);
                let value = self.variable(name)?;
                if names.is_empty() {
                    self.not_a_function(first, args, piped.as_ref())?;
                    return Ok(value);
                }
                self.chain(value, names, first, dot, args, piped)
            }
            TermKind::Chain(inner, names) => {
                let value = self.inner(inner, dot)?;
                self.chain(value, names, first, dot, args, piped)
            }
            TermKind::Function(function) => self.function(*function, command, dot, args, piped),
            _ => {
                self.not_a_function(first, args, piped.as_ref())?;
                if matches!(first.kind, TermKind::Nil) {
                    return self.wrong("nil is not a command");
                }
                self.term(first, dot)
            }
        }
    }

    /// The front of a chain.
    fn inner(&mut self, term: &'t Term, dot: &Datum<'a>) -> Result<Datum<'a>, String> {
        self.at = (term.at, term);
        if matches!(term.kind, TermKind::Nil) {
            return self.wrong(format_args!("indirection through explicit nil in {term}"));
        }
        self.term(term, dot)
    }

    fn not_a_function(
        &mut self,
        first: &'t Term,
        args: &[Term],
        piped: Option<&Datum<'a>>,
    ) -> Result<(), String> {
        self.at = (first.at, first);
        if args.is_empty() && piped.is_none() {
            return Ok(());
        }
        self.wrong(format_args!("can't give argument to non-function {first}"))
    }

    fn variable(&mut self, name: &str) -> Result<Datum<'a>, String> {
        match self.variables.iter().rev().find(|(known, _)| *known == name) {
            Some((_, value)) => Ok(value.clone()),
            None if name == "$" => Ok(self.root.clone()),
            None => self.wrong(format_args!("undefined variable: {name}")),
        }
    }

    /// The value of a term that is an argument.
    pub(super) fn term(&mut self, term: &'t Term, dot: &Datum<'a>) -> Result<Datum<'a>, String> {
        self.at = (term.at, term);
        Ok(match &term.kind {
            TermKind::Dot => dot.clone(),
            TermKind::Nil => Datum::Value(Value::Nil),
            TermKind::Bool(value) => Datum::bool(*value),
            TermKind::Text { value, .. } => Datum::text(value.clone()),
            TermKind::Number { value: Number::Int(value), .. } => Datum::Int(*value),
            TermKind::Number { value: Number::Float(value), .. } => Datum::float(*value),
            TermKind::Number { value: Number::TooLarge, source } => {
                return self.wrong(format_args!("{source} overflows int"));
            }
            TermKind::Field(names) => self.chain(dot.clone(), names, term, dot, &[], None)?,
            TermKind::Variable(name, names) => {
                let value = self.variable(name)?;
                self.chain(value, names, term, dot, &[], None)?
            }
            TermKind::Chain(inner, names) => {
                let value = self.inner(inner, dot)?;
                self.chain(value, names, term, dot, &[], None)?
            }
            TermKind::Pipe(pipe) => self.pipe(pipe, dot)?,
            TermKind::Function(function) => {
                self.spend(0)?;
                match function.call(Args { values: Vec::new(), zone: self.zone }) {
                    Ok(value) => value,
                    Err(message) => return self.called_wrong(*function, &message),
                }
            }
        })
    }

    fn function(
        &mut self,
        function: Function,
        command: &'t Command,
        dot: &Datum<'a>,
        args: &'t [Term],
        piped: Option<Datum<'a>>,
    ) -> Result<Datum<'a>, String> {
        let at = command.terms[0].at;
        self.at = (at, &command.terms[0]);
        self.spend(0)?;
        let count = args.len() + usize::from(piped.is_some());
        if let Err(message) = function.check_count(count) {
            return self.wrong(message);
        }
        if matches!(function, Function::And | Function::Or) {
            let mut value = Datum::Missing;
            for (i, term) in args.iter().enumerate() {
                if i > 0 && value.is_true() == (function == Function::Or) {
                    return Ok(value);
                }
                value = self.term(term, dot)?;
            }
            let decided = !args.is_empty() && value.is_true() == (function == Function::Or);
            return Ok(if decided { value } else { piped.unwrap_or(value) });
        }
        let mut values = Vec::with_capacity(count);
        for (i, term) in args.iter().enumerate() {
            let value = self.term(term, dot)?;
            self.check_text(function, i, &value, Some(term))?;
            values.push(value);
        }
        if let Some(value) = piped {
            self.check_text(function, values.len(), &value, None)?;
            values.push(value);
        }
        match function.call(Args { values, zone: self.zone }) {
            Ok(value) => {
                if let Datum::Value(Value::Str(text)) = &value {
                    self.spend(text.len())?;
                }
                Ok(value)
            }
            Err(message) => {
                self.at = (at, command);
                self.called_wrong(function, &message)
            }
        }
    }

    fn called_wrong<T>(&self, function: Function, message: &str) -> Result<T, String> {
        self.wrong(format_args!("error calling {}: {message}", function.name()))
    }

    /// The format of `printf` must be text.
    fn check_text(
        &self,
        function: Function,
        index: usize,
        value: &Datum<'a>,
        term: Option<&Term>,
    ) -> Result<(), String> {
        if function != Function::Printf || index > 0 {
            return Ok(());
        }
        match (value, term.map(|term| (&term.kind, term))) {
            (Datum::Value(Value::Str(_)), _) => Ok(()),
            (_, Some((TermKind::Nil, _))) => self.wrong("cannot assign nil to string"),
            (_, Some((TermKind::Number { .. } | TermKind::Bool(_), term))) => {
                self.wrong(format_args!("expected string; found {term}"))
            }
            (value, _) if value.is_nil() => self.wrong("invalid value; expected string"),
            (value, _) => {
                let found = value.type_name();
                self.wrong(format_args!("wrong type for value; expected string; got {found}"))
            }
        }
    }
}
