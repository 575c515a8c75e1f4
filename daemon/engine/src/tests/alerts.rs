//! Alert nodes beyond the recorded cases: what is raised for which topic, restoring, inhibition,
//! batches, handlers of the script.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use alert::{Event, State};
use model::{Duration, Time};

use super::{Bench, plan, point, run, settings};
use crate::{Effect, Settings, Task, World};

/// Starts scripts (each as one task) and gives points to all of them in turn; lists what is raised
/// as `TOPIC ID LEVEL duration [cold]`.
fn raised(scripts: &[&str], settings: &Settings, world: &dyn World, lines: &[&str]) -> String {
    let start = |(i, script): (usize, &&str)| {
        let settings = Settings { task_id: format!("t{i}").into(), ..settings.clone() };
        let plan = plan(script, &BTreeMap::new()).expect("a valid script");
        Task::start(&plan, &settings).expect("starts")
    };
    let mut tasks: Vec<Task> = scripts.iter().enumerate().map(start).collect();
    let mut out = String::new();
    for line in lines {
        for task in &mut tasks {
            task.handle_points(Time(0), &[point(line)], world);
            while let Some(effect) = task.poll_effect() {
                show(&effect, &mut out);
            }
        }
    }
    out
}

fn show(effect: &Effect, out: &mut String) {
    let _ = match effect {
        Effect::Raise { topic, body, cold } => {
            let cold = if *cold { " cold" } else { "" };
            let duration = body.duration.to_go_string();
            writeln!(out, "{topic} {} {} {duration}{cold}", body.id, body.level)
        }
        Effect::Restore { topic, id, state } => {
            writeln!(out, "restore {topic} {id} {}", state.level)
        }
        Effect::Log { text, .. } => writeln!(out, "log {text}"),
        Effect::HttpPost { .. } | Effect::Loopback { .. } => Ok(()),
    };
}

fn one(script: &str, lines: &[&str]) -> String {
    raised(&[script], &settings(), &super::Nowhere, lines)
}

const SECOND: &[&str] = &["m,k=a v=30 1000000000", "m,k=a v=25 2000000000", "m,k=a v=1 3000000000"];

#[test]
fn an_event_goes_to_the_anonymous_topic_and_then_to_the_named_one() {
    for (properties, wanted) in [
        (".topic('x')", "x m:k=a CRITICAL 0s\nx m:k=a CRITICAL 1s\nx m:k=a OK 2s\n"),
        (
            ".log('/x').stateChangesOnly()",
            "main:t0:alert2 m:k=a CRITICAL 0s\nmain:t0:alert2 m:k=a OK 2s\n",
        ),
        (
            ".log('/x').topic('x').noRecoveries().stateChangesOnly()",
            "main:t0:alert2 m:k=a CRITICAL 0s\nx m:k=a CRITICAL 0s\n",
        ),
        ("", ""),
    ] {
        let script =
            format!("stream|from().groupBy('k')|alert().crit(lambda: \"v\" > 20.0){properties}");
        assert_eq!(one(&script, SECOND), wanted, "{properties}");
    }
}

#[test]
fn the_group_id_of_ungrouped_data_is_nil_and_a_replay_has_its_own_topic() {
    let settings = Settings { replay: Some("r1".into()), ..settings() };
    let script = "stream|from()|alert().crit(lambda: \"v\" > 20.0).tcp('h:1')";
    let out = raised(&[script], &settings, &super::Nowhere, &SECOND[..1]);
    assert_eq!(out, "r1:t0:alert2 m:nil CRITICAL 0s\n");
}

#[test]
fn an_event_carries_data_source_and_occurrence() {
    let script = "stream|from().groupBy('k')|alert().crit(lambda: \"v\" > 20.0).topic('x')\
                  .category('c').noRecoveries()";
    let mut bench = Bench::start(script, &settings()).expect("starts");
    let mut events = Vec::new();
    for line in ["m,k=a,z=q v=30 1000000000"; 2] {
        bench.task.handle_points(Time(0), &[point(line)], &super::Nowhere);
        while let Some(Effect::Raise { topic, body, .. }) = bench.task.poll_effect() {
            events.push(Event::new(topic, body));
        }
    }
    let body = &events[0].body;
    assert_eq!(&*body.source.0, "main:t:alert2");
    assert_eq!((&*body.data.category, &*body.data.task), ("c", "t"));
    assert_eq!(body.data.tags.len(), 2);
    assert!(!body.data.recoverable);
    assert_eq!((events[0].key().occurrence, events[1].key().occurrence), (0, 1));
    let data = events[0].alert_data();
    assert!(
        data.contains("\"data\":{\"series\":[{\"name\":\"m\",\"tags\":{\"k\":\"a\",\"z\":\"q\"}"),
        "{data}"
    );
    assert!(body.details().starts_with("{&#34;Name&#34;:&#34;m&#34;"));
}

/// States by topic and id.
#[derive(Default)]
struct Known(BTreeMap<(String, String), State>);

impl Known {
    fn with(mut self, topic: &str, level: alert::Level, at: i64) -> Self {
        let state = State {
            message: "".into(),
            details: "".into(),
            time: Time(at),
            duration: Duration(0),
            level,
        };
        self.0.insert((topic.to_owned(), "m:k=a".to_owned()), state);
        self
    }
}

impl World for Known {
    fn topic_state(&self, topic: &str, id: &str) -> Option<State> {
        self.0.get(&(topic.to_owned(), id.to_owned())).cloned()
    }
}

#[test]
fn a_group_goes_on_with_the_level_its_topics_had() {
    use alert::Level::{Critical, Info, Ok};
    let script = "stream|from().groupBy('k')|alert().crit(lambda: \"v\" > 20.0).topic('x')\
                  .stateChangesOnly().log('/x')";
    let (anonymous, named) = ("main:t0:alert2", "x");
    for (known, wanted) in [
        (Known::default(), "main:t0:alert2 m:k=a CRITICAL 0s\nx m:k=a CRITICAL 0s\n"),
        (Known::default().with(anonymous, Critical, 1).with(named, Critical, 1), ""),
        (Known::default().with(anonymous, Critical, 1), ""),
        (Known::default().with(named, Critical, 1), "restore main:t0:alert2 m:k=a CRITICAL\n"),
        (
            Known::default().with(anonymous, Critical, 1).with(named, Info, 1),
            "restore x m:k=a CRITICAL\n",
        ),
        (
            Known::default().with(anonymous, Ok, 1),
            "main:t0:alert2 m:k=a CRITICAL 0s\nx m:k=a CRITICAL 0s\n",
        ),
    ] {
        let out = raised(&[script], &settings(), &known, &["m,k=a v=30 1000000001"]);
        assert_eq!(out, wanted);
    }
    let known = Known::default().with(anonymous, Critical, 1_000_000_000);
    let out = raised(&[script], &settings(), &known, &["m,k=a v=1 30000000000"]);
    assert_eq!(out, "main:t0:alert2 m:k=a OK 29s\nx m:k=a OK 29s\n");
}

#[test]
fn a_group_that_shares_its_id_goes_on_with_what_another_has_just_raised() {
    let script =
        "stream|from().groupBy('k')|alert().id('same').crit(lambda: \"v\" > 20).topic('x')";
    let mut task =
        Task::start(&plan(script, &BTreeMap::new()).expect("valid"), &settings()).expect("starts");
    // Nothing is taken out between the two points.
    let points = [point("m,k=a v=30 1000000000"), point("m,k=b v=1 1000000000")];
    task.handle_points(Time(0), &points, &super::Nowhere);
    let mut out = String::new();
    while let Some(effect) = task.poll_effect() {
        show(&effect, &mut out);
    }
    assert_eq!(out, "x same CRITICAL 0s\nx same OK 0s\n");
}

#[test]
fn inhibition_works_across_tasks_by_category_and_tags_and_ends_with_the_task() {
    let settings = settings();
    let big = "stream|from().measurement('host').groupBy('k')|alert().crit(lambda: \"v\" > 20.0)\
               .inhibit('small', 'k').noRecoveries()";
    let small = "stream|from().measurement('cpu').groupBy('k','c')|alert().crit(lambda: \"v\" > 20.0)\
                 .category('small').topic('x').stateChangesOnly()";
    let lines = [
        "host,k=a v=30 1000000000",
        "cpu,k=a,c=1 v=30 2000000000",
        "cpu,k=b,c=1 v=30 2000000000",
        "host,k=a v=1 3000000000",
        "cpu,k=a,c=1 v=1 4000000000",
    ];
    let out = raised(&[big, small], &settings, &super::Nowhere, &lines);
    assert_eq!(out, "x cpu:c=1,k=b CRITICAL 0s\nx cpu:c=1,k=a OK 2s\n");
    // The inhibiting task of a run is gone after it; its inhibitors with it.
    let out = raised(&[big], &settings, &super::Nowhere, &lines[..1]);
    assert_eq!(out, "");
    let out = raised(&[small], &settings, &super::Nowhere, &lines[1..2]);
    assert_eq!(out, "x cpu:c=1,k=a CRITICAL 0s\n");
}

#[test]
fn a_batch_has_the_level_of_its_worst_point_or_with_all_of_its_best() {
    let lines = [
        "m,k=a v=25 0",
        "m,k=a v=12 1000000000",
        "m,k=a v=26 2000000000",
        "m,k=a v=1 3000000000",
        "m,k=a v=1 6000000000",
    ];
    let script = |more: &str| {
        format!(
            "stream|from().groupBy('k')|window().period(3s).every(3s)\
             |alert().warn(lambda: \"v\" > 10.0).crit(lambda: \"v\" > 20.0).topic('x'){more}"
        )
    };
    assert_eq!(one(&script(""), &lines), "x m:k=a CRITICAL 0s\nx m:k=a OK 6s\n");
    assert_eq!(one(&script(".all()"), &lines), "x m:k=a WARNING 0s\nx m:k=a OK 3s\n");
}

#[test]
fn what_is_forwarded_has_the_added_tags_and_fields() {
    let script = "stream|from().groupBy('k')|alert().crit(lambda: \"v\" > 20.0)\
                  .levelTag('lt').idTag('it').levelField('l').durationField('d')|httpPost('http://x/o')";
    assert_eq!(
        run(script, &SECOND[..1]),
        "o {\"name\":\"m\",\"tags\":{\"it\":\"m:k=a\",\"k\":\"a\",\"lt\":\"CRITICAL\"},\
         \"columns\":[\"time\",\"d\",\"l\",\"v\"],\"values\":[[\"1970-01-01T00:00:01Z\",0,\"CRITICAL\",30]]}\n"
    );
}

#[test]
fn handlers_of_the_script_become_specs_of_the_anonymous_topic() {
    let script = "stream|from()|alert().crit(lambda: TRUE).log('/a').mode(0644).post('http://x')\
                  .header('a','b').timeout(5s).captureResponse().id('x').exec('p','1','2').log('/b')\
                  .tcp('h:1')";
    let mut settings = settings();
    settings.disabled_handlers.insert("tcp".into());
    let bench = Bench::start(script, &settings).expect("starts");
    let handlers = bench.task.handlers();
    let (topic, specs) = &handlers[0];
    assert_eq!(&**topic, "main:t:alert2");
    let shown: Vec<String> = specs
        .iter()
        .map(|s| format!("{} {}", s.id, serde_json::Value::from(s.options.clone())))
        .collect();
    assert_eq!(
        shown,
        [
            "log0 {\"path\":\"/a\",\"mode\":420}",
            "post0 {\"url\":\"http://x\",\"endpoint\":\"\",\"headers\":{\"a\":\"b\"},\"capture-response\":true,\
             \"timeout\":5000000000,\"skip-ssl-verification\":false}",
            "exec0 {\"prog\":\"p\",\"args\":[\"1\",\"2\"]}",
            "log1 {\"path\":\"/b\"}",
        ]
    );
    assert!(
        specs
            .iter()
            .all(|spec| spec.topic == **topic
                && alert::Handler::compile(spec.clone().into()).is_ok())
    );
}

#[test]
fn texts_are_rendered_over_the_event() {
    let script = "stream|from().groupBy('k')|alert().crit(lambda: \"v\" > 20.0).topic('x')\
                  .id('{{ index .Tags \"k\" }}{{ index .Tags \"no\" }}/{{ .TaskName }}')\
                  .message('{{ .ID }} {{ .Level }} {{ .Fields.v }} {{ .Time.Unix }} {{ .Duration }}')\
                  .details('<b>{{ .Message }}</b> {{ index .Tags \"k\" }} {{ .ServerInfo.Hostname }}')";
    let mut bench = Bench::start(script, &settings()).expect("starts");
    bench.task.handle_points(Time(0), &[point("m,k=<a> v=30 5000000000")], &super::Nowhere);
    let Some(Effect::Raise { body, .. }) = bench.task.poll_effect() else { panic!("raised") };
    assert_eq!(&*body.id, "<a>/t");
    assert_eq!(&*body.message, "<a>/t CRITICAL 30 5 0s");
    assert_eq!(&**body.details(), "<b>&lt;a&gt;/t CRITICAL 30 5 0s</b> &lt;a&gt; ");
}

#[test]
fn the_default_details_are_what_their_template_gives() {
    let alert = "stream|from().groupBy('k')|alert().crit(lambda: TRUE).topic('x')";
    let details = |more: &str| {
        let mut bench = Bench::start(&format!("{alert}{more}"), &settings()).expect("starts");
        let line = "m,k=a*b,z=<\u{e9}> v=30,w=1e-7,s=\"q & 'x'\",i=5i,t=true 5000000001";
        bench.task.handle_points(Time(0), &[point(line)], &super::Nowhere);
        let Some(Effect::Raise { body, .. }) = bench.task.poll_effect() else { panic!("raised") };
        body.details().to_string()
    };
    // A space in the action keeps the second from being taken for the default.
    assert_eq!(details(""), details(".details('{{ json  . }}')"));
}

#[test]
fn a_template_that_fails_drops_its_event_and_is_counted() {
    let script = "stream|from()|alert().crit(lambda: TRUE).topic('x').message('{{ .Nope }}')";
    let mut bench = Bench::start(script, &settings()).expect("starts");
    bench.write(&SECOND[..1]);
    assert_eq!(bench.errors()["alert2"], 1);
    assert!(bench.log.contains("can't evaluate field Nope in type"), "{}", bench.log);
    assert!(!bench.log.contains("raise"));
}

#[test]
fn alerts_with_mistakes_are_refused() {
    for (properties, error) in [
        (
            ".crit(lambda: TRUE).flapping(2.0, 0.1)",
            "alert flap thresholds are percentages and should be between 0 and 1",
        ),
        (".id('{{ .Name')", "template: id:1: unclosed action"),
        (".post()", "Either URL or endpoint must be non-empty"),
        (
            ".post().endpoint('ghost')",
            "failed to create HTTPPostService.Handler: An appropriately formatted url must be \
             specified if an endpoint is not specified",
        ),
        (".log('x')", "log path must be absolute: x is not absolute"),
        (
            ".slack().channel('#x').crit(lambda: TRUE)",
            "alert handler \"slack\" is not built yet: this version cannot run it",
        ),
        (
            ".slack().chanel('#x')",
            "line 1 char 31: no method or property \"chanel\" on *pipeline.SlackHandler",
        ),
    ] {
        let script = format!("stream|from()|alert(){properties}");
        assert_eq!(run(&script, &[]), format!("error: {error}\n"), "{properties}");
    }
}

#[test]
fn counters_tell_levels_and_inhibited_events() {
    let script = "stream|from().groupBy('k')|alert().info(lambda: \"v\" > 20.0).topic('x')";
    let mut bench = Bench::start(script, &settings()).expect("starts");
    bench.write(SECOND);
    let stats = bench.task.stats(Time(0));
    let node = stats.nodes.iter().find(|n| &*n.name == "alert2").expect("there");
    let counters: BTreeMap<&str, i64> = node.extra.iter().map(|(n, v)| (*n, *v)).collect();
    for (name, value) in [
        ("alerts_triggered", 3),
        ("infos_triggered", 2),
        ("oks_triggered", 1),
        ("crits_triggered", 0),
        ("alerts_inhibited", 0),
    ] {
        assert_eq!(counters[name], value, "{name}");
    }
}

/// What an event costs; see `pace.rs` for how to measure.
fn pace(number: i64) {
    let script = "stream|from().measurement('m').groupBy('host')|alert().crit(lambda: \"v\" > 0.0)\
                  .topic('x')";
    let mut bench = Bench::start(script, &settings()).expect("starts");
    let mut topics = alert::Topics::new(true);
    let mut bytes = 0;
    let points: Vec<_> = (0..40_000)
        .map(|i| point(&format!("m,host=server{:02} v={},w={i}i {i}", i % 100, i + 1)))
        .collect();
    for part in points[..number as usize].chunks(500) {
        bench.task.handle_points(Time(0), part, &super::Nowhere);
        while let Some(Effect::Raise { topic, body, .. }) = bench.task.poll_effect() {
            let event = topics.collect(Event::new(topic, body)).event;
            bytes += event.alert_data().len();
        }
    }
    assert!(bytes > 1_000_000);
}

#[test]
#[ignore = "a measurement"]
fn every_20k() {
    pace(20_000);
}

#[test]
#[ignore = "a measurement"]
fn every_40k() {
    pace(40_000);
}
