//! Subscriptions: which a member wants, which InfluxDB has, and the statements between the two.
//!
//! Rules as in Kapacitor's `services/influxdb`: own ones are those with our name; a wrong or
//! unwanted one is dropped, a missing one created, foreign ones are never touched. Names used by
//! very old releases (`kapacitor`, the bare cluster id) are created anew under the present name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::client::{Client, Error, Series};
use crate::quote::{ident, literal};

/// A database and one of its retention policies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Database.
    pub database: String,
    /// Retention policy.
    pub policy: String,
}

/// A subscription as `SHOW SUBSCRIPTIONS` lists it. Destinations may hold tokens: never log them.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    /// What it forwards.
    pub source: Source,
    /// Its name.
    pub name: String,
    /// `ANY` or `ALL`.
    pub mode: String,
    /// Addresses it forwards to.
    pub destinations: Vec<String>,
}

/// What a member wants of one InfluxDB.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Our name: `kapacitor-` and the cluster id or the server id, by `subscription-mode`.
    pub name: String,
    /// Names of old releases that stand for the present one.
    pub legacy_names: Vec<String>,
    /// `http://host:port` and the path, where points are to be sent.
    pub destination: String,
    /// `subscriptions`: database to policies (empty list: all of them); empty map: everything.
    pub only: BTreeMap<String, Vec<String>>,
    /// `excluded-subscriptions`.
    pub except: BTreeMap<String, Vec<String>>,
    /// `disable-subscriptions`: nothing is wanted.
    pub disabled: bool,
}

/// One step from what is to what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Create ours for a source.
    Create {
        /// For what.
        source: Source,
    },
    /// Drop one.
    Drop {
        /// Of what.
        source: Source,
        /// Its name.
        name: String,
        /// Why, for the log.
        reason: Reason,
    },
}

/// Why a subscription is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Subscriptions are disabled, or the source is not wanted any more.
    Unwanted,
    /// It sends elsewhere, or to nobody.
    WrongDestination,
    /// It has the name an old release used.
    LegacyName,
}

/// The steps to take, drops first, in order of source.
pub fn plan(wish: &Wish, sources: &BTreeSet<Source>, present: &[Subscription]) -> Vec<Step> {
    let wanted: BTreeSet<&Source> = sources.iter().filter(|s| wish.wants(s)).collect();
    let mut drops = Vec::new();
    let mut in_place = BTreeSet::new();
    for subscription in present {
        let reason = if subscription.name == wish.name {
            if !wanted.contains(&subscription.source) {
                Reason::Unwanted
            } else if !same_destination(&subscription.destinations, &wish.destination) {
                Reason::WrongDestination
            } else {
                in_place.insert(&subscription.source);
                continue;
            }
        } else if wish.legacy_names.contains(&subscription.name) {
            Reason::LegacyName
        } else {
            continue;
        };
        drops.push(Step::Drop {
            source: subscription.source.clone(),
            name: subscription.name.clone(),
            reason,
        });
    }
    let missing = wanted.into_iter().filter(|s| !in_place.contains(*s));
    drops.into_iter().chain(missing.map(|s| Step::Create { source: s.clone() })).collect()
}

impl Wish {
    fn wants(&self, source: &Source) -> bool {
        let listed = |map: &BTreeMap<String, Vec<String>>, empty_means_all: bool| {
            map.get(&source.database).is_some_and(|policies| {
                (empty_means_all && policies.is_empty()) || policies.contains(&source.policy)
            })
        };
        !self.disabled
            && (self.only.is_empty() || listed(&self.only, true))
            && !listed(&self.except, true)
    }

    /// The statement of a step.
    pub fn statement(&self, step: &Step) -> String {
        match step {
            Step::Create { source } => format!(
                "CREATE SUBSCRIPTION {} ON {}.{} DESTINATIONS ANY {}",
                ident(&self.name),
                ident(&source.database),
                ident(&source.policy),
                literal(&self.destination)
            ),
            Step::Drop { source, name, .. } => drop_statement(source, name),
        }
    }
}

/// `DROP SUBSCRIPTION "name" ON "db"."rp"`.
pub fn drop_statement(source: &Source, name: &str) -> String {
    format!(
        "DROP SUBSCRIPTION {} ON {}.{}",
        ident(name),
        ident(&source.database),
        ident(&source.policy)
    )
}

/// True when the only destination has the same protocol, host and port; a path is not compared.
fn same_destination(present: &[String], wanted: &str) -> bool {
    let origin = |url: &str| -> Option<(String, String)> {
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?']).next()?;
        Some((scheme.to_ascii_lowercase(), authority.to_ascii_lowercase()))
    };
    match present {
        [one] => origin(one).is_some_and(|o| Some(o) == origin(wanted)),
        _ => false,
    }
}

/// Databases and policies, and the subscriptions on them, as the server shows them now.
pub async fn observe(client: &Client) -> Result<(BTreeSet<Source>, Vec<Subscription>), Error> {
    let mut sources = BTreeSet::new();
    for database in names(&client.query("", "SHOW DATABASES").await?) {
        let statement = format!("SHOW RETENTION POLICIES ON {}", ident(&database));
        match client.query("", &statement).await {
            Ok(series) => sources.extend(
                names(&series)
                    .into_iter()
                    .map(|policy| Source { database: database.clone(), policy }),
            ),
            // Dropped in between: it simply has no policy now.
            Err(Error::Refused { text, .. }) if text.contains("database not found") => {}
            Err(e) => return Err(e),
        }
    }
    Ok((sources, list(client).await?))
}

/// All subscriptions that the server shows, whoever made them.
pub async fn list(client: &Client) -> Result<Vec<Subscription>, Error> {
    Ok(parse(&client.query("", "SHOW SUBSCRIPTIONS").await?))
}

fn names(series: &[Series]) -> Vec<String> {
    series
        .iter()
        .flat_map(|s| {
            let at = s.columns.iter().position(|c| c == "name").unwrap_or(0);
            s.values.iter().filter_map(move |row| row.get(at)?.as_str().map(str::to_owned))
        })
        .collect()
}

/// Reads `SHOW SUBSCRIPTIONS`: one series per database.
fn parse(series: &[Series]) -> Vec<Subscription> {
    let mut all = Vec::new();
    for s in series {
        let column = |name: &str| s.columns.iter().position(|c| c == name);
        let text = |row: &[Value], at: Option<usize>| -> String {
            at.and_then(|at| row.get(at)?.as_str()).unwrap_or_default().to_owned()
        };
        for row in &s.values {
            let destinations = column("destinations").and_then(|at| row.get(at)?.as_array());
            all.push(Subscription {
                source: Source {
                    database: s.name.clone(),
                    policy: text(row, column("retention_policy")),
                },
                name: text(row, column("name")),
                mode: text(row, column("mode")),
                destinations: destinations
                    .into_iter()
                    .flatten()
                    .filter_map(|d| d.as_str().map(str::to_owned))
                    .collect(),
            });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(database: &str, policy: &str) -> Source {
        Source { database: database.into(), policy: policy.into() }
    }

    fn present(database: &str, policy: &str, name: &str, destinations: &[&str]) -> Subscription {
        Subscription {
            source: source(database, policy),
            name: name.into(),
            mode: "ANY".into(),
            destinations: destinations.iter().map(|d| (*d).to_owned()).collect(),
        }
    }

    fn wish() -> Wish {
        Wish {
            name: "kapacitor-1".into(),
            legacy_names: vec!["kapacitor".into()],
            destination: "http://me:9092".into(),
            only: BTreeMap::new(),
            except: BTreeMap::from([("_kapacitor".into(), vec!["autogen".into()])]),
            disabled: false,
        }
    }

    fn statements(wish: &Wish, sources: &[Source], present: &[Subscription]) -> Vec<String> {
        plan(wish, &sources.iter().cloned().collect(), present)
            .iter()
            .map(|s| wish.statement(s))
            .collect()
    }

    #[test]
    fn missing_ones_are_created_with_quoted_names() {
        let sources = [source("a\"b", "autogen"), source("_kapacitor", "autogen")];
        assert_eq!(
            statements(&wish(), &sources, &[]),
            [
                r#"CREATE SUBSCRIPTION "kapacitor-1" ON "a\"b"."autogen" DESTINATIONS ANY 'http://me:9092'"#
            ]
        );
    }

    #[test]
    fn wrong_unwanted_and_legacy_ones_are_dropped_and_foreign_ones_stay() {
        let sources = [source("d", "r"), source("d", "s"), source("e", "r")];
        let now = [
            present("d", "r", "kapacitor-1", &["http://elsewhere:9092"]),
            present("d", "s", "kapacitor-1", &["http://me:9092/path"]),
            present("e", "r", "kapacitor-2", &["http://other:9092"]),
            present("e", "r", "kapacitor", &["http://me:9092"]),
            present("gone", "r", "kapacitor-1", &["http://me:9092"]),
        ];
        assert_eq!(
            statements(&wish(), &sources, &now),
            [
                r#"DROP SUBSCRIPTION "kapacitor-1" ON "d"."r""#,
                r#"DROP SUBSCRIPTION "kapacitor" ON "e"."r""#,
                r#"DROP SUBSCRIPTION "kapacitor-1" ON "gone"."r""#,
                r#"CREATE SUBSCRIPTION "kapacitor-1" ON "d"."r" DESTINATIONS ANY 'http://me:9092'"#,
                r#"CREATE SUBSCRIPTION "kapacitor-1" ON "e"."r" DESTINATIONS ANY 'http://me:9092'"#,
            ]
        );
    }

    #[test]
    fn only_listed_sources_are_wanted_and_disabled_means_none() {
        let sources = [source("d", "r"), source("d", "s"), source("e", "r")];
        let mut wish = wish();
        wish.only = BTreeMap::from([("d".into(), vec!["s".into()])]);
        assert_eq!(statements(&wish, &sources, &[]).len(), 1);
        wish.disabled = true;
        let now = [present("d", "s", "kapacitor-1", &["http://me:9092"])];
        assert_eq!(
            statements(&wish, &sources, &now),
            [r#"DROP SUBSCRIPTION "kapacitor-1" ON "d"."s""#]
        );
    }
}
