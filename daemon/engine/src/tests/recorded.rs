//! The recorded cases of a real Kapacitor that the engine alone can answer.
//!
//! They are the corpus of `e2e/conformance`; the daemon is tested with all of it there. Here each
//! case runs in memory. `KNOWN` lists what differs, with the reason; a listed case that passes fails.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;

use super::{Bench, Time, plan_of, settings};
use crate::Settings;

/// Cases that differ, and why.
const KNOWN: &[(&str, &str)] = &[
    ("from__from_chained", "the original delivers twice, a bug"),
    ("mistake__dbrp_both", "the task's DBRPs are the shell's"),
    ("from__one_named_one_open", "the original delivers twice, a bug"),
];

/// Refusals that say what they are: these cases wait for their node.
const NOT_YET: &str = "not built yet";

fn close(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            let kept = |o: &serde_json::Map<String, Json>| -> BTreeMap<String, Json> {
                let empty = |v: &Json| match v {
                    Json::Null => true,
                    Json::Array(a) => a.is_empty(),
                    Json::Object(o) => o.is_empty(),
                    _ => false,
                };
                o.iter().filter(|(_, v)| !empty(v)).map(|(k, v)| (k.clone(), v.clone())).collect()
            };
            let (a, b) = (kept(a), kept(b));
            a.keys().eq(b.keys()) && a.iter().all(|(k, v)| close(v, &b[k]))
        }
        (Json::Number(a), Json::Number(b)) => {
            if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
                return a == b;
            }
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
        }
        (a, b) => a == b,
    }
}

/// Whether two lists hold the same, in any order.
fn same(want: &[Json], got: &[Json]) -> Result<(), String> {
    let mut left: Vec<&Json> = got.iter().collect();
    for want in want {
        match left.iter().position(|got| close(want, got)) {
            Some(at) => drop(left.remove(at)),
            None => return Err(format!("want {want}, have {:?}", left.first())),
        }
    }
    left.first().map_or(Ok(()), |more| Err(format!("too much: {more}")))
}

fn group_of(result: &Json) -> String {
    let rows = result.as_array().into_iter().flatten();
    rows.map(|row| row["name"].to_string() + &row["tags"].to_string()).collect()
}

/// Compares per group, in order.
fn same_in_order(want: &[Json], got: &[Json]) -> Result<(), String> {
    let mut groups: Vec<String> = want.iter().chain(got).map(group_of).collect();
    groups.sort();
    groups.dedup();
    for group in groups {
        let of = |list: &[Json]| -> Vec<Json> {
            list.iter().filter(|r| group_of(r) == group).cloned().collect()
        };
        let (want, got) = (of(want), of(got));
        for i in 0..want.len().max(got.len()) {
            match (want.get(i), got.get(i)) {
                (Some(w), Some(g)) if close(w, g) => {}
                (w, g) => return Err(format!("#{i}: want {w:?}, have {g:?}")),
            }
        }
    }
    Ok(())
}

fn check(case: &Json) -> Result<(), String> {
    let list = |v: &Json| v.as_array().cloned().unwrap_or_default();
    let text = |v: &Json| v.as_str().unwrap_or_default().to_owned();
    let script = text(&case["script"]).replace("{{CAPTURE}}", "http://capture");
    let want_error = text(&case["define_error"]["error"]);
    let pair = |v: &Json| (text(&v["db"]).into(), text(&v["rp"]).into());
    let mut dbrps = vec![pair(case)];
    dbrps.extend(list(&case["dbrps"]).iter().map(pair));
    let settings = Settings { dbrps, task_id: text(&case["db"]).into(), ..settings() };
    let program = tick::parse(&script);
    let kind = match program.as_ref().map(tick::ast::Program::task_type) {
        Ok(None) => Err("invalid task type: invalid".to_owned()),
        Ok(Some(kind)) => Ok(kind),
        Err(_) => Ok(tick::TaskType::Stream),
    };
    let built = kind.and_then(|kind| {
        plan_of(kind, &script, &BTreeMap::new()).map_err(|e| format!("invalid TICKscript: {e}"))
    });
    let bench = built.and_then(|plan| Bench::of(&plan, &settings));
    let mut bench = match bench {
        Err(error) if error == want_error => return Ok(()),
        Err(error) => return Err(format!("define: want {want_error:?}, have {error:?}")),
        Ok(_) if !want_error.is_empty() => return Err(format!("no error, want {want_error}")),
        Ok(bench) => bench,
    };
    let once = [serde_json::json!({
        "db": case["db"], "rp": case["rp"], "lines": case["input"]
    })];
    let writes = list(&case["writes"]);
    for write in if writes.is_empty() { &once[..] } else { &writes } {
        for line in list(&write["lines"]) {
            let mut point = (*super::point(&text(&line))).clone();
            (point.database, point.retention_policy) = pair(write);
            bench.point(point.into());
        }
    }
    // What is served is read before the end.
    let names = list(&case["outputs"]);
    let names = names.iter().filter_map(Json::as_str);
    let served = names.map(|n| (n.to_owned(), bench.task.http_out(n))).collect();
    if case["stop"].as_bool() == Some(true) {
        bench.task.stop(Time(0), &super::Nowhere);
        bench.drain();
    }
    compare(case, &served, &bench)
}

type Served = BTreeMap<String, Option<String>>;

fn compare(case: &Json, served: &Served, bench: &Bench) -> Result<(), String> {
    let list = |v: &Json| v.as_array().cloned().unwrap_or_default();
    let expect = &case["expect"];
    for name in list(&case["outputs"]).iter().filter_map(Json::as_str) {
        let served = served.get(name).and_then(Option::as_ref).ok_or("no such output")?;
        let served: Json = serde_json::from_str(served).map_err(|e| e.to_string())?;
        same(&list(&expect["final"][name]), &list(&served["series"]))
            .map_err(|e| format!("final {name}: {e}"))?;
        let mut got = Vec::new();
        for (_, body) in bench.posts.iter().filter(|(output, _)| output == name) {
            let body: Json = serde_json::from_str(body).map_err(|e| e.to_string())?;
            got.push(body["series"].clone());
        }
        let want = list(&expect["emitted"][name]);
        let result = if case["compare"] == "multiset" {
            same(&want, &got)
        } else {
            same_in_order(&want, &got)
        };
        result.map_err(|e| format!("emitted {name}: {e}"))?;
    }
    if case.get("node_stats").is_some() {
        let want: BTreeMap<String, u64> = case["node_stats"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(node, stats)| (node.clone(), stats["errors"].as_u64().unwrap_or(0)))
            .collect();
        if want != bench.errors() {
            return Err(format!("errors: want {want:?}, have {:?}", bench.errors()));
        }
    }
    Ok(())
}

/// Areas whose cases the engine answers alone.
const AREAS: &[&str] = &[
    "from",
    "where",
    "eval",
    "window",
    "state",
    "groupby",
    "groups",
    "httpout",
    "influxql",
    "log",
    "types",
    "late",
    "lambda",
    "mistake",
    "batch",
    "chain",
    "syntax",
    "alert",
    "default",
    "delete",
    "shift",
    "sample",
    "derivative",
    "changedetect",
    "transform",
    "join",
    "union",
    "flatten",
    "combine",
    "noop",
];

#[test]
#[expect(clippy::disallowed_methods, reason = "the cases are files of another room")]
fn recorded_cases_come_out_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/conformance/stream");
    let mut failures = Vec::new();
    let mut passed = 0;
    for area in AREAS {
        let text = std::fs::read_to_string(folder.join(format!("{area}.json")));
        let cases: Vec<Json> = serde_json::from_str(&text.expect("part of the project")).unwrap();
        for case in cases {
            let name = format!("{area}__{}", case["name"].as_str().unwrap());
            if ["vars", "template", "no_dbrp", "check"].iter().any(|k| case.get(k).is_some()) {
                continue;
            }
            let known = KNOWN.iter().any(|(listed, _)| *listed == name);
            let result = check(&case);
            if result.as_ref().is_err_and(|e| e.contains(NOT_YET)) {
                continue;
            }
            match (result, known) {
                (Ok(()), false) | (Err(_), true) => passed += 1,
                (Ok(()), true) => failures.push(format!("{name}: passes, take it off the list")),
                (Err(error), false) => failures.push(format!("{name}: {error}")),
            }
        }
    }
    let shown: Vec<String> = failures.iter().map(|f| f.chars().take(400).collect()).collect();
    assert!(failures.is_empty(), "{passed} passed\n{}", shown.join("\n"));
}
