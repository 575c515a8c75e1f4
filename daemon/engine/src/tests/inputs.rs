//! Nodes that hold data back: `join`, `union`, `barrier`, and what goes back into the member.

use expect_test::{Expect, expect};
use model::Time;

use super::{Bench, Nowhere, point, run, settings};

fn check(script: &str, lines: &[&str], expect: Expect) {
    expect.assert_eq(&run(script, lines));
}

const TWO: &str =
    "var a = stream|from().measurement('a')\nvar b = stream|from().measurement('b')\n";

/// Runs a script, then wakes it at wall-clock times (in seconds) after the lines.
fn woken(script: &str, lines: &[&str], seconds: &[i64]) -> String {
    let mut bench = Bench::start(script, &settings()).unwrap();
    bench.write(lines);
    for second in seconds {
        let now = Time(second * 1_000_000_000);
        if bench.task.poll_timeout().is_some_and(|due| due <= now) {
            bench.task.handle_timeout(now, &Nowhere);
            bench.drain();
        }
    }
    bench.text()
}

#[test]
fn a_join_waits_until_every_input_has_moved_on() {
    let lines = &["a v=1 10", "b w=2i 10", "a v=3 20", "a v=4 30", "b w=5i 30", "b w=6i 40"];
    for (rest, expect) in [
        (
            "",
            expect![[r#"
                o {"name":"a","columns":["time","l.v","r.w"],"values":[["1970-01-01T00:00:00.00000001Z",1,2]]}
                o {"name":"a","columns":["time","l.v","r.w"],"values":[["1970-01-01T00:00:00.00000003Z",4,5]]}
            "#]],
        ),
        (
            ".fill('null').delimiter('_').streamName('j')",
            expect![[r#"
                o {"name":"j","columns":["time","l_v","r_w"],"values":[["1970-01-01T00:00:00.00000001Z",1,2]]}
                o {"name":"j","columns":["time","l_v","r_v"],"values":[["1970-01-01T00:00:00.00000002Z",3,null]]}
                o {"name":"j","columns":["time","l_v","r_w"],"values":[["1970-01-01T00:00:00.00000003Z",4,5]]}
            "#]],
        ),
    ] {
        check(&format!("{TWO}a|join(b).as('l','r'){rest}|httpPost('x/o')"), lines, expect);
    }
}

#[test]
fn a_late_point_of_a_join_leaves_at_once_when_it_is_filled() {
    check(
        &format!("{TWO}a|join(b).as('l','r').fill(0)|httpPost('x/o')"),
        &["a v=1 10", "b w=2i 10", "a v=3 50", "b w=4i 60", "a v=5 20", "b w=6i 50"],
        expect![[r#"
            o {"name":"a","columns":["time","l.v","r.w"],"values":[["1970-01-01T00:00:00.00000001Z",1,2]]}
            o {"name":"a","columns":["time","l.v","r.v"],"values":[["1970-01-01T00:00:00.00000002Z",5,0]]}
            o {"name":"a","columns":["time","l.v","r.w"],"values":[["1970-01-01T00:00:00.00000005Z",3,6]]}
        "#]],
    );
}

#[test]
fn a_node_may_be_several_inputs_of_a_join() {
    check(
        "var a = stream|from()\na|join(a, a|shift(1u)).as('x','y','z')|httpPost('x/o')",
        &["a v=1 1000", "a v=2 2000", "a v=3 3000"],
        expect![[r#"
            o {"name":"a","columns":["time","x.v","y.v","z.v"],"values":[["1970-01-01T00:00:00.000002Z",2,2,1]]}
            o {"name":"a","columns":["time","x.v","y.v","z.v"],"values":[["1970-01-01T00:00:00.000003Z",3,3,2]]}
        "#]],
    );
}

#[test]
fn joins_on_a_tag_serve_every_specific_group_and_keep_what_met_nothing() {
    let script = "var a = stream|from().measurement('a').groupBy('s', 'i')
        var b = stream|from().measurement('b').groupBy('s')
        a|join(b).as('l','r').on('s').fill('null')|httpPost('x/o')";
    check(
        script,
        &[
            "a,s=n,i=1 v=1 10",
            "b,s=n w=2 10",
            "a,s=n,i=2 v=3 10",
            "a,s=n,i=1 v=4 20",
            "b,s=n w=5 30",
            "a,s=n,i=1 v=6 30",
            "a,s=n,i=1 v=7 40",
            "b,s=n w=8 50",
        ],
        expect![[r#"
            o {"name":"a","tags":{"i":"1","s":"n"},"columns":["time","l.v","r.w"],"values":[["1970-01-01T00:00:00.00000001Z",1,2]]}
            o {"name":"a","tags":{"i":"2","s":"n"},"columns":["time","l.v","r.w"],"values":[["1970-01-01T00:00:00.00000001Z",3,2]]}
            o {"name":"a","tags":{"i":"1","s":"n"},"columns":["time","l.v","r.v"],"values":[["1970-01-01T00:00:00.00000002Z",4,null]]}
            o {"name":"a","tags":{"i":"1","s":"n"},"columns":["time","l.v","r.w"],"values":[["1970-01-01T00:00:00.00000003Z",6,5]]}
        "#]],
    );
}

#[test]
fn a_union_merges_by_time_and_arguments_come_first() {
    check(
        &format!("{TWO}a|union(b).rename('u')|httpPost('x/o')"),
        &["a v=1 10", "a v=2 20", "b v=3 10", "b v=4 15", "a v=5 12", "b v=6 30"],
        expect![[r#"
            o {"name":"u","columns":["time","v"],"values":[["1970-01-01T00:00:00.00000001Z",3]]}
            o {"name":"u","columns":["time","v"],"values":[["1970-01-01T00:00:00.00000001Z",1]]}
            o {"name":"u","columns":["time","v"],"values":[["1970-01-01T00:00:00.000000015Z",4]]}
            o {"name":"u","columns":["time","v"],"values":[["1970-01-01T00:00:00.00000002Z",2]]}
            o {"name":"u","columns":["time","v"],"values":[["1970-01-01T00:00:00.000000012Z",5]]}
        "#]],
    );
}

#[test]
fn inputs_of_different_edges_are_refused_at_the_start() {
    check(
        &format!("{TWO}a|union(b|window().periodCount(1).everyCount(1))|httpPost('x/o')"),
        &[],
        expect![[r"
            error: cannot add child mismatched edges: window3:batch -> union4:stream
        "]],
    );
}

#[test]
fn an_idle_barrier_closes_the_window_and_drops_what_is_older() {
    let script = "stream|from().groupBy('h')|barrier().idle(5s)|window().period(10s).every(10s)|sum('v')|httpPost('x/o')";
    let lines = &["m,h=a v=1 1000000000", "m,h=a v=2 8000000000"];
    expect![[""]].assert_eq(&woken(script, lines, &[4]));
    expect![[r#"
        o {"name":"m","tags":{"h":"a"},"columns":["time","sum"],"values":[["1970-01-01T00:00:11Z",3]]}
    "#]]
    .assert_eq(&woken(script, lines, &[4, 5, 6]));
    let mut bench =
        Bench::start("stream|from()|barrier().idle(5s)|httpPost('x/o')", &settings()).unwrap();
    bench.write(&["m v=1 1000000000"]);
    bench.task.handle_timeout(Time(5_000_000_000), &Nowhere);
    bench.write(&["m v=2 5999999999", "m v=3 6000000000"]);
    expect![[r#"
        o {"name":"m","columns":["time","v"],"values":[["1970-01-01T00:00:01Z",1]]}
        o {"name":"m","columns":["time","v"],"values":[["1970-01-01T00:00:06Z",3]]}
    "#]]
    .assert_eq(&bench.text());
}

#[test]
fn a_barrier_may_forget_its_group() {
    let mut bench = Bench::start(
        "stream|from().groupBy('h')|barrier().period(5s).delete(TRUE)|stateCount(lambda: TRUE)|httpPost('x/o')",
        &settings(),
    )
    .unwrap();
    bench.write(&["m,h=a v=1 1", "m,h=a v=1 2"]);
    assert_eq!(bench.task.poll_timeout(), Some(Time(5_000_000_000)));
    bench.task.handle_timeout(Time(5_000_000_000), &Nowhere);
    assert_eq!(bench.task.poll_timeout(), None);
    bench.write(&["m,h=a v=1 3"]);
    expect![[r#"
        o {"name":"m","tags":{"h":"a"},"columns":["time","state_count","v"],"values":[["1970-01-01T00:00:00.000000001Z",1,1]]}
        o {"name":"m","tags":{"h":"a"},"columns":["time","state_count","v"],"values":[["1970-01-01T00:00:00.000000002Z",2,1]]}
        o {"name":"m","tags":{"h":"a"},"columns":["time","state_count","v"],"values":[["1970-01-01T00:00:00.000000003Z",1,1]]}
    "#]]
    .assert_eq(&bench.text());
}

#[test]
fn loopback_writes_back_and_refuses_to_feed_itself() {
    let script = "stream|from()|kapacitorLoopback().database('x').retentionPolicy('y').measurement('n').tag('t', 'u')";
    check(
        script,
        &["m,h=a v=1 5"],
        expect![[r#"
            loopback x y n Tags([("h", "a"), ("t", "u")]) Fields([("v", Float(1.0))]) 5
        "#]],
    );
    let own = "stream|from()|kapacitorLoopback().database('d').retentionPolicy('r')";
    check(
        own,
        &[],
        expect![[r#"
            error: loop detected on dbrp: "d"."r"
        "#]],
    );
}

#[test]
fn what_a_join_holds_of_a_cold_window_stays_cold() {
    let script = "var w = stream|from().measurement('a')|window().period(20s).every(10s)|count('v')
        w|join(stream|from().measurement('b')).as('l','r').tolerance(1s).fill(0)|alert().crit(lambda: TRUE).log('/x')";
    let mut bench = Bench::start(script, &settings()).unwrap();
    for line in ["a v=1 1000000000", "a v=1 11000000000", "b v=1 20000000000", "a v=1 21000000000"]
    {
        bench.point(point(line));
    }
    expect![[r"
        raise main:t:alert6 a:nil CRITICAL cold
    "]]
    .assert_eq(&bench.text());
}
