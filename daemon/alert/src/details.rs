//! The details of an event: rendered text, or the default, which is made when somebody looks.

use std::sync::{Arc, OnceLock};

use model::Str;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Body, json};

/// Who a member is, as templates see it (`.ServerInfo`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// The configured host name.
    pub hostname: Str,
    /// The cluster's id.
    pub cluster_id: Str,
    /// The member's id.
    pub server_id: Str,
}

/// Details of an event. The default (`{{ json . }}` in an HTML template) is a few hundred bytes that
/// most events never show, so it travels as the [`ServerInfo`] it lacks and is rendered at most once.
#[derive(Clone, Debug)]
pub struct Details {
    form: Form,
    rendered: OnceLock<Str>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Form {
    Text(Str),
    Default(Arc<ServerInfo>),
}

impl Details {
    /// Details that a template rendered.
    pub fn of_text(text: Str) -> Self {
        Self { form: Form::Text(text), rendered: OnceLock::new() }
    }

    /// The default details of an event that this member raised.
    pub fn default_of(server: Arc<ServerInfo>) -> Self {
        Self { form: Form::Default(server), rendered: OnceLock::new() }
    }

    pub(crate) fn text(&self, body: &Body) -> &Str {
        match &self.form {
            Form::Text(text) => text,
            Form::Default(server) => self.rendered.get_or_init(|| {
                let json = default_json(body, server);
                let mut out = String::with_capacity(json.len() * 2);
                escape(&mut out, &json, html);
                out.into()
            }),
        }
    }

    /// Appends the text as a JSON string. Default details that nobody asked for as text are written
    /// in one pass.
    pub(crate) fn write_json(&self, body: &Body, out: &mut String) {
        match (&self.form, self.rendered.get()) {
            (Form::Text(text), _) | (Form::Default(_), Some(text)) => json::write_string(out, text),
            (Form::Default(server), None) => {
                out.push('"');
                escape(out, &default_json(body, server), html_in_json);
                out.push('"');
            }
        }
    }

    pub(crate) fn weight(&self) -> usize {
        match &self.form {
            Form::Text(text) => text.len(),
            Form::Default(_) => 512,
        }
    }
}

impl PartialEq for Details {
    fn eq(&self, other: &Self) -> bool {
        self.form == other.form
    }
}

impl Serialize for Details {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.form.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Details {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self { form: Form::deserialize(d)?, rendered: OnceLock::new() })
    }
}

/// The event's fields as JSON and a newline. Escaped for HTML it is what the default details template
/// gives (recorded: case alert__default_payload).
fn default_json(body: &Body, server: &ServerInfo) -> String {
    let data = &body.data;
    let mut out = String::with_capacity(512);
    let member = |out: &mut String, name: &str, value: &str| {
        out.push_str(name);
        json::write_string(out, value);
    };
    member(&mut out, "{\"Name\":", &data.name);
    member(&mut out, ",\"TaskName\":", &data.task);
    member(&mut out, ",\"Group\":", if data.group.is_empty() { "nil" } else { &data.group });
    out.push_str(",\"Tags\":");
    json::write_tags(&mut out, &data.tags);
    member(&mut out, ",\"ServerInfo\":{\"Hostname\":", &server.hostname);
    member(&mut out, ",\"ClusterID\":", &server.cluster_id);
    member(&mut out, ",\"ServerID\":", &server.server_id);
    member(&mut out, "},\"ID\":", &body.id);
    out.push_str(",\"Fields\":");
    json::write_fields(&mut out, &data.fields);
    member(&mut out, ",\"Level\":", body.level.name());
    out.push_str(",\"Time\":");
    json::write_time(&mut out, body.time);
    out.push_str(",\"Duration\":");
    json::write_int(&mut out, body.duration.0);
    member(&mut out, ",\"Message\":", &body.message);
    out.push_str("}\n");
    out
}

/// What `html/template` makes of a byte of [`default_json`] between tags; `< > &` and control
/// characters are escaped in it already. Empty: the byte itself.
fn html(b: u8) -> &'static str {
    match b {
        b'"' => "&#34;",
        b'\'' => "&#39;",
        b'+' => "&#43;",
        _ => "",
    }
}

/// The same inside a JSON string.
fn html_in_json(b: u8) -> &'static str {
    match b {
        b'"' => "\\u0026#34;",
        b'\'' => "\\u0026#39;",
        b'+' => "\\u0026#43;",
        b'\\' => "\\\\",
        b'\n' => "\\n",
        _ => "",
    }
}

fn escape(out: &mut String, text: &str, with: impl Fn(u8) -> &'static str) {
    out.reserve(text.len() * 2);
    let mut start = 0;
    for (i, b) in text.bytes().enumerate() {
        let escaped = with(b);
        if !escaped.is_empty() {
            out.push_str(&text[start..i]);
            out.push_str(escaped);
            start = i + 1;
        }
    }
    out.push_str(&text[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tests::body;

    #[test]
    fn the_default_is_the_json_of_all_fields_escaped_for_html() {
        let server = ServerInfo {
            hostname: "localhost".into(),
            cluster_id: "c".into(),
            server_id: "s".into(),
        };
        let mut body = body();
        body.details = Details::default_of(Arc::new(server));
        assert_eq!(
            &**body.details(),
            "{&#34;Name&#34;:&#34;kiln&#34;,&#34;TaskName&#34;:&#34;al&#34;,&#34;Group&#34;:&#34;bay=a&#34;,\
             &#34;Tags&#34;:{&#34;bay&#34;:&#34;a&#34;},&#34;ServerInfo&#34;:{&#34;Hostname&#34;:&#34;localhost&#34;,\
             &#34;ClusterID&#34;:&#34;c&#34;,&#34;ServerID&#34;:&#34;s&#34;},&#34;ID&#34;:&#34;kiln:bay=a&#34;,\
             &#34;Fields&#34;:{&#34;t&#34;:35},&#34;Level&#34;:&#34;CRITICAL&#34;,\
             &#34;Time&#34;:&#34;1970-01-01T00:00:01Z&#34;,&#34;Duration&#34;:0,\
             &#34;Message&#34;:&#34;kiln:bay=a is CRITICAL&#34;}\n"
        );
        let mut fresh = body.clone();
        fresh.details = Details::default_of(Arc::default());
        fresh.message = "<a+b> \\ 'c'\n".into();
        let (mut one, mut two) = (String::new(), String::new());
        fresh.details.write_json(&fresh, &mut one);
        json::write_string(&mut two, fresh.details());
        assert_eq!(one, two);
        assert!(one.contains("\\\\u003ca\\u0026#43;b\\\\u003e"), "{one}");
        let wire = postcard::to_allocvec(&body).expect("wire");
        let back: Body = postcard::from_bytes(&wire).expect("wire");
        assert_eq!(back, body);
        assert_eq!(back.details(), body.details());
    }
}
