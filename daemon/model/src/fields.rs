//! Sorted, shared maps from name to value: the tags and fields of a point.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Str, Value};

/// Fields of a point, sorted bytewise by name, names unique. Cloning shares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fields(Arc<[(Str, Value)]>);

/// Tags of a point, sorted bytewise by key, keys unique. Cloning shares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tags(Arc<[(Str, Str)]>);

macro_rules! sorted_map {
    ($map:ident, $value:ty) => {
        impl $map {
            /// No entry.
            pub fn empty() -> Self {
                Self(Arc::new([]))
            }

            /// Sorts by name; of equal names the last one stays.
            pub fn from_unsorted(mut entries: Vec<(Str, $value)>) -> Self {
                Self::drain_from(&mut entries)
            }

            /// Like [`Self::from_unsorted`], but leaves the emptied vector to be used again.
            pub fn drain_from(entries: &mut Vec<(Str, $value)>) -> Self {
                if !entries.is_sorted_by(|a, b| a.0 < b.0) {
                    entries.reverse();
                    entries.sort_by(|a, b| a.0.cmp(&b.0));
                    entries.dedup_by(|next, kept| next.0 == kept.0);
                }
                Self(entries.drain(..).collect())
            }

            /// True when both are one shared map; false says nothing.
            pub fn is_same(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.0, &other.0)
            }

            /// The value under `name`.
            pub fn get(&self, name: &str) -> Option<&$value> {
                if self.0.len() <= 8 {
                    return self.0.iter().find(|(n, _)| &**n == name).map(|(_, v)| v);
                }
                self.0.binary_search_by(|(n, _)| (**n).cmp(name)).ok().map(|i| &self.0[i].1)
            }

            /// A copy with `name` set to `value`.
            pub fn with(&self, name: Str, value: $value) -> Self {
                let mut entries = Vec::with_capacity(self.0.len() + 1);
                let at = self.0.partition_point(|(n, _)| *n < name);
                entries.extend_from_slice(&self.0[..at]);
                let rest = &self.0[at..];
                let rest =
                    if rest.first().is_some_and(|(n, _)| *n == name) { &rest[1..] } else { rest };
                entries.push((name, value));
                entries.extend_from_slice(rest);
                Self(entries.into())
            }

            /// A copy without `name`.
            pub fn without(&self, name: &str) -> Self {
                if self.get(name).is_none() {
                    return self.clone();
                }
                Self(self.0.iter().filter(|(n, _)| &**n != name).cloned().collect())
            }

            /// Entries in order of name.
            pub fn iter(&self) -> std::slice::Iter<'_, (Str, $value)> {
                self.0.iter()
            }

            /// Number of entries.
            pub fn len(&self) -> usize {
                self.0.len()
            }

            /// Where the entries are in memory: equal for clones. For caches that hold a clone, with
            /// [`Self::is_same`]; means nothing otherwise.
            pub fn address(&self) -> usize {
                Arc::as_ptr(&self.0).addr()
            }

            /// True without entries.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl Default for $map {
            fn default() -> Self {
                Self::empty()
            }
        }

        impl FromIterator<(Str, $value)> for $map {
            fn from_iter<I: IntoIterator<Item = (Str, $value)>>(iter: I) -> Self {
                Self::from_unsorted(iter.into_iter().collect())
            }
        }

        impl<'a> IntoIterator for &'a $map {
            type Item = &'a (Str, $value);
            type IntoIter = std::slice::Iter<'a, (Str, $value)>;
            fn into_iter(self) -> Self::IntoIter {
                self.iter()
            }
        }
    };
}

sorted_map!(Fields, Value);
sorted_map!(Tags, Str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_names_the_last_one_stays() {
        let f = Fields::from_unsorted(vec![
            ("b".into(), 1i64.into()),
            ("a".into(), 2i64.into()),
            ("b".into(), 3i64.into()),
        ]);
        assert_eq!(f.len(), 2);
        assert_eq!(f.get("b"), Some(&Value::Int(3)));
        assert_eq!(f.with("a".into(), 9i64.into()).get("a"), Some(&Value::Int(9)));
        assert_eq!(f.with("ab".into(), 9i64.into()).len(), 3);
        assert_eq!(f.without("b").get("b"), None);
    }
}
