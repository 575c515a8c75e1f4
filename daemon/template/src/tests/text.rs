//! Text mode.

use super::check_all;
use crate::Mode;

#[test]
fn recorded_templates_render_as_in_kapacitor() {
    check_all(
        Mode::Text,
        &[
            (
                "é {{ .Level }}\n\tsecond line {{- \" trimmed \" -}}   \n end ☃",
                "é CRITICAL\n\tsecond line trimmed end ☃",
            ),
            (
                r#"{{ eq .Level "OK" "INFO" "CRITICAL" }} {{ ne .Name "kiln" }} {{ lt 1 2 }} {{ le 2 2 }} {{ gt 1.5 2.5 }} {{ ge "b" "a" }} {{ or "" "dflt" }} {{ and 1 0 }} {{ not 0 }}"#,
                "true false true true false true dflt 0 true",
            ),
            (
                r#"{{ .Level | printf "%s-%s" .Name | len | printf "%03d" }} {{ (index .Fields "t") | printf "%.1f" | printf "[%s]" }} {{ "lit" | print `raw "q"` }} {{ 1e3 }} {{ 0x10 }} {{ 'a' }} {{ true }}"#,
                r#"013 [35.5] raw "q"lit 1000 16 97 true"#,
            ),
            (
                r#"{{ define "a" }}<{{ . }}>{{ end }}{{ template "a" .Level }}{{ block "b" .Name }}[{{ . }}]{{ end }}"#,
                "<CRITICAL>[kiln]",
            ),
            (
                r"{{ .Duration }} {{ .Duration.Seconds }} {{ .Duration.Minutes }} {{ .Duration.Nanoseconds }}",
                "1h1m39s 3699 61.65 3699000000000",
            ),
            (
                r#"{{ html (index .Fields "s") }} {{ js (index .Fields "s") }} {{ urlquery (index .Fields "s") }} {{ index .Fields "s" | html | printf "<%s>" }}"#,
                r"a&lt;b&gt;&amp;&#39;c&#39; a\u003Cb\u003E\u0026\'c\' a%3Cb%3E%26%27c%27 <a&lt;b&gt;&amp;&#39;c&#39;>",
            ),
            (
                r#"{{ .Name }}|{{ .TaskName }}|{{ .Group }}|{{ index .Tags "bay" }}|{{ index .Tags "none" }}|{{ index .Fields "t" }}|{{ index .Fields "n" }}|{{ index .Fields "s" }}|{{ index .Fields "ok" }}|{{ index .Fields "none" }}|{{ .Tags.bay }}|{{ .Fields.n }}"#,
                "kiln|al|bay=north 1|north 1||35.5|7|a<b>&'c'|true|<no value>|north 1|7",
            ),
            (
                r#"{{ len .Tags }} {{ len .Name }} {{ slice .Name 1 3 }} {{ print 1 2 "a" "b" 3 }} {{ println "x" }}{{ print .Level .ID }}"#,
                "2 4 il 1 2ab3 x\nCRITICALkiln:bay=north 1",
            ),
            (
                r"{{ .Time.Nothing }}",
                r#"template: message:1:8: executing "message" at <.Time.Nothing>: can't evaluate field Nothing in type time.Time"#,
            ),
            (
                r#"{{ index .Fields "zz" }} {{ .Tags.zz }} {{ .Fields.zz }} {{ with .Fields.zz }}x{{ else }}y{{ end }}"#,
                "<no value> <no value> <no value> y",
            ),
            (
                r#"{{ printf "%d" (index .Fields "t") }} {{ printf "%s" (index .Fields "n") }} {{ printf "%d" }} {{ printf "%d" 1 2 }} {{ printf "%!" }}"#,
                "%!d(float64=35.5) %!s(int64=7) %!d(MISSING) 1%!(EXTRA int=2) %!!(MISSING)",
            ),
            (
                r"{{ range $k, $v := .Fields }}{{ $k }}={{ $v }};{{ end }}{{ range .Tags }}[{{ . }}]{{ else }}none{{ end }}",
                "n=7;ok=true;s=a<b>&'c';t=35.5;[north 1][r2]",
            ),
            (
                r#"{{ index .Tags "bay" 1 2 }}"#,
                r#"template: message:1:3: executing "message" at <index .Tags "bay" 1 2>: error calling index: can't index item of type uint8"#,
            ),
            ("{{ .ServerInfo.Hostname }}", "localhost"),
            (
                r#"{{- with $b := index .Tags "bay" -}} bay is {{ $b }} {{- else -}} no bay {{- end -}} {{ $x := .Level }}{{ if true }}{{ $x = "changed" }}{{ end }} / {{ $x }} {{/* remark */ -}} !"#,
                "bay is north 1 / changed !",
            ),
            ("{{ shout .ID }}", "template: message:1: function \"shout\" not defined"),
            ("{{ .Name", "template: message:1: unclosed action"),
        ],
    );
}

#[test]
fn local_times_show_the_zone_that_was_given() {
    let zone = jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
    let text = r#"{{ .Time.Local }} {{ .Time.Local.Format "15:04 MST -07:00" }} {{ .Time }} {{ .Time.Local.UTC.Hour }} {{ .Time.Local.Location }}"#;
    let template = crate::Template::parse("message", text, Mode::Text).expect("parses");
    assert_eq!(
        template.in_zone(zone).render(&super::Alert),
        Ok("2017-07-14 04:40:00.25 +0200 CEST 04:40 CEST +02:00 2017-07-14 02:40:00.25 +0000 UTC 2 Local".to_owned())
    );
}

#[test]
fn json_is_a_function_of_text_templates_only_where_asked_for() {
    check_all(
        Mode::TextWithJson,
        &[(
            r"{{ json .Tags }}|{{ jsonCompact .Message }}",
            "{\"bay\":\"north 1\",\"row\":\"r2\"}\n|\"m \\u003cCRITICAL\\u003e\"",
        )],
    );
    check_all(
        Mode::Text,
        &[("{{ json . }}", "template: message:1: function \"json\" not defined")],
    );
}
