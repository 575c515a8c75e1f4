//! Go's layouts: a time written as Mon Jan 2 15:04:05 MST 2006 would be.

use std::fmt::Write;

use super::Moment;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Name of a month, from 1.
pub(crate) fn month_name(month: u8) -> String {
    match MONTHS.get(usize::from(month).wrapping_sub(1)) {
        Some(name) => (*name).to_owned(),
        None => format!("%!Month({month})"),
    }
}

/// Name of a weekday, from Sunday, 0.
pub(crate) fn weekday_name(day: u8) -> String {
    DAYS[usize::from(day % 7)].to_owned()
}

/// Parts of a layout; where one begins like another the longer stands first.
const PARTS: &[(&str, Part)] = &[
    ("January", Part::LongMonth),
    ("Jan", Part::Month),
    ("Monday", Part::LongDay),
    ("Mon", Part::Day),
    ("MST", Part::Zone),
    ("002", Part::YearDay('0')),
    ("01", Part::Number(Unit::Month, '0')),
    ("02", Part::Number(Unit::Day, '0')),
    ("03", Part::Number(Unit::Hour12, '0')),
    ("04", Part::Number(Unit::Minute, '0')),
    ("05", Part::Number(Unit::Second, '0')),
    ("06", Part::ShortYear),
    ("15", Part::Number(Unit::Hour, '0')),
    ("1", Part::Number(Unit::Month, '\0')),
    ("2006", Part::Year),
    ("2", Part::Number(Unit::Day, '\0')),
    ("_2006", Part::BlankYear),
    ("__2", Part::YearDay(' ')),
    ("_2", Part::Number(Unit::Day, ' ')),
    ("3", Part::Number(Unit::Hour12, '\0')),
    ("4", Part::Number(Unit::Minute, '\0')),
    ("5", Part::Number(Unit::Second, '\0')),
    ("PM", Part::Half("AM", "PM")),
    ("pm", Part::Half("am", "pm")),
    ("-07:00:00", Part::Offset { z: false, colon: true, seconds: true, short: false }),
    ("-070000", Part::Offset { z: false, colon: false, seconds: true, short: false }),
    ("-07:00", Part::Offset { z: false, colon: true, seconds: false, short: false }),
    ("-0700", Part::Offset { z: false, colon: false, seconds: false, short: false }),
    ("-07", Part::Offset { z: false, colon: false, seconds: false, short: true }),
    ("Z07:00:00", Part::Offset { z: true, colon: true, seconds: true, short: false }),
    ("Z070000", Part::Offset { z: true, colon: false, seconds: true, short: false }),
    ("Z07:00", Part::Offset { z: true, colon: true, seconds: false, short: false }),
    ("Z0700", Part::Offset { z: true, colon: false, seconds: false, short: false }),
    ("Z07", Part::Offset { z: true, colon: false, seconds: false, short: true }),
];

#[derive(Clone, Copy)]
enum Part {
    LongMonth,
    Month,
    LongDay,
    Day,
    Zone,
    /// Padded to three places.
    YearDay(char),
    /// Padded to two places.
    Number(Unit, char),
    ShortYear,
    Year,
    /// `_2006` is a blank mark and the year.
    BlankYear,
    Half(&'static str, &'static str),
    Offset {
        z: bool,
        colon: bool,
        seconds: bool,
        short: bool,
    },
    /// Sign, digits, and whether trailing zeros go.
    Fraction {
        sign: char,
        digits: usize,
        trims: bool,
    },
}

#[derive(Clone, Copy)]
enum Unit {
    Month,
    Day,
    Hour,
    Hour12,
    Minute,
    Second,
}

pub(super) fn format(moment: &Moment, layout: &str) -> String {
    let mut out = String::with_capacity(layout.len() + 8);
    let mut rest = layout;
    while let Some(c) = rest.chars().next() {
        match part(rest) {
            Some((length, part)) => {
                // Writing to a string does not fail.
                let _ = write_part(&mut out, moment, part);
                rest = &rest[length..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

fn part(rest: &str) -> Option<(usize, Part)> {
    if let Some(sign) = rest.chars().next().filter(|c| matches!(c, '.' | ',')) {
        for digit in ['0', '9'] {
            let after = rest[1..].trim_start_matches(digit);
            let digits = rest.len() - 1 - after.len();
            if digits > 0 && !after.starts_with(|c: char| c.is_ascii_digit()) {
                let trims = digit == '9';
                return Some((1 + digits, Part::Fraction { sign, digits, trims }));
            }
        }
        return None;
    }
    let (text, part) = PARTS.iter().find(|(text, _)| rest.starts_with(text))?;
    // `Month` or `Janet` are no short names.
    let lower = rest[text.len()..].starts_with(|c: char| c.is_ascii_lowercase());
    (!(matches!(part, Part::Month | Part::Day) && lower)).then_some((text.len(), *part))
}

fn write_part(out: &mut String, moment: &Moment, part: Part) -> std::fmt::Result {
    let civil = moment.civil;
    match part {
        Part::LongMonth => out.push_str(MONTHS[civil.month() as usize - 1]),
        Part::Month => out.push_str(&MONTHS[civil.month() as usize - 1][..3]),
        Part::LongDay | Part::Day => {
            let name = DAYS[civil.weekday().to_sunday_zero_offset() as usize];
            out.push_str(if matches!(part, Part::Day) { &name[..3] } else { name });
        }
        Part::Zone => write_zone(out, moment)?,
        Part::YearDay('0') => write!(out, "{:03}", civil.day_of_year())?,
        Part::YearDay(_) => write!(out, "{:3}", civil.day_of_year())?,
        Part::Number(unit, pad) => {
            let hour12 = (civil.hour() + 11) % 12 + 1;
            let value = match unit {
                Unit::Month => civil.month(),
                Unit::Day => civil.day(),
                Unit::Hour => civil.hour(),
                Unit::Hour12 => hour12,
                Unit::Minute => civil.minute(),
                Unit::Second => civil.second(),
            };
            match pad {
                '0' => write!(out, "{value:02}")?,
                ' ' => write!(out, "{value:2}")?,
                _ => write!(out, "{value}")?,
            }
        }
        Part::ShortYear => write!(out, "{:02}", civil.year() % 100)?,
        Part::Year => write!(out, "{:04}", civil.year())?,
        Part::BlankYear => write!(out, "_{:04}", civil.year())?,
        Part::Half(am, pm) => out.push_str(if civil.hour() >= 12 { pm } else { am }),
        Part::Offset { z, colon, seconds, short } => {
            let total = moment.offset.seconds();
            if z && total == 0 {
                out.push('Z');
                return Ok(());
            }
            let sep = if colon { ":" } else { "" };
            let (sign, total) = (if total < 0 { '-' } else { '+' }, total.abs());
            write!(out, "{sign}{:02}", total / 3600)?;
            if !short {
                write!(out, "{sep}{:02}", total / 60 % 60)?;
            }
            if seconds {
                write!(out, "{sep}{:02}", total % 60)?;
            }
        }
        Part::Fraction { sign, digits, trims } => {
            let all = format!("{:09}", civil.subsec_nanosecond());
            let mut shown = &all[..digits.min(9)];
            if trims {
                shown = shown.trim_end_matches('0');
            }
            if !shown.is_empty() {
                let zeros = if trims { 0 } else { digits - shown.len() };
                write!(out, "{sign}{shown}{}", "0".repeat(zeros))?;
            }
        }
    }
    Ok(())
}

fn write_zone(out: &mut String, moment: &Moment) -> std::fmt::Result {
    if !moment.abbreviation.is_empty() {
        out.push_str(&moment.abbreviation);
        return Ok(());
    }
    let minutes = moment.offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    write!(out, "{sign}{:02}", minutes.abs() / 60)?;
    if minutes % 60 != 0 { write!(out, "{:02}", minutes.abs() % 60) } else { Ok(()) }
}
