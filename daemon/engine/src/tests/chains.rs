//! Names, order and DOT of nodes.

use std::collections::BTreeMap;

use expect_test::expect;
use model::Time;

use super::{Bench, Nowhere, plan, settings};

const BRANCHES: &str = "
var data = stream
    |from()
        .measurement('m')
var means = data
    |window()
        .period(10s)
        .every(10s)
    |mean('v')
    |httpOut('mean')
data
    |log()
";

#[test]
fn nodes_are_named_in_order_of_creation_and_listed_parents_first() {
    let plan = plan(BRANCHES, &BTreeMap::new()).unwrap();
    let names: Vec<String> = plan.nodes().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["stream0", "from1", "window2", "mean3", "http_out4", "log5"]);
    expect![[r"
        digraph t {
        stream0 -> from1;
        from1 -> window2;
        from1 -> log5;
        window2 -> mean3;
        mean3 -> http_out4;
        }"]]
    .assert_eq(&plan.dot("t"));
    assert_eq!(plan.http_outs(), ["mean".into()]);
    let windows = plan.unaligned_windows();
    assert_eq!(windows, [("window2".into(), model::Duration::from_secs(10))]);
    let wanted = plan.measurements();
    assert_eq!((wanted.len(), &*wanted[0].measurement), (1, "m"));
}

#[test]
fn a_running_task_shows_statistics_in_its_graph() {
    let script = "stream|from().measurement('m')|httpOut('o')";
    let mut bench = Bench::start(script, &settings()).unwrap();
    bench.write(&["m v=1 1", "m v=2 2", "other v=3 3"]);
    expect![[r#"
        digraph t {
        graph [throughput="0.00 points/s"];

        stream0 [avg_exec_time_ns="0s" errors="0" working_cardinality="0" ];
        stream0 -> from1 [processed="2"];

        from1 [avg_exec_time_ns="0s" errors="0" working_cardinality="0" ];
        from1 -> http_out2 [processed="2"];

        http_out2 [avg_exec_time_ns="0s" errors="0" working_cardinality="1" ];
        }"#]]
    .assert_eq(&bench.task.dot_running("t", false, Time(0)));
    expect![[r#"
        digraph t {
        graph [label="Throughput: 0.00 points/s" forcelabels=true pad="0.8,0.5"];

        stream0 [xlabel="avg_exec_time_ns=0s\rerrors=0\rworking_cardinality=0"];
        stream0 -> from1 [label="processed=2"];

        from1 [xlabel="avg_exec_time_ns=0s\rerrors=0\rworking_cardinality=0"];
        from1 -> http_out2 [label="processed=2"];

        http_out2 [xlabel="avg_exec_time_ns=0s\rerrors=0\rworking_cardinality=1"];
        }"#]]
    .assert_eq(&bench.task.dot_running("t", true, Time(0)));
}

#[test]
fn deep_pipelines_are_refused_and_the_deepest_allowed_run() {
    let deep = |n: usize| format!("stream|from(){}", "|log()".repeat(n));
    let error = Bench::start(&deep(1_000), &settings()).err().unwrap();
    assert!(error.ends_with("a task may have at most 1000 nodes"), "{error}");
    let mut bench = Bench::start(&deep(998), &settings()).unwrap();
    bench.task.handle_points(Time(0), &[super::point("m v=1 1")], &Nowhere);
    let stats = bench.task.stats(Time(0));
    assert_eq!(stats.nodes.last().unwrap().collected, 1);
}
