//! Groups: the value of a point's dimensions.

use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::{Str, Tags};

/// What data is grouped by: tag names (sorted, already expanded where the script said `*`) and
/// whether the measurement is part of the group.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Dimensions {
    /// `groupByMeasurement()`.
    pub by_name: bool,
    /// Tag names, sorted bytewise.
    pub tags: Vec<Str>,
}

/// The group a point or batch belongs to. Two groups are equal when their structured keys are, not
/// when their texts are: tag values are not escaped in [`Group::id`], so two keys can print alike.
#[derive(Clone, Debug)]
pub struct Group(Arc<Key>);

#[derive(Debug)]
struct Key {
    dimensions: Dimensions,
    name: Option<Str>,
    tags: Tags,
    id: Str,
    hash: u64,
}

impl Group {
    /// The group of data without dimensions.
    pub fn none() -> Self {
        Self::of(&Dimensions::default(), &"".into(), &Tags::empty())
    }

    /// The group that a point of measurement `name` with `tags` has under `dimensions`. A missing
    /// dimension tag counts as the empty string.
    pub fn of(dimensions: &Dimensions, name: &Str, tags: &Tags) -> Self {
        let empty: Str = "".into();
        let tags: Tags = dimensions
            .tags
            .iter()
            .map(|d| (d.clone(), tags.get(d).cloned().unwrap_or_else(|| empty.clone())))
            .collect();
        let mut id = String::new();
        if dimensions.by_name {
            id.push_str(name);
            if !tags.is_empty() {
                id.push('\n');
            }
        }
        for (i, (k, v)) in tags.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let _ = write!(id, "{comma}{k}={v}");
        }
        let name = dimensions.by_name.then(|| name.clone());
        Self::keyed(dimensions.clone(), name, tags, id.into())
    }

    fn keyed(dimensions: Dimensions, name: Option<Str>, tags: Tags, id: Str) -> Self {
        let mut hasher = rustc_hash::FxHasher::default();
        name.hash(&mut hasher);
        tags.hash(&mut hasher);
        let hash = hasher.finish();
        Self(Arc::new(Key { dimensions, name, tags, id, hash }))
    }

    /// The group with other tags to show; text and dimensions stay. For nodes that set tags of whole
    /// batches.
    pub fn showing(&self, tags: Tags) -> Self {
        let Key { dimensions, name, id, .. } = &*self.0;
        Self::keyed(dimensions.clone(), name.clone(), tags, id.clone())
    }

    /// Text for ids and logs: `cpu\nhost=a,dc=b`, `host=a`, or empty. Not a key.
    pub fn id(&self) -> &Str {
        &self.0.id
    }

    /// The dimension tags with this group's values.
    pub fn tags(&self) -> &Tags {
        &self.0.tags
    }

    /// The dimensions.
    pub fn dimensions(&self) -> &Dimensions {
        &self.0.dimensions
    }

    /// The measurement, when it is part of the group.
    pub fn name(&self) -> Option<&Str> {
        self.0.name.as_ref()
    }

    /// A hash of the structured key, computed once.
    pub fn key_hash(&self) -> u64 {
        self.0.hash
    }
}

impl PartialEq for Group {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.hash == other.0.hash
                && self.0.name == other.0.name
                && self.0.tags == other.0.tags)
    }
}

impl Eq for Group {}

impl Hash for Group {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

/// Orders by text, then by structured key: the order in which groups are listed.
impl Ord for Group {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (&self.0.id, &self.0.name, &self.0.tags).cmp(&(&other.0.id, &other.0.name, &other.0.tags))
    }
}

impl PartialOrd for Group {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_print_alike_stay_different() {
        let dims = Dimensions { by_name: false, tags: vec!["a".into(), "b".into()] };
        let tags = |a: &str, b: &str| -> Tags {
            [("a".into(), a.into()), ("b".into(), b.into())].into_iter().collect()
        };
        let one = Group::of(&dims, &"m".into(), &tags("x,b=y", "z"));
        let two = Group::of(&dims, &"m".into(), &tags("x", "y,b=z"));
        assert_eq!(&**one.id(), "a=x,b=y,b=z");
        assert_eq!(&**two.id(), "a=x,b=y,b=z");
        assert_ne!(one, two);
        assert_eq!(one, Group::of(&dims, &"other".into(), &tags("x,b=y", "z")));
    }
}
