//! `/templates`: list, show, create, change, delete.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::Error;
use crate::request::{Client, Path};
use crate::task::PAGE;
use crate::vars::Vars;

/// A template as the API shows it. Fields that were not asked for are empty.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Template {
    /// Its name.
    pub id: String,
    /// `stream` or `batch`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its TICKscript, formatted.
    pub script: String,
    /// Its variables with their defaults.
    pub vars: Vars,
    /// Its graph in the DOT language.
    pub dot: String,
    /// What is wrong with it, or empty.
    pub error: String,
    /// RFC 3339.
    pub created: String,
    /// RFC 3339.
    pub modified: String,
}

/// What to make of a template; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TemplateChange {
    /// Name, for a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `stream` or `batch`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// TICKscript.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
}

#[derive(Deserialize)]
struct List {
    templates: Option<Vec<Template>>,
}

impl Client {
    /// All templates whose id matches the glob (empty: all), with the given fields only, by id.
    pub async fn templates(&self, pattern: &str, fields: &[&str]) -> Result<Vec<Template>, Error> {
        let mut all = Vec::new();
        loop {
            let (offset, limit) = (all.len().to_string(), PAGE.to_string());
            let mut query = vec![("pattern", pattern), ("offset", &offset), ("limit", &limit)];
            query.extend(fields.iter().map(|field| ("fields", *field)));
            let page: List = self.get(Path { segments: &["templates"], query: &query }).await?;
            let page = page.templates.unwrap_or_default();
            let last = page.len() < PAGE;
            all.extend(page);
            if last {
                return Ok(all);
            }
        }
    }

    /// A template.
    pub async fn template(&self, id: &str) -> Result<Template, Error> {
        self.get(Path::of(&["templates", id])).await
    }

    /// Creates a template.
    pub async fn create_template(&self, change: &TemplateChange) -> Result<Template, Error> {
        self.call(Method::POST, Path::of(&["templates"]), Some(&json!(change))).await?.decode()
    }

    /// Changes a template and every task made from it.
    pub async fn change_template(
        &self,
        id: &str,
        change: &TemplateChange,
    ) -> Result<Template, Error> {
        let body = json!(change);
        let answer = self.call(Method::PATCH, Path::of(&["templates", id]), Some(&body)).await?;
        answer.decode()
    }

    /// Deletes a template; its tasks stay. One that does not exist is deleted already.
    pub async fn delete_template(&self, id: &str) -> Result<(), Error> {
        self.call(Method::DELETE, Path::of(&["templates", id]), None).await.map(drop)
    }
}
