//! What a script makes of a builder, and of its vars.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::mock::Mock;
use super::{Inputs, evaluate};
use crate::{Diagnostic, Pattern, TaskType, Value, Var, VarType, parse, parse_lambda};

fn run(
    script: &str,
    vars: &BTreeMap<String, Var>,
    allow_missing: bool,
) -> Result<(Mock, BTreeMap<String, Var>), Diagnostic> {
    let program = parse(script)?;
    let mut mock = Mock::default();
    let inputs = Inputs { task_type: TaskType::Stream, vars, allow_missing };
    let defaults = evaluate(&program, inputs, &mut mock)?;
    Ok((mock, defaults))
}

/// A value as it would be written in a script.
fn show(value: &Value) -> String {
    match value {
        Value::Bool(v) => v.to_string().to_uppercase(),
        Value::Int(v) => v.to_string(),
        Value::Float(v) => format!("{v:?}"),
        Value::String(v) => format!("'{v}'"),
        Value::Duration(v) => v.to_string(),
        Value::Regex(v) => format!("{v:?}"),
        Value::Lambda(v) => format!("lambda: {v}"),
        Value::List(v) => format!("[{}]", v.iter().map(show).collect::<Vec<_>>().join(", ")),
        Value::Star => "*".to_owned(),
        Value::Reference(v) => format!("\"{v}\""),
        Value::Time { length, offset } => format!("time({length}, {offset})"),
        Value::Node(v) => format!("node {}", v.0),
        Value::Opaque => "?".to_owned(),
    }
}

/// The calls a script makes, one a line, or its error.
fn check(script: &str, expected: Expect) {
    match run(script, &BTreeMap::new(), false) {
        Ok((mock, _)) => {
            let call = |(call, args): &(String, Vec<Value>)| {
                format!("{call}({})\n", args.iter().map(show).collect::<Vec<_>>().join(", "))
            };
            expected.assert_eq(&mock.calls.iter().map(call).collect::<String>());
        }
        Err(error) => {
            let hint = error.hint.as_ref().map_or(String::new(), |hint| format!("hint: {hint}\n"));
            expected.assert_eq(&format!("{error}\n{hint}"));
        }
    }
}

#[test]
fn chains_make_children_and_properties_change_the_same_node() {
    check(
        "var w = stream|from().Measurement('m')
         var x = w|window().period(20s)
         x.every(20s)
         w|where(lambda: TRUE)",
        expect![[r"
            0|from()
            1.measurement('m')
            1|window()
            2.period(20s)
            2.every(20s)
            1|where(lambda: TRUE)
        "]],
    );
}

#[test]
fn a_node_argument_is_made_before_the_call() {
    check(
        "stream|from()|join(stream|from().measurement('b')).as('x', 'y')",
        expect![[r"
            0|from()
            0|from()
            2.measurement('b')
            1|join(node 2)
            3.as('x', 'y')
        "]],
    );
}

#[test]
fn a_list_alone_is_spread() {
    check(
        "var tag = 'b' var tags = ['a', tag, *]
         stream|from().groupBy(tags).groupBy([]).groupBy(time(1m, 5s), *)@udf('x')",
        expect![[r"
            0|from()
            1.groupBy('a', 'b', *)
            1.groupBy()
            1.groupBy(time(1m, 5s), *)
            1@udf('x')
        "]],
    );
}

#[test]
fn lambdas_carry_the_values_of_vars() {
    check(
        "var low = -5 var big = 2.0 var d = 90s var r = /a\\/b/ var c = lambda: \"x\" > low
         stream|from().where(lambda: c AND !(\"y\" =~ r) OR f(big, d) == 's')",
        expect![[r#"
            0|from()
            1.where(lambda: lambda: "x" > -5 AND !("y" =~ /a\/b/) OR f(2.0, 90s) == 's')
        "#]],
    );
}

#[test]
fn mistakes_come_with_their_sentence_and_a_hint() {
    for (script, expected) in [
        (
            "stream|from()|window().period(10)",
            expect![[r#"
                line 1 char 24: error calling func "period" on obj *pipeline.WindowNode: reflect.Set: value of type int64 is not assignable to type time.Duration
                hint: give it a unit: 10s
            "#]],
        ),
        (
            "stream|from()|udf()",
            expect![[r#"
                line 1 char 15: no chaining method "udf" on *pipeline.FromNode, but dynamic method does exist. Use '@' operator instead: 'node@udf(..)'.
            "#]],
        ),
        (
            "stream|from()@window()",
            expect![[r#"
                line 1 char 15: no dynamic method "window" on *pipeline.FromNode, but chaining method does exist. Use '|' operator instead: 'node|window(..)'.
            "#]],
        ),
        (
            "stream|from()@measurement('a')",
            expect![[r#"
                line 1 char 15: no dynamic method "measurement" on *pipeline.FromNode, but property does exist. Use '.' operator instead: 'node.measurement(..)'.
            "#]],
        ),
        (
            "stream|from()\nevery(1m).log()",
            expect![[r"
                line 2 char 11: cannot get properties of non pointer value
                hint: methods and properties exist on nodes; are parentheses missing?
            "]],
        ),
        (
            "stream|from().groupBy(day(1m))",
            expect![[r#"
                line 1 char 23: no global function "day" defined
            "#]],
        ),
        (
            "stream|from().groupBy(time(1))",
            expect![[r#"
                line 1 char 23: error calling func "time" on obj <nil>: reflect: Call using int64 as type time.Duration
                hint: give it a unit: 1s
            "#]],
        ),
        (
            "var s = stream|from() stream|from().where(lambda: s > 1)",
            expect![[r"
                unsupported literal type *pipeline.FromNode
            "]],
        ),
        (
            "stream|from().where(\"a\" > 1)",
            expect![[r#"
                name "a" is undefined. Names in scope: 
                hint: fields are known only inside of a lambda: write lambda: …
            "#]],
        ),
        (
            "stream|from().where(lambda: true)",
            expect![[r#"
                name "true" is undefined. Names in scope: stream,time
                hint: write TRUE
            "#]],
        ),
        (
            "var stream = 1",
            expect![[r"
                attempted to redefine stream, vars are immutable
            "]],
        ),
        (
            "var a = -'x'",
            expect![[r"
                line 1 char 9: invalid argument to '-' string
            "]],
        ),
        (
            "var s = 'x'\ns|log()",
            expect![[r"
                line 2 char 3: cannot get properties of non pointer value
                hint: methods and properties exist on nodes; are parentheses missing?
            "]],
        ),
    ] {
        check(script, expected);
    }
}

fn var(kind: VarType, value: Value) -> Var {
    Var { kind, value: Some(value), description: String::new() }
}

#[test]
fn vars_of_the_user_replace_defaults_of_the_same_type() {
    let script = "// how far\n// it goes\nvar far = 1.0\nvar cond lambda\nvar host = /a/\n\
                  stream|from().where(lambda: cond AND \"x\" > far AND \"h\" =~ host)";
    let lambda = parse_lambda("\"y\" < far").expect("valid");
    let vars = BTreeMap::from([
        ("far".to_owned(), var(VarType::Float, Value::Float(2.5))),
        ("cond".to_owned(), var(VarType::Lambda, Value::Lambda(lambda))),
        ("host".to_owned(), var(VarType::Regex, Value::Regex(Pattern::parse("b").expect("valid")))),
        ("nobody".to_owned(), var(VarType::Int, Value::Int(1))),
    ]);
    let (mock, defaults) = run(script, &vars, false).expect("valid");
    let lambda = mock.calls.last().map(|(_, args)| show(&args[0])).expect("a call");
    expect![[r#"lambda: lambda: "y" < 2.5 AND "x" > 2.5 AND "h" =~ /b/"#]].assert_eq(&lambda);
    assert_eq!(defaults.keys().collect::<Vec<_>>(), ["cond", "far", "host"]);
    assert_eq!(defaults["far"].description, "how far\nit goes");
    assert_eq!(defaults["far"].value.as_ref().map(show).as_deref(), Some("1.0"));
    assert!(defaults["cond"].value.is_none());

    for (sent, text) in [
        (var(VarType::Int, Value::Int(1)), "invalid type supplied for far, got int exp float"),
        (
            var(VarType::Bool, Value::Bool(true)),
            "invalid type supplied for far, got boolean exp float",
        ),
    ] {
        let error = run(script, &BTreeMap::from([("far".to_owned(), sent)]), false).err();
        assert_eq!(error.map(|e| e.to_string()).as_deref(), Some(text));
    }
}

#[test]
fn a_template_may_lack_values() {
    for kind in VarType::ALL {
        let script = format!("var x {}\nstream|from()", kind.word());
        let none = BTreeMap::new();
        assert!(run(&script, &none, true).is_ok(), "{kind:?}");
        let error = run(&script, &none, false).err().map(|e| (e.line, e.column, e.to_string()));
        assert_eq!(error, Some((1, 5, "missing value for var \"x\".".to_owned())));
    }
}

#[test]
fn a_script_tells_what_it_is_before_it_runs() {
    let program = parse(
        "dbrp \"d\".\"r\" // about a\nvar a = 5 var b string var n = batch|query('q')\n\
         n@u()|join(n@v())",
    )
    .expect("valid");
    assert_eq!(program.dbrps(), [("d".into(), "r".into())]);
    assert_eq!(program.task_type(), Some(TaskType::Batch));
    assert_eq!(program.udfs().into_iter().collect::<Vec<_>>(), ["u".into(), "v".into()]);
    let vars: Vec<_> = program
        .declared_vars()
        .into_iter()
        .map(|v| format!("{} {:?} {} {:?}", v.name, v.kind, v.default.is_some(), v.description))
        .collect();
    expect![[r#"
        [
            "a Some(Int) true \"about a\"",
            "b Some(String) false \"\"",
            "n None true \"\"",
        ]
    "#]]
    .assert_debug_eq(&vars);
    for script in ["steam|from()", "var a = 1", "stream|from() batch|query('q')", ""] {
        assert_eq!(parse(script).expect("valid").task_type(), None, "{script}");
    }
}

#[test]
fn lambdas_that_grow_without_end_are_refused() {
    let mut script = "var l0 = lambda: \"x\" > 1\n".to_owned();
    for i in 1..60 {
        let before = i - 1;
        writeln!(script, "var l{i} = lambda: l{before} AND l{before}").expect("memory");
    }
    let error = run(&script, &BTreeMap::new(), false).err().expect("too large");
    assert!(error.message.contains("lambda is larger than"), "{error}");
    let mut script = "var l0 = lambda: \"x\" > 1\n".to_owned();
    for i in 1..2_000 {
        let before = i - 1;
        writeln!(script, "var l{i} = lambda: !l{before}").expect("memory");
    }
    let error = run(&script, &BTreeMap::new(), false).err().expect("too deep");
    assert!(error.message.contains("nested too deep"), "{error}");
}

#[test]
fn constants_are_computed_with_the_lambda_engine() {
    let script = format!(
        "var step = 5s\nvar pre = 'ta'\nvar ones = {}1\n\
         stream|from().measurement(pre + 'nk')|window().period(step * 4).periodCount(ones)",
        "1 + ".repeat(900)
    );
    check(
        &script,
        expect![[r"
            0|from()
            1.measurement('tank')
            1|window()
            2.period(20s)
            2.periodCount(901)
        "]],
    );
}
