//! Lines as a reader of the log sees them.

use super::*;

fn log_to_file(format: Format, level: Level, what: impl FnOnce(&Log)) -> String {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("log");
    let config = Logging { target: Target::File(path.clone()), level, format };
    let (subscriber, log) = open(&config).expect("opened");
    tracing::subscriber::with_default(subscriber, || what(&log));
    std::fs::read_to_string(path).expect("a log")
}

/// Lines without their time.
fn untimed(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| {
            let (ts, rest) = line.split_once(' ').expect("several fields");
            let ts = ts.strip_prefix("ts=").expect("the time first");
            assert_eq!((ts.len(), &ts[ts.len() - 1..]), (24, "Z"), "milliseconds in UTC");
            rest.to_owned()
        })
        .collect()
}

#[test]
fn lines_are_logfmt_and_quoted_only_where_needed() {
    let text = log_to_file(Format::Logfmt, Level::Info, |_| {
        let secret = Secret::new("hunter2");
        tracing::info!(service = "http", host = "::1", status = 204, "http request");
        tracing::warn!(target: "kapacitord::tasks::define", task = "a b", path = "", "slow");
        tracing::error!(password = %secret, also = ?secret, text = "two\nlines \"x\"", "fail");
        tracing::debug!("not shown");
        tracing::info!(target: "hyper::proto", "not ours");
        tracing::warn!(target: "hyper::proto", "other crate");
    });
    assert_eq!(
        untimed(&text),
        [
            r#"lvl=info msg="http request" service=http host=::1 status=204"#,
            r#"lvl=warn msg=slow service=tasks task="a b" path="""#,
            r#"lvl=error msg=fail service=logging password=[REDACTED] also=[REDACTED] text="two\nlines \"x\"""#,
            r#"lvl=warn msg="other crate" service=hyper"#,
        ]
    );
}

#[test]
fn json_lines_are_valid_json() {
    let text = log_to_file(Format::Json, Level::Debug, |_| {
        tracing::debug!(service = "edge", n = 3, rate = 0.5, ok = true, bell = "\u{7}", "a \"q\"");
        tracing::info!(rate = f64::NAN, "not a number");
    });
    let lines: Vec<serde_json::Value> =
        text.lines().map(|l| serde_json::from_str(l).expect("valid JSON")).collect();
    assert_eq!(lines[0]["msg"], "a \"q\"");
    assert_eq!(lines[0]["n"], 3);
    assert_eq!(lines[0]["bell"], "\u{7}");
    assert_eq!(lines[1]["rate"], "NaN");
}

#[test]
fn the_level_changes_while_running() {
    let text = log_to_file(Format::Logfmt, Level::Error, |log| {
        tracing::info!("one");
        log.set_level(Level::Debug);
        tracing::debug!("two");
        log.set_level(Level::Error);
        tracing::warn!("three");
        tracing::error!("four");
    });
    assert_eq!(untimed(&text).len(), 2, "{text}");
}

#[test]
fn a_rotated_file_is_opened_again_under_its_name() {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("log");
    let config =
        Logging { target: Target::File(path.clone()), level: Level::Info, format: Format::Logfmt };
    let (subscriber, log) = open(&config).expect("opened");
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!("before");
        std::fs::rename(&path, dir.path().join("log.1")).expect("moved");
        log.reopen().expect("opened again");
        tracing::info!("after");
    });
    assert!(std::fs::read_to_string(path).expect("a log").contains("msg=after"));
    assert_eq!(log.lost(), 0);
}

#[test]
fn levels_are_read_in_any_case() {
    for (text, level) in [("debug", Level::Debug), ("Warn", Level::Warn), ("ERROR", Level::Error)] {
        assert_eq!(text.parse(), Ok(level));
    }
    assert_eq!("trace".parse::<Level>(), Err(InvalidLevel));
}
