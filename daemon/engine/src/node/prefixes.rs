//! The prefixes that `join` and `combine` put before names: `.as('l', 'r')`.

use model::Str;

/// Checks what a node's `.as()` says: one prefix for each of its `wanted` inputs.
pub(crate) fn check(
    node: &str,
    names: &[Str],
    wanted: usize,
    delimiter: &str,
) -> Result<(), String> {
    if names.is_empty() {
        return Err(format!(
            "a call to {node}.as() is required to specify the output stream prefixes."
        ));
    }
    if names.len() != wanted {
        return Err(format!(
            "number of prefixes specified by {node}.as() must match the number of {node}ed streams"
        ));
    }
    for (i, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(format!(
                "must provide a prefix name for the {node} node, see .as() property method"
            ));
        }
        if !delimiter.is_empty() && name.contains(delimiter) {
            return Err(format!(
                "cannot use name {name} as field prefix, it contains the delimiter {delimiter:?}"
            ));
        }
        if names[..i].contains(name) {
            return Err("cannot use the same prefix name see .as() property method".to_owned());
        }
    }
    Ok(())
}
