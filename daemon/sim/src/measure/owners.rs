//! How topics fall on their owners, and how many move when a member joins.

use dedup::order;

use super::Row;
use crate::member_id;

const TOPICS: usize = 1_000;
const MEMBERS: usize = 10;
/// The busiest member has at most this many times the mean.
const BALANCE: f64 = 1.35;
/// A join moves at most this many times 1/N of the topics.
const MOVED: f64 = 1.2;

/// First owners per member over their mean, and the share of topics whose first owner changes as one
/// more member joins.
pub(super) fn rows() -> Vec<Row> {
    let first = |members: usize, topic: usize| {
        let ids = (0..members).map(member_id);
        order(&format!("topic-{topic}"), ids).first().copied()
    };
    let mut counts = std::collections::BTreeMap::new();
    let mut moved = 0;
    for topic in 0..TOPICS {
        let owner = first(MEMBERS, topic);
        *counts.entry(owner).or_insert(0_usize) += 1;
        moved += usize::from(owner != first(MEMBERS + 1, topic));
    }
    let most = counts.into_values().max().unwrap_or_default() as f64;
    let balance = most / (TOPICS as f64 / MEMBERS as f64);
    let moved = moved as f64 / TOPICS as f64;
    let share = MOVED / (MEMBERS + 1) as f64;
    vec![
        Row::new("owners of 1000 topics, max over mean", MEMBERS, balance, "").most(Some(BALANCE)),
        Row::new("topics moved by a join", MEMBERS + 1, moved, "of all").most(Some(share)),
    ]
}
