//! Values of variables as users read them.

use client::vars::Var;
use serde_json::Value as Json;

/// The value; `None` for one that is required.
pub(crate) fn show(var: &Var) -> Option<String> {
    match (&var.value, var.kind.as_str()) {
        (Json::Null, "star") => Some("*".to_owned()),
        (Json::Null, _) => None,
        (Json::Number(number), "duration") => {
            Some(number.as_i64().map_or_else(|| number.to_string(), duration))
        }
        (Json::Array(list), _) => {
            let inner = |item: &Json| match item.get("value") {
                Some(Json::Null) | None => "*".to_owned(),
                Some(value) => plain(value),
            };
            Some(format!("[{}]", list.iter().map(inner).collect::<Vec<_>>().join(",")))
        }
        (value, _) => Some(plain(value)),
    }
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        // Go prints a whole float without its point.
        Json::Number(number) if number.is_f64() => {
            number.as_f64().map_or_else(|| number.to_string(), |f| f.to_string())
        }
        other => other.to_string(),
    }
}

/// Nanoseconds as Go prints a duration: `1h0m0s`, `1.5s`, `10ms`.
fn duration(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    let fraction = |unit: u64, name: &str| {
        let digits = unit.ilog10() as usize;
        let part = format!("{:0digits$}", ns % unit);
        let part = part.trim_end_matches('0');
        let point = if part.is_empty() { "" } else { "." };
        (ns / unit, format!("{point}{part}{name}"))
    };
    let text = match ns {
        0 => "0s".to_owned(),
        1..1_000 => format!("{ns}ns"),
        1_000..1_000_000 => {
            let (whole, rest) = fraction(1_000, "µs");
            format!("{whole}{rest}")
        }
        1_000_000..1_000_000_000 => {
            let (whole, rest) = fraction(1_000_000, "ms");
            format!("{whole}{rest}")
        }
        _ => {
            let (seconds, rest) = fraction(1_000_000_000, "s");
            let (h, m, s) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
            match (h, m) {
                (0, 0) => format!("{s}{rest}"),
                (0, _) => format!("{m}m{s}{rest}"),
                _ => format!("{h}h{m}m{s}{rest}"),
            }
        }
    };
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_shown_as_go_prints_them() {
        for (kind, value, expect) in [
            ("string", json!("kiln"), "kiln"),
            ("int", json!(-5), "-5"),
            ("float", json!(2), "2"),
            ("float", json!(2.0), "2"),
            ("float", json!(0.25), "0.25"),
            ("bool", json!(true), "true"),
            ("lambda", json!("\"t\" > 5"), "\"t\" > 5"),
            ("duration", json!(0), "0s"),
            ("duration", json!(10_000_000_000_i64), "10s"),
            ("duration", json!(-3_723_500_000_000_i64), "-1h2m3.5s"),
            ("duration", json!(1_500_000), "1.5ms"),
            ("duration", json!(60_000_000_000_i64), "1m0s"),
            ("duration", json!("10s"), "10s"),
            ("star", json!(null), "*"),
            (
                "list",
                json!([{"type": "string", "value": "a"}, {"type": "star", "value": null}]),
                "[a,*]",
            ),
        ] {
            let var = Var { kind: kind.to_owned(), value, description: String::new() };
            assert_eq!(show(&var).as_deref(), Some(expect), "{var:?}");
        }
        let required =
            Var { kind: "int".to_owned(), value: json!(null), description: String::new() };
        assert_eq!(show(&required), None);
    }
}
