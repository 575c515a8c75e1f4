//! What a point costs. Run each size under `valgrind --tool=cachegrind --cache-sim=no` with
//! `--ignored --exact`; the difference of two sizes is the cost of the points between them.

use std::sync::Arc;

use model::{Fields, Point, Tags, Time};

use super::{Bench, Nowhere, settings};

const WHERE: &str = "stream|from().measurement('m')|where(lambda: \"v\" > 90.0)|httpOut('o')";
const WINDOW: &str = "stream|from().measurement('m').groupBy('host')|window().period(10s).every(10s)|mean('v')|httpOut('o')";

const EVERY: &str = "stream|from().measurement('m').groupBy('host')|alert().crit(lambda: \"v\" >= 0.0).topic('t')|httpOut('o')";

fn points(number: i64) -> Vec<Arc<Point>> {
    let name: model::Str = "m".into();
    let keys: [model::Str; 4] = ["host".into(), "v".into(), "w".into(), "dc".into()];
    let tags = |i: i64| -> Tags {
        let host = format!("server{i:02}").into();
        [(keys[0].clone(), host), (keys[3].clone(), format!("dc{}", i % 3).into())]
            .into_iter()
            .collect()
    };
    let series: Vec<Tags> = (0..100).map(tags).collect();
    let point = |i: i64| {
        let fields: [(model::Str, model::Value); 2] =
            [(keys[1].clone(), ((i % 97) as f64).into()), (keys[2].clone(), i.into())];
        Arc::new(Point {
            database: "d".into(),
            retention_policy: "r".into(),
            name: name.clone(),
            tags: series[(i % 100) as usize].clone(),
            fields: fields.into_iter().collect::<Fields>(),
            time: Time(i * 10_000_000),
        })
    };
    (0..number).map(point).collect()
}

/// Always makes the same points, and runs so many of them.
fn pace(script: &str, number: usize) {
    let points = points(40_000);
    let mut bench = Bench::start(script, &settings()).unwrap();
    for part in points[..number].chunks(500) {
        bench.task.handle_points(Time(0), part, &Nowhere);
        while bench.task.poll_effect().is_some() {}
    }
    assert!(bench.task.http_out("o").unwrap().len() > 20);
}

#[test]
#[ignore = "a measurement"]
fn where_20k() {
    pace(WHERE, 20_000);
}

#[test]
#[ignore = "a measurement"]
fn where_40k() {
    pace(WHERE, 40_000);
}

#[test]
#[ignore = "a measurement"]
fn window_20k() {
    pace(WINDOW, 20_000);
}

#[test]
#[ignore = "a measurement"]
fn window_40k() {
    pace(WINDOW, 40_000);
}

#[test]
#[ignore = "a measurement"]
fn every_20k() {
    pace(EVERY, 20_000);
}

#[test]
#[ignore = "a measurement"]
fn every_40k() {
    pace(EVERY, 40_000);
}
