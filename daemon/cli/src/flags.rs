//! Go's flags, in any position: from words to flags and arguments.

/// A flag that a command takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag {
    /// Without dash.
    pub(crate) name: &'static str,
    /// What its value is called in help; `None` for a switch.
    pub(crate) value: Option<&'static str>,
    pub(crate) help: &'static str,
}

impl Flag {
    pub(crate) const fn value(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self { name, value: Some(value), help }
    }

    pub(crate) const fn switch(name: &'static str, help: &'static str) -> Self {
        Self { name, value: None, help }
    }
}

/// The flags and arguments of one command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Given {
    /// What is no flag, in order.
    pub(crate) arguments: Vec<String>,
    /// Flags in order; a switch has the value `true` or `false`.
    pub(crate) flags: Vec<(&'static str, String)>,
    /// `-h`, `-help`.
    pub(crate) help: bool,
}

impl Given {
    /// Reads `words`; `known` are all flags that any command takes.
    pub(crate) fn read<'a>(
        words: impl IntoIterator<Item = String>,
        known: impl Iterator<Item = &'a Flag> + Clone,
    ) -> Result<Self, String> {
        let mut given = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            if word == "--" {
                given.arguments.extend(words);
                break;
            }
            let Some(flag) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) else {
                given.arguments.push(word);
                continue;
            };
            let flag = flag.strip_prefix('-').unwrap_or(flag);
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag, None),
            };
            let Some(flag) = known.clone().find(|f| f.name == name) else {
                if matches!(name, "h" | "help") {
                    given.help = true;
                    continue;
                }
                return Err(format!("flag provided but not defined: -{name}"));
            };
            let value = match (flag.value, value) {
                (Some(_), Some(value)) => value,
                (Some(_), None) => {
                    words.next().ok_or_else(|| format!("flag needs an argument: -{name}"))?
                }
                (None, None) => "true".to_owned(),
                (None, Some(value)) => match parse_bool(&value) {
                    Some(value) => value.to_string(),
                    None => {
                        return Err(format!(
                            "invalid boolean value {value:?} for -{name}: parse error"
                        ));
                    }
                },
            };
            given.flags.push((flag.name, value));
        }
        Ok(given)
    }

    /// The last value of a flag.
    pub(crate) fn flag(&self, name: &'static str) -> Option<&str> {
        self.all(name).last()
    }

    /// All values of a flag.
    pub(crate) fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.flags.iter().filter(move |(flag, _)| *flag == name).map(|(_, value)| value.as_str())
    }

    /// Whether a switch is on.
    pub(crate) fn is_on(&self, name: &'static str) -> bool {
        self.flag(name) == Some("true")
    }
}

/// Go's `strconv.ParseBool`.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Flag; 3] = [
        Flag::value("url", "URL", ""),
        Flag::value("dbrp", "DB.RP", ""),
        Flag::switch("skipVerify", ""),
    ];

    fn read(line: &str) -> Result<Given, String> {
        Given::read(line.split_whitespace().map(str::to_owned), KNOWN.iter())
    }

    #[test]
    fn flags_stand_anywhere_with_one_dash_or_two() {
        for line in [
            "-url http://h -skipVerify member add a:1",
            "--url http://h member --skipVerify add a:1",
            "member add a:1 -url=http://h -skipVerify=true",
            "member add -url x --url=http://h -skipVerify=false -skipVerify=T -- a:1",
        ] {
            let given = read(line).expect(line);
            assert_eq!(given.arguments, ["member", "add", "a:1"], "{line}");
            assert_eq!(given.flag("url"), Some("http://h"), "{line}");
            assert!(given.is_on("skipVerify"), "{line}");
        }
    }

    #[test]
    fn a_flag_may_come_more_than_once_and_have_any_value() {
        let given = read("x -dbrp a.b - -dbrp=c.d=e -dbrp -f").expect("valid");
        assert_eq!(given.all("dbrp").collect::<Vec<_>>(), ["a.b", "c.d=e", "-f"]);
        assert_eq!(given.arguments, ["x", "-"]);
        assert!(read("define --help").expect("valid").help);
    }

    #[test]
    fn bad_flags_are_named() {
        for (line, expect) in [
            ("-nope", "flag provided but not defined: -nope"),
            ("x -url", "flag needs an argument: -url"),
            ("-skipVerify=maybe", "invalid boolean value \"maybe\" for -skipVerify: parse error"),
        ] {
            assert_eq!(read(line).expect_err(line), expect);
        }
    }
}
