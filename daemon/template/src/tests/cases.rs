//! Many templates with what Go 1.26 makes of them: one JSON list `[mode, template, output or error]`
//! a line.

use super::render;
use crate::Mode;

fn check_file(mode: Mode, lines: &str) {
    let mut wrong = Vec::new();
    for line in lines.lines() {
        let [_, text, expected]: [String; 3] = serde_json::from_str(line).expect("a case");
        let found = render(mode, &text);
        if found != expected {
            wrong.push(format!("{text}\n  want {expected:?}\n  have {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn text_templates_render_as_in_go() {
    check_file(Mode::Text, include_str!("cases/text.jsonl"));
}

#[test]
fn html_templates_render_as_in_go() {
    check_file(Mode::Html, include_str!("cases/html.jsonl"));
}
