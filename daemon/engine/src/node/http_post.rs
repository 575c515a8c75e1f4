//! `httpPost`: posts each point or batch and passes it on when the answer is there.
//!
//! One request at a time: what comes meanwhile waits in order. A failure or an answer other than
//! 2xx is an error; the data passes on all the same. `codeField` adds the status, 0 for none.

use std::sync::Arc;

use alert::json::Document;
use model::{Batch, BatchPoint, Duration, Point, Str, Value};
use tick::{ArgType, Signature};

use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start};
use crate::effect::{Answer, HttpPost};
use crate::graph::{Grouped, Out};
use crate::row_template::RowTemplate;

/// `|httpPost('url')`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::variadic("httpPost", &[], ArgType::String),
    label: "http_post",
    go_type: "HTTPPostNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Same,
    properties: &[
        &[
            Signature::field("codeField", ArgType::String),
            Signature::field("timeout", ArgType::Duration),
            Signature::method("captureResponse", &[]),
            Signature::method("endpoint", &[ArgType::String]),
            Signature::method("header", &[ArgType::String, ArgType::String]),
        ],
        QUIET,
    ],
    define: |args, _| Ok(Box::new(Definition { urls: args.strs(0), ..Definition::default() })),
};

#[derive(Clone, Debug, Default)]
struct Definition {
    urls: Vec<Str>,
    endpoints: Vec<Str>,
    headers: Vec<(Str, Str)>,
    code_field: Option<Str>,
    timeout: Duration,
    capture: bool,
}

impl Define for Definition {
    fn set(&mut self, _: Option<usize>, name: &str, args: &Args<'_>) -> Result<Returned, String> {
        match name {
            "codeField" => self.code_field = Some(args.str(0)).filter(|f| !f.is_empty()),
            "timeout" => self.timeout = args.duration(0),
            "captureResponse" => self.capture = true,
            "endpoint" => self.endpoints.push(args.str(0)),
            _ => self.headers.push((args.str(0), args.str(1))),
        }
        Ok(Returned::Same)
    }

    fn validate(&self) -> Result<(), String> {
        if self.urls.len() > 1 {
            return Err(format!("httpPost expects 0 or 1 arguments, got {}", self.urls.len()));
        }
        match self.urls.len() + self.endpoints.len() {
            0 => return Err("must provide url or endpoint".to_owned()),
            1 => {}
            _ => return Err("only one endpoint and url may be specified".to_owned()),
        }
        if self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authenticate")) {
            return Err("cannot set 'authenticate' header".to_owned());
        }
        Ok(())
    }

    fn start(&self, start: &Start<'_>) -> Result<Box<dyn Run>, String> {
        let endpoint = match self.endpoints.first() {
            Some(name) => {
                let known = start.settings.endpoints.get(name);
                Some(known.ok_or_else(|| format!("endpoint '{name}' does not exist"))?)
            }
            None => None,
        };
        let url = endpoint.map(|e| &e.url).or(self.urls.first()).cloned().unwrap_or_default();
        let zone = &start.settings.zone;
        let row = endpoint.and_then(|e| e.row_template.as_ref());
        Ok(Box::new(Poster {
            url: RowTemplate::parse("url", &url, zone)?,
            body: row.map(|text| RowTemplate::parse("row", text, zone)).transpose()?,
            endpoint: self.endpoints.first().cloned(),
            rule: self.clone(),
            held: None,
        }))
    }
}

enum Held {
    Point(Grouped),
    Batch(Batch),
}

struct Poster {
    url: RowTemplate,
    body: Option<RowTemplate>,
    endpoint: Option<Str>,
    rule: Definition,
    held: Option<Held>,
}

impl Poster {
    fn request(
        &self,
        row: impl Fn() -> alert::Row,
        data: &dyn Document,
    ) -> Result<HttpPost, String> {
        let body = match &self.body {
            Some(template) => template.render(&row)?,
            None => {
                let mut body = "{\"series\":[".to_owned();
                data.write_json(&mut body);
                body.push_str("]}\n");
                body
            }
        };
        Ok(HttpPost {
            url: self.url.render(&row)?,
            endpoint: self.endpoint.clone(),
            headers: self.rule.headers.clone(),
            content_type: self.body.is_none().then_some("application/json"),
            body,
            timeout: self.rule.timeout,
        })
    }

    /// Passes on what was held, with the status where the script wants it.
    fn release(&mut self, status: u16, out: &mut Out<'_, '_>) {
        let code = self.rule.code_field.clone().map(|f| (f, Value::Int(i64::from(status))));
        match (self.held.take(), code) {
            (None, _) => {}
            (Some(Held::Point(point)), None) => out.point(&point),
            (Some(Held::Batch(batch)), None) => out.batch(&batch),
            (Some(Held::Point(point)), Some((name, value))) => {
                let fields = point.point.fields.with(name, value);
                out.point(&point.with(Point { fields, ..(*point.point).clone() }));
            }
            (Some(Held::Batch(batch)), Some((name, value))) => {
                let points: Arc<[BatchPoint]> = batch
                    .points
                    .iter()
                    .map(|p| BatchPoint {
                        fields: p.fields.with(name.clone(), value.clone()),
                        ..p.clone()
                    })
                    .collect();
                out.batch(&Batch { points, ..batch });
            }
        }
    }

    fn send(&mut self, request: Result<HttpPost, String>, held: Held, out: &mut Out<'_, '_>) {
        self.held = Some(held);
        match request {
            Ok(request) => out.request(request),
            Err(error) => {
                out.error(format_args!("failed to render the request: {error}"));
                self.release(0, out);
            }
        }
    }
}

impl Run for Poster {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        let request = self.request(|| alert::Row::of_point(&point.point), &*point.point);
        self.send(request, Held::Point(point.clone()), out);
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        let request = self.request(|| alert::Row::of_batch(batch), batch);
        self.send(request, Held::Batch(batch.clone()), out);
    }

    fn answer(&mut self, answer: Answer, out: &mut Out<'_, '_>) {
        let status = match answer {
            Answer::Http { status, body } => {
                if !(200..300).contains(&status) {
                    let seen = if self.rule.capture { body.as_str() } else { "" };
                    let hint = if self.rule.capture {
                        "response body: "
                    } else {
                        "use .captureResponse() to capture the HTTP response"
                    };
                    out.error(format_args!(
                        "POST returned non 2xx status code {status}, {hint}{seen}"
                    ));
                }
                status
            }
            Answer::Failed(why) => {
                out.error(format_args!("failed to POST data: {why}"));
                0
            }
        };
        self.release(status, out);
    }
}
