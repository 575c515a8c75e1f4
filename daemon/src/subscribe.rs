//! Keeps this member's subscriptions in every InfluxDB that is configured.
//!
//! One task per `[[influxdb]]`: a pass at start, one every `subscriptions-sync-interval`, one when
//! somebody asks, one when the cluster id changes. An InfluxDB that is away stops nothing: the pass is
//! tried again with growing pauses, and `/ready` and the metrics say so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use influx::subscription::{Step, Wish, observe, plan};
use influx::{Client, Error, Login, Settings, Tls};
use model::{ClusterId, MemberId};
use tokio::sync::{mpsc, oneshot};

use crate::config::{InfluxDb, Mode, Protocol};

/// Pauses between tries while InfluxDB is away: from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(15);

/// Limit of one request where the configuration sets none: a server that hangs counts as away.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// How one InfluxDB was found at the last pass.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    /// Why the last pass failed.
    pub(crate) trouble: Option<String>,
    /// Subscriptions of ours after the last good pass.
    pub(crate) linked: usize,
    pub(crate) passes: u64,
    pub(crate) failures: u64,
}

/// Who we are to InfluxDB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names {
    pub(crate) cluster: ClusterId,
    pub(crate) member: MemberId,
}

/// A pass that was asked for; answered with how it went.
type Ask = oneshot::Sender<Result<(), String>>;

/// All subscriptions of this member.
pub(crate) struct Subscriptions {
    names: RwLock<Names>,
    health: Mutex<BTreeMap<String, Health>>,
    asks: Vec<mpsc::Sender<Ask>>,
}

/// One configured InfluxDB.
struct Keeper {
    config: InfluxDb,
    /// The address InfluxDB is to send to.
    destination: String,
    client: Client,
    asks: mpsc::Receiver<Ask>,
}

impl Subscriptions {
    /// Starts a task for every enabled `[[influxdb]]`. `http_port` is where we listen.
    pub(crate) fn start(
        configs: &[InfluxDb],
        http_port: u16,
        names: Names,
    ) -> Result<Arc<Self>, anyhow::Error> {
        let mut keepers = Vec::new();
        let mut asks = Vec::new();
        for config in configs.iter().filter(|c| c.enabled) {
            let (ask, asked) = mpsc::channel(16);
            keepers.push(Keeper::new(config.clone(), http_port, asked)?);
            asks.push(ask);
        }
        let health = keepers.iter().map(|k| (k.config.name.clone(), Health::default())).collect();
        let all = Arc::new(Self { names: RwLock::new(names), health: Mutex::new(health), asks });
        for keeper in keepers {
            tokio::spawn(keeper.run(all.clone()));
        }
        Ok(all)
    }

    /// The member belongs to another cluster now.
    pub(crate) async fn set_cluster(&self, cluster: ClusterId) {
        self.names.write().unwrap_or_else(PoisonError::into_inner).cluster = cluster;
        for ask in &self.asks {
            let (answer, _) = oneshot::channel();
            let _ = ask.send(answer).await;
        }
    }

    /// Waits for the first pass over every InfluxDB, at most `limit`: whoever is answered then finds
    /// the subscriptions there. One that is away is not waited for: its pass fails at once.
    pub(crate) async fn first_pass(&self, limit: Duration) {
        let _ = tokio::time::timeout(limit, self.sync_now()).await;
    }

    /// A pass over every InfluxDB now.
    pub(crate) async fn sync_now(&self) -> Result<(), String> {
        for ask in &self.asks {
            let (answer, answered) = oneshot::channel();
            ask.send(answer).await.map_err(|_| "going down".to_owned())?;
            answered.await.map_err(|_| "going down".to_owned())??;
        }
        Ok(())
    }

    fn names(&self) -> Names {
        *self.names.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// How each InfluxDB was found, by name.
    pub(crate) fn health(&self) -> BTreeMap<String, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What `/ready` says.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let describe = |(name, health): (String, Health)| {
            health.trouble.map(|why| format!("InfluxDB {name:?}: {why}"))
        };
        self.health().into_iter().filter_map(describe).collect()
    }

    fn note(&self, name: &str, result: &Result<usize, Error>) {
        let mut all = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let health = all.entry(name.to_owned()).or_default();
        match result {
            Ok(linked) => {
                if health.trouble.take().is_some() {
                    tracing::info!(service = "influxdb", cluster = name, "InfluxDB answers again");
                }
                health.passes += 1;
                health.linked = *linked;
            }
            Err(error) => {
                health.failures += 1;
                let text = error.to_string();
                if health.trouble.as_ref() != Some(&text) {
                    tracing::warn!(
                        service = "influxdb",
                        cluster = name,
                        error = %text,
                        "failed to link subscriptions, trying again"
                    );
                }
                health.trouble = Some(text);
            }
        }
    }
}

impl Keeper {
    fn new(
        config: InfluxDb,
        http_port: u16,
        asks: mpsc::Receiver<Ask>,
    ) -> Result<Self, anyhow::Error> {
        let client = Client::new(Settings {
            urls: config.urls.clone(),
            login: login(&config),
            tls: tls(&config)?,
            timeout: Some(config.timeout.unwrap_or(REQUEST_LIMIT)),
            gzip: config.compress,
        })?;
        let port = config.http_port.unwrap_or(http_port);
        let host = crate::config::address::join(&config.kapacitor_hostname, port);
        let scheme = config.subscription_protocol.as_str();
        let destination = format!("{scheme}://{host}{}", config.subscription_path);
        if config.subscription_protocol == Protocol::Udp && !config.disable_subscriptions {
            anyhow::bail!(
                "[[influxdb]] {:?}: subscription-protocol \"udp\" is not built yet; use \"http\" or \"https\"",
                config.name
            );
        }
        Ok(Self { config, destination, client, asks })
    }

    async fn run(mut self, all: Arc<Subscriptions>) {
        let mut pause = FIRST_PAUSE;
        let mut asked: Option<Ask> = None;
        loop {
            let result = self.pass(all.names()).await;
            all.note(&self.config.name, &result);
            if let Some(answer) = asked.take() {
                let _ = answer.send(result.as_ref().map(|_| ()).map_err(ToString::to_string));
            }
            let wait = if result.is_ok() {
                pause = FIRST_PAUSE;
                self.config.subscriptions_sync_interval
            } else {
                let now = pause;
                pause = LAST_PAUSE.min(pause * 2);
                now.min(self.config.subscriptions_sync_interval)
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                ask = self.asks.recv() => match ask {
                    Some(ask) => asked = Some(ask),
                    None => return,
                },
            }
        }
    }

    /// One pass; how many subscriptions are ours after it.
    async fn pass(&self, names: Names) -> Result<usize, Error> {
        self.client.ping().await?;
        let wish = self.wish(names);
        let (sources, present) = observe(&self.client).await?;
        for step in plan(&wish, &sources, &present) {
            match &step {
                Step::Create { source } => tracing::info!(
                    service = "influxdb",
                    cluster = %self.config.name,
                    database = %source.database,
                    retention_policy = %source.policy,
                    "creating subscription"
                ),
                Step::Drop { source, name, reason } => tracing::info!(
                    service = "influxdb",
                    cluster = %self.config.name,
                    database = %source.database,
                    retention_policy = %source.policy,
                    subscription = %name,
                    ?reason,
                    "dropping subscription"
                ),
            }
            match self.client.query("", &wish.statement(&step)).await {
                Ok(_) => {}
                // Another pass, or another member in mode `cluster`, was faster.
                Err(Error::Refused { text, .. })
                    if text.contains("already exists") || text.contains("not found") => {}
                Err(error) => return Err(error),
            }
        }
        let own = |s: &&influx::subscription::Subscription| s.name == wish.name;
        Ok(observe(&self.client).await?.1.iter().filter(own).count())
    }

    fn wish(&self, names: Names) -> Wish {
        let id = match self.config.subscription_mode {
            Mode::Cluster => names.cluster.to_string(),
            Mode::Server => names.member.to_string(),
        };
        Wish {
            name: format!("kapacitor-{id}"),
            legacy_names: vec!["kapacitor".to_owned(), names.cluster.to_string()],
            destination: self.destination.clone(),
            only: self.config.subscriptions.clone(),
            except: self.config.excluded_subscriptions.clone(),
            disabled: self.config.disable_subscriptions,
        }
    }
}

fn login(config: &InfluxDb) -> Login {
    if !config.token.is_empty() {
        return Login::Token(config.token.expose().to_owned());
    }
    if !config.username.is_empty() {
        return Login::Basic {
            user: config.username.clone(),
            password: config.password.expose().to_owned(),
        };
    }
    Login::Open
}

fn tls(config: &InfluxDb) -> Result<Tls, anyhow::Error> {
    let read = |path: &std::path::PathBuf| {
        std::fs::read(path).map_err(|e| {
            anyhow::anyhow!(
                "[[influxdb]] {:?}: failed to read {}: {e}",
                config.name,
                path.display()
            )
        })
    };
    let identity = match (&config.ssl_cert, &config.ssl_key) {
        (Some(cert), Some(key)) => Some((read(cert)?, read(key)?)),
        _ => None,
    };
    let ca = config.ssl_ca.as_ref().map(read).transpose()?;
    Ok(Tls { ca, identity, skip_verify: config.insecure_skip_verify })
}
