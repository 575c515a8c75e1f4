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
            Form::Default(server) => {
                self.rendered.get_or_init(|| render_default(body, server).into())
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

/// What the default details template gives: the event's fields as JSON, escaped for HTML, and a
/// newline (recorded: case alert__default_payload).
fn render_default(body: &Body, server: &ServerInfo) -> String {
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
    escape_html(&out)
}

/// Escapes text as `html/template` does between tags.
fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut start = 0;
    for (i, b) in text.bytes().enumerate() {
        let escape = match b {
            b'"' => "&#34;",
            b'\'' => "&#39;",
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'+' => "&#43;",
            0 => "\u{fffd}",
            _ => continue,
        };
        out.push_str(&text[start..i]);
        out.push_str(escape);
        start = i + 1;
    }
    out.push_str(&text[start..]);
    out
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
        let wire = postcard::to_allocvec(&body).expect("wire");
        let back: Body = postcard::from_bytes(&wire).expect("wire");
        assert_eq!(back, body);
        assert_eq!(back.details(), body.details());
    }
}
