//! The language as recorded: format, parser errors, evaluation errors, each case a block of a file
//! in `testdata` (`== title`, script, `--`, what is expected).

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::evaluate::mock::Mock;
use crate::{Inputs, TaskType, evaluate, format, parse};

/// The (title, script, expectation) of each block; `{CR}` stands for a carriage return.
fn cases(file: &str) -> Vec<(String, String, String)> {
    let blocks = file.strip_prefix("== ").expect("starts with a title").split("\n== ");
    blocks
        .map(|block| {
            let (title, rest) = block.split_once('\n').expect("title");
            let (script, expect) = rest.split_once("\n--\n").expect("script");
            (title.to_owned(), script.replace("{CR}", "\r"), expect.to_owned())
        })
        .collect()
}

#[test]
fn scripts_format_as_recorded_and_then_stay() {
    for (title, script, expect) in cases(include_str!("../testdata/format.txt")) {
        let formatted = format(&script).unwrap_or_else(|e| panic!("{title}: {e}"));
        assert_eq!(formatted.trim_end(), expect.trim_end(), "{title}");
        assert_eq!(format(&formatted).as_ref(), Ok(&formatted), "{title}, again");
    }
}

#[test]
fn parser_errors_read_as_recorded() {
    for (title, script, expect) in cases(include_str!("../testdata/parse_errors.txt")) {
        let error = parse(&script).map(|_| ()).expect_err(&title);
        assert_eq!(error.to_string(), expect.trim_end(), "{title}");
    }
}

#[test]
fn evaluation_errors_read_as_recorded() {
    for (title, script, expect) in cases(include_str!("../testdata/evaluate_errors.txt")) {
        let program = parse(&script).unwrap_or_else(|e| panic!("{title}: {e}"));
        let task_type = program.task_type().unwrap_or(TaskType::Stream);
        let inputs = Inputs { task_type, vars: &BTreeMap::new(), allow_missing: false };
        let error = evaluate(&program, inputs, &mut Mock::default()).expect_err(&title);
        assert_eq!(error.to_string().trim_end(), expect.trim_end(), "{title}");
    }
}

#[test]
fn every_prefix_of_a_script_is_answered() {
    let script = include_str!("../testdata/format.txt");
    for (end, _) in script.char_indices().take(4_000) {
        drop(parse(&script[..end]));
    }
    for (_, script, _) in cases(script) {
        for (end, _) in script.char_indices() {
            drop(format(&script[..end]));
        }
    }
}

#[test]
fn nesting_without_end_is_an_error_not_a_crash() {
    for (open, close) in
        [("(", ")"), ("-", ""), ("!", ""), ("f(", ")"), ("1 + ", ""), ("a(b|c(", "))")]
    {
        let script = format!("var x = {}1{}", open.repeat(10_000), close.repeat(10_000));
        let error = parse(&script).map(|_| ()).expect_err(open);
        assert!(error.message.contains("nested too deep"), "{error}");
        let script = format!("var x = {}1{}", open.repeat(200), close.repeat(200));
        drop(format(&script));
    }
    let chain = format!("stream{}", "|f()".repeat(10_000));
    assert!(parse(&chain).is_ok(), "long chains are flat");
}

#[test]
fn a_script_of_a_megabyte_parses() {
    let statement = "stream\n    |from()\n        .where(lambda: \"a\" > 1 AND \"b\" =~ /x/)\n\n";
    let script = statement.repeat((1 << 20) / statement.len() + 1);
    assert_eq!(format(&script).expect("valid").trim_end(), script.trim_end());
}

/// Texts made of tokens, so that many of them parse.
fn soup() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "var ",
        "x",
        "y ",
        "stream",
        "|f",
        "(",
        ")",
        ".p",
        "@u",
        ",",
        "[",
        "]",
        "lambda: ",
        "\"a\"",
        "'s'",
        "'''r'''",
        "/re/",
        "*",
        " + ",
        " - ",
        "-",
        "!",
        " AND ",
        " =~ ",
        " = ",
        "1",
        "2.5",
        "5m",
        "\n",
        "\n\n",
        " // c\n",
        "TRUE",
        "dbrp ",
        "\"d\".\"r\" ",
        " > ",
        " / ",
        "(x)",
        "(1 + 2)",
    ]);
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

/// Expressions that parse, with comments and line breaks anywhere.
fn expression() -> impl Strategy<Value = String> {
    let leaf =
        prop::sample::select(vec!["\"a\"", "1", "x", "'s'", "5m", "// c\n2", "\n3", "3.5 // d\n"]);
    leaf.prop_map(str::to_owned).prop_recursive(5, 40, 3, |inner| {
        let op =
            prop::sample::select(vec![" + ", "\n* ", " AND // e\n\n// f\n", " == ", " // g\n < "]);
        prop_oneof![
            (inner.clone(), op, inner.clone()).prop_map(|(l, op, r)| format!("{l}{op}{r}")),
            inner.clone().prop_map(|e| format!("({e})")),
            inner.clone().prop_map(|e| format!("-{e}")),
            inner.clone().prop_map(|e| format!("(// h\n{e}\n)")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("f({a},\n{b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("f({a}, {b} // i\n)")),
        ]
    })
}

fn formatting_settles(script: &str) -> Result<(), TestCaseError> {
    if let Ok(once) = format(script) {
        let twice = format(&once);
        prop_assert_eq!(twice.as_ref(), Ok(&once), "{}", script);
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_is_answered(text in "\\PC*") {
        formatting_settles(&text)?;
    }

    #[test]
    fn any_tokens_are_answered(text in soup()) {
        formatting_settles(&text)?;
        if let Ok(program) = parse(&text) {
            let inputs = Inputs {
                task_type: TaskType::Stream,
                vars: &BTreeMap::new(),
                allow_missing: true,
            };
            drop(evaluate(&program, inputs, &mut Mock::default()));
        }
    }

    #[test]
    fn formatting_twice_is_formatting_once(e in expression(), f in expression()) {
        prop_assert!(format(&format!("var v = lambda: {e}")).is_ok(), "{e}");
        formatting_settles(&format!("var v = lambda: {e}"))?;
        formatting_settles(&format!("stream|from(lambda: {e},\nx|y()).where({f}) // z\n.z('a')"))?;
    }
}
