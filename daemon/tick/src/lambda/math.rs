//! Mathematical functions, with the special cases of Go's `math`.

use super::function::{Function, Run, Signature, unfit};
use super::{LKind, LValue};
use LKind as K;

const ONE: &[Signature] = &[(&[K::Float], K::Float)];
const TWO: &[Signature] = &[(&[K::Float, K::Float], K::Float)];
const ORDER: &[Signature] = &[(&[K::Int, K::Float], K::Float)];

macro_rules! one {
    ($name:literal, $function:expr) => {
        Function {
            name: $name,
            signatures: ONE,
            run: Run::Pure(|args| match args {
                [LValue::Float(x)] => Ok(LValue::Float($function(*x))),
                _ => Err(unfit()),
            }),
        }
    };
}

macro_rules! two {
    ($name:literal, $function:expr) => {
        Function {
            name: $name,
            signatures: TWO,
            run: Run::Pure(|args| match args {
                [LValue::Float(x), LValue::Float(y)] => Ok(LValue::Float($function(*x, *y))),
                _ => Err(unfit()),
            }),
        }
    };
}

macro_rules! order {
    ($name:literal, $function:expr) => {
        Function {
            name: $name,
            signatures: ORDER,
            run: Run::Pure(|args| match args {
                [LValue::Int(n), LValue::Float(x)] => Ok(LValue::Float($function(*n, *x))),
                _ => Err(unfit()),
            }),
        }
    };
}

pub(super) const FUNCTIONS: &[Function] = &[
    one!("abs", f64::abs),
    one!("acos", libm::acos),
    one!("acosh", libm::acosh),
    one!("asin", libm::asin),
    one!("asinh", libm::asinh),
    one!("atan", libm::atan),
    two!("atan2", libm::atan2),
    one!("atanh", libm::atanh),
    one!("cbrt", libm::cbrt),
    one!("ceil", f64::ceil),
    one!("cos", libm::cos),
    one!("cosh", libm::cosh),
    one!("erf", libm::erf),
    one!("erfc", libm::erfc),
    one!("exp", libm::exp),
    one!("exp2", libm::exp2),
    one!("expm1", libm::expm1),
    one!("floor", f64::floor),
    one!("gamma", gamma),
    two!("hypot", libm::hypot),
    one!("j0", libm::j0),
    one!("j1", libm::j1),
    order!("jn", |n: i64, x: f64| libm::jn(narrow(n), x)),
    one!("log", libm::log),
    one!("log10", log10),
    one!("log1p", libm::log1p),
    one!("log2", log2),
    one!("logb", logb),
    two!("max", max),
    two!("min", min),
    two!("mod", libm::fmod),
    two!("pow", libm::pow),
    Function {
        name: "pow10",
        signatures: &[(&[K::Int], K::Float)],
        run: Run::Pure(|args| match args {
            [LValue::Int(n)] => Ok(LValue::Float(pow10(*n))),
            _ => Err(unfit()),
        }),
    },
    one!("sin", libm::sin),
    one!("sinh", libm::sinh),
    one!("sqrt", f64::sqrt),
    one!("tan", libm::tan),
    one!("tanh", libm::tanh),
    one!("trunc", f64::trunc),
    one!("y0", libm::y0),
    one!("y1", libm::y1),
    order!("yn", |n: i64, x: f64| libm::yn(narrow(n), x)),
];

/// Orders beyond 32 bits give what the largest gives; the recurrence runs `order` steps, so larger
/// ones would only burn time.
fn narrow(order: i64) -> i32 {
    const LARGEST: i64 = 1_000_000;
    order.clamp(-LARGEST, LARGEST) as i32
}

/// Γ; exact for the whole numbers whose factorial a double holds.
fn gamma(x: f64) -> f64 {
    if x.is_finite() && x < 0.0 && x.fract() == 0.0 {
        return f64::NAN;
    }
    libm::tgamma(x)
}

fn log10(x: f64) -> f64 {
    log2(x) * std::f64::consts::LOG10_2
}

/// Exact for powers of two.
fn log2(x: f64) -> f64 {
    let (fraction, exponent) = libm::frexp(x);
    if fraction == 0.5 {
        return f64::from(exponent - 1);
    }
    libm::log(fraction) * std::f64::consts::LOG2_E + f64::from(exponent)
}

fn logb(x: f64) -> f64 {
    if x == 0.0 {
        f64::NEG_INFINITY
    } else if x.is_nan() || x.is_infinite() {
        x * x
    } else {
        f64::from(libm::ilogb(x))
    }
}

fn max(x: f64, y: f64) -> f64 {
    if x == f64::INFINITY || y == f64::INFINITY {
        f64::INFINITY
    } else if x.is_nan() || y.is_nan() {
        f64::NAN
    } else if x == 0.0 && x == y {
        if x.is_sign_negative() { y } else { x }
    } else if x > y {
        x
    } else {
        y
    }
}

fn min(x: f64, y: f64) -> f64 {
    if x == f64::NEG_INFINITY || y == f64::NEG_INFINITY {
        f64::NEG_INFINITY
    } else if x.is_nan() || y.is_nan() {
        f64::NAN
    } else if x == 0.0 && x == y {
        if x.is_sign_negative() { x } else { y }
    } else if x < y {
        x
    } else {
        y
    }
}

/// The double nearest to 10ⁿ.
fn pow10(n: i64) -> f64 {
    match n {
        ..-323 => 0.0,
        309.. => f64::INFINITY,
        _ => format!("1e{n}").parse().expect("a decimal exponent in range"),
    }
}
