//! Tables of expressions, one per family.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use model::{Fields, Tags, Value};
use proptest::prelude::*;

use super::*;
use crate::parse_lambda;

const NOW: Time = Time(1_500_000_000_000_000_000);

/// Fields and tags every table refers to.
fn point() -> (Fields, Tags) {
    let fields = [
        ("f", 2.75.into()),
        ("i", 3i64.into()),
        ("b", true.into()),
        ("s", "Hello World".into()),
        ("zero", 0i64.into()),
        ("both", 1i64.into()),
        ("nil", Value::Nil),
    ];
    let tags = [("host", "h1"), ("both", "x")];
    (
        fields.into_iter().map(|(k, v): (&str, Value)| (k.into(), v)).collect(),
        tags.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
    )
}

fn run(text: &str, expected: Expected) -> Result<LValue, String> {
    let lambda = parse_lambda(text).map_err(|e| format!("{text}: {e:?}"))?;
    let compiled = Compiled::new(&lambda, expected).map_err(|e| e.to_string())?;
    let (fields, tags) = point();
    let zone = TimeZone::fixed(jiff::tz::offset(2));
    let env = Env { now: NOW, zone: &zone, seed: 7 };
    let scope = PointScope { fields: &fields, tags: &tags, time: NOW };
    let value = compiled.eval(&mut State::default(), &scope, &env).map_err(|e| e.to_string());
    // The short way for conditions must say the same.
    let truth = compiled.test(&mut State::default(), &scope, &env).map_err(|e| e.to_string());
    match &value {
        Ok(LValue::Bool(expect)) => assert_eq!(truth, Ok(*expect), "{text}"),
        Ok(_) => assert!(truth.is_err(), "{text}"),
        Err(expect) if compiled.is_condition => assert_eq!(truth, Err(expect.clone()), "{text}"),
        Err(_) => {}
    }
    value
}

/// How a result reads: `f1.5`, `i3`, `d90s`, `t…`, text and booleans bare.
fn shown(value: &LValue) -> String {
    match value {
        LValue::Float(f) => format!("f{}", convert::plain(*f)),
        LValue::Int(i) => format!("i{i}"),
        LValue::Duration(d) => format!("d{d}"),
        LValue::Bool(b) => b.to_string(),
        LValue::Str(s) => s.to_string(),
        LValue::Time(t) => format!("t{t}"),
        LValue::Regex(r) => format!("{r:?}"),
        LValue::Missing => "missing".to_owned(),
    }
}

fn check(cases: &[(&str, &str)]) {
    for (text, expect) in cases {
        let got = run(text, Expected::Raw).map_or_else(|e| format!("! {e}"), |v| shown(&v));
        assert_eq!(&got, expect, "{text}");
    }
}

#[test]
fn operators_join_what_fits() {
    check(&[
        ("1 + 2 * 3", "i7"),
        ("-7 / 2", "i-3"),
        ("7 % -3", "i1"),
        ("9223372036854775807 + 1", "i-9223372036854775808"),
        ("1.5 / 0.0", "f+Inf"),
        ("0.0 / 0.0 == 0.0 / 0.0", "false"),
        ("\"i\" > 2.5", "true"),
        ("2 == 2.0", "true"),
        ("\"f\" >= 2.75 AND \"f\" <= 2.75", "true"),
        ("'a' + 'b' < 'b'", "true"),
        ("\"s\" =~ /^Hello/", "true"),
        ("\"s\" !~ /o/", "false"),
        ("!(\"b\" == FALSE)", "true"),
        ("1m + 30s", "d90s"),
        ("1m - 90s", "d-30s"),
        ("1s * 1.5", "d1500ms"),
        ("2 * 10s", "d20s"),
        ("1m / 0.5", "d2m"),
        ("1h / 7m", "i8"),
        ("-5s < 0s", "true"),
        ("\"host\" + '!'", "h1!"),
        ("\"time\"", "t2017-07-14T02:40:00Z"),
        ("FALSE AND 1 / \"zero\" > 0", "false"),
        ("TRUE OR \"gone\" > 1.0", "true"),
    ]);
}

#[test]
fn a_side_that_is_not_evaluated_is_typed_all_the_same() {
    let gone =
        "! Cannot call function \"strHasPrefix\" argument \"gone\" is missing, values in scope are";
    for (text, expect) in [
        ("FALSE AND strHasPrefix(\"gone\", 'a')", gone),
        (
            "TRUE OR if(\"b\", TRUE, strHasPrefix(\"gone\", 'a'))",
            "! Failed to handle 3 argument: Cannot",
        ),
        ("FALSE AND \"time\"", "! mismatched type to binary operator. got boolean AND time."),
        ("FALSE AND unheard(1)", "! undefined function: \"unheard\""),
        ("FALSE AND strHasPrefix(\"gone\", 'a') == TRUE", "false"),
    ] {
        let got = run(text, Expected::Raw).map_or_else(|e| format!("! {e}"), |v| shown(&v));
        assert!(got.starts_with(expect), "{text}: {got}");
    }
}

#[test]
fn an_error_of_types_leaves_the_state_alone() {
    let lambda = parse_lambda("spread(\"f\") + abs(\"g\") > 1.0").expect("parses");
    let compiled = Compiled::new(&lambda, Expected::Bool).expect("compiles");
    let (mut state, tags) = (State::default(), Tags::default());
    let zone = TimeZone::UTC;
    let env = Env { now: Time(0), zone: &zone, seed: 0 };
    let mut judge = |f: f64, g: Option<f64>| {
        let f = ("f".into(), Value::Float(f));
        let g = g.map(|g| ("g".into(), Value::Float(g)));
        let fields: Fields = std::iter::once(f).chain(g).collect();
        let scope = PointScope { fields: &fields, tags: &tags, time: Time(0) };
        compiled.test(&mut state, &scope, &env).ok()
    };
    assert_eq!(judge(0.0, Some(0.0)), Some(false));
    assert_eq!(judge(100.0, None), None);
    assert_eq!(judge(0.5, Some(0.0)), Some(false));
}

#[test]
fn a_name_of_a_field_and_a_tag_fails_where_it_is_not_evaluated_too() {
    let fields: Fields = [("x".into(), Value::Int(1))].into_iter().collect();
    let tags: Tags = [("x".into(), "t".into())].into_iter().collect();
    let scope = PointScope { fields: &fields, tags: &tags, time: Time(0) };
    let zone = TimeZone::UTC;
    let env = Env { now: Time(0), zone: &zone, seed: 0 };
    for text in ["FALSE AND \"x\" > 1", "TRUE OR \"x\" > 1", "isPresent(\"y\") AND \"x\" > 1"] {
        let lambda = parse_lambda(text).expect("parses");
        let compiled = Compiled::new(&lambda, Expected::Bool).expect("compiles");
        let error = compiled.test(&mut State::default(), &scope, &env).expect_err(text);
        assert_eq!(error.to_string(), "cannot have field and tags with same name \"x\"");
    }
}

#[test]
fn what_does_not_fit_is_said_in_the_known_words() {
    check(&[
        (
            "'x' > 1",
            "! mismatched type to binary operator. got string > int. see bool(), int(), float(), string(), duration()",
        ),
        ("1 < \"i\" < 3", "! invalid comparison operator < for type boolean"),
        ("1 =~ /x/", "! invalid comparison operator =~ for type int"),
        ("5.0 % 2.0", "! invalid math operator % for type float"),
        (
            "\"i\" + \"f\"",
            "! mismatched type to binary operator. got int + float. see bool(), int(), float(), string(), duration()",
        ),
        (
            "\"b\" AND \"i\"",
            "! mismatched type to binary operator. got boolean AND int. see bool(), int(), float(), string(), duration()",
        ),
        (
            "!\"b\" AND \"i\"",
            "! mismatched type to binary operator. got boolean AND int. see bool(), int(), float(), string(), duration()",
        ),
        ("\"gone\" > 1.0", "! left reference value \"gone\" is missing value"),
        ("1.0 < \"gone\"", "! right reference value \"gone\" is missing value"),
        ("\"gone\" > 1.0 OR \"i\" == 3", "! left reference value \"gone\" is missing value"),
        ("-\"gone\"", "! reference \"gone\" is missing value"),
        ("\"gone\"", "! missing value: \"gone\""),
        ("\"nil\"", "! missing value: \"nil\""),
        ("-\"s\"", "! invalid math operator - for type string"),
        ("!\"i\"", "! invalid logical operator ! for type int"),
        ("1 / \"zero\"", "! runtime error: integer divide by zero"),
        ("\"i\" % \"zero\"", "! runtime error: integer divide by zero"),
        ("1h / \"zero\"", "! runtime error: integer divide by zero"),
        ("\"both\" == 1", "! cannot have field and tags with same name \"both\""),
        ("cuberoot(\"f\")", "! undefined function: \"cuberoot\""),
        (
            "sqrt(\"i\")",
            "! Cannot call function \"sqrt\" with args (\"i\": int), available signatures are [(float)].",
        ),
        (
            "pow(2, 3)",
            "! Cannot call function \"pow\" with args (2: int,3: int), available signatures are [(float,float)].",
        ),
        (
            "sqrt(\"gone\")",
            "! Cannot call function \"sqrt\" argument \"gone\" is missing, values in scope are [\"b\", \"both\", \"both\", \"f\", \"host\", \"i\", \"nil\", \"s\", \"zero\"]",
        ),
        ("bool(2)", "! error calling \"bool\": cannot convert 2 to boolean"),
        (
            "sqrt(float('four'))",
            "! Failed to handle 1 argument: error calling \"float\": strconv.ParseFloat: parsing \"four\": invalid syntax",
        ),
        ("x > 1", "! unknown identifier \"x\""),
    ]);
    let refused = |text, expected| run(text, expected).expect_err(text);
    assert_eq!(
        refused("\"i\"", Expected::Bool),
        "TypeGuard: expression returned unexpected type int, expected boolean"
    );
    assert_eq!(refused("\"time\"", Expected::Any), "expression returned unexpected type time");
}

#[test]
fn conversions_follow_go() {
    check(&[
        ("bool('T')", "true"),
        ("bool(0)", "false"),
        ("bool(1.0)", "true"),
        (
            "bool('no')",
            "! error calling \"bool\": strconv.ParseBool: parsing \"no\": invalid syntax",
        ),
        ("bool(0.5)", "! error calling \"bool\": cannot convert 0.5 to boolean"),
        ("int(-2.999)", "i-2"),
        ("int('42')", "i42"),
        ("int(TRUE)", "i1"),
        (
            "int('4.0')",
            "! error calling \"int\": strconv.ParseInt: parsing \"4.0\": invalid syntax",
        ),
        ("int(float('nan'))", "i-9223372036854775808"),
        ("float('-1e3')", "f-1000"),
        ("float('0x1p-2')", "f0.25"),
        ("float('inf')", "f+Inf"),
        ("float(7)", "f7"),
        ("string(float('1e21'))", "1000000000000000000000"),
        ("string(0.1)", "0.1"),
        ("string(log(0.0))", "-Inf"),
        ("string(3661s)", "3661s"),
        ("string(14d)", "2w"),
        ("string(TRUE)", "true"),
        ("duration(90s)", "d90s"),
        ("duration(\"i\", 1s)", "d3s"),
        ("duration(1.5, 1m)", "d90s"),
        ("duration('1h30m', 1s)", "d90m"),
        ("duration('5y', 1s)", "! error calling \"duration\": invalid duration string \"5y\""),
    ]);
}

#[test]
fn mathematics_agrees_with_go() {
    check(&[
        ("abs(-2.5)", "f2.5"),
        ("acos(1.0)", "f0"),
        ("acosh(1.0)", "f0"),
        ("asin(0.0)", "f0"),
        ("asinh(0.0)", "f0"),
        ("atan(0.0)", "f0"),
        ("atan2(0.0, 1.0)", "f0"),
        ("atanh(0.0)", "f0"),
        ("cbrt(27.0)", "f3"),
        ("ceil(1.2)", "f2"),
        ("cos(0.0)", "f1"),
        ("cosh(0.0)", "f1"),
        ("erf(1.0)", "f0.8427007929497149"),
        ("erfc(0.0)", "f1"),
        ("exp(0.0)", "f1"),
        ("exp2(3.0)", "f8"),
        ("expm1(0.0)", "f0"),
        ("floor(-1.2)", "f-2"),
        ("gamma(5.0)", "f24"),
        ("gamma(-1.0)", "fNaN"),
        ("hypot(3.0, 4.0)", "f5"),
        ("j0(0.0)", "f1"),
        ("j1(0.0)", "f0"),
        ("jn(0, 0.0)", "f1"),
        ("log(1.0)", "f0"),
        ("log(-1.0)", "fNaN"),
        ("log10(100.0)", "f2"),
        ("log1p(0.0)", "f0"),
        ("log2(8.0)", "f3"),
        ("log2(0.0)", "f-Inf"),
        ("logb(8.5)", "f3"),
        ("logb(0.0)", "f-Inf"),
        ("max(1.0, 2.0)", "f2"),
        ("min(1.0, 2.0)", "f1"),
        ("mod(-7.0, 3.0)", "f-1"),
        ("mod(1.0, 0.0)", "fNaN"),
        ("pow(2.0, 3.0)", "f8"),
        ("pow10(3)", "f1000"),
        ("pow10(-400)", "f0"),
        ("pow10(400)", "f+Inf"),
        ("sin(0.0)", "f0"),
        ("sinh(0.0)", "f0"),
        ("sqrt(2.25)", "f1.5"),
        ("tan(0.0)", "f0"),
        ("tanh(0.0)", "f0"),
        ("trunc(-1.7)", "f-1"),
        ("y0(0.0)", "f-Inf"),
        ("y1(0.0)", "f-Inf"),
        ("yn(0, 0.0)", "f-Inf"),
    ]);
}

#[test]
fn strings_are_counted_in_bytes() {
    check(&[
        ("strContains(\"s\", 'lo W')", "true"),
        ("strContainsAny(\"s\", 'xyzW')", "true"),
        ("strCount('cheese', 'e')", "i3"),
        ("strCount('ツツ', '')", "i3"),
        ("strHasPrefix(\"s\", 'Hell')", "true"),
        ("strHasSuffix(\"s\", 'Hell')", "false"),
        ("strIndex(\"s\", 'o')", "i4"),
        ("strIndex(\"s\", 'q')", "i-1"),
        ("strIndexAny(\"s\", 'ol')", "i2"),
        ("strLastIndex(\"s\", 'o')", "i7"),
        ("strLastIndexAny(\"s\", 'el')", "i9"),
        ("strLength('ツ')", "i3"),
        ("strReplace('aaa', 'a', 'b', 2)", "bba"),
        ("strReplace('aaa', 'a', 'b', -1)", "bbb"),
        ("strReplace('ab', '', '-', -1)", "-a-b-"),
        ("strSubstring('abcdefg', 1, 3)", "bc"),
        (
            "strSubstring('abc', 0, 3)",
            "! error calling \"strSubstring\": stop index too large for string in strSubstring: 3",
        ),
        (
            "strSubstring('abc', -1, 2)",
            "! error calling \"strSubstring\": found negative index for strSubstring: -1",
        ),
        (
            "strSubstring('abcd', 2, 1)",
            "! error calling \"strSubstring\": start index too large for strSubstring: 2 > 1",
        ),
        ("strToLower('ÄB')", "äb"),
        ("strToUpper('straße')", "STRAßE"),
        ("strTrim('xxaxx', 'x')", "a"),
        ("strTrimLeft('xxaxx', 'x')", "axx"),
        ("strTrimRight('xxaxx', 'x')", "xxa"),
        ("strTrimPrefix('xxa', 'x')", "xa"),
        ("strTrimSuffix('axx', 'x')", "ax"),
        ("strTrimSpace('  a ')", "a"),
        ("regexReplace(/(\\w)(\\w)/, 'abcd', '$2$1')", "badc"),
        ("regexReplace(/a*/, 'b', '-')", "-b-"),
        ("regexReplace(/(.)/, 'ab', '$10')", ""),
        ("regexReplace(/(?P<x>b+)/, 'abb', '<${x}>')", "a<bb>"),
        ("humanBytes(9)", "9 B"),
        ("humanBytes(8200000)", "8.2 MB"),
        ("humanBytes(82000000.0)", "82 MB"),
    ]);
}

#[test]
fn times_are_told_in_the_servers_zone() {
    // 2017-07-14 is a Friday; the zone of the tests is two hours east.
    check(&[
        ("unixNano(\"time\")", "i1500000000000000000"),
        ("unixNano(now()) == unixNano(\"time\")", "true"),
        ("minute(\"time\")", "i40"),
        ("hour(\"time\")", "i4"),
        ("weekday(\"time\")", "i5"),
        ("day(\"time\")", "i14"),
        ("month(\"time\")", "i7"),
        ("year(\"time\")", "i2017"),
    ]);
}

#[test]
fn presence_is_asked_and_branches_are_chosen() {
    check(&[
        ("isPresent(\"gone\")", "false"),
        ("isPresent(\"i\")", "true"),
        ("isPresent(\"gone\") AND \"gone\" > 1.0", "false"),
        ("if(\"b\", 1, 2)", "i1"),
        ("if(FALSE, 1s, 2s)", "d2s"),
        (
            "if(TRUE, 1, 2.0)",
            "! Cannot call function \"if\" with args (TRUE: boolean,1: int,2.0: float), available signatures are [(boolean,boolean,boolean), (boolean,duration,duration), (boolean,float,float), (boolean,int,int), (boolean,regex,regex), (boolean,string,string), (boolean,time,time)].",
        ),
    ]);
    assert!(run("if(isPresent(\"gone\"), \"gone\", 0.0)", Expected::Any).is_err());
}

fn series(text: &str, values: &[f64]) -> Vec<String> {
    let compiled =
        Compiled::new(&parse_lambda(text).expect("valid"), Expected::Any).expect("valid");
    assert!(compiled.is_stateful());
    let env = Env { now: NOW, zone: &TimeZone::UTC, seed: 7 };
    let mut state = State::default();
    let mut results = Vec::new();
    for v in values {
        let fields = [("v".into(), (*v).into())].into_iter().collect();
        let scope = PointScope { fields: &fields, tags: &Tags::empty(), time: NOW };
        results.push(shown(&compiled.eval(&mut state, &scope, &env).expect("valid")));
    }
    results
}

#[test]
fn stateful_functions_remember() {
    assert_eq!(series("count()", &[5.0, 5.0]), ["i1", "i2"]);
    assert_eq!(series("spread(\"v\")", &[1.0, 2.0, 10.0, 3.0]), ["f0", "f1", "f9", "f9"]);
    assert_eq!(series("sigma(\"v\")", &[1.0, 1.0, 1.0]), ["f0", "f0", "f0"]);
    assert_eq!(series("sigma(\"v\") > 0.7", &[1.0, 2.0]), ["false", "true"]);
    assert_eq!(series("\"v\" > 1.5 AND count() > 1", &[1.0, 2.0, 3.0]), ["false", "false", "true"]);
    assert_eq!(series("rand(1)", &[1.0]), ["i0"]);
    assert_eq!(series("rand() >= 0 AND rand(10) < 10", &[1.0, 2.0]), ["true", "true"]);
    assert_eq!(series("spread(\"v\") - spread(2.0 * \"v\")", &[1.0, 2.0]), ["f-1", "f-2"]);
}

#[test]
fn an_inlined_lambda_keeps_one_state_for_all_groups() {
    use crate::ast::{Expr, ExprKind};
    let inner = parse_lambda("count()").expect("valid").expr;
    let kind = ExprKind::Lambda(inner);
    let expr = Expr { pos: crate::Pos::default(), kind, comment: None, depth: 2 };
    let compiled = Compiled::new(&Lambda { expr: Arc::new(expr) }, Expected::Any).expect("valid");
    let env = Env { now: NOW, zone: &TimeZone::UTC, seed: 7 };
    for n in 1..4 {
        let value = compiled.eval(&mut State::default(), &Empty, &env).expect("valid");
        assert_eq!(value, LValue::Int(n));
    }
}

struct Event;

impl Scope for Event {
    fn lookup(&self, _: &str) -> Found<'_> {
        Found::Missing
    }
    fn time(&self) -> Option<Time> {
        None
    }
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
    fn call(&self, function: &str) -> Option<LValue> {
        match function {
            "changed" => Some(LValue::Bool(true)),
            "level" => Some(LValue::Int(3)),
            _ => None,
        }
    }
}

#[test]
fn a_place_may_know_more_names() {
    let extra = Extra {
        functions: &[("changed", LKind::Bool), ("level", LKind::Int)],
        constants: &[("WARNING", 2)],
    };
    let lambda = parse_lambda("changed() == TRUE AND level() >= WARNING").expect("valid");
    let compiled = Compiled::with_extra(&lambda, Expected::Bool, extra).expect("valid");
    let env = Env { now: NOW, zone: &TimeZone::UTC, seed: 7 };
    assert_eq!(compiled.test(&mut State::default(), &Event, &env), Ok(true));
    assert_eq!(
        Compiled::new(&lambda, Expected::Bool).map(|_| ()),
        Err(CompileError("unknown identifier \"WARNING\"".to_owned()))
    );
}

#[test]
fn references_are_listed_once() {
    let lambda = parse_lambda("\"b\" > 1 AND \"a\" > 2 AND \"b\" > 3").expect("valid");
    let compiled = Compiled::new(&lambda, Expected::Bool).expect("valid");
    assert_eq!(compiled.references(), ["a".into(), "b".into()]);
    assert!(!compiled.is_stateful());
}

/// All functions of Kapacitor, with how many signatures each has.
const KNOWN: &str = "abs acos acosh asin asinh atan atan2 atanh bool*4 cbrt ceil cos cosh count day \
    duration*4 erf erfc exp exp2 expm1 float*4 floor gamma hour humanBytes*2 hypot if*7 int*4 \
    isPresent*5 j0 j1 jn log log10 log1p log2 logb max min minute mod month now pow pow10 rand*2 \
    regexReplace sigma sin sinh spread sqrt strContains strContainsAny strCount strHasPrefix \
    strHasSuffix strIndex strIndexAny strLastIndex strLastIndexAny strLength strReplace \
    strSubstring strToLower strToUpper strTrim strTrimLeft strTrimPrefix strTrimRight strTrimSpace \
    strTrimSuffix string*5 tan tanh trunc unixNano weekday y0 y1 year yn";

#[test]
fn every_function_of_kapacitor_is_known() {
    let mut names = BTreeSet::new();
    for word in KNOWN.split_whitespace() {
        let (name, count) = word.split_once('*').unwrap_or((word, "1"));
        let found = function::find(name).unwrap_or_else(|| panic!("{name} is unknown"));
        assert_eq!(found.signatures.len().to_string(), count, "{name}");
        names.insert(name);
    }
    assert_eq!(names.into_iter().collect::<Vec<_>>(), function_names());
}

fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1",
        "0",
        "-1",
        "2.5",
        "1e300",
        "'x'",
        "''",
        "TRUE",
        "5m",
        "0s",
        "/a*/",
        "\"f\"",
        "\"i\"",
        "\"s\"",
        "\"b\"",
        "\"gone\"",
        "\"time\"",
        "\"both\"",
        "count()",
        "now()",
        "9223372036854775807",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 40, 4, |inner| {
        let operator = prop::sample::select(vec![
            "+", "-", "*", "/", "%", "==", "!=", "<", ">=", "AND", "OR", "=~", "!~",
        ]);
        let function = prop::sample::select(function_names());
        prop_oneof![
            (inner.clone(), operator, inner.clone())
                .prop_map(|(l, op, r)| format!("({l} {op} {r})")),
            (function, prop::collection::vec(inner.clone(), 0..5))
                .prop_map(|(name, args)| format!("{name}({})", args.join(", "))),
            inner.prop_map(|operand| format!("!{operand}")),
        ]
    })
}

proptest! {
    #[test]
    fn any_expression_ends_in_a_value_or_an_error(text in expressions()) {
        let _ = run(&text, Expected::Any);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a small stack is that of a thread of its own")]
fn deep_expressions_need_little_stack() {
    let nested =
        |(open, close): (&str, &str)| format!("{}\"f\"{}", open.repeat(90), close.repeat(90));
    let mut texts = [("abs(", ")"), ("-(", ")"), ("1.0 + (", ")"), ("if(TRUE, 1.0, ", ")")]
        .map(nested)
        .to_vec();
    texts.push(format!("\"f\"{}", " + 1.0".repeat(crate::ast::MAX_DEPTH as usize - 10)));
    for text in texts {
        let on_a_small_stack = std::thread::Builder::new().stack_size(1 << 20);
        let run = move || run(&text, Expected::Any).map(|_| ());
        let result = on_a_small_stack.spawn(run).expect("a thread").join().expect("no overflow");
        assert_eq!(result, Ok(()));
    }
}
