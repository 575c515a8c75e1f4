//! Scripts that are refused, and how. The original's wordings are tested with the recorded cases.

use super::run;

#[test]
fn scripts_with_mistakes_are_refused_in_the_words_users_know() {
    let from = |rest: &str| format!("stream|from(){rest}");
    for (script, error) in [
        (
            "|join(stream|from()).as('a','b')",
            "node \"join\" is not built yet: this version cannot run tasks that use it",
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
    let batch = run("stream|window()", &[]);
    assert_eq!(
        batch,
        "error: line 1 char 8: no method or property \"window\" on *pipeline.StreamNode\n"
    );
}
