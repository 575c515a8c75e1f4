//! Inhibition: a group of one alert suppresses events of a category, across tasks.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use model::{Str, Tags};
use rustc_hash::FxHashMap;

/// All inhibitors of a member. Cloning shares; asking costs one atomic load while none is on.
#[derive(Clone, Default)]
pub struct Inhibitors(Arc<Registry>);

#[derive(Default)]
struct Registry {
    /// How many inhibitors are on.
    active: AtomicUsize,
    by_category: RwLock<FxHashMap<Str, Vec<Shape>>>,
}

/// The inhibitors of a category that compare the same tags.
struct Shape {
    keys: Vec<Str>,
    /// Tag values that are suppressed now, and by how many inhibitors.
    on: FxHashMap<Tags, usize>,
}

/// One inhibitor: a group of an alert node and one of its `.inhibit` calls. It ends when dropped.
pub struct Inhibitor {
    registry: Arc<Registry>,
    category: Str,
    tags: Tags,
    on: bool,
}

impl Inhibitors {
    /// An inhibitor, off at first: it suppresses events of `category` that carry all of `tags` with
    /// the same values (an absent tag counts as empty).
    pub fn register(&self, category: Str, tags: Tags) -> Inhibitor {
        Inhibitor { registry: Arc::clone(&self.0), category, tags, on: false }
    }

    /// Whether an event of `category` with `tags` is suppressed now.
    pub fn is_inhibited(&self, category: &str, tags: &Tags) -> bool {
        if self.0.active.load(Ordering::Acquire) == 0 {
            return false;
        }
        let map = self.0.by_category.read().unwrap_or_else(PoisonError::into_inner);
        map.get(category).is_some_and(|shapes| {
            shapes.iter().any(|shape| shape.on.contains_key(&restrict(tags, &shape.keys)))
        })
    }
}

/// The tags named by `keys`; absent ones are empty.
fn restrict(tags: &Tags, keys: &[Str]) -> Tags {
    keys.iter()
        .map(|key| (key.clone(), tags.get(key).cloned().unwrap_or_else(|| "".into())))
        .collect()
}

impl fmt::Debug for Inhibitors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let active = self.0.active.load(Ordering::Acquire);
        f.debug_struct("Inhibitors").field("active", &active).finish_non_exhaustive()
    }
}

impl Inhibitor {
    /// Switches it.
    pub fn set(&mut self, on: bool) {
        if on == self.on {
            return;
        }
        self.on = on;
        let mut map = self.registry.by_category.write().unwrap_or_else(PoisonError::into_inner);
        let shapes = map.entry(self.category.clone()).or_default();
        let same_keys = |shape: &Shape| shape.keys.iter().eq(self.tags.iter().map(|(key, _)| key));
        let at = shapes.iter().position(same_keys).unwrap_or_else(|| {
            let keys = self.tags.iter().map(|(key, _)| key.clone()).collect();
            shapes.push(Shape { keys, on: FxHashMap::default() });
            shapes.len() - 1
        });
        let shape = &mut shapes[at];
        if on {
            *shape.on.entry(self.tags.clone()).or_default() += 1;
            self.registry.active.fetch_add(1, Ordering::AcqRel);
            return;
        }
        self.registry.active.fetch_sub(1, Ordering::AcqRel);
        if let Some(count) = shape.on.get_mut(&self.tags) {
            *count -= 1;
            if *count == 0 {
                shape.on.remove(&self.tags);
            }
        }
        if shape.on.is_empty() {
            shapes.swap_remove(at);
        }
        if shapes.is_empty() {
            map.remove(&self.category);
        }
    }
}

impl fmt::Debug for Inhibitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inhibitor")
            .field("category", &self.category)
            .field("tags", &self.tags)
            .field("on", &self.on)
            .finish_non_exhaustive()
    }
}

impl Drop for Inhibitor {
    fn drop(&mut self) {
        self.set(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(list: &[(&str, &str)]) -> Tags {
        list.iter().map(|(k, v)| (Str::from(*k), Str::from(*v))).collect()
    }

    #[test]
    fn an_inhibitor_suppresses_its_category_and_tags_until_switched_off_or_dropped() {
        let all = Inhibitors::default();
        let mut one = all.register("small".into(), tags(&[("k", "a")]));
        let event = tags(&[("k", "a"), ("other", "x")]);
        assert!(!all.is_inhibited("small", &event));
        one.set(true);
        assert!(all.is_inhibited("small", &event));
        assert!(!all.is_inhibited("big", &event));
        assert!(!all.is_inhibited("small", &tags(&[("k", "b")])));
        one.set(false);
        assert!(!all.is_inhibited("small", &event));
        one.set(true);
        let mut two = all.register("small".into(), tags(&[("k", "a")]));
        two.set(true);
        drop(one);
        assert!(all.is_inhibited("small", &event));
        drop(two);
        assert!(!all.is_inhibited("small", &event));
        assert!(all.0.by_category.read().expect("not poisoned").is_empty());
        assert_eq!(all.0.active.load(Ordering::Acquire), 0);
    }
}
