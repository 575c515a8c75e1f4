//! The language as recorded: format, parser errors, evaluation errors, each case a block of a file
//! in `testdata` (`== title`, script, `--`, what is expected).

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::ast::{Expr, ExprKind};
use crate::evaluate::mock::Mock;
use crate::{Inputs, TaskType, evaluate, format, parse, parse_lambda};

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
fn scripts_format_as_recorded_and_then_settle() -> Result<(), TestCaseError> {
    for (title, script, expect) in cases(include_str!("../testdata/format.txt")) {
        let formatted = format(&script).unwrap_or_else(|e| panic!("{title}: {e}"));
        assert_eq!(formatted.trim_end(), expect.trim_end(), "{title}");
        formatting_settles(&script)?;
    }
    Ok(())
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

/// An expression with all its parentheses.
fn grouped(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Binary { op, left, right, .. } => {
            format!("({} {} {})", grouped(left), op.symbol(), grouped(right))
        }
        ExprKind::Unary { op, operand } => format!("({}{})", op.symbol(), grouped(operand)),
        _ => expr.to_string(),
    }
}

#[test]
fn operators_group_by_precedence_and_to_the_left() {
    for (text, expect) in [
        ("1 + 2 * 3 - 4", "((1 + (2 * 3)) - 4)"),
        ("1 < 2 == TRUE", "((1 < 2) == TRUE)"),
        ("TRUE == 1 < 2", "(TRUE == (1 < 2))"),
        ("1 < \"v\" < 3", "((1 < \"v\") < 3)"),
        ("a OR b AND c == d < e + f * g", "(a OR (b AND (c == (d < (e + (f * g))))))"),
        ("a * b + c < d == e AND f OR g", "((((((a * b) + c) < d) == e) AND f) OR g)"),
        ("-\"a\" / 2", "((-\"a\") / 2)"),
        ("!a AND !(b OR c)", "((!a) AND (!(b OR c)))"),
        ("4 - -3 - 2", "((4 - (-3)) - 2)"),
    ] {
        assert_eq!(grouped(&parse_lambda(text).expect(text).expr), expect, "{text}");
    }
}

#[test]
fn what_the_grammar_refuses() {
    for (script, expect) in [
        ("'x'|log()", "unexpected | "),
        ("var x = lambda: /x/", "unexpected / "),
        ("var x = 'a' 1.2.3", "unexpected multiple decimals in number "),
        ("var x = \"a", "unexpected unterminated field reference "),
        ("var x = 08", "illegal number syntax: \"08\""),
        ("var x = 9999999999999w", "overflowed duration 9999999999999w: "),
        (
            "dbrp 'a'.'b'",
            "unexpected string line 1 char 6 in \"dbrp 'a'.'b'\". expected: \"reference\"",
        ),
        ("stream|window.f()", "unexpected . line 1 char 14 in \"eam|window.f()\". expected: \"(\""),
        ("var x = if(lambda: 1, 2) + f(lambda: 1)", "unexpected lambda "),
        ("stream|from()()", "unexpected ) line 1 char 15 "),
    ] {
        let error = parse(script).map(|_| ()).expect_err(script).to_string();
        assert!(error.starts_with("parser: ") && error.contains(expect), "{script}: {error}");
    }
}

#[test]
fn lines_break_where_an_operator_and_its_right_side_stand_apart() {
    for (script, expect) in [
        ("x|f(lambda: 1\n AND 2 AND 3)", "x\n    |f(lambda: 1 AND\n        2 AND 3)\n"),
        ("x|f(lambda: 1 AND 2\n AND 3)", "x\n    |f(lambda: 1 AND 2 AND\n        3)\n"),
        ("x|f(lambda: (1\n + 2) + 3)", "x\n    |f(lambda: (1 +\n            2) + 3)\n"),
        ("x|f(1\n / 2)", "x\n    |f(\n        1 /\n        2\n    )\n"),
        ("x|f(y\n|g())", "x\n    |f(\n        y\n            |g()\n    )\n"),
        ("x|f(y|g(\n1))", "x\n    |f(y\n            |g(\n                1\n            ))\n"),
    ] {
        assert_eq!(format(script).as_deref(), Ok(expect), "{script}");
    }
}

#[test]
fn a_root_that_stands_alone_makes_no_task() {
    for (script, expect) in [
        ("stream", None),
        ("stream\nfrom()|log()", None),
        ("var s = stream", Some(TaskType::Stream)),
        ("batch|query('q')", Some(TaskType::Batch)),
    ] {
        assert_eq!(parse(script).expect(script).task_type(), expect, "{script}");
    }
}

#[test]
fn comments_find_a_place_that_lasts() {
    for (script, expect) in [
        ("x // c\n/ 2", "// c\nx /\n2\n"),
        ("f(1 // c\n)|g()", "f(1)\n    // c\n    |g()\n"),
        ("var // c\na = 5", "// c\nvar a = 5\n"),
        ("var a = // c\n5", "var a = \n// c\n5\n"),
        ("//\n//   deep\n\n\n// b\nx", "//\n//   deep\n\n// b\nx\n"),
        ("// only", "// only\n\n"),
        ("x|f(1 // c\n + 2)", "x\n    |f(\n        // c\n        1 +\n        2\n    )\n"),
    ] {
        assert_eq!(format(script).as_deref(), Ok(expect), "{script}");
        assert_eq!(format(expect).as_deref(), Ok(expect), "{script}, again");
    }
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

/// Formatting what was formatted changes at most line breaks (one that moves behind an operator
/// draws later operators along, as in the original), and soon nothing at all.
fn formatting_settles(script: &str) -> Result<(), TestCaseError> {
    const MOST_PASSES: usize = 100;
    let Ok(mut text) = format(script) else { return Ok(()) };
    let without_space = |text: &str| text.split_whitespace().collect::<String>();
    let first = without_space(&text);
    for _ in 0..MOST_PASSES {
        let again = format(&text).map_err(|e| TestCaseError::fail(format!("{script}: {e}")))?;
        prop_assert_eq!(without_space(&again), first.as_str(), "{}", script);
        if again == text {
            return Ok(());
        }
        text = again;
    }
    Err(TestCaseError::fail(format!("does not settle: {script}")))
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
    fn formatting_settles_and_keeps_every_word(e in expression(), f in expression()) {
        prop_assert!(format(&format!("var v = lambda: {e}")).is_ok(), "{e}");
        formatting_settles(&format!("var v = lambda: {e}"))?;
        formatting_settles(&format!("stream|from(lambda: {e},\nx|y()).where({f}) // z\n.z('a')"))?;
    }
}
