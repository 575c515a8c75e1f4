//! Groups inside a task: which group a point is in, and what a node keeps per group.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use model::{Dimensions, Group, Point, Str, Tags};
use rustc_hash::FxHasher;
use smallvec::SmallVec;

/// Groups a [`Grouper`] remembers to hand out the same shared key again. Beyond it starts anew:
/// groups are equal by value, so only memory and speed depend on it.
const REMEMBERED: usize = 1 << 20;

/// Passes a hash through that was computed before.
#[derive(Clone, Copy, Default)]
pub(crate) struct Computed(u64);

impl Hasher for Computed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

type ByHash<K, V> = HashMap<K, V, BuildHasherDefault<Computed>>;

/// What to group by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Named tags, sorted, unique.
    Tags(Vec<Str>),
    /// `*`: all tags a point has, but these.
    Star(Vec<Str>),
}

/// Finds the group of a point by hashing the values of its dimensions; allocates only for a group
/// not seen before.
pub(crate) struct Grouper {
    by: By,
    known: ByHash<u64, SmallVec<[Group; 1]>>,
    remembered: usize,
    none: Group,
}

impl Grouper {
    /// A grouper by `by`.
    pub(crate) fn new(by: By) -> Self {
        Self { by, known: ByHash::default(), remembered: 0, none: Group::none() }
    }

    /// The group of a point of measurement `point.name`.
    pub(crate) fn group(&mut self, by_name: bool, point: &Point) -> Group {
        self.group_of(by_name, &point.name, &point.tags)
    }

    /// The group of data called `name` with `tags`.
    pub(crate) fn group_of(&mut self, by_name: bool, name: &Str, tags: &Tags) -> Group {
        if !by_name && matches!(&self.by, By::Tags(names) if names.is_empty()) {
            return self.none.clone();
        }
        let values = self.values(tags);
        let hash = hash(by_name, name, &values);
        let known = self.known.get(&hash);
        if let Some(group) =
            known.and_then(|list| list.iter().find(|g| is(g, by_name, name, &values)))
        {
            return group.clone();
        }
        if self.remembered >= REMEMBERED {
            self.known.clear();
            self.remembered = 0;
        }
        let dimensions = match &self.by {
            By::Tags(names) => Dimensions { by_name, tags: names.clone() },
            By::Star(except) => Dimensions {
                by_name,
                tags: tags.iter().map(|t| &t.0).filter(|k| !except.contains(k)).cloned().collect(),
            },
        };
        let group = Group::of(&dimensions, name, tags);
        self.known.entry(hash).or_default().push(group.clone());
        self.remembered += 1;
        group
    }

    /// Keys and values of the dimensions; only `*` needs the keys.
    fn values<'t>(&self, tags: &'t Tags) -> Values<'t> {
        match &self.by {
            By::Tags(names) => {
                names.iter().map(|key| ("", tags.get(key).map_or("", |value| &**value))).collect()
            }
            By::Star(except) => {
                let kept = tags.iter().filter(|(key, _)| !except.contains(key));
                kept.map(|(key, value)| (&**key, &**value)).collect()
            }
        }
    }
}

type Values<'t> = SmallVec<[(&'t str, &'t str); 4]>;

fn hash(by_name: bool, name: &Str, values: &Values<'_>) -> u64 {
    let mut hasher = FxHasher::default();
    if by_name {
        name.hash(&mut hasher);
    }
    for (key, value) in values {
        if !key.is_empty() {
            key.hash(&mut hasher);
        }
        value.hash(&mut hasher);
    }
    hasher.finish()
}

/// Whether a group made by the same grouper has these values.
fn is(group: &Group, by_name: bool, name: &Str, values: &Values<'_>) -> bool {
    let tags = group.tags();
    group.name().is_some() == by_name
        && (!by_name || group.name() == Some(name))
        && tags.len() == values.len()
        && tags.iter().zip(values).all(|((key, value), (wanted_key, wanted))| {
            **value == **wanted && (wanted_key.is_empty() || **key == **wanted_key)
        })
}

/// What a node keeps per group, found by the group's hash, listed in order of appearance.
pub(crate) struct Groups<S> {
    index: ByHash<Group, usize>,
    slots: Vec<Option<(Group, S)>>,
    last: usize,
}

impl<S> Default for Groups<S> {
    fn default() -> Self {
        Self { index: ByHash::default(), slots: Vec::new(), last: 0 }
    }
}

impl<S> Groups<S> {
    /// The state of `group`, made by `make` when the group is new.
    pub(crate) fn entry(&mut self, group: &Group, make: impl FnOnce() -> S) -> &mut S {
        let at = match self.position(group) {
            Some(at) => at,
            None => {
                let at = self.slots.len();
                self.slots.push(Some((group.clone(), make())));
                self.index.insert(group.clone(), at);
                at
            }
        };
        self.last = at;
        let slot = self.slots[at].as_mut();
        &mut slot.expect("the index names only filled slots").1
    }

    fn position(&self, group: &Group) -> Option<usize> {
        if let Some(Some((known, _))) = self.slots.get(self.last)
            && known == group
        {
            return Some(self.last);
        }
        self.index.get(group).copied()
    }

    /// Forgets `group` and gives its state back.
    pub(crate) fn remove(&mut self, group: &Group) -> Option<S> {
        let at = self.index.remove(group)?;
        let state = self.slots[at].take().map(|(_, state)| state);
        if self.slots.len() > 16 && self.index.len() * 2 < self.slots.len() {
            self.compact();
        }
        state
    }

    fn compact(&mut self) {
        self.slots.retain(Option::is_some);
        self.last = 0;
        self.index.clear();
        for (at, slot) in self.slots.iter().enumerate() {
            if let Some((group, _)) = slot {
                self.index.insert(group.clone(), at);
            }
        }
    }

    /// Groups and their states in order of appearance.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Group, &S)> {
        self.slots.iter().flatten().map(|(group, state)| (group, state))
    }

    /// Number of groups.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(k, v)| (Str::from(*k), Str::from(*v))).collect()
    }

    #[test]
    fn a_known_group_is_handed_out_again() {
        let mut by = Grouper::new(By::Tags(vec!["a".into(), "b".into()]));
        let one = by.group_of(false, &"m".into(), &tags(&[("a", "1")]));
        assert_eq!(&**one.id(), "a=1,b=");
        assert_eq!(one, by.group_of(false, &"n".into(), &tags(&[("a", "1"), ("c", "2")])));
        assert_ne!(one, by.group_of(true, &"m".into(), &tags(&[("a", "1")])));
        assert_ne!(one, by.group_of(false, &"m".into(), &tags(&[("b", "1")])));
        assert_eq!(by.remembered, 3);
    }

    #[test]
    fn star_groups_by_all_tags_but_the_excluded() {
        let mut by = Grouper::new(By::Star(vec!["x".into()]));
        let one = by.group_of(false, &"m".into(), &tags(&[("a", "1"), ("x", "2")]));
        assert_eq!(&**one.id(), "a=1");
        assert_eq!(one, by.group_of(false, &"m".into(), &tags(&[("a", "1"), ("x", "3")])));
        assert_ne!(one, by.group_of(false, &"m".into(), &tags(&[("b", "1")])));
    }

    #[test]
    fn groups_are_listed_in_order_of_appearance_after_removals() {
        let mut by = Grouper::new(By::Tags(vec!["a".into()]));
        let mut state = Groups::default();
        let all: Vec<Group> = (0..40)
            .map(|i| by.group_of(false, &"m".into(), &tags(&[("a", &i.to_string())])))
            .collect();
        for (i, group) in all.iter().enumerate() {
            *state.entry(group, || 0) += i;
        }
        for group in &all[..30] {
            assert!(state.remove(group).is_some());
        }
        assert_eq!(state.remove(&all[0]), None);
        *state.entry(&all[39], || 0) += 1;
        *state.entry(&all[0], || 7) += 0;
        let left: Vec<usize> = state.iter().map(|(_, s)| *s).collect();
        assert_eq!(left, [30, 31, 32, 33, 34, 35, 36, 37, 38, 40, 7]);
        assert_eq!(state.len(), 11);
    }
}
