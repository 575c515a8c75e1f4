//! What `groupBy` calls say: tag names or `*`.

use model::Str;

use crate::group::By;
use tick::Value;

/// The arguments of the last `groupBy` call; checked when the whole script ran, as the original
/// does.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupBy(pub(crate) Vec<Value>);

impl GroupBy {
    /// Whether it says `*`.
    pub(crate) fn is_star(&self) -> bool {
        self.0.iter().any(|a| matches!(a, Value::Star))
    }

    /// Checks the arguments.
    pub(crate) fn validate(&self) -> Result<(), String> {
        let mut named = false;
        for arg in &self.0 {
            match arg {
                Value::String(name) if name.is_empty() => {
                    return Err("dimensions cannot not be the empty string".to_owned());
                }
                Value::String(_) => named = true,
                Value::Star => {}
                other => {
                    return Err(format!("invalid dimension object of type {}", other.go_type()));
                }
            }
        }
        if named && self.is_star() {
            return Err("cannot group by both '*' and named dimensions.".to_owned());
        }
        Ok(())
    }

    /// What to group by, `*` without the tags `except`.
    pub(crate) fn by(&self, except: &[Str]) -> By {
        if self.is_star() {
            return By::Star(except.to_vec());
        }
        let mut names: Vec<Str> = Vec::with_capacity(self.0.len());
        names.extend(self.0.iter().filter_map(|a| match a {
            Value::String(name) => Some(name.clone()),
            _ => None,
        }));
        names.sort();
        names.dedup();
        By::Tags(names)
    }
}
