//! Which member to ask: the flags and variables that every command shares.

use std::time::Duration;

use client::{Client, Options, Trust};

use crate::flags::{Flag, parse_bool};
use crate::tool::{Call, Failure};

/// Flags of every command of both tools.
pub(crate) const FLAGS: [Flag; 3] = [
    Flag::value(
        "url",
        "URL",
        "HTTP API of the member to ask, with a login if one is needed \
         (KAPACITOR_URL, else http://localhost:9092)",
    ),
    Flag::value(
        "caCert",
        "FILE",
        "certificate of the authority to trust, PEM; that one only (KAPACITOR_CA_CERT)",
    ),
    Flag::switch("skipVerify", "accept any TLS certificate (KAPACITOR_UNSAFE_SSL)"),
];

impl Call {
    /// A client of the member that flags and environment name.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let url = self.given.flag("url").or_else(|| self.environment.var("KAPACITOR_URL"));
        let url = url.filter(|url| !url.is_empty()).map(str::to_owned);
        let url = url.unwrap_or_else(|| Options::default().url);
        self.client_with(Options { url, ..Options::default() })
    }

    /// A client of another member, for questions that are answered within seconds.
    pub(crate) fn client_of(&self, url: &str) -> Result<Client, Failure> {
        let timeout = Duration::from_secs(20);
        self.client_with(Options { url: url.to_owned(), timeout, ..Options::default() })
    }

    fn client_with(&self, mut options: Options) -> Result<Client, Failure> {
        options.trust = self.trust()?;
        Client::new(options).map_err(|error| match (error, self.authority()) {
            (client::Error::Setup(why), Some(file)) => {
                Failure::Usage(format!("cannot use -caCert {file}: {why}"))
            }
            (error, _) => error.into(),
        })
    }

    /// The file with the one authority to trust.
    fn authority(&self) -> Option<&str> {
        let file = self.given.flag("caCert").or_else(|| self.environment.var("KAPACITOR_CA_CERT"));
        file.filter(|file| !file.is_empty())
    }

    fn trust(&self) -> Result<Trust, Failure> {
        let all = match self.given.flag("skipVerify") {
            Some(given) => given == "true",
            None => self.skip_verify_by_environment()?,
        };
        match self.authority() {
            _ if all => Ok(Trust::All),
            None => Ok(Trust::System),
            Some(file) => match std::fs::read(file) {
                Ok(authority) => Ok(Trust::Only(authority)),
                Err(why) => Err(Failure::Usage(format!("cannot read -caCert {file}: {why}"))),
            },
        }
    }

    fn skip_verify_by_environment(&self) -> Result<bool, Failure> {
        let Some(text) = self.environment.var("KAPACITOR_UNSAFE_SSL") else { return Ok(false) };
        parse_bool(text).ok_or_else(|| {
            Failure::Usage(format!("KAPACITOR_UNSAFE_SSL is neither true nor false: {text:?}"))
        })
    }

    /// The arguments, if there are exactly `N`; else the usage under `text`.
    pub(crate) fn exactly<const N: usize>(&self, text: &str) -> Result<[&str; N], Failure> {
        let arguments: Vec<&str> = self.given.arguments.iter().map(String::as_str).collect();
        let given: Result<[&str; N], _> = arguments.try_into();
        given.ok().filter(|all| !all.contains(&"")).ok_or_else(|| Failure::Usage(text.to_owned()))
    }
}
