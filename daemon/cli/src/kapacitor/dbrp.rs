//! Databases and retention policies as users write them: `"telegraf"."autogen"`, `telegraf.autogen`.

use client::task::DbRp;

const MALFORMED: &str = "does not contain a '.', it must be in the form \"dbname\".\"rpname\" where \
                         the quotes are optional.";

/// Reads one; a name with a dot or a quote must be quoted.
pub(crate) fn parse(text: &str) -> Result<DbRp, &'static str> {
    let (db, rest) = name(text)?;
    let rest = rest.strip_prefix('.').ok_or(MALFORMED)?;
    let (rp, rest) = if rest.starts_with('"') { name(rest)? } else { (rest.to_owned(), "") };
    if !rest.is_empty() {
        return Err(MALFORMED);
    }
    Ok(DbRp { db, rp })
}

/// `"db"."rp" "db2"."rp2"`
pub(crate) fn show(all: &[DbRp]) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    let shown: Vec<String> =
        all.iter().map(|d| format!("{}.{}", quoted(&d.db), quoted(&d.rp))).collect();
    shown.join(" ")
}

/// A name, quoted or up to the first dot, and what follows.
fn name(text: &str) -> Result<(String, &str), &'static str> {
    let Some(quoted) = text.strip_prefix('"') else {
        let at = text.find('.').ok_or(MALFORMED)?;
        return Ok((text[..at].to_owned(), &text[at..]));
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((name, &quoted[at + 1..])),
            '\\' => name.extend(chars.next().map(|(_, c)| c)),
            c => name.push(c),
        }
    }
    Err(MALFORMED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_optional() {
        for (text, db, rp) in [
            ("plant.raw", "plant", "raw"),
            (r#""plant"."raw""#, "plant", "raw"),
            (r#""do.ck"."r p""#, "do.ck", "r p"),
            (r#"plant."r.p""#, "plant", "r.p"),
            (r#""a\"b".c.d"#, "a\"b", "c.d"),
            ("plant.", "plant", ""),
        ] {
            let expect = DbRp { db: db.to_owned(), rp: rp.to_owned() };
            assert_eq!(parse(text), Ok(expect), "{text}");
        }
        for text in ["bad", "", r#""a"b"#, r#""a.b"#, r#"a."b"c"#] {
            assert_eq!(parse(text), Err(MALFORMED), "{text}");
        }
        let two = [parse("a.b").expect("valid"), parse(r#""c\"d".e"#).expect("valid")];
        assert_eq!(show(&two), r#""a"."b" "c\"d"."e""#);
    }
}
