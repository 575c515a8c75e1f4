//! Functions that remember: `count`, `sigma`, `spread`, `rand`.

use super::function::{Function, Run, Signature, unfit};
use super::{Env, LKind, LValue};
use LKind as K;

/// What an expression remembers for one group. Two calls of one function inside an expression
/// share it, as in Kapacitor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    count: i64,
    sigma: Running,
    range: Option<(f64, f64)>,
    random: Option<u64>,
}

/// Mean and sum of squared distances after Welford.
#[derive(Clone, Debug, Default, PartialEq)]
struct Running {
    n: f64,
    mean: f64,
    squares: f64,
}

const FLOAT: &[Signature] = &[(&[K::Float], K::Float)];

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "count",
        signatures: &[(&[], K::Int)],
        run: Run::Stateful(|_, state, _| {
            state.count = state.count.wrapping_add(1);
            Ok(LValue::Int(state.count))
        }),
    },
    Function { name: "sigma", signatures: FLOAT, run: Run::Stateful(sigma) },
    Function { name: "spread", signatures: FLOAT, run: Run::Stateful(spread) },
    Function {
        name: "rand",
        signatures: &[(&[], K::Int), (&[K::Int], K::Int)],
        run: Run::Stateful(random),
    },
];

fn sigma(args: &[LValue], state: &mut State, _: &Env<'_>) -> Result<LValue, String> {
    let [LValue::Float(x)] = args else { return Err(unfit()) };
    let run = &mut state.sigma;
    run.n += 1.0;
    let delta = x - run.mean;
    run.mean += delta / run.n;
    run.squares += delta * (x - run.mean);
    let variance = if run.n > 1.0 { run.squares / (run.n - 1.0) } else { 0.0 };
    let sigmas = if variance == 0.0 { 0.0 } else { (x - run.mean).abs() / variance.sqrt() };
    Ok(LValue::Float(sigmas))
}

fn spread(args: &[LValue], state: &mut State, _: &Env<'_>) -> Result<LValue, String> {
    let [LValue::Float(x)] = args else { return Err(unfit()) };
    let (mut least, mut most) = state.range.unwrap_or((f64::INFINITY, f64::NEG_INFINITY));
    if *x < least {
        least = *x;
    }
    if *x > most {
        most = *x;
    }
    state.range = Some((least, most));
    Ok(LValue::Float(most - least))
}

fn random(args: &[LValue], state: &mut State, env: &Env<'_>) -> Result<LValue, String> {
    let below = match args {
        [] => None,
        [LValue::Int(n)] if *n > 0 => Some(*n),
        _ => return Err("invalid argument to rand: must be positive".to_owned()),
    };
    // SplitMix64.
    let at = state.random.unwrap_or(env.seed).wrapping_add(0x9e37_79b9_7f4a_7c15);
    state.random = Some(at);
    let mut bits = at;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let value = ((bits ^ (bits >> 31)) >> 1) as i64;
    Ok(LValue::Int(below.map_or(value, |n| value % n)))
}
