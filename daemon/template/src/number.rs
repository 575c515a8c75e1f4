//! Floats as Go writes them.

/// From this exponent on the shortest form is written with an exponent.
const SHORTEST_LIMIT: i32 = 6;

/// No float has more places than these; what is asked for beyond is zeros.
const MOST_PLACES: usize = 1100;

/// Go's `%g` with the fewest digits that read back as the same number; also its `%v`.
pub(crate) fn shortest(value: f64) -> String {
    general(value, None, false)
}

/// Go's `%e` and `%f` for numbers, with a precision or the fewest digits.
pub(crate) fn exponential(value: f64, precision: Option<usize>) -> String {
    if let Some(special) = special(value) {
        return special.to_owned();
    }
    let (places, zeros) = split(precision);
    let text = match places {
        Some(places) => format!("{value:.places$e}"),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').expect("an exponent is always written");
    let exponent: i32 = exponent.parse().expect("an exponent is a number");
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}{zeros}e{sign}{:02}", exponent.abs())
}

pub(crate) fn fixed(value: f64, precision: Option<usize>) -> String {
    if let Some(special) = special(value) {
        return special.to_owned();
    }
    match split(precision) {
        (Some(places), zeros) => format!("{value:.places$}{zeros}"),
        (None, _) => format!("{value}"),
    }
}

/// The places that are asked for, and the zeros that follow them.
fn split(precision: Option<usize>) -> (Option<usize>, String) {
    let beyond = precision.unwrap_or(0).saturating_sub(MOST_PLACES);
    (precision.map(|precision| precision - beyond), "0".repeat(beyond))
}

/// Go's `%g`; `keeps` zeros, as with the flag `#`.
pub(crate) fn general(value: f64, precision: Option<usize>, keeps: bool) -> String {
    if let Some(special) = special(value) {
        return special.to_owned();
    }
    let digits = precision.map(|precision| precision.max(1));
    let text = exponential(value, digits.map(|digits| digits - 1));
    let (mantissa, exponent) = text.split_once('e').expect("an exponent is always written");
    let exponent: i32 = exponent.parse().expect("an exponent is a number");
    let given = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let trimmed = match mantissa.split_once('.') {
        Some((whole, part)) if !keeps => {
            let part = part.trim_end_matches('0');
            if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
        }
        _ => mantissa.to_owned(),
    };
    let significant = trimmed.bytes().filter(u8::is_ascii_digit).count() as i32;
    let mut limit = digits.map_or(SHORTEST_LIMIT, |digits| digits as i32);
    if digits.is_some() && !keeps && limit > significant && significant > exponent {
        limit = significant;
    }
    if exponent < -4 || exponent >= limit {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{trimmed}e{sign}{:02}", exponent.abs());
    }
    let places = if keeps { given as i32 } else { significant };
    fixed(value, Some((places - 1 - exponent).max(0) as usize))
}

fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        None
    }
}
