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

/// Finds the group of a point: at once when a point of the same series came lately (writers share
/// the tags of a series), else by hashing the values of its dimensions. Allocates only for a group
/// not seen before.
pub(crate) struct Grouper {
    by: By,
    none: Group,
    known: ByHash<u64, SmallVec<[Group; 1]>>,
    remembered: usize,
    /// Tags seen lately with their group, placed by their address.
    recent: Vec<Option<(Tags, Group)>>,
}

/// Most places for series seen lately; a power of two.
const MAX_RECENT: usize = 1 << 12;

impl Grouper {
    /// A grouper by `by`.
    pub(crate) fn new(by: By) -> Self {
        let (none, known) = (Group::none(), ByHash::default());
        Self { by, none, known, remembered: 0, recent: vec![None; 8] }
    }

    /// The group of a point of measurement `point.name`.
    pub(crate) fn group(&mut self, by_name: bool, point: &Point) -> Group {
        self.group_of(by_name, &point.name, &point.tags)
    }

    /// The group of data called `name` with `tags`.
    #[inline]
    pub(crate) fn group_of(&mut self, by_name: bool, name: &Str, tags: &Tags) -> Group {
        if !by_name && matches!(&self.by, By::Tags(names) if names.is_empty()) {
            return self.none.clone();
        }
        let place = self.place(tags);
        if let Some((seen, group)) = &self.recent[place]
            && seen.is_same(tags)
            && is_named(group, by_name, name)
        {
            return group.clone();
        }
        let group = self.find(by_name, name, tags);
        if self.remembered > self.recent.len() && self.recent.len() < MAX_RECENT {
            self.recent = vec![None; self.recent.len() * 4];
        }
        let place = self.place(tags);
        self.recent[place] = Some((tags.clone(), group.clone()));
        group
    }

    /// The place of tags among those seen lately.
    fn place(&self, tags: &Tags) -> usize {
        let mixed = (tags.address() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        mixed as usize & (self.recent.len() - 1)
    }

    fn find(&mut self, by_name: bool, name: &Str, tags: &Tags) -> Group {
        let hash = self.hash(by_name, name, tags);
        let known = self.known.get(&hash);
        if let Some(group) =
            known.and_then(|list| list.iter().find(|g| self.is(g, by_name, name, tags)))
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

    fn hash(&self, by_name: bool, name: &Str, tags: &Tags) -> u64 {
        let mut hasher = FxHasher::default();
        if by_name {
            name.hash(&mut hasher);
        }
        match &self.by {
            By::Tags(names) => {
                for key in names {
                    tags.get(key).map_or("", |v| v).hash(&mut hasher);
                }
            }
            By::Star(except) => {
                for (key, value) in tags.iter().filter(|(k, _)| !except.contains(k)) {
                    key.hash(&mut hasher);
                    value.hash(&mut hasher);
                }
            }
        }
        hasher.finish()
    }

    fn is(&self, group: &Group, by_name: bool, name: &Str, tags: &Tags) -> bool {
        is_named(group, by_name, name)
            && match &self.by {
                By::Tags(names) => names
                    .iter()
                    .zip(group.tags())
                    .all(|(key, (_, value))| tags.get(key).map_or("", |v| v) == &**value),
                By::Star(except) => {
                    tags.iter().filter(|(k, _)| !except.contains(k)).eq(group.tags().iter())
                }
            }
    }
}

fn is_named(group: &Group, by_name: bool, name: &Str) -> bool {
    group.name().map_or(!by_name, |known| by_name && known == name)
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

    /// The state of `group`, if it has one.
    pub(crate) fn get_mut(&mut self, group: &Group) -> Option<&mut S> {
        let at = self.position(group)?;
        self.slots[at].as_mut().map(|(_, state)| state)
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

    /// Forgets all and gives them back, in order of appearance.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = (Group, S)> + use<S> {
        std::mem::take(self).slots.into_iter().flatten()
    }

    /// Groups and their states, to change, in order of appearance.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&Group, &mut S)> {
        self.slots.iter_mut().flatten().map(|(group, state)| (&*group, state))
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
        let shared = tags(&[("a", "1"), ("b", "2")]);
        let plain = by.group_of(false, &"m".into(), &shared);
        assert_eq!(plain, by.group_of(false, &"n".into(), &shared));
        let named = by.group_of(true, &"m".into(), &shared);
        assert_ne!(named, by.group_of(true, &"n".into(), &shared));
        assert_eq!(plain, by.group_of(false, &"m".into(), &shared));
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
