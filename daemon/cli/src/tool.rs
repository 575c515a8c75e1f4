//! A tool as a list of commands: reads the words, runs one command, makes text and exit code of it.

use std::fmt::Write as _;
use std::future::Future;
use std::io::{self, Write as _};
use std::pin::Pin;
use std::process::ExitCode;

use crate::environment::Environment;
use crate::flags::{Flag, Given};

/// A command line tool.
pub struct Tool {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// In the order of help.
    pub(crate) commands: &'static [&'static Command],
    /// Flags of every command.
    pub(crate) flags: &'static [Flag],
    pub(crate) codes: Codes,
}

/// Exit codes. Bad words always give 2.
pub(crate) struct Codes {
    /// No command, or one that does not exist.
    pub(crate) unknown: u8,
    /// The command failed.
    pub(crate) failed: u8,
    /// The address makes no sense.
    pub(crate) address: u8,
}

/// The exit code of bad words.
const USAGE: u8 = 2;

/// One command.
pub(crate) struct Command {
    /// One or two words.
    pub(crate) name: &'static str,
    /// Its arguments in help.
    pub(crate) arguments: &'static str,
    /// One sentence.
    pub(crate) about: &'static str,
    pub(crate) flags: &'static [Flag],
    pub(crate) run: fn(Call) -> Running,
}

pub(crate) type Running = Pin<Box<dyn Future<Output = Result<Text, Failure>> + Send>>;

/// What a command is given.
pub(crate) struct Call {
    /// Without the command's own words.
    pub(crate) given: Given,
    pub(crate) environment: Environment,
}

/// What a command has to say.
#[derive(Debug, Default)]
pub(crate) struct Text {
    /// For standard output.
    pub(crate) out: String,
    /// Remarks, for standard error.
    pub(crate) note: String,
}

impl Text {
    /// Nothing.
    pub(crate) const NONE: Self = Self { out: String::new(), note: String::new() };
}

impl From<String> for Text {
    fn from(out: String) -> Self {
        Self { out, note: String::new() }
    }
}

/// Why a command came to nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Wrong words; the usage is shown below.
    Usage(String),
    /// The address makes no sense.
    Address(String),
    /// It was tried.
    Failed(String),
    /// It was done, and what it found is no success; for standard output.
    Found(String),
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        match error {
            client::Error::Address(error) => Self::Address(error.to_string()),
            client::Error::Untrusted { .. } => Self::Failed(format!(
                "{error}; -caCert FILE names the authority to trust, -skipVerify accepts any"
            )),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// What a run comes to.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Exit code.
    pub code: u8,
    /// For standard output.
    pub out: String,
    /// For standard error.
    pub err: String,
}

impl Outcome {
    fn ok(out: String) -> Self {
        Self { code: 0, out, err: String::new() }
    }

    fn error(code: u8, err: String) -> Self {
        Self { code, out: String::new(), err }
    }
}

impl Tool {
    /// Runs the command that the process was started with.
    pub fn main(&self) -> ExitCode {
        let words: Vec<String> =
            std::env::args_os().skip(1).map(|w| w.to_string_lossy().into_owned()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let outcome = match runtime {
            Ok(runtime) => runtime.block_on(self.run(words, Environment::of_process())),
            Err(e) => Outcome::error(self.codes.failed, format!("Error: no runtime: {e}\n")),
        };
        let _ = io::stderr().write_all(outcome.err.as_bytes());
        let written = io::stdout().write_all(outcome.out.as_bytes());
        match written.and_then(|()| io::stdout().flush()) {
            // A reader that has seen enough, such as `head`, is no failure.
            Err(e) if e.kind() != io::ErrorKind::BrokenPipe => ExitCode::from(self.codes.failed),
            _ => ExitCode::from(outcome.code),
        }
    }

    /// Runs the command that `words` (without the program's name) ask for.
    pub async fn run(&self, words: Vec<String>, environment: Environment) -> Outcome {
        let known = self.commands.iter().flat_map(|c| c.flags).chain(self.flags);
        let mut given = match Given::read(words, known) {
            Ok(given) => given,
            Err(text) => return Outcome::error(USAGE, format!("{text}\n{}", self.usage())),
        };
        if given.arguments.first().is_some_and(|word| word == "help") {
            return self.help(&given.arguments[1..]);
        }
        if given.arguments.is_empty() {
            if given.help {
                return Outcome::ok(self.usage());
            }
            return Outcome::error(self.codes.unknown, self.usage());
        }
        let Some((command, words)) = self.find(&given.arguments) else {
            return match self.usage_of_group(&given.arguments) {
                Some(usage) if given.help => Outcome::ok(usage),
                Some(usage) => Outcome::error(self.codes.unknown, usage),
                None => self.unknown(&given.arguments),
            };
        };
        if given.help {
            return Outcome::ok(self.usage_of(command));
        }
        let strange =
            given.flags.iter().map(|(name, _)| *name).find(|name| {
                !command.flags.iter().chain(self.flags).any(|flag| flag.name == *name)
            });
        if let Some(name) = strange {
            let text = format!("flag provided but not defined: -{name}\n");
            return Outcome::error(USAGE, text + &self.usage_of(command));
        }
        given.arguments.drain(..words);
        match (command.run)(Call { given, environment }).await {
            Ok(text) => Outcome { code: 0, out: text.out, err: text.note },
            Err(failure) => self.failure(command, failure),
        }
    }

    fn failure(&self, command: &Command, failure: Failure) -> Outcome {
        match failure {
            Failure::Usage(text) => {
                Outcome::error(USAGE, format!("{text}\n{}", self.usage_of(command)))
            }
            Failure::Address(text) => Outcome::error(self.codes.address, format!("{text}\n")),
            Failure::Found(out) => Outcome { code: self.codes.failed, out, err: String::new() },
            Failure::Failed(text) => Outcome::error(self.codes.failed, format!("Error: {text}\n")),
        }
    }

    /// The command that the arguments begin with, and how many words name it.
    fn find(&self, arguments: &[String]) -> Option<(&'static Command, usize)> {
        self.commands.iter().copied().find_map(|command| {
            let words = command.name.split(' ').count();
            let begins = command.name.split(' ').eq(arguments.iter().take(words));
            begins.then_some((command, words))
        })
    }

    fn help(&self, words: &[String]) -> Outcome {
        if words.is_empty() || words[0] == "help" {
            return Outcome::ok(self.usage());
        }
        if let Some((command, _)) = self.find(words) {
            return Outcome::ok(self.usage_of(command));
        }
        self.usage_of_group(words).map_or_else(|| self.unknown(words), Outcome::ok)
    }

    /// The usage of all commands of two words of which only the first was said.
    fn usage_of_group(&self, words: &[String]) -> Option<String> {
        let [word] = words else { return None };
        let usages: Vec<String> = self.group(word).map(|command| self.usage_of(command)).collect();
        (!usages.is_empty()).then(|| usages.join("\n"))
    }

    /// Commands of two words that begin with `word`.
    fn group(&self, word: &str) -> impl Iterator<Item = &'static Command> {
        self.commands
            .iter()
            .copied()
            .filter(move |c| c.name.split_once(' ').is_some_and(|(first, _)| first == word))
    }

    fn unknown(&self, words: &[String]) -> Outcome {
        let in_group = self.group(&words[0]).next().is_some();
        let named = if in_group { words[..words.len().min(2)].join(" ") } else { words[0].clone() };
        let text = format!("Unknown command {named}\n\n{}", self.usage());
        Outcome::error(self.codes.unknown, text)
    }

    /// The usage of the tool.
    pub(crate) fn usage(&self) -> String {
        let mut text =
            format!("Usage: {} [options] [command] [args]\n\n{}\n", self.name, self.about);
        text.push_str("\nCommands:\n\n");
        let lines = self.commands.iter().map(|c| (c.name.to_owned(), c.about));
        let help = ("help".to_owned(), "Prints help for a command: help [command].");
        write_list(&mut text, lines.chain([help]));
        Self::write_flags(&mut text, self.flags);
        text
    }

    /// The usage of a command.
    fn usage_of(&self, command: &Command) -> String {
        let mut text = format!("Usage: {} {} {}", self.name, command.name, command.arguments);
        text.truncate(text.trim_end().len());
        let _ = write!(text, "\n\n{}\n", command.about);
        let flags: Vec<Flag> = command.flags.iter().chain(self.flags).copied().collect();
        Self::write_flags(&mut text, &flags);
        text
    }

    fn write_flags(text: &mut String, flags: &[Flag]) {
        text.push_str("\nOptions (in any position):\n\n");
        let flag = |f: &Flag| match f.value {
            Some(value) => format!("-{} {value}", f.name),
            None => format!("-{}", f.name),
        };
        write_list(text, flags.iter().map(|f| (flag(f), f.help)));
    }
}

fn write_list<'a>(text: &mut String, lines: impl Iterator<Item = (String, &'a str)>) {
    let lines: Vec<(String, &str)> = lines.collect();
    let width = lines.iter().map(|(left, _)| left.chars().count()).max().unwrap_or(0).min(40);
    for (left, right) in lines {
        let _ = writeln!(text, "  {left:width$}  {right}");
    }
}
