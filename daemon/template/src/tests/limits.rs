//! Hostile templates end in errors, and soon.

use proptest::prelude::*;

use super::{Alert, check_all, render};
use crate::{Mode, Template};

#[test]
fn a_template_that_calls_itself_for_ever_is_an_error() {
    let text = r#"{{ template "message" . }}"#;
    for mode in [Mode::Text, Mode::Html] {
        let found = render(mode, text);
        assert!(found.ends_with("exceeded maximum template depth (100)"), "{found}");
    }
    let nested = format!(
        "{}{{{{ template \"message\" . }}}}{}",
        "{{ if true }}".repeat(99),
        "{{ end }}".repeat(99)
    );
    assert!(render(Mode::Text, &nested).contains("depth"), "depth");
}

#[test]
fn a_long_loop_is_an_error() {
    let found = render(Mode::Text, "{{ range 1000000000 }}{{ end }}");
    assert!(found.ends_with("the template works for too long"), "{found}");
    let found = render(Mode::Text, r#"{{ range 1000000 }}{{ printf "%1000d" 1 }}{{ end }}"#);
    assert!(found.contains("8 MiB") || found.contains("too long"), "{found}");
    let doubling = format!("{{{{ $x := \"ab\" }}}}{}", "{{ $x = print $x $x }}".repeat(60));
    let found = render(Mode::Text, &doubling);
    assert!(found.contains("too long"), "{found}");
}

#[test]
fn deep_nesting_is_an_error() {
    let text = format!("{{{{ {}1{} }}}}", "(".repeat(500), ")".repeat(500));
    check_all(Mode::Text, &[(&text, "template: message:1: nested deeper than 100 levels")]);
    let text = "{{ if true }}".repeat(500);
    check_all(Mode::Text, &[(&text, "template: message:1: nested deeper than 100 levels")]);
}

#[test]
fn widths_precisions_and_layouts_may_be_long() {
    const LONG: usize = 100_000;
    for (verb, shown) in [("%0100000d", "7"), ("%.100000d", "7")] {
        let found = render(Mode::Text, &format!("{{{{ printf {verb:?} 7 }}}}"));
        assert_eq!(found, format!("{}{shown}", "0".repeat(LONG - 1)), "{verb}");
    }
    for (verb, head, tail) in [("%.100000f", "2.5", ""), ("%.100000e", "2.5", "e+00")] {
        let found = render(Mode::Text, &format!("{{{{ printf {verb:?} 2.5 }}}}"));
        assert_eq!(found, format!("{head}{}{tail}", "0".repeat(LONG - 1)), "{verb}");
    }
    let layout = format!("05.{}", "0".repeat(LONG));
    let found = render(Mode::Text, &format!("{{{{ .Time.Format {layout:?} }}}}"));
    assert!(found.len() == layout.len() && found.ends_with("000"), "{} bytes", found.len());
}

proptest! {
    #[test]
    fn any_text_parses_or_is_refused(text in "(\\PC|[{}<>\"'`/=\n -]|\\{\\{|\\}\\}){0,80}") {
        for mode in [Mode::Text, Mode::Html] {
            if let Ok(template) = Template::parse("message", &text, mode) {
                let _ = template.render(&Alert);
            }
        }
    }

    #[test]
    fn any_words_of_the_language_parse_or_are_refused(words in prop::collection::vec(
        prop::sample::select(vec![
            "{{", "}}", "{{ ", " }}", "{{- ", " -}}", "if ", "else ", "end", "range ", "with ", ".Name", ".Tags",
            "$x", ":=", "=", ",", "|", "(", ")", "printf ", "index ", "\"%d\" ", "1 ", "nil ", "define ", "template ",
            "\"x\" ", "block ", "break", ".", "<a ", "href=", "\"", "'", ">", "<script>", "</script>", "<style>", "/*", "*/", "<!--",
        ]), 0..40)) {
        let text = words.concat();
        for mode in [Mode::Text, Mode::Html] {
            if let Ok(template) = Template::parse("message", &text, mode) {
                let _ = template.render(&Alert);
            }
        }
    }

    #[test]
    fn any_format_prints(format in "(%[-+# 0]{0,3}[0-9]{0,2}(\\.[0-9*]?)?[\\[\\]1-3*]{0,3}\\PC|\\PC){0,6}") {
        let format = crate::quote::quoted(&format);
        let _ = render(Mode::Text, &format!("{{{{ printf {format} 1 \"a\" 2.5 .Tags .Duration nil }}}}"));
    }
}
