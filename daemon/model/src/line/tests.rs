//! Tables of good and bad lines; the two readers against each other.

use proptest::prelude::*;

use super::*;
use crate::Value;

const NOW: Time = Time(1_500_000_000_123_456_789);

fn read(body: &[u8], precision: Precision) -> Result<Vec<Arc<Point>>, LineErrors> {
    let mut interner = Interner::new();
    parse(body, NOW, precision, &mut interner, &"plant".into(), &"raw".into())
}

/// Measurement, tags, fields and time of a point.
type Expected<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [(&'a str, Value)], i64);

/// Reads the body after itself, so that the second copy takes the quick way.
fn check(body: &str, expect: &[Expected<'_>]) {
    let mut interner = Interner::new();
    for round in 0..2 {
        let points = parse(
            body.as_bytes(),
            NOW,
            Precision::Nanos,
            &mut interner,
            &"plant".into(),
            &"raw".into(),
        )
        .unwrap_or_else(|e| panic!("{body:?} round {round}: {e}"));
        assert_eq!(points.len(), expect.len(), "{body:?}");
        for (point, (name, tags, fields, time)) in points.iter().zip(expect) {
            let tags = tags.iter().map(|(k, v)| (Str::from(*k), Str::from(*v))).collect();
            let fields = fields.iter().map(|(k, v)| (Str::from(*k), v.clone())).collect();
            let expected = Point {
                database: "plant".into(),
                retention_policy: "raw".into(),
                name: (*name).into(),
                tags,
                fields,
                time: Time(*time),
            };
            assert_eq!(**point, expected, "{body:?} round {round}");
        }
    }
}

#[test]
fn plain_lines_become_points() {
    let f = Value::Float;
    check(
        "cpu,host=h12,dc=dc1 value=7.5,idle=5i 1600000000000000000",
        &[(
            "cpu",
            &[("dc", "dc1"), ("host", "h12")],
            &[("idle", 5i64.into()), ("value", f(7.5))],
            1_600_000_000_000_000_000,
        )],
    );
    check("m v=1", &[("m", &[], &[("v", f(1.0))], NOW.0)]);
    check("m v=1 -5\n", &[("m", &[], &[("v", f(1.0))], -5)]);
    check(
        "m a=1,a=2 1\r\n# note\r\n\r\n  \t\n\nm b=3 2\r\n",
        &[("m", &[], &[("a", f(2.0))], 1), ("m", &[], &[("b", f(3.0))], 2)],
    );
    check("  m  v=1  7  ", &[("m", &[], &[("v", f(1.0))], 7)]);
    check("", &[]);
    check("\n\n#only\n", &[]);
}

#[test]
fn values_have_their_kinds() {
    let one = |text: &str, value: Value| {
        check(&format!("m v={text} 1"), &[("m", &[], &[("v", value)], 1)]);
    };
    for (text, value) in [
        ("1", 1.0),
        ("-0.5", -0.5),
        ("1e3", 1000.0),
        ("1.5E-7", 1.5e-7),
        ("5.", 5.0),
        (".5", 0.5),
        ("-.5", -0.5),
        ("007", 7.0),
        ("0.1", 0.1),
        ("123456789012345678901234567890", 123_456_789_012_345_678_901_234_567_890.0),
        ("0.30000000000000004", 0.300_000_000_000_000_04),
        ("179769313486231570000e288", f64::MAX),
    ] {
        one(text, Value::Float(value));
    }
    for (text, value) in [
        ("-5i", -5),
        ("9007199254740993i", 9_007_199_254_740_993),
        ("9223372036854775807i", i64::MAX),
        ("-9223372036854775808i", i64::MIN),
        ("0i", 0),
    ] {
        one(text, Value::Int(value));
    }
    for text in ["t", "T", "true", "True", "TRUE"] {
        one(text, Value::Bool(true));
    }
    for text in ["f", "F", "false", "False", "FALSE"] {
        one(text, Value::Bool(false));
    }
    one(r#""say \"hi\", ok=1""#, "say \"hi\", ok=1".into());
    one(r#""a\\b\c""#, "a\\b\\c".into());
    one("\"two\nlines # not a comment\n\"", "two\nlines # not a comment\n".into());
    one("\"\"", "".into());
    one("\"ツ\"", "ツ".into());
}

#[test]
fn escapes_are_taken_away() {
    check(
        r"kiln\ one\,x,bay=a\ b,k\,x=q\=r,back=c:\dir f\ \=\,=1 9",
        &[(
            "kiln one,x",
            &[("back", "c:\\dir"), ("bay", "a b"), ("k,x", "q=r")],
            &[("f =,", Value::Float(1.0))],
            9,
        )],
    );
}

#[test]
fn twenty_five_malformed_lines_are_named_with_their_reasons() {
    for (line, reason) in [
        ("cpu", "missing fields"),
        ("cpu,host=a", "missing fields"),
        ("cpu,host=a ", "invalid field format"),
        (",host=a v=1", "missing measurement"),
        ("cpu, v=1", "missing tag key"),
        ("cpu,=a v=1", "missing tag key"),
        ("cpu,host v=1", "missing tag value"),
        ("cpu,host= v=1", "missing tag value"),
        ("cpu,host=a=b v=1", "invalid tag format"),
        ("cpu,host=a,host=b v=1", "duplicate tags"),
        ("cpu v", "invalid field format"),
        ("cpu v=1,", "invalid field format"),
        ("cpu v=1,,w=2", "invalid field format"),
        ("cpu =1", "missing field key"),
        ("cpu v=1,=2", "missing field key"),
        ("cpu v=", "missing field value"),
        ("cpu v=,w=1", "missing field value"),
        ("cpu v=1.2.3", "invalid number"),
        ("cpu v=NaN", "invalid number"),
        ("cpu v=-", "invalid number"),
        ("cpu v=5u", "invalid number"),
        ("cpu v=5ii", "invalid number"),
        ("cpu v=1.5i", "invalid number"),
        ("cpu v=--1", "invalid number"),
        ("cpu v=Inf", "invalid boolean"),
        ("cpu v=tru", "invalid boolean"),
        ("cpu v=yes", "invalid boolean"),
        ("cpu v=\"open", "unbalanced quotes"),
        ("cpu v=\"a\"b", "invalid field format"),
        ("cpu v=1e400", "invalid float"),
        (
            "cpu v=9223372036854775808i",
            "unable to parse integer 9223372036854775808: strconv.ParseInt: parsing \"9223372036854775808\": value out of range",
        ),
        ("cpu v=1 12x", "bad timestamp"),
        ("cpu v=1 1.5", "bad timestamp"),
        ("cpu v=1 1 2", "point is invalid"),
        (
            "cpu v=1 9223372036854775808",
            "strconv.ParseInt: parsing \"9223372036854775808\": value out of range",
        ),
        (
            "cpu v=1 9223372036854775807",
            "time outside range -9223372036854775806 - 9223372036854775806",
        ),
    ] {
        // A good line before, so that the bad one is tried as a known series as well.
        let body = format!("cpu v=1 1\ncpu,host=a v=1 1\n{line}");
        let errors = read(body.as_bytes(), Precision::Nanos).expect_err(line);
        assert_eq!(errors.to_string(), format!("unable to parse '{line}': {reason}"));
    }
}

#[test]
fn every_bad_line_of_a_body_is_named() {
    let errors =
        read(b"kiln,bay=a v=1 1\nkiln,bay=b v= 1\nkiln,bay=c v=3 1\r\nkiln\r\n", Precision::Nanos)
            .expect_err("two are bad");
    assert_eq!(
        errors.to_string(),
        "unable to parse 'kiln,bay=b v= 1': missing field value\nunable to parse 'kiln': missing fields"
    );
    let errors = read(b"kiln v=\"\xff\" 1", Precision::Nanos).expect_err("not UTF-8");
    assert_eq!(errors.lines[0].reason, "invalid UTF-8 at byte 9 of the line");
    let flood = read(&b"x\n".repeat(1_000_000), Precision::Nanos).expect_err("all bad");
    assert!(flood.more > 0 && flood.lines.len() + flood.more == 1_000_000);
    let long = format!("m,t={} v=1", "x".repeat(70_000));
    let errors = read(long.as_bytes(), Precision::Nanos).expect_err("too long");
    assert_eq!(errors.lines[0].reason, "max key length exceeded: 70004 > 65535");
}

#[test]
fn timestamps_count_in_the_precision() {
    for (param, count, nanos) in [
        ("n", 5, 5),
        ("ns", 5, 5),
        ("us", 5, 5),
        ("u", 5, 5_000),
        ("ms", 5, 5_000_000),
        ("s", -5, -5_000_000_000),
        ("m", 5, 300_000_000_000),
        ("h", 5, 18_000_000_000_000),
    ] {
        let precision = Precision::from_param(param);
        let points = read(format!("m v=1 {count}").as_bytes(), precision).expect("valid");
        assert_eq!(points[0].time, Time(nanos), "{param}");
    }
    let points = read(b"m v=1", Precision::Minutes).expect("valid");
    assert_eq!(points[0].time.to_string(), "2017-07-14T02:40:00Z");
    let errors = read(b"m v=1 9000000000000", Precision::Hours).expect_err("too far");
    assert!(errors.lines[0].reason.starts_with("time outside range"));
}

#[test]
fn points_of_one_series_share_their_tags_and_the_interner_is_bounded() {
    let points = read(b"m,a=b v=1 1\nm,a=b v=2 2\nm,a=b v=3 3", Precision::Nanos).expect("valid");
    assert!(points[0].tags.is_same(&points[2].tags));
    let mut interner = Interner::new();
    for chunk in 0..20 {
        let body: String =
            (0..10_000).flat_map(|i| ["m,h=".to_owned(), format!("{chunk}x{i} v=1 1\n")]).collect();
        parse(body.as_bytes(), NOW, Precision::Nanos, &mut interner, &"d".into(), &"r".into())
            .expect("valid");
    }
    let (names, series) = interner.len();
    assert!(names <= 2 * 65_536 && series <= 2 * 65_536);
}

#[test]
fn rendered_points_read_back() {
    let body = "a\\ b,k\\,1=v\\=2 f=1.5,g\\ h=2i,s=\"x\\\"y\\\\\",t=true 1500000000000000000\n";
    let point = &read(body.as_bytes(), Precision::Nanos).expect("valid")[0];
    let mut line = String::new();
    assert!(render(point, Precision::Nanos, &mut line));
    assert_eq!(line, body);
    let nan = Point {
        fields: [("v".into(), f64::NAN.into())].into_iter().collect(),
        ..(**point).clone()
    };
    assert!(!render(&nan, Precision::Nanos, &mut line));
}

fn lines() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec!["m", "m,a=b", "m,a=b,c=d", r"m\ x,a=b\,", "m,a=", "é"]);
    let name = prop::sample::select(vec!["v", "w", "vv", r"v\ x", "", "é", "a\"b"]);
    let value = prop_oneof![
        r"-?[0-9]{0,20}(\.[0-9]{0,20})?(e-?[0-9]{1,3})?i?",
        prop::sample::select(vec!["t", "false", "tt", "\"s\"", "\"a\\\"b\"", "\"x\ny\"", "\"", ""])
            .prop_map(str::to_owned),
    ];
    let end =
        prop::sample::select(vec!["", " 5", " -5", " ", "  7 ", "\r", " 99999999999999999999"]);
    let fields = prop::collection::vec((name, value), 0..4);
    (key, fields, end).prop_map(|(key, fields, end)| {
        let fields: Vec<String> = fields.iter().map(|(n, v)| format!("{n}={v}")).collect();
        format!("{key} {}{end}", fields.join(","))
    })
}

/// A look at the rest of the body for each line would take seconds here.
#[test]
fn a_body_of_lines_without_points_is_read_once_and_takes_no_memory() {
    for line in ["\n", "#\n"] {
        let body = line.repeat((1 << 20) / line.len());
        let points = read(body.as_bytes(), Precision::Nanos).expect("nothing is wrong with it");
        assert!(points.is_empty());
        assert!(points.capacity() <= body.len() / LEAST_LINE + 1);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(body in prop::collection::vec(
        prop_oneof![any::<u8>(), prop::sample::select(b"m,=\\ \"\n\r1i.".to_vec())], 0..200)) {
        let _ = read(&body, Precision::Seconds);
    }

    #[test]
    fn the_quick_reader_agrees_with_the_strict_one(lines in prop::collection::vec(lines(), 1..6)) {
        let body = lines.join("\n");
        let cold = read(body.as_bytes(), Precision::Nanos);
        let mut warm = Interner::new();
        let (database, policy): (Str, Str) = ("plant".into(), "raw".into());
        for _ in 0..2 {
            let teach: &[u8] = b"m v=1\nm,a=b v=1\nm,a=b,c=d v=1\nm\\ x,a=b\\, v=1";
            parse(teach, NOW, Precision::Nanos, &mut warm, &database, &policy).expect("valid");
            let again = parse(body.as_bytes(), NOW, Precision::Nanos, &mut warm, &database, &policy);
            prop_assert_eq!(&again, &cold);
        }
    }
}
