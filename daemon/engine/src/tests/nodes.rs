//! One scenario per kind of node, for what the recorded cases do not show.

use expect_test::{Expect, expect};

use super::run;

fn check(script: &str, lines: &[&str], expect: Expect) {
    expect.assert_eq(&run(&format!("stream|from(){script}"), lines));
}

#[test]
fn from_truncates_then_rounds_and_groups_by_measurement() {
    check(
        ".truncate(3s).round(5s).groupBy('h').groupByMeasurement()|window().periodCount(1).everyCount(1)|count('v')|httpPost('x/o')",
        &["m,h=a v=1 7900000000", "n,h=a v=1 8900000000"],
        expect![[r#"
            o {"name":"m","tags":{"h":"a"},"columns":["time","count"],"values":[["1970-01-01T00:00:05Z",1]]}
            o {"name":"n","tags":{"h":"a"},"columns":["time","count"],"values":[["1970-01-01T00:00:05Z",1]]}
        "#]],
    );
}

#[test]
fn from_joins_conditions_and_counts_errors() {
    check(
        ".where(lambda: \"v\" > 1).where(lambda: \"h\" == 'a')|log()",
        &["m,h=a v=1i 1", "m,h=a v=2i 2", "m,h=b v=3i 3", "m v=4i 4", "m,h=a v=\"x\" 5"],
        expect![[r#"
            Info log2 {"name":"m","tags":{"h":"a"},"columns":["time","v"],"values":[["1970-01-01T00:00:00.000000002Z",2]]}
            Error from1 error while evaluating WHERE expression: left reference value "h" is missing value
            Error from1 error while evaluating WHERE expression: mismatched type to binary operator. got string > int. see bool(), int(), float(), string(), duration()
        "#]],
    );
}

#[test]
fn eval_keeps_what_it_is_told() {
    let lines = &["m,h=a v=2.5,w=1i 1"];
    let eval =
        "|eval(lambda: \"v\" * 2.0, lambda: string(\"d\") + \"h\", lambda: 90s).as('d', 's', 't')";
    for (rest, expect) in [
        (
            "",
            expect![[r#"
            o {"name":"m","tags":{"h":"a"},"columns":["time","d","s","t"],"values":[["1970-01-01T00:00:00.000000001Z",5,"5a",90000000000]]}
        "#]],
        ),
        (
            ".keep()",
            expect![[r#"
            o {"name":"m","tags":{"h":"a"},"columns":["time","d","s","t","v","w"],"values":[["1970-01-01T00:00:00.000000001Z",5,"5a",90000000000,2.5,1]]}
        "#]],
        ),
        (
            ".keep('v', 'd', 'h')",
            expect![[r#"
            o {"name":"m","tags":{"h":"a"},"columns":["time","d","h","v"],"values":[["1970-01-01T00:00:00.000000001Z",5,"a",2.5]]}
        "#]],
        ),
        (
            ".tags('s')",
            expect![[r#"
            o {"name":"m","tags":{"h":"a","s":"5a"},"columns":["time","d","t"],"values":[["1970-01-01T00:00:00.000000001Z",5,90000000000]]}
        "#]],
        ),
        (
            ".tags('s').keep()",
            expect![[r#"
            o {"name":"m","tags":{"h":"a","s":"5a"},"columns":["time","d","s","t","v","w"],"values":[["1970-01-01T00:00:00.000000001Z",5,"5a",90000000000,2.5,1]]}
        "#]],
        ),
        (
            ".keep('nothing')",
            expect![[r#"
            Error eval2 error evaluating expression: cannot keep field "nothing", field does not exist
        "#]],
        ),
    ] {
        check(&format!("{eval}{rest}|httpPost('x/o')"), lines, expect);
    }
}

#[test]
fn group_by_takes_batches_apart_when_the_next_time_comes() {
    check(
        "|groupBy('h')|window().period(2s).every(2s)|groupBy('g')|httpPost('x/o')",
        &[
            "m,g=1,h=a v=1 0",
            "m,g=2,h=b v=2 0",
            "m,g=1,h=b v=3 1000000000",
            "m,g=1,h=a v=4 2000000000",
            "m,g=2,h=b v=5 2000000000",
            "m,g=1,h=a v=6 4000000000",
        ],
        expect![[r#"
            o {"name":"m","tags":{"g":"1"},"columns":["time","h","v"],"values":[["1970-01-01T00:00:00Z","a",1],["1970-01-01T00:00:01Z","b",3]]}
            o {"name":"m","tags":{"g":"2"},"columns":["time","h","v"],"values":[["1970-01-01T00:00:00Z","b",2]]}
        "#]],
    );
}

#[test]
fn window_with_every_zero_emits_on_each_point_that_is_not_late() {
    check(
        "|window().period(2s)|httpPost('x/o')",
        &["m v=1 1000000000", "m v=2 2000000000", "m v=3 1500000000", "m v=4 3500000000"],
        expect![[r#"
            o {"name":"m","columns":["time","v"],"values":[["1970-01-01T00:00:01Z",1]]}
            o {"name":"m","columns":["time","v"],"values":[["1970-01-01T00:00:01Z",1],["1970-01-01T00:00:02Z",2]]}
            o {"name":"m","columns":["time","v"],"values":[["1970-01-01T00:00:02Z",2],["1970-01-01T00:00:01.5Z",3],["1970-01-01T00:00:03.5Z",4]]}
        "#]],
    );
}

#[test]
fn selectors_keep_the_point_and_aggregates_the_group() {
    let lines = &[
        "m,h=a,x=1 v=3,w=1 1000000000",
        "m,h=a,x=2 v=1,w=2 2000000000",
        "m,h=a,x=3 v=3,w=3 3000000000",
        "m,h=a,x=4 v=9,w=4 11000000000",
    ];
    for (function, expect) in [
        (
            "min('v')",
            expect![[r#"
            o {"name":"m","tags":{"h":"a","x":"2"},"columns":["time","min","w"],"values":[["1970-01-01T00:00:11Z",1,2]]}
        "#]],
        ),
        (
            "max('v').as('top').usePointTimes()",
            expect![[r#"
            o {"name":"m","tags":{"h":"a","x":"1"},"columns":["time","top","w"],"values":[["1970-01-01T00:00:01Z",3,1]]}
        "#]],
        ),
        (
            "first('v')",
            expect![[r#"
            o {"name":"m","tags":{"h":"a","x":"1"},"columns":["time","first","w"],"values":[["1970-01-01T00:00:11Z",3,1]]}
        "#]],
        ),
        (
            "last('v').usePointTimes()",
            expect![[r#"
            o {"name":"m","tags":{"h":"a","x":"3"},"columns":["time","last","w"],"values":[["1970-01-01T00:00:03Z",3,3]]}
        "#]],
        ),
        (
            "sum('v').usePointTimes()",
            expect![[r#"
            o {"name":"m","tags":{"h":"a"},"columns":["time","sum"],"values":[["1970-01-01T00:00:00Z",7]]}
        "#]],
        ),
        (
            "mean('v').usePointTimes()",
            expect![[r#"
            o {"name":"m","tags":{"h":"a"},"columns":["time","mean"],"values":[["1970-01-01T00:00:11Z",2.3333333333333335]]}
        "#]],
        ),
        (
            "count('nothing')",
            expect![[r#"
            o {"name":"m","tags":{"h":"a"},"columns":["time","count"],"values":[["1970-01-01T00:00:11Z",0]]}
            Error count4 field nothing missing from point cannot aggregate
            Error count4 field nothing missing from point cannot aggregate
            Error count4 field nothing missing from point cannot aggregate
        "#]],
        ),
        ("mean('nothing').quiet()", expect![[""]]),
    ] {
        let script =
            format!("|groupBy('h')|window().period(10s).every(10s)|{function}|httpPost('x/o')");
        check(&script, lines, expect);
    }
}

#[test]
fn aggregates_of_a_stream_take_points_of_one_time_together() {
    check(
        "|sum('v')|httpPost('x/o')",
        &["m v=1i 1", "m v=2i 1", "m v=4i 2", "m v=8i 2", "m v=16 2", "m v=1i 3"],
        expect![[r#"
            o {"name":"m","columns":["time","sum"],"values":[["1970-01-01T00:00:00.000000001Z",3]]}
            o {"name":"m","columns":["time","sum"],"values":[["1970-01-01T00:00:00.000000002Z",12]]}
            Error sum2 field v has wrong type: got float64 exp int64
        "#]],
    );
}

#[test]
fn states_start_anew_with_each_batch() {
    check(
        "|stateCount(lambda: \"v\" > 1.0)|stateDuration(lambda: \"v\" > 1.0).unit(1m).as('d')|httpPost('x/o')",
        &[
            "m v=2 0",
            "m v=3 90000000000",
            "m v=1 100000000000",
            "m w=1 110000000000",
            "m v=2 120000000000",
        ],
        expect![[r#"
            o {"name":"m","columns":["time","d","state_count","v"],"values":[["1970-01-01T00:00:00Z",0,1,2]]}
            o {"name":"m","columns":["time","d","state_count","v"],"values":[["1970-01-01T00:01:30Z",1.5,2,3]]}
            o {"name":"m","columns":["time","d","state_count","v"],"values":[["1970-01-01T00:01:40Z",-1,-1,1]]}
            o {"name":"m","columns":["time","d","state_count","v"],"values":[["1970-01-01T00:02:00Z",0,1,2]]}
            Error state_count2 error while evaluating expression: left reference value "v" is missing value
        "#]],
    );
    check(
        "|window().periodCount(2).everyCount(2)|stateCount(lambda: \"v\" > 1.0)|httpPost('x/o')",
        &["m v=2 0", "m v=3 1", "m v=4 2", "m v=5 3"],
        expect![[r#"
            o {"name":"m","columns":["time","state_count","v"],"values":[["1970-01-01T00:00:00Z",1,2],["1970-01-01T00:00:00.000000001Z",2,3]]}
            o {"name":"m","columns":["time","state_count","v"],"values":[["1970-01-01T00:00:00.000000002Z",1,4],["1970-01-01T00:00:00.000000003Z",2,5]]}
        "#]],
    );
}

#[test]
fn log_writes_rows_with_its_level_and_prefix() {
    check(
        "|log().level('warn').prefix('p ')|window().periodCount(1).everyCount(1)|log()",
        &["m,h=a v=1 1"],
        expect![[r#"
            Warn log2 p {"name":"m","tags":{"h":"a"},"columns":["time","v"],"values":[["1970-01-01T00:00:00.000000001Z",1]]}
            Info log4 {"name":"m","columns":["time","h","v"],"values":[["1970-01-01T00:00:00.000000001Z","a",1]]}
        "#]],
    );
}

#[test]
fn http_post_renders_its_url_and_the_endpoints_row_template() {
    let line = "m,h=a v=1.5,w=\"x\" 1500000000000000000";
    check(
        "|httpPost('http://s/{{ .Name }}-{{ index .Tags \"h\" }}')",
        &[line],
        expect![[r#"
        m-a {"name":"m","tags":{"h":"a"},"columns":["time","v","w"],"values":[["2017-07-14T02:40:00Z",1.5,"x"]]}
    "#]],
    );
    let endpoint = crate::Endpoint {
        url: "http://s/e".into(),
        row_template: Some(
            "{{ .Name }}{{ range .Values }} {{ .time }} {{ .v }} {{ .w }}{{ end }}".into(),
        ),
        alert_template: None,
    };
    let settings =
        crate::Settings { endpoints: [("e".into(), endpoint)].into(), ..super::settings() };
    let script = "stream|from()|httpPost().endpoint('e').header('X-A', 'b').timeout(3s)";
    let mut bench = super::Bench::start(script, &settings).unwrap();
    bench.task.handle_points(model::Time(0), &[super::point(line)], &super::Nowhere);
    let Some(crate::Effect::HttpPost { request, .. }) = bench.task.poll_effect() else {
        panic!("a request")
    };
    expect![[r#"
        HttpPost {
            url: "http://s/e",
            endpoint: Some(
                "e",
            ),
            headers: [
                (
                    "X-A",
                    "b",
                ),
            ],
            content_type: None,
            body: "m 2017-07-14 02:40:00 +0000 UTC 1.5 x",
            timeout: Duration(
                3000000000,
            ),
        }
    "#]]
    .assert_debug_eq(&request);
}
