//! HTML mode.

use super::check_all;
use crate::Mode;

#[test]
fn recorded_details_render_as_in_kapacitor() {
    check_all(
        Mode::Html,
        &[
            (
                r#"<a href="/x?q={{ index .Fields "s" }}" onclick="f('{{ index .Tags "bay" }}')">{{ .ID }}</a><script>var v = {{ index .Fields "s" }}; var n = {{ index .Fields "n" }};</script><style>p { color: {{ .Level }} }</style>"#,
                r#"<a href="/x?q=a%3cb%3e%26%27c%27" onclick="f('north 1')">kiln:bay=north 1</a><script>var v = "a\u003cb\u003e\u0026'c'"; var n =  7 ;</script><style>p { color: CRITICAL }</style>"#,
            ),
            (
                r#"<p title="{{ index .Tags "bay" }}">{{ index .Fields "s" }} {{ .Message }}</p>"#,
                r#"<p title="north 1">a&lt;b&gt;&amp;&#39;c&#39; m &lt;CRITICAL&gt;</p>"#,
            ),
            (
                r#"{{ .Level }} {{ .Name }} "quoted" {{ index .Fields "s" }}"#,
                r#"CRITICAL kiln "quoted" a&lt;b&gt;&amp;&#39;c&#39;"#,
            ),
            ("d <{{ .Level }}>", "d &lt;CRITICAL>"),
        ],
    );
}
