//! `bottom`: the points with the smallest numbers, smallest first; else as `top`.

use super::{Function, Kind, top, total_order};

/// `|bottom(3, 'f', 'tag', …)`
pub(crate) static KIND: Kind = top::kind("bottom", |args, _| Ok(top::define(&BOTTOM, args)));

static BOTTOM: Function = Function {
    name: "bottom",
    reducer: |kind, numbers| top::reducer(kind, numbers, total_order),
    empty: None,
};
