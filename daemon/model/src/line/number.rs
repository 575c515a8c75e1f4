//! Numbers of the line protocol: one pass for the common ones, exact rounding for all.

use crate::Value;

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Most digits whose value surely fits 53 bits.
const EXACT_DIGITS: usize = 15;

/// Most digits whose value surely fits an i64.
const INT_DIGITS: usize = 18;

/// Reads a plain number at `at` (sign, digits, fraction, exponent, `i`) up to a byte that ends a
/// value; the value and where it ended. `None` for whatever needs a second look.
pub(super) fn quick(body: &[u8], at: usize) -> Option<(Value, usize)> {
    let negative = body.get(at) == Some(&b'-');
    let start = at + usize::from(negative);
    let mut i = start;
    let mut mantissa = 0u64;
    while let Some(digit) = digit(body, i) {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(digit);
        i += 1;
    }
    let whole = i - start;
    if whole == 0 {
        return None;
    }
    match body.get(i) {
        Some(b'i') if whole <= INT_DIGITS && ends_value(body, i + 1) => {
            let value = mantissa as i64;
            return Some((Value::Int(if negative { -value } else { value }), i + 1));
        }
        Some(b'i') => return None,
        _ => {}
    }
    let mut fraction = 0;
    if body.get(i) == Some(&b'.') {
        i += 1;
        let from = i;
        while let Some(digit) = digit(body, i) {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(digit);
            i += 1;
        }
        fraction = i - from;
    }
    if ends_value(body, i) && whole + fraction <= EXACT_DIGITS {
        // Mantissa and power are exact, so one division rounds correctly.
        let value = mantissa as f64 / POWERS[fraction];
        return Some((Value::Float(if negative { -value } else { value }), i));
    }
    while body.get(i).is_some_and(|c| matches!(c, b'0'..=b'9' | b'e' | b'E' | b'+' | b'-')) {
        i += 1;
    }
    if !ends_value(body, i) {
        return None;
    }
    let value: f64 = std::str::from_utf8(&body[at..i]).ok()?.parse().ok()?;
    value.is_finite().then_some((Value::Float(value), i))
}

fn digit(body: &[u8], at: usize) -> Option<u64> {
    let d = body.get(at)?.wrapping_sub(b'0');
    (d <= 9).then_some(u64::from(d))
}

fn ends_value(body: &[u8], at: usize) -> bool {
    matches!(body.get(at), None | Some(b',' | b' ' | b'\n' | b'\r'))
}

/// Reads the whole of `text`, which starts with a digit, `.`, `-`, `N` or `n`.
pub(super) fn strict(text: &str) -> Result<Value, String> {
    let invalid = || Err("invalid number".to_owned());
    if let Some(digits) = text.strip_suffix('i') {
        let unsigned = digits.strip_prefix('-').unwrap_or(digits);
        if unsigned.is_empty() || !unsigned.bytes().all(|c| c.is_ascii_digit()) {
            return invalid();
        }
        return match digits.parse() {
            Ok(value) => Ok(Value::Int(value)),
            Err(_) => Err(format!(
                "unable to parse integer {digits}: strconv.ParseInt: parsing \"{digits}\": value out of range"
            )),
        };
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0
        || mantissa.len() - digits > 1
        || digits + mantissa.matches('.').count() != mantissa.len()
    {
        return invalid();
    }
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if !digits.bytes().all(|c| c.is_ascii_digit()) {
            return invalid();
        }
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Value::Float(value)),
        _ => Err("invalid float".to_owned()),
    }
}
