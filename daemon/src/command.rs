//! The command line of kapacitord: `run` (also without a word), `config`, `version`, `health`, `help`.
//!
//! Flags are Go's: `-name value` or `-name=value`, with one dash or two, anywhere after the command.

mod arguments;
mod health;
pub(crate) mod pidfile;

use std::io::Write as _;
use std::process::ExitCode;

use crate::config::{self, Config, Environment};
use crate::logging::{self, Log};

pub use arguments::{Command, Invalid, parse};

/// What `kapacitord help` prints.
const USAGE: &str = "\
Usage: kapacitord [command] [flags]

Commands:
  run       start the member; also without a command
  config    print the configuration, documented; of a file with -config, else the defaults
  health    ask the member on this host whether it is ready; `health ping` whether it lives
  version   print the version
  help      print this text

Flags of run:
  -config F              file to read; /dev/null for none. Else KAPACITOR_CONFIG_PATH,
                         ~/.kapacitor/kapacitor.conf, /etc/kapacitor/kapacitor.conf
  -hostname H            in place of hostname
  -pidfile F             write the process id to a file
  -log-file F            in place of [logging] file
  -log-level L           DEBUG, INFO, WARN or ERROR, in place of [logging] level
  -disable-handlers K,K  kinds of handlers that must not be used
  -blacklist-cidrs C,C   networks that handlers must not connect to; `private` for all private ones

Every option of the file can be set by environment: KAPACITOR_SECTION_KEY.
";

/// Runs the command that `args` (without the program's name) ask for. `serve` runs a member until it
/// is told to stop; the configuration is checked and the log is open when it is called.
pub fn run<E: std::fmt::Display>(
    args: impl IntoIterator<Item = String>,
    serve: impl FnOnce(Config, Log) -> Result<(), E>,
) -> ExitCode {
    match parse(args) {
        Ok(Command::Run { flags }) => match config::load(&flags, &Environment::of_process()) {
            Ok(config) => start(config, serve),
            Err(problems) => fail("run", &format!("the configuration is not valid:\n{problems}")),
        },
        Ok(Command::Config { flags }) => print_config(&flags),
        Ok(Command::Health { flags, question }) => health::ask_configured(&flags, question),
        Ok(Command::Version) => print(&version()),
        Ok(Command::Help) => print(USAGE),
        Err(invalid) => {
            let _ = writeln!(std::io::stderr(), "{invalid}\nRun 'kapacitord help' for usage.");
            ExitCode::from(2)
        }
    }
}

/// `Kapacitor OSS version V (git: B C)`.
pub fn version() -> String {
    format!(
        "Kapacitor OSS version {} (git: {} {})\n",
        env!("CARGO_PKG_VERSION"),
        option_env!("KAPACITOR_GIT_BRANCH").unwrap_or("unknown"),
        option_env!("KAPACITOR_GIT_COMMIT").unwrap_or("unknown"),
    )
}

fn start<E: std::fmt::Display>(
    config: Config,
    serve: impl FnOnce(Config, Log) -> Result<(), E>,
) -> ExitCode {
    let log = match logging::start(&config.logging) {
        Ok(log) => log,
        Err(e) => return fail("run", &e.to_string()),
    };
    let file =
        config.source.as_ref().map_or("none, defaults".to_owned(), |p| p.display().to_string());
    tracing::info!(service = "run", version = env!("CARGO_PKG_VERSION"), config = %file, "starting");
    for warning in &config.warnings {
        tracing::warn!(service = "run", "{warning}");
    }
    let to_file = matches!(config.logging.target, config::Target::File(_));
    match serve(config, log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            tracing::error!(service = "run", error = %e, "the member stopped");
            // The reason must be seen on the terminal as well when the log is a file.
            if to_file { fail("run", &e.to_string()) } else { ExitCode::FAILURE }
        }
    }
}

fn print_config(flags: &config::Flags) -> ExitCode {
    if flags.config.is_none() {
        return print(&config::render(&config::sample()));
    }
    match config::load(flags, &Environment::of_process()) {
        Ok(config) => print(&config::render(&config.settings)),
        Err(problems) => fail("config", &format!("the configuration is not valid:\n{problems}")),
    }
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn fail(command: &str, text: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{command}: {text}");
    ExitCode::FAILURE
}
