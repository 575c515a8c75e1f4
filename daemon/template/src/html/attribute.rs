//! What attributes hold.

use super::context::Attribute;

/// Attributes that hold a URL though their names do not say so.
const URLS: [&str; 17] = [
    "action",
    "archive",
    "background",
    "cite",
    "classid",
    "codebase",
    "data",
    "formaction",
    "href",
    "icon",
    "longdesc",
    "manifest",
    "poster",
    "profile",
    "src",
    "usemap",
    "xmlns",
];

/// Attributes that must not be named by data.
const UNSAFE: [&str; 38] = [
    "accept-charset",
    "async",
    "challenge",
    "charset",
    "crossorigin",
    "defer",
    "dirname",
    "draggable",
    "enctype",
    "form",
    "formenctype",
    "formmethod",
    "formnovalidate",
    "formtarget",
    "high",
    "http-equiv",
    "keytype",
    "language",
    "list",
    "low",
    "max",
    "media",
    "method",
    "min",
    "novalidate",
    "optimum",
    "pattern",
    "rel",
    "sandbox",
    "srcdoc",
    "step",
    "target",
    "type",
    "value",
    "content",
    "http",
    "nonce",
    "integrity",
];

/// What an attribute of this lower-case name holds.
pub(super) fn kind(name: &str) -> Attribute {
    let name = match name.strip_prefix("data-") {
        Some(name) => name,
        None => match name.split_once(':') {
            Some(("xmlns", _)) => return Attribute::Url,
            Some((_, name)) => name,
            None => name,
        },
    };
    match name {
        "style" => Attribute::Style,
        "srcset" | "imagesrcset" => Attribute::SourceSet,
        name if URLS.contains(&name) => Attribute::Url,
        name if UNSAFE.contains(&name) => Attribute::Plain,
        name if name.starts_with("on") => Attribute::Script,
        name if ["src", "uri", "url"].iter().any(|part| name.contains(part)) => Attribute::Url,
        _ => Attribute::Plain,
    }
}

/// Whether data may name this attribute.
pub(super) fn is_safe_name(name: &str) -> bool {
    kind(name) == Attribute::Plain && !UNSAFE.contains(&name)
}

/// Whether a `script` of this type is a script.
pub(super) fn is_script_type(value: &str) -> bool {
    let value = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(
        &*value,
        "application/ecmascript"
            | "application/javascript"
            | "application/json"
            | "application/ld+json"
            | "application/x-ecmascript"
            | "application/x-javascript"
            | "module"
            | "text/ecmascript"
            | "text/javascript"
            | "text/javascript1.0"
            | "text/javascript1.1"
            | "text/javascript1.2"
            | "text/javascript1.3"
            | "text/javascript1.4"
            | "text/javascript1.5"
            | "text/jscript"
            | "text/livescript"
            | "text/x-ecmascript"
            | "text/x-javascript"
    )
}
