//! Times: `now`, `unixNano` and the parts of a time in the server's zone.

use jiff::civil::DateTime;

use super::function::{Function, Run, Signature, unfit};
use super::{Env, LKind, LValue};
use LKind as K;

const PART: &[Signature] = &[(&[K::Time], K::Int)];

macro_rules! part {
    ($name:literal, |$at:ident| $value:expr) => {
        Function {
            name: $name,
            signatures: PART,
            run: Run::Env(|args, env| {
                let $at = local(args, env)?;
                Ok(LValue::Int(i64::from($value)))
            }),
        }
    };
}

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "now",
        signatures: &[(&[], K::Time)],
        run: Run::Env(|_, env| Ok(LValue::Time(env.now))),
    },
    Function {
        name: "unixNano",
        signatures: PART,
        run: Run::Pure(|args| match args {
            [LValue::Time(time)] => Ok(LValue::Int(time.0)),
            _ => Err(unfit()),
        }),
    },
    part!("minute", |at| at.minute()),
    part!("hour", |at| at.hour()),
    part!("weekday", |at| at.weekday().to_sunday_zero_offset()),
    part!("day", |at| at.day()),
    part!("month", |at| at.month()),
    part!("year", |at| at.year()),
];

fn local(args: &[LValue], env: &Env<'_>) -> Result<DateTime, String> {
    let [LValue::Time(time)] = args else { return Err(unfit()) };
    let stamp = jiff::Timestamp::from_nanosecond(i128::from(time.0)).map_err(|e| e.to_string())?;
    Ok(env.zone.to_datetime(stamp))
}
