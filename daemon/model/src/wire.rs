//! Reading postcard that others wrote: what is read costs no more memory than its bytes justify.
//!
//! postcard writes the length of a list before its elements, and an element of one byte can be a
//! hundred in memory. So whoever reads has a budget, [`FACTOR`] bytes for each byte of the input and
//! [`FLOOR`] besides, and every list and text is charged before it is made. What honest members write
//! stays far below it; what does not is refused like any other damage.
//!
//! A charge is what may be live at once while the list is made: the slots of the old and the new
//! buffer while it grows, or of list and `Arc` while it is copied into one.

mod metered;
#[cfg(test)]
mod tests;

use serde::Deserialize;

/// Bytes of memory that a byte of a message may cost.
pub const FACTOR: usize = 16;
/// Bytes of memory that a message may cost besides: boxes, and short lists of short names.
pub const FLOOR: usize = 4 * 1024;

/// Reads a value from the start of `bytes`, for [`FACTOR`] times their memory at most; returns the
/// rest, too.
pub fn take<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<(T, &'de [u8]), postcard::Error> {
    take_for(FACTOR, bytes)
}

/// Like [`take`], with a factor of its own, for what is honestly larger in memory.
pub fn take_for<'de, T: Deserialize<'de>>(
    factor: usize,
    bytes: &'de [u8],
) -> Result<(T, &'de [u8]), postcard::Error> {
    let budget = metered::Budget::new(factor.saturating_mul(bytes.len()).saturating_add(FLOOR));
    let mut reader = postcard::Deserializer::from_bytes(bytes);
    let value = T::deserialize(budget.meter(&mut reader))?;
    Ok((value, reader.finalize()?))
}
