//! Arguments of chain and property calls, already checked against their signature.

use model::{Duration, Str};
use tick::{Lambda, Value};

/// Arguments that fit the call's signature. The accessors give the type's zero for an index or type
/// that the signature does not promise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Args<'a>(pub(crate) &'a [Value]);

impl<'a> Args<'a> {
    /// All of them.
    pub(crate) fn all(&self) -> &'a [Value] {
        self.0
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Text number `i`.
    pub(crate) fn str(&self, i: usize) -> Str {
        match self.0.get(i) {
            Some(Value::String(s)) => s.clone(),
            _ => "".into(),
        }
    }

    /// All texts from number `i` on.
    pub(crate) fn strs(&self, from: usize) -> Vec<Str> {
        let texts = self.0.iter().skip(from);
        texts
            .filter_map(|a| if let Value::String(s) = a { Some(s.clone()) } else { None })
            .collect()
    }

    /// Int number `i`.
    pub(crate) fn int(&self, i: usize) -> i64 {
        match self.0.get(i) {
            Some(Value::Int(n)) => *n,
            _ => 0,
        }
    }

    /// Float number `i`.
    pub(crate) fn float(&self, i: usize) -> f64 {
        match self.0.get(i) {
            Some(Value::Float(f)) => *f,
            _ => 0.0,
        }
    }

    /// Duration number `i`.
    pub(crate) fn duration(&self, i: usize) -> Duration {
        match self.0.get(i) {
            Some(Value::Duration(d)) => *d,
            _ => Duration::default(),
        }
    }

    /// Lambda number `i`.
    pub(crate) fn lambda(&self, i: usize) -> Option<Lambda> {
        match self.0.get(i) {
            Some(Value::Lambda(l)) => Some(l.clone()),
            _ => None,
        }
    }

    /// All lambdas.
    pub(crate) fn lambdas(&self) -> Vec<Lambda> {
        (0..self.len()).filter_map(|i| self.lambda(i)).collect()
    }
}
