//! Methods of times and durations.

use jiff::tz::TimeZone;

use crate::clock::{self, Moment};
use crate::datum::{Basic, Datum};
use crate::{Value, print};

/// A method that is known for the value.
#[derive(Clone, Copy)]
pub(super) enum Method {
    Time(i64, bool),
    Duration(i64),
    /// Of months and weekdays: `String` alone.
    Named,
}

/// The method's receiver, if its type has it.
pub(super) fn method(value: &Datum<'_>, name: &str) -> Option<Method> {
    const TIME: &[&str] = &[
        "Unix",
        "UnixMilli",
        "UnixMicro",
        "UnixNano",
        "Format",
        "Local",
        "UTC",
        "String",
        "Year",
        "Month",
        "Day",
        "Hour",
        "Minute",
        "Second",
        "Nanosecond",
        "YearDay",
        "Weekday",
        "IsZero",
        "IsDST",
        "Add",
        "AddDate",
        "Sub",
        "After",
        "Before",
        "Equal",
        "Compare",
        "Truncate",
        "Round",
        "Location",
    ];
    const DURATION: &[&str] = &[
        "Hours",
        "Minutes",
        "Seconds",
        "Milliseconds",
        "Microseconds",
        "Nanoseconds",
        "String",
        "Truncate",
        "Round",
        "Abs",
    ];
    match value {
        Datum::Value(Value::Time(at)) if TIME.contains(&name) => Some(Method::Time(*at, false)),
        Datum::Local(at) if TIME.contains(&name) => Some(Method::Time(*at, true)),
        Datum::Value(Value::Duration(length)) if DURATION.contains(&name) => {
            Some(Method::Duration(*length))
        }
        Datum::Month(_) | Datum::Weekday(_) if name == "String" => Some(Method::Named),
        _ => None,
    }
}

impl Method {
    /// Calls it; the error is what Go says after the place.
    pub(super) fn call<'a>(
        self,
        value: &Datum<'a>,
        name: &str,
        args: &[Datum<'a>],
        zone: &TimeZone,
    ) -> Result<Datum<'a>, String> {
        let want = match name {
            "Format" | "Add" | "Sub" | "After" | "Before" | "Equal" | "Compare" | "Truncate"
            | "Round" => 1,
            "AddDate" => 3,
            _ => 0,
        };
        if args.len() != want {
            let got = args.len();
            return Err(format!("wrong number of args for {name}: want {want} got {got}"));
        }
        match self {
            Self::Named => Ok(Datum::text(print::text(value, zone))),
            Self::Duration(length) => of_duration(length, name, args),
            Self::Time(at, local) => of_time(at, local, name, args, zone),
        }
    }
}

fn of_duration<'a>(length: i64, name: &str, args: &[Datum<'a>]) -> Result<Datum<'a>, String> {
    let in_unit = |unit: i64| {
        // The whole units and the rest apart, as Go does, so that the last digits agree.
        Datum::float((length / unit) as f64 + (length % unit) as f64 / unit as f64)
    };
    let int = |value: i64| Datum::Value(Value::Int(value));
    let duration = |value: i64| Datum::Value(Value::Duration(value));
    Ok(match name {
        "Hours" => in_unit(3_600_000_000_000),
        "Minutes" => in_unit(60_000_000_000),
        "Seconds" => in_unit(1_000_000_000),
        "Milliseconds" => int(length / 1_000_000),
        "Microseconds" => int(length / 1_000),
        "Nanoseconds" => int(length),
        "Truncate" => duration(clock::truncate(length, integer(&args[0], "time.Duration")?)),
        "Round" => duration(clock::round(length, integer(&args[0], "time.Duration")?)),
        "Abs" => duration(length.saturating_abs()),
        _ => Datum::text(clock::duration_text(length)),
    })
}

fn of_time<'a>(
    at: i64,
    local: bool,
    name: &str,
    args: &[Datum<'a>],
    zone: &TimeZone,
) -> Result<Datum<'a>, String> {
    let moment = Moment::new(at, local.then_some(zone));
    let same = |at: i64| if local { Datum::Local(at) } else { Datum::Value(Value::Time(at)) };
    let int64 = |value: i64| Datum::Value(Value::Int(value));
    let civil = moment.civil();
    Ok(match name {
        "Unix" => int64(at.div_euclid(1_000_000_000)),
        "UnixMilli" => int64(at.div_euclid(1_000_000)),
        "UnixMicro" => int64(at.div_euclid(1_000)),
        "UnixNano" => int64(at),
        "Format" => match &args[0] {
            Datum::Value(Value::Str(layout)) => Datum::text(moment.format(layout)),
            other => return Err(wrong_type("string", other)),
        },
        "Local" => Datum::Local(at),
        "UTC" => Datum::Value(Value::Time(at)),
        "String" => Datum::text(moment.text()),
        "Year" => Datum::Int(civil.year().into()),
        "Month" => Datum::Month(civil.month().unsigned_abs()),
        "Day" => Datum::Int(civil.day().into()),
        "Hour" => Datum::Int(civil.hour().into()),
        "Minute" => Datum::Int(civil.minute().into()),
        "Second" => Datum::Int(civil.second().into()),
        "Nanosecond" => Datum::Int(civil.subsec_nanosecond().into()),
        "YearDay" => Datum::Int(civil.day_of_year().into()),
        "Weekday" => Datum::Weekday(civil.weekday().to_sunday_zero_offset().unsigned_abs()),
        // Go's zero time lies in the year 1, out of our range.
        "IsZero" => Datum::bool(false),
        "IsDST" => Datum::bool(moment.is_dst()),
        "Add" => same(at.saturating_add(integer(&args[0], "time.Duration")?)),
        "AddDate" => {
            let [years, months, days] = [0, 1, 2].map(|i| integer(&args[i], "int"));
            same(moment.add_date(years?, months?, days?))
        }
        "Sub" => Datum::Value(Value::Duration(at.saturating_sub(time(&args[0])?))),
        "After" => Datum::bool(at > time(&args[0])?),
        "Before" => Datum::bool(at < time(&args[0])?),
        "Equal" => Datum::bool(at == time(&args[0])?),
        "Compare" => Datum::Int(at.cmp(&time(&args[0])?) as i64),
        "Truncate" => same(clock::truncate_time(at, integer(&args[0], "time.Duration")?)),
        "Round" => same(clock::round_time(at, integer(&args[0], "time.Duration")?)),
        _ => Datum::text(if local { "Local" } else { "UTC" }),
    })
}

fn wrong_type(want: &str, value: &Datum<'_>) -> String {
    if value.is_nil() {
        return format!("invalid value; expected {want}");
    }
    format!("wrong type for value; expected {want}; got {}", value.type_name())
}

fn integer(value: &Datum<'_>, want: &str) -> Result<i64, String> {
    match (value, value.basic()) {
        (Datum::Value(Value::Duration(_)) | Datum::Int(_), Basic::Int(value)) => Ok(value),
        _ => Err(wrong_type(want, value)),
    }
}

fn time(value: &Datum<'_>) -> Result<i64, String> {
    match value {
        Datum::Value(Value::Time(at)) | Datum::Local(at) => Ok(*at),
        _ => Err(wrong_type("time.Time", value)),
    }
}
