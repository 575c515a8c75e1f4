//! `[[httppost]]` endpoints: what they add to the requests of alert handlers and `httpPost` nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use alert::kind::post::Post as PostOptions;
use alert::{AlertData, Event};
use engine::HttpPost;
use model::Str;
use template::{Mode, Template};

use super::guard::Guard;
use super::post::Post;
use crate::config;
use crate::logging::Secret;

const JSON: &str = "application/json";

/// One endpoint, its templates parsed.
struct Endpoint {
    url: String,
    headers: BTreeMap<String, String>,
    basic_auth: Option<(String, Secret)>,
    alert_template: Option<Template>,
    alert_text: Option<String>,
    row_text: Option<String>,
}

/// All endpoints and the two HTTP clients they are reached with.
pub(crate) struct Endpoints {
    all: BTreeMap<String, Endpoint>,
    pub(crate) guard: Guard,
    http: reqwest::Client,
    /// Accepts any certificate.
    trusting: reqwest::Client,
}

impl Endpoints {
    /// Reads template files and parses templates.
    pub(crate) fn open(configs: &[config::HttpPost], guard: Guard) -> Result<Self, anyhow::Error> {
        let mut all = BTreeMap::new();
        for config in configs {
            let read = |template: &Option<config::Template>| {
                template.as_ref().map(|t| text_of(&config.endpoint, t)).transpose()
            };
            let (alert_text, row_text) =
                (read(&config.alert_template)?, read(&config.row_template)?);
            let parse = |text: &String| {
                Template::parse("alert-template", text, Mode::TextWithJson)
                    .map_err(|e| anyhow::anyhow!("[[httppost]] {:?}: {e}", config.endpoint))
            };
            let endpoint = Endpoint {
                url: config.url.clone(),
                headers: config.headers.clone(),
                basic_auth: config.basic_auth.clone(),
                alert_template: alert_text.as_ref().map(parse).transpose()?,
                alert_text,
                row_text,
            };
            all.insert(config.endpoint.clone(), endpoint);
        }
        let client = |skip_verify| {
            let tls = influx::Tls { skip_verify, ..influx::Tls::default() };
            influx::http_client(&tls, concat!("Kapacitor/", env!("CARGO_PKG_VERSION")), None)
        };
        Ok(Self { all, guard, http: client(false)?, trusting: client(true)? })
    }

    /// What the engine must know of them.
    pub(crate) fn for_engine(&self) -> BTreeMap<Str, engine::Endpoint> {
        let convert = |(name, e): (&String, &Endpoint)| {
            let endpoint = engine::Endpoint {
                url: e.url.as_str().into(),
                row_template: e.row_text.as_deref().map(Into::into),
                alert_template: e.alert_text.as_deref().map(Into::into),
            };
            (Str::from(name.as_str()), endpoint)
        };
        self.all.iter().map(convert).collect()
    }

    /// The request of a `post` handler for an event.
    pub(crate) fn alert_post(
        &self,
        handler: &PostOptions,
        event: &Arc<Event>,
    ) -> Result<(reqwest::Client, Post), String> {
        let endpoint = match handler.endpoint.as_str() {
            "" => None,
            name => Some(
                self.all.get(name).ok_or_else(|| format!("no [[httppost]] endpoint {name:?}"))?,
            ),
        };
        let url = match (handler.url.as_str(), endpoint) {
            ("", Some(endpoint)) => endpoint.url.as_str(),
            ("", None) => {
                return Err("An appropriately formatted url must be specified if an endpoint is not specified".to_owned());
            }
            (url, _) => url,
        };
        let data = AlertData(event.clone());
        let render = |template: &Template| template.render(&data);
        let url = if url.contains("{{") {
            render(&Template::parse("url", url, Mode::Text)?)?
        } else {
            url.to_owned()
        };
        let custom = endpoint.and_then(|e| e.alert_template.as_ref());
        let body = match custom {
            Some(template) => render(template)?,
            None => event.alert_data(),
        };
        let mut headers = pairs(endpoint.map(|e| &e.headers));
        headers.extend(pairs(Some(&handler.headers)));
        let http = if handler.skip_ssl_verification { &self.trusting } else { &self.http };
        let post = Post {
            url,
            headers,
            basic_auth: endpoint.and_then(|e| e.basic_auth.clone()),
            content_type: custom.is_none().then_some(JSON),
            body,
            timeout: handler.timeout.to_std(),
            capture_response: handler.capture_response,
        };
        Ok((http.clone(), post))
    }

    /// The request of an `httpPost` node, which the engine has rendered.
    pub(crate) fn node_post(&self, request: HttpPost) -> (reqwest::Client, Post) {
        let endpoint = request.endpoint.as_ref().and_then(|name| self.all.get(&**name));
        let mut headers = pairs(endpoint.map(|e| &e.headers));
        headers.extend(request.headers.iter().map(|(k, v)| (k.to_string(), v.to_string())));
        let post = Post {
            url: request.url,
            headers,
            basic_auth: endpoint.and_then(|e| e.basic_auth.clone()),
            content_type: request.content_type,
            body: request.body,
            timeout: request.timeout.to_std(),
            capture_response: false,
        };
        (self.http.clone(), post)
    }
}

fn pairs(headers: Option<&BTreeMap<String, String>>) -> Vec<(String, String)> {
    headers.into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn text_of(endpoint: &str, template: &config::Template) -> Result<String, anyhow::Error> {
    match template {
        config::Template::Text(text) => Ok(text.clone()),
        config::Template::File(path) => std::fs::read_to_string(path).map_err(|e| {
            anyhow::anyhow!("[[httppost]] {endpoint:?}: failed to read {}: {e}", path.display())
        }),
    }
}
