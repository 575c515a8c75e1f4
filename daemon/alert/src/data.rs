//! Alert data: the JSON that `post`, `tcp`, `log` and `exec` send, and what URL templates see.

use std::collections::BTreeMap;
use std::sync::Arc;

use template::{Object, Value};

use crate::series::write_point_row;
use crate::{Event, Series, json};

impl Event {
    /// Appends the alert data as one line of JSON: fixed field order, HTML-safe, newline at the end.
    pub fn write_alert_data(&self, out: &mut String) {
        let body = &*self.body;
        out.push_str("{\"id\":");
        json::write_string(out, &body.id);
        out.push_str(",\"message\":");
        json::write_string(out, &body.message);
        out.push_str(",\"details\":");
        body.details.write_json(body, out);
        out.push_str(",\"time\":");
        json::write_time(out, body.time);
        out.push_str(",\"duration\":");
        json::write_int(out, body.duration.0);
        out.push_str(",\"level\":\"");
        out.push_str(body.level.name());
        out.push_str("\",\"data\":");
        self.write_result(out);
        out.push_str(",\"previousLevel\":\"");
        out.push_str(self.previous.name());
        out.push_str("\",\"recoverable\":");
        out.push_str(if body.data.recoverable { "true" } else { "false" });
        out.push_str("}\n");
    }

    /// The alert data line.
    pub fn alert_data(&self) -> String {
        let mut out = String::with_capacity(1024);
        self.write_alert_data(&mut out);
        out
    }

    /// Appends the rows alone: `{"series":[…]}`.
    pub fn write_result(&self, out: &mut String) {
        let body = &*self.body;
        out.push_str("{\"series\":[");
        match &body.data.series {
            Series::Point => {
                let data = &body.data;
                write_point_row(out, &data.name, &data.tags, &data.fields, body.time);
            }
            Series::Rows(rows) => {
                for (i, row) in rows.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    row.write_json(out);
                }
            }
        }
        out.push_str("]}");
    }
}

/// The alert data as an object for templates: post URLs and endpoint templates.
pub struct AlertData(pub Arc<Event>);

impl Object for AlertData {
    fn fields(&self) -> &'static [&'static str] {
        &[
            "ID",
            "Message",
            "Details",
            "Time",
            "Duration",
            "Level",
            "Data",
            "PreviousLevel",
            "Recoverable",
        ]
    }

    fn field(&self, name: &str) -> Option<Value> {
        let body = &self.0.body;
        Some(match name {
            "ID" => Value::Str(body.id.clone()),
            "Message" => Value::Str(body.message.clone()),
            "Details" => Value::Str(body.details().clone()),
            "Time" => Value::Time(body.time.0),
            "Duration" => Value::Duration(body.duration.0),
            "Level" => Value::Str(body.level.name().into()),
            "Data" => Value::Object(Arc::new(ResultData(Arc::clone(&self.0)))),
            "PreviousLevel" => Value::Str(self.0.previous.name().into()),
            "Recoverable" => Value::Bool(body.data.recoverable),
            _ => return None,
        })
    }

    fn type_name(&self) -> &'static str {
        "alert.Data"
    }

    fn json_name(&self, name: &'static str) -> &'static str {
        match name {
            "ID" => "id",
            "Message" => "message",
            "Details" => "details",
            "Time" => "time",
            "Duration" => "duration",
            "Level" => "level",
            "Data" => "data",
            "PreviousLevel" => "previousLevel",
            _ => "recoverable",
        }
    }
}

/// `.Data`: the rows.
struct ResultData(Arc<Event>);

impl Object for ResultData {
    fn fields(&self) -> &'static [&'static str] {
        &["Series"]
    }

    fn field(&self, name: &str) -> Option<Value> {
        (name == "Series").then(|| {
            let rows = self.0.body.rows();
            let rows = (0..rows.len()).map(|at| RowData { rows: Arc::clone(&rows), at });
            Value::List(rows.map(|row| Value::Object(Arc::new(row))).collect())
        })
    }

    fn type_name(&self) -> &'static str {
        "models.Result"
    }

    fn json_name(&self, _: &'static str) -> &'static str {
        "series"
    }
}

/// One of `.Data.Series`.
struct RowData {
    rows: Arc<[crate::Row]>,
    at: usize,
}

impl Object for RowData {
    fn fields(&self) -> &'static [&'static str] {
        &["Name", "Tags", "Columns", "Values"]
    }

    fn field(&self, name: &str) -> Option<Value> {
        let row = &self.rows[self.at];
        Some(match name {
            "Name" => Value::Str(row.name.clone()),
            "Tags" => {
                let tags = row.tags.iter().map(|(k, v)| (k.to_string(), Value::Str(v.clone())));
                Value::Tags(tags.collect::<BTreeMap<_, _>>().into())
            }
            "Columns" => Value::List(
                std::iter::once(Value::Str("time".into()))
                    .chain(row.columns.iter().map(|c| Value::Str(c.clone())))
                    .collect(),
            ),
            "Values" => Value::List(
                row.values
                    .iter()
                    .map(|line| {
                        Value::List(
                            std::iter::once(Value::Time(line.time.0))
                                .chain(line.cells.iter().map(template_value))
                                .collect(),
                        )
                    })
                    .collect(),
            ),
            _ => return None,
        })
    }
    fn type_name(&self) -> &'static str {
        "models.Row"
    }

    fn json_name(&self, name: &'static str) -> &'static str {
        match name {
            "Name" => "name",
            "Tags" => "tags",
            "Columns" => "columns",
            _ => "values",
        }
    }
}

/// A field value as templates see it.
pub(crate) fn template_value(value: &model::Value) -> Value {
    match value {
        model::Value::Float(f) => Value::Float(*f),
        model::Value::Int(i) => Value::Int(*i),
        model::Value::Str(s) => Value::Str(s.clone()),
        model::Value::Bool(b) => Value::Bool(*b),
        model::Value::Nil => Value::Nil,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use model::{Duration, Time};

    use super::*;
    use crate::{Body, Data, Details, Level, Source};

    /// A CRITICAL event of the task `al` over a point `kiln,bay=a t=35`.
    pub(crate) fn body() -> Body {
        Body {
            id: "kiln:bay=a".into(),
            message: "kiln:bay=a is CRITICAL".into(),
            details: Details::of_text("d &lt;CRITICAL>".into()),
            time: Time(1_000_000_000),
            duration: Duration(0),
            level: Level::Critical,
            data: Data {
                name: "kiln".into(),
                task: "al".into(),
                category: "".into(),
                group: "bay=a".into(),
                tags: [("bay".into(), "a".into())].into_iter().collect(),
                fields: [("t".into(), 35.0.into())].into_iter().collect(),
                recoverable: true,
                series: Series::Point,
            },
            no_external: false,
            source: Source::of_node(None, "al", "alert2"),
            occurrence: 0,
            summary: None,
        }
    }

    /// An event of `topic` with id, level and time in seconds.
    pub(crate) fn event(topic: &str, id: &str, level: Level, at: i64) -> Event {
        let body = Body { id: id.into(), level, time: Time(at * 1_000_000_000), ..body() };
        Event::new(topic.into(), Arc::new(body))
    }

    #[test]
    fn alert_data_is_one_line_with_the_recorded_bytes() {
        let event = Event::new("t".into(), Arc::new(body()));
        let line = "{\"id\":\"kiln:bay=a\",\"message\":\"kiln:bay=a is CRITICAL\",\
            \"details\":\"d \\u0026lt;CRITICAL\\u003e\",\"time\":\"1970-01-01T00:00:01Z\",\"duration\":0,\
            \"level\":\"CRITICAL\",\"data\":{\"series\":[{\"name\":\"kiln\",\"tags\":{\"bay\":\"a\"},\
            \"columns\":[\"time\",\"t\"],\"values\":[[\"1970-01-01T00:00:01Z\",35]]}]},\
            \"previousLevel\":\"OK\",\"recoverable\":true}\n";
        assert_eq!(event.alert_data(), line);
        let mut rows = body();
        rows.data.series = Series::Rows(event.body.rows());
        assert_eq!(Event::new("t".into(), Arc::new(rows)).alert_data(), line);
    }

    #[test]
    fn an_event_survives_the_wire() {
        let mut event = event("t", "x", Level::Warning, 5);
        event.hops = 3;
        let wire = postcard::to_allocvec(&event).expect("wire");
        assert!(wire.len() < 150, "{}", wire.len());
        assert_eq!(postcard::from_bytes::<Event>(&wire).expect("wire"), event);
    }

    #[test]
    fn a_summarys_key_has_its_windows_end_and_no_level() {
        let mut body = body();
        body.summary = Some(Time(60));
        let event = Event::new("t".into(), Arc::new(body));
        assert_eq!(event.key().time, Time(60));
        assert_eq!(event.key().level, None);
    }

    #[test]
    fn publishing_stops_after_the_hop_limit() {
        let mut event = event("a", "x", Level::Info, 1);
        for _ in 0..crate::MAX_HOPS {
            event = event.published_to("b".into()).expect("within the limit");
        }
        assert!(event.published_to("a".into()).is_none());
    }

    #[test]
    fn templates_see_the_rows() {
        let data = AlertData(Arc::new(Event::new("t".into(), Arc::new(body()))));
        let Some(Value::Object(result)) = data.field("Data") else { panic!("object") };
        let Some(Value::List(series)) = result.field("Series") else { panic!("list") };
        let Value::Object(row) = &series[0] else { panic!("row") };
        let Some(Value::Str(name)) = row.field("Name") else { panic!("name") };
        assert_eq!(&*name, "kiln");
        assert!(data.fields().iter().all(|name| data.field(name).is_some()));
        let text = "{{ .ID }}|{{ .Duration }}|{{ range .Data.Series }}{{ .Name }}{{ end }}|{{ jsonCompact .Data }}";
        let template = template::Template::parse("x", text, template::Mode::TextWithJson);
        assert_eq!(
            template.and_then(|template| template.render(&data)).as_deref(),
            Ok("kiln:bay=a|0s|kiln|{\"series\":[{\"name\":\"kiln\",\"tags\":{\"bay\":\"a\"},\
                \"columns\":[\"time\",\"t\"],\"values\":[[\"1970-01-01T00:00:01Z\",35]]}]}")
        );
    }
}
