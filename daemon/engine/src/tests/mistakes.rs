//! Scripts that are refused, and how. The original's wordings are tested with the recorded cases.

use super::run;

#[test]
fn scripts_with_mistakes_are_refused_in_the_words_users_know() {
    let from = |rest: &str| format!("stream|from(){rest}");
    for (script, error) in [
        (
            "|sideload()",
            "node \"sideload\" is not built yet: this version cannot run tasks that use it",
        ),
        (
            "|shift(1s)|nothing()",
            "line 1 char 25: no method or property \"nothing\" on *pipeline.ShiftNode",
        ),
        ("|groupBy('a').exclude('b')", "exclude requires '*'"),
        ("|groupBy('')", "dimensions cannot not be the empty string"),
        ("|window().periodCount(3)", "everyCount must be greater than zero"),
        (
            "|window().periodCount(3).everyCount(1).align()",
            "can only align windows based off time, not count",
        ),
        ("|window()", "window node must have either a non zero period or non zero period count"),
        ("|httpPost()", "must provide url or endpoint"),
        ("|httpPost('a', 'b')", "httpPost expects 0 or 1 arguments, got 2"),
        ("|httpPost('a').endpoint('b')", "only one endpoint and url may be specified"),
        ("|httpPost().endpoint('b')", "endpoint 'b' does not exist"),
        ("|httpPost('a').header('Authenticate', 'x')", "cannot set 'authenticate' header"),
        ("|httpOut('o')|httpOut('o')", "http: multiple registrations for /tasks/t/o"),
        ("|noOp()", "line 1 char 15: no method or property \"noOp\" on *pipeline.FromNode"),
        ("|log().level('loud')", "invalid log level LOUD"),
        (
            "|influxDBOut()|log()",
            "line 1 char 29: no method or property \"log\" on *pipeline.InfluxDBOutNode",
        ),
    ] {
        assert_eq!(run(&from(script), &[]), format!("error: {error}\n"), "{script}");
    }
    assert_eq!(run("stream", &[]), "error: task does nothing\n");
    let stats = run("stream|stats(1m)|log()", &[]);
    assert!(stats.contains("node \"stats\" is not built yet"), "{stats}");
    let batch = run("stream|window()", &[]);
    assert_eq!(
        batch,
        "error: line 1 char 8: no method or property \"window\" on *pipeline.StreamNode\n"
    );
}

#[test]
fn no_prefix_of_a_script_panics() {
    let script = "var x = 5m // note
        stream|from().measurement('m').where(lambda: \"a\" > 1).groupBy('h', *)
        |eval(lambda: \"v\" * 2.0).as('w').keep()|window().period(x).every(10s)
        |mean('w')|alert().crit(lambda: \"mean\" > 3).log('/tmp/x')|join(stream).as('a')";
    for end in (0..=script.len()).filter(|end| script.is_char_boundary(*end)) {
        let _ = run(&script[..end], &["m,h=a a=2,v=1 5"]);
    }
}

#[test]
fn odd_numbers_never_panic() {
    let lines =
        ["m v=1 -9223372036854775808", "m v=1 9223372036854775807", "m v=9223372036854775807i 0"];
    for rest in [
        "window().period(-10s).every(-3s)|count('v')",
        "window().period(106751d).every(106751d).align().fillPeriod()|sum('v')",
        "window().periodCount(1).everyCount(9223372036854775807)|max('v')",
        "window().period(1u)|last('v')",
        "stateDuration(lambda: TRUE).unit(0s)",
        "stateCount(lambda: TRUE)",
        "eval(lambda: int(\"v\") * 9223372036854775807).as('w')",
    ] {
        let out = run(&format!("stream|from().truncate(7w).round(1w)|{rest}|httpOut('o')"), &lines);
        assert!(!out.starts_with("error"), "{out}");
    }
}

#[test]
fn a_task_may_move_between_threads() {
    fn moves<T: Send>() {}
    moves::<crate::Task>();
    moves::<crate::Plan>();
    moves::<crate::Effect>();
}

#[test]
fn functions_refuse_what_they_cannot_take_and_odd_numbers_never_panic() {
    let lines = [
        "m v=1 -9223372036854775808",
        "m v=-5i 0",
        "m v=9223372036854775807i 9223372036854775807",
        "m v=\"x\" 1",
        "m w=1 2",
    ];
    for rest in [
        "top(0, 'v')",
        "top(-1, 'v')",
        "bottom(9223372036854775807, 'v', 'h')",
        "percentile('v', -5.0)",
        "percentile('v', 1000.0)",
        "elapsed('v', 0s)",
        "movingAverage('v', 1)",
        "holtWinters('v', 3, 2, 1u)",
        "holtWintersWithFit('v', 3, 0, 1h)",
        "median('v')",
        "mode('v')",
        "distinct('v')",
        "difference('v')",
        "cumulativeSum('v')",
        "spread('v')",
        "stddev('v')",
        "derivative('v').unit(0s)",
        "sample(106751d)",
        "shift(-106751d)",
        "flatten().tolerance(-1s)",
        "combine(lambda: TRUE, lambda: TRUE).as('a', 'b').max(-1)",
    ] {
        for way in ["", "window().periodCount(3).everyCount(1)|"] {
            let out = run(&format!("stream|from()|{way}{rest}|httpOut('o')"), &lines);
            assert!(!out.starts_with("error:"), "{rest}: {out}");
        }
    }
    for (rest, error) in [
        ("movingAverage('v', 0)", "movingAverage takes 1 to 1000000 points"),
        ("holtWinters('v', 3, 0, 0s)", "holtWinters must have a positive interval"),
        ("sample(0)", "invalid sample rate: must be positive integer or duration"),
        ("shift(0s)", "invalid shift value: must be non zero duration"),
        (
            "default().field('x', 5s)",
            "unsupported type time.Duration for field \"x\", field default values must be float,int,string or bool",
        ),
        ("barrier().idle(1s).period(1s)", "cannot specify both idle and period"),
        (
            "join().as('a.b')",
            "cannot use name a.b as field prefix, it contains the delimiter \".\"",
        ),
        ("join().as('a').fill('x')", "unexpected fill option x"),
        ("kapacitorLoopback().database('x')", "must specify a retention policy"),
    ] {
        let out = run(&format!("stream|from()|{rest}"), &[]);
        assert!(out.starts_with("error: ") && out.contains(error), "{rest}: {out}");
    }
}
