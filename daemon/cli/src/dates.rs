//! Times as the original shows them: Go's RFC 822 layout, `14 Jul 17 02:40 UTC`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// An RFC 3339 time in `zone`; a text that is none stays as it is.
pub(crate) fn rfc822(text: &str, zone: &TimeZone) -> String {
    let Ok(at) = text.parse::<Timestamp>() else {
        return text.to_owned();
    };
    let at = at.to_zoned(zone.clone());
    let month = MONTHS[usize::from(at.month().unsigned_abs() - 1) % MONTHS.len()];
    let (day, year, hour, minute) = (at.day(), at.year().rem_euclid(100), at.hour(), at.minute());
    let zone = at.strftime("%Z");
    format!("{day:02} {month} {year:02} {hour:02}:{minute:02} {zone}")
}

/// An RFC 3339 time in the zone in which it was written: members write UTC.
pub(crate) fn rfc822_as_received(text: &str) -> String {
    rfc822(text, &TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_gos_layout() {
        for (text, expect) in [
            ("2017-07-14T02:40:10.123456789Z", "14 Jul 17 02:40 UTC"),
            ("0001-01-01T00:00:00Z", "01 Jan 01 00:00 UTC"),
            ("1970-01-01T00:00:01Z", "01 Jan 70 00:00 UTC"),
            ("soon", "soon"),
        ] {
            assert_eq!(rfc822_as_received(text), expect);
        }
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("valid");
        assert_eq!(rfc822("2017-07-14T02:40:10Z", &zone), "14 Jul 17 04:40 CEST");
    }
}
