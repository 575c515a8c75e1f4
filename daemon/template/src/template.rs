//! A parsed template.

use std::fmt;

use jiff::tz::TimeZone;

use crate::func::Extras;
use crate::tree::Body;
use crate::{Mode, Object, exec, html, parse};

/// A template, parsed once and rendered often.
#[derive(Clone)]
pub struct Template {
    source: Box<str>,
    bodies: Box<[Body]>,
    zone: TimeZone,
    /// Why HTML mode cannot tell where actions stand; known since parsing, said by rendering.
    unsafe_text: Option<String>,
}

impl Template {
    /// Parses a text. The name stands in error texts, which read as Go's:
    /// `template: id:1: unclosed action`.
    pub fn parse(name: &str, text: &str, mode: Mode) -> Result<Self, String> {
        let extras = if mode == Mode::Text { Extras::None } else { Extras::Json };
        let mut bodies = parse::parse(name, text, extras)?;
        let unsafe_text = if mode == Mode::Html { html::prepare(&mut bodies).err() } else { None };
        Ok(Self { source: text.into(), bodies: bodies.into(), zone: TimeZone::UTC, unsafe_text })
    }

    /// The same template with the zone that `.Local` of a time shows; UTC unless given.
    pub fn in_zone(mut self, zone: TimeZone) -> Self {
        self.zone = zone;
        self
    }

    /// Executes the template. Errors read as Go's:
    /// `template: message:1:9: executing "message" at <.Time.Nothing>: can't evaluate field …`.
    pub fn render(&self, data: &dyn Object) -> Result<String, String> {
        if let Some(message) = &self.unsafe_text {
            return Err(message.clone());
        }
        exec::render(&self.bodies, &self.source, &self.zone, data)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").field("source", &self.source).finish_non_exhaustive()
    }
}
