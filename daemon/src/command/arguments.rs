//! From words to a [`Command`].

use std::path::PathBuf;

use crate::config::Flags;

use super::health::Question;

/// What to do.
#[derive(Clone, Debug)]
pub enum Command {
    Run { flags: Flags },
    Config { flags: Flags },
    Health { flags: Flags, question: Question },
    Version,
    Help,
}

/// Words that make no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("unknown command {0:?}")]
    Command(String),
    #[error("flag provided but not defined: -{0}")]
    Flag(String),
    #[error("flag needs an argument: -{0}")]
    Argument(String),
    #[error("-{0} is Go's profiler, which does not exist here")]
    Profile(String),
    #[error("unexpected argument {0:?}")]
    Surplus(String),
}

/// Reads the words after the program's name.
pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Command, Invalid> {
    let mut args = args.into_iter();
    let mut flags = Flags::default();
    let mut words: Vec<String> = Vec::new();
    while let Some(arg) = args.next() {
        let Some(flag) = arg.strip_prefix('-').filter(|f| !f.is_empty()) else {
            words.push(arg);
            continue;
        };
        let flag = flag.strip_prefix('-').unwrap_or(flag);
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        if matches!(name, "h" | "help") {
            return Ok(Command::Help);
        }
        let slot = match name {
            "config" => Slot::Path(&mut flags.config),
            "pidfile" => Slot::Path(&mut flags.pidfile),
            "hostname" => Slot::Text(&mut flags.hostname),
            "log-file" => Slot::Text(&mut flags.log_file),
            "log-level" => Slot::Text(&mut flags.log_level),
            "disable-handlers" => Slot::Text(&mut flags.disable_handlers),
            "blacklist-cidrs" => Slot::Text(&mut flags.blacklist_cidrs),
            "cpuprofile" | "memprofile" => return Err(Invalid::Profile(name.to_owned())),
            _ => return Err(Invalid::Flag(name.to_owned())),
        };
        let value =
            value.or_else(|| args.next()).ok_or_else(|| Invalid::Argument(name.to_owned()))?;
        match slot {
            Slot::Path(slot) => {
                *slot = Some(PathBuf::from(value)).filter(|p| !p.as_os_str().is_empty());
            }
            Slot::Text(slot) => *slot = Some(value),
        }
    }
    let mut words = words.into_iter();
    let command = match words.next().as_deref() {
        None | Some("run") => Command::Run { flags },
        Some("config") => Command::Config { flags },
        Some("version") => Command::Version,
        Some("help") => return Ok(Command::Help),
        Some("health") => match words.next().as_deref() {
            None | Some("ready") => Command::Health { flags, question: Question::Ready },
            Some("ping") => Command::Health { flags, question: Question::Ping },
            Some(other) => return Err(Invalid::Surplus(other.to_owned())),
        },
        Some(other) => return Err(Invalid::Command(other.to_owned())),
    };
    match words.next() {
        None => Ok(command),
        Some(word) => Err(Invalid::Surplus(word)),
    }
}

enum Slot<'a> {
    Path(&'a mut Option<PathBuf>),
    Text(&'a mut Option<String>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Command, Invalid> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn flags_are_read_as_go_reads_them() {
        for line in [
            "-config /c -hostname h -pidfile /p -log-level DEBUG",
            "run --config=/c -hostname=h --pidfile /p -log-level DEBUG",
            "-config /c run -hostname h -pidfile /p -log-level=DEBUG",
        ] {
            let Ok(Command::Run { flags }) = of(line) else { panic!("{line}") };
            assert_eq!(flags.config, Some("/c".into()));
            assert_eq!(flags.hostname.as_deref(), Some("h"));
            assert_eq!(flags.log_level.as_deref(), Some("DEBUG"));
            assert_eq!(flags.pidfile, Some("/p".into()));
        }
    }

    #[test]
    fn commands_are_told_apart() {
        assert!(matches!(of("config -config /c"), Ok(Command::Config { .. })));
        assert!(matches!(of("version"), Ok(Command::Version)));
        for line in ["help", "-h", "run --help", "help run"] {
            assert!(matches!(of(line), Ok(Command::Help)), "{line}");
        }
        assert!(matches!(of("health"), Ok(Command::Health { question: Question::Ready, .. })));
        assert!(matches!(of("health ping"), Ok(Command::Health { question: Question::Ping, .. })));
    }

    #[test]
    fn words_without_meaning_are_named() {
        for (line, expect) in [
            ("start", "unknown command \"start\""),
            ("-confg /c", "flag provided but not defined: -confg"),
            ("run -config", "flag needs an argument: -config"),
            ("run fast", "unexpected argument \"fast\""),
            ("-cpuprofile x", "-cpuprofile is Go's profiler, which does not exist here"),
        ] {
            assert_eq!(of(line).expect_err(line).to_string(), expect);
        }
    }
}
