//! How data flows: order, waiting, stopping, cold windows, errors.

use expect_test::{Expect, expect};
use model::Time;

use super::{Bench, Nowhere, run, settings};
use crate::{Answer, Settings};

fn check(script: &str, lines: &[&str], expect: Expect) {
    expect.assert_eq(&run(script, lines));
}

#[test]
fn a_window_gives_a_mean_per_group() {
    check(
        "stream|from().measurement('m').groupBy('h')|window().period(10s).every(10s)|mean('v')|httpPost('x/o')",
        &[
            "m,h=a,x=1 v=1 0",
            "m,h=b v=5i 1000000000",
            "m,h=a v=2 9000000000",
            "m,h=a w=2 9500000000",
            "m,h=a v=9 10000000000",
            "m,h=b v=6i 11000000000",
            "m,h=b v=1 21000000000",
        ],
        expect![[r#"
            o {"name":"m","tags":{"h":"a"},"columns":["time","mean"],"values":[["1970-01-01T00:00:10Z",1.5]]}
            o {"name":"m","tags":{"h":"b"},"columns":["time","mean"],"values":[["1970-01-01T00:00:11Z",5]]}
            o {"name":"m","tags":{"h":"b"},"columns":["time","mean"],"values":[["1970-01-01T00:00:21Z",6]]}
            Error mean3 field v missing from point cannot aggregate
        "#]],
    );
}

#[test]
fn in_a_cluster_windows_are_aligned_and_cold_until_full() {
    let script = "stream|from()|window().period(10s).every(5s)|httpPost('x/o')";
    let aligned = Settings { align_windows: true, ..settings() };
    let mut bench = Bench::start(script, &aligned).unwrap();
    assert!(bench.task.is_cold());
    bench.write(&["m v=1 12000000000", "m v=2 16000000000"]);
    assert!(bench.task.is_cold());
    bench.write(&["m v=3 21000000000"]);
    assert!(bench.task.is_cold());
    bench.write(&["m v=4 26000000000"]);
    let warmth = bench.task.warmth();
    assert_eq!((warmth.cold, warmth.since), (false, Some(Time(25_000_000_000))));
    assert_eq!(warmth.newest, Some(Time(26_000_000_000)));
    expect![[r#"
        o {"name":"m","columns":["time","v"],"values":[["1970-01-01T00:00:12Z",1]]}
        o {"name":"m","columns":["time","v"],"values":[["1970-01-01T00:00:12Z",1],["1970-01-01T00:00:16Z",2]]}
        o {"name":"m","columns":["time","v"],"values":[["1970-01-01T00:00:16Z",2],["1970-01-01T00:00:21Z",3]]}
    "#]]
    .assert_eq(&bench.text());
}

#[test]
fn a_task_without_windows_is_never_cold() {
    let mut bench = Bench::start("stream|from()|log()", &settings()).unwrap();
    assert!(!bench.task.is_cold());
    bench.write(&["m v=1 5"]);
    assert_eq!(bench.task.warmth().since, None);
    assert_eq!(
        bench.text(),
        "Info log2 {\"name\":\"m\",\"columns\":[\"time\",\"v\"],\"values\":[[\"1970-01-01T00:00:00.000000005Z\",1]]}\n"
    );
}

#[test]
fn a_node_that_waits_keeps_order_and_the_rest_goes_on() {
    let script = "var d = stream|from()
        d|httpPost('x/o').codeField('code')|httpOut('late')
        d|httpOut('now')";
    let mut bench = Bench::start(script, &settings()).unwrap();
    bench.answers = false;
    bench.write(&["m v=1 1", "m v=2 2", "m v=3 3"]);
    assert_eq!(bench.task.http_out("late").unwrap(), r#"{"series":null}"#);
    assert!(bench.task.http_out("now").unwrap().contains(",3]]"), "the other branch goes on");
    assert_eq!(bench.open.len(), 1);
    assert!(bench.task.wants_points());
    let posted = bench.task.stats(Time(0)).nodes[2].clone();
    assert_eq!((posted.collected, posted.errors), (1, 0));
    bench.task.stop(Time(0), &Nowhere);
    assert!(!bench.task.is_finished());
    for (round, answer) in [
        Answer::Http { status: 204, body: String::new() },
        Answer::Http { status: 500, body: "no".into() },
        Answer::Failed("refused".into()),
    ]
    .into_iter()
    .enumerate()
    {
        let token = bench.open.remove(0);
        bench.task.handle_answer(Time(0), token, answer, &Nowhere);
        bench.drain();
        assert_eq!(bench.posts.len(), (round + 2).min(3));
    }
    assert!(bench.task.is_finished());
    assert_eq!(bench.task.stats(Time(0)).nodes[2].errors, 2);
    expect![[r#"{"series":[{"name":"m","columns":["time","code","v"],"values":[["1970-01-01T00:00:00.000000003Z",0,3]]}]}"#]]
        .assert_eq(&bench.task.http_out("late").unwrap());
}

#[test]
fn too_much_waiting_asks_for_no_more_points() {
    let mut bench = Bench::start("stream|from()|httpPost('x/o')", &settings()).unwrap();
    bench.answers = false;
    for i in 0..=1_000 {
        bench.write(&[&format!("m v=1 {i}")]);
    }
    assert!(!bench.task.wants_points());
    let token = bench.open[0];
    let answer = Answer::Http { status: 200, body: String::new() };
    bench.task.handle_answer(Time(0), token, answer.clone(), &Nowhere);
    assert!(bench.task.wants_points());
    bench.task.handle_answer(Time(0), token, answer, &Nowhere);
    assert_eq!(bench.task.stats(Time(0)).nodes[2].collected, 2, "a token counts once");
}

#[test]
fn errors_are_counted_and_the_first_of_a_call_are_logged() {
    let script = "stream|from()|where(lambda: \"gone\" > 1)|log()";
    let mut bench = Bench::start(script, &settings()).unwrap();
    let points: Vec<_> = (0..50).map(|i| super::point(&format!("m v=1 {i}"))).collect();
    bench.task.handle_points(Time(0), &points, &Nowhere);
    bench.drain();
    assert_eq!(bench.log.lines().count(), 10);
    assert_eq!(bench.errors(), [("where2".to_owned(), 50)].into());
    let script = "stream|from()|where(lambda: \"gone\" > 1).quiet()|log()";
    let mut bench = Bench::start(script, &settings()).unwrap();
    bench.write(&["m v=1 1"]);
    assert_eq!(bench.log, "");
    assert_eq!(bench.errors(), [("where2".to_owned(), 1)].into());
}

#[test]
fn a_point_that_several_froms_want_comes_once() {
    check(
        "stream|from().measurement('m')|from()|httpPost('x/a')
         stream|from()|httpPost('x/b')",
        &["m v=1 1"],
        expect![[r#"
            a {"name":"m","columns":["time","v"],"values":[["1970-01-01T00:00:00.000000001Z",1]]}
            b {"name":"m","columns":["time","v"],"values":[["1970-01-01T00:00:00.000000001Z",1]]}
        "#]],
    );
}
