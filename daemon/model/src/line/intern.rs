//! Names and series seen before, so that points share them.
//!
//! Bounded by two generations: when the young one is full it becomes the old one, and whatever is
//! asked for again moves over. What nobody asks for is forgotten after two fillings.

use std::collections::HashMap;
use std::fmt;

use rustc_hash::FxBuildHasher;

use crate::{Str, Tags, Value};

/// Entries of one generation, for names and for series each.
const MAX_ENTRIES: usize = 65_536;

/// Key bytes of one generation, for names and for series each.
const MAX_BYTES: usize = 4 << 20;

/// Longer names and series keys are not kept.
pub(super) const MAX_KEY_BYTES: usize = 1_024;

/// Field names remembered per series; a line with more is read all the same, only slower.
const MAX_FIELDS: usize = 64;

/// Shares names and series among points. One per writer thread; see [`crate::line::parse`].
#[derive(Default)]
pub struct Interner {
    names: Generations<Str>,
    pub(super) series: Generations<Series>,
    /// Fields of the line being read; kept for its capacity.
    pub(super) fields: Vec<(Str, Value)>,
}

impl Interner {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of names and of series that are remembered.
    pub fn len(&self) -> (usize, usize) {
        (self.names.len(), self.series.len())
    }

    /// True when nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == (0, 0)
    }

    /// The shared form of `text`.
    pub fn intern(&mut self, text: &str) -> Str {
        self.names.intern(text)
    }

    /// The name of field number `position`, found by [`Series`] to differ from the line before.
    pub(super) fn learn_field(&mut self, series: usize, position: usize, text: &str) -> Str {
        let name = self.names.intern(text);
        let known = &mut self.series.young.values[series].fields;
        if position < known.len() {
            known[position] = name.clone();
        } else if position == known.len() && position < MAX_FIELDS {
            known.push(name.clone());
        }
        name
    }

    /// Remembers what the raw series key `key` means; it must be unknown.
    pub(super) fn remember(&mut self, key: &[u8], name: &Str, tags: &Tags) {
        if key.len() <= MAX_KEY_BYTES && !key.contains(&b'\n') {
            let series = Series { name: name.clone(), tags: tags.clone(), fields: Vec::new() };
            self.series.insert(key, series);
        }
    }
}

impl fmt::Debug for Interner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (names, series) = self.len();
        f.debug_struct("Interner").field("names", &names).field("series", &series).finish()
    }
}

impl Generations<Str> {
    fn intern(&mut self, text: &str) -> Str {
        if let Some(place) = self.find(text.as_bytes()) {
            return self.at(place).clone();
        }
        let shared: Str = text.into();
        if text.len() <= MAX_KEY_BYTES {
            self.insert(text.as_bytes(), shared.clone());
        }
        shared
    }
}

/// What a series key means, and the field names its last line had, in order.
#[derive(Clone)]
pub(super) struct Series {
    pub(super) name: Str,
    pub(super) tags: Tags,
    pub(super) fields: Vec<Str>,
}

/// A bounded map from bytes to `V`.
pub(super) struct Generations<V> {
    young: Generation<V>,
    old: Generation<V>,
}

struct Generation<V> {
    index: HashMap<Box<[u8]>, usize, FxBuildHasher>,
    values: Vec<V>,
    bytes: usize,
}

impl<V> Default for Generation<V> {
    fn default() -> Self {
        Self { index: HashMap::default(), values: Vec::new(), bytes: 0 }
    }
}

impl<V> Default for Generations<V> {
    fn default() -> Self {
        Self { young: Generation::default(), old: Generation::default() }
    }
}

impl<V: Clone> Generations<V> {
    fn len(&self) -> usize {
        self.young.index.len() + self.old.index.len()
    }

    /// Place of the value in the young generation; valid until the next call that inserts.
    pub(super) fn find(&mut self, key: &[u8]) -> Option<usize> {
        if let Some(place) = self.young.index.get(key) {
            return Some(*place);
        }
        self.promote(key)
    }

    pub(super) fn at(&self, place: usize) -> &V {
        &self.young.values[place]
    }

    #[cold]
    fn promote(&mut self, key: &[u8]) -> Option<usize> {
        let place = *self.old.index.get(key)?;
        let value = self.old.values[place].clone();
        Some(self.insert(key, value))
    }

    /// `key` must be absent.
    fn insert(&mut self, key: &[u8], value: V) -> usize {
        if self.young.values.len() >= MAX_ENTRIES || self.young.bytes + key.len() > MAX_BYTES {
            self.old = std::mem::take(&mut self.young);
        }
        let place = self.young.values.len();
        self.young.values.push(value);
        self.young.bytes += key.len();
        self.young.index.insert(key.into(), place);
        place
    }
}
