//! The documented file that `kapacitord config` prints: every section and key with its doc and value.

use std::fmt::Write as _;

use super::schema::{Key, Kind, SECTIONS, Section, Shape, State};
use super::settings::{Element, Settings, Value};

/// Width of comment lines.
const WIDTH: usize = 100;

/// Where a packaged member keeps its data; the sample names it because a file must.
pub const SAMPLE_DATA_DIR: &str = "/var/lib/kapacitor";

/// All options of `settings` as a file that reads back to the same settings.
pub fn render(settings: &Settings) -> String {
    let mut out = String::from(
        "# Configuration of kapacitord, TOML. Every option stands here with its value.\n\
         # Each can be set by environment, too: KAPACITOR_SECTION_KEY, upper case, \"-\" as \"_\".\n",
    );
    for section in SECTIONS {
        render_section(&mut out, section, settings.elements(section.name));
    }
    out
}

/// The sample of `kapacitord config`: defaults, with the directories of a packaged member.
pub fn sample() -> Settings {
    let mut settings = Settings::default();
    let text = |s: &str| Value::Text(s.to_owned());
    settings.elements_mut("")[0].insert("data_dir", text(SAMPLE_DATA_DIR));
    settings
}

fn render_section(out: &mut String, section: &Section, elements: &[Element]) {
    out.push('\n');
    comment(out, section.doc, "");
    if section.state == State::Later {
        comment(out, "Not built yet: accepted without effect, and refused when switched on.", "");
    }
    let header = match section.shape {
        Shape::Table if section.name.is_empty() => String::new(),
        Shape::Table => format!("[{}]\n", section.name),
        Shape::List { .. } => format!("[[{}]]\n", section.name),
    };
    if elements.is_empty() {
        // No element by default: show one, commented out.
        let mut shown = header.clone();
        render_keys(&mut shown, section.keys, &section.new_element(), section.name, true);
        for line in shown.lines() {
            out.push_str(if line.starts_with('#') || line.is_empty() { "" } else { "# " });
            out.push_str(line);
            out.push('\n');
        }
    }
    for (index, element) in elements.iter().enumerate() {
        out.push_str(&header);
        render_keys(out, section.keys, element, section.name, index == 0);
    }
}

fn render_keys(out: &mut String, keys: &[Key], element: &Element, path: &str, documented: bool) {
    let nested =
        |kind: Kind| matches!(kind, Kind::Table(_) | Kind::Tables(_) | Kind::Map | Kind::Lists(_));
    // Tables end the plain keys of a section in TOML, so they come last.
    for key in keys.iter().filter(|k| !nested(k.kind)).chain(keys.iter().filter(|k| nested(k.kind)))
    {
        if documented {
            comment(out, key.doc, "  ");
            if key.state == State::Later || key.state == State::Refused {
                comment(out, "Not built yet.", "  ");
            }
        }
        let value = element.get(key.name).expect("an element has every key of its table");
        let table =
            if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        match value {
            Value::Unset => line(out, format_args!("  # {} =", bare(key.name))),
            Value::Map(map) => {
                line(out, format_args!("  [{table}]"));
                for (name, text) in map {
                    line(out, format_args!("    {} = {}", bare(name), quoted(text)));
                }
            }
            Value::Lists(lists) => {
                line(out, format_args!("  [{table}]"));
                for (name, list) in lists {
                    line(out, format_args!("    {} = {}", bare(name), list_of(list)));
                }
            }
            Value::Table(inner) => {
                let Kind::Table(keys) = key.kind else { continue };
                line(out, format_args!("  [{table}]"));
                render_keys(out, keys, inner, &table, documented);
            }
            Value::Tables(tables) => {
                let Kind::Tables(keys) = key.kind else { continue };
                for (name, inner) in tables {
                    let table = format!("{table}.{}", bare(name));
                    line(out, format_args!("  [{table}]"));
                    render_keys(out, keys, inner, &table, false);
                }
            }
            plain => line(out, format_args!("  {} = {}", bare(key.name), literal(plain))),
        }
    }
}

/// Puts a line behind `out`.
fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{text}");
}

fn literal(value: &Value) -> String {
    match value {
        Value::Text(text) => quoted(text),
        Value::Int(n) => n.to_string(),
        Value::Float(x) => format!("{x:?}"),
        Value::Bool(b) => b.to_string(),
        Value::Duration(d) => quoted(&d.to_go_string()),
        Value::List(list) => list_of(list),
        _ => String::new(),
    }
}

fn list_of(list: &[String]) -> String {
    let items: Vec<String> = list.iter().map(|s| quoted(s)).collect();
    format!("[{}]", items.join(", "))
}

fn bare(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(plain) { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn comment(out: &mut String, text: &str, indent: &str) {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && indent.len() + line.len() + word.len() + 3 > WIDTH {
            self::line(out, format_args!("{indent}# {line}"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        self::line(out, format_args!("{indent}# {line}"));
    }
}
