//! Starts a member and stops it: the one place that knows how its parts are put together.
//!
//! Order of a start: disk, identity, listeners, brain, tasks, subscriptions, and the HTTP API last,
//! so that whoever is answered finds a whole member. A stop goes the other way.

use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use alert::ServerInfo;
use anyhow::Context as _;
use gossip::Addresses;
use member::{Identity, Input, Member, Stored};
use model::{BootGeneration, ClusterId, MemberId, Str};
use rpc::{Header, State};
use tokio::net::{TcpListener, UdpSocket};
use tokio::runtime::Handle as Runtime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::brain::{self, Brain, Disk, Hands};
use crate::clock;
use crate::config::address::Listen;
use crate::config::{Config, Environment};
use crate::deliver::Deliverer;
use crate::deliver::endpoint::Endpoints;
use crate::deliver::guard::Guard;
use crate::health::DiskHealth;
use crate::http::permission::Permission;
use crate::http::server::{Limits, serve};
use crate::http::{App, router};
use crate::ingest::Ingest;
use crate::keys::{self, Keys};
use crate::logging::Log;
use crate::net;
use crate::net::refused::Refused;
use crate::net::sealing::Sealing;
use crate::steward::Steward;
use crate::store::Store;
use crate::subscribe::{Names, Subscriptions};
use crate::surroundings::Yard;
use crate::tasks::worker::Worker;
use crate::tasks::{Cluster, Runner, Tasks};
use crate::tls;

/// Threads that run tasks, unless the machine has fewer cores.
const MOST_WORKERS: usize = 8;

/// How long the start waits for subscriptions. An InfluxDB that hangs costs no more than this.
const FIRST_PASS: Duration = Duration::from_secs(3);

/// Ports that are tried for gossip when any will do.
const PORT_TRIES: usize = 16;

/// Pause between two looks whether threads and connections have let go of the store.
const RELEASE: Duration = Duration::from_millis(2);

/// Where a member listens; real ports, also when 0 was configured.
#[derive(Clone, Copy, Debug)]
pub struct Addrs {
    /// Gossip, UDP and TCP.
    pub gossip: SocketAddr,
    /// Calls of other members.
    pub rpc: SocketAddr,
    /// The HTTP API.
    pub http: SocketAddr,
}

/// A running member. Dropping it without [`Handle::stop`] leaves its threads to the process's end.
pub struct Handle {
    addrs: Addrs,
    member: MemberId,
    app: Arc<App>,
    keys: Arc<Keys>,
    http_stop: watch::Sender<bool>,
    http: JoinHandle<()>,
    rpc_stop: watch::Sender<bool>,
    background: Vec<JoinHandle<()>>,
    stopped: oneshot::Receiver<()>,
    store: Arc<Store>,
    shutdown_timeout: Duration,
}

/// Sockets, bound before anything else starts.
struct Sockets {
    udp: UdpSocket,
    gossip: TcpListener,
    rpc: TcpListener,
    http: TcpListener,
}

/// Starts a member; returns when it serves.
pub async fn start(config: Config, log: Log) -> anyhow::Result<Handle> {
    let config = Arc::new(config);
    let (store, stored) = open_store(&config)?;
    let identity = identify(&store, &stored)?;
    let sockets = Sockets::bind(&config).await?;
    let addrs = sockets.addrs()?;
    let addresses = addresses(&config, &addrs);
    let member_config = member_config(&config, addresses)?;
    let member = Member::new(member_config, identity, &stored, nonces(), brain::now())
        .context("the data directory cannot be read; restore it from a backup")?;
    let (cluster, state) = (member.cluster(), member.state());
    store.identity().write(identity.member, cluster)?;

    let runtime = Runtime::current();
    let disk_health = Arc::new(DiskHealth::default());
    let endpoints =
        Arc::new(Endpoints::open(&config.httppost, Guard(config.refused_networks.clone()))?);
    let (brain, mailbox) = Brain::mailbox();
    let ingest = Arc::new(Ingest::new(&config.default_retention_policy));
    let yard = Arc::new(Yard::new(brain.clone(), endpoints.clone(), runtime.clone(), &ingest));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers: Vec<Worker> =
        (0..cores.min(MOST_WORKERS)).map(|n| Worker::start(n, yard.clone())).collect();

    let (notices, notice_inbox) = mpsc::unbounded_channel();
    let udp = Arc::new(sockets.udp);
    let sealing = Arc::new(Sealing::new(keys::ring(&config.cluster)));
    let refused = Arc::new(Refused::default());
    let dialer = net::probe::Dialer {
        caller: net::call::Caller::new(
            tls::rpc_client(config.rpc.tls.as_ref())?,
            sealing.clone(),
            refused.clone(),
        )?,
        api: influx::http_client(
            &influx::Tls { skip_verify: true, ..influx::Tls::default() },
            "kapacitord",
            Some(Duration::from_secs(3)),
        )?,
        header: Header { from: identity.member, boot: identity.boot, cluster, to: None },
    };
    let hands = Hands {
        brain: brain.clone(),
        runtime: runtime.clone(),
        disk: Disk::start(store.clone(), brain.clone(), disk_health.clone()),
        socket: udp.clone(),
        dialer: dialer.clone(),
        deliverer: Deliverer {
            runtime: runtime.clone(),
            brain: brain.clone(),
            endpoints: endpoints.clone(),
            files: Arc::default(),
            disabled: config.disabled_handlers.clone(),
        },
        workers: workers.clone(),
        notices,
    };
    brain::start(member, mailbox, hands);

    let server = |cluster: ClusterId| {
        Arc::new(ServerInfo {
            hostname: config.hostname.as_str().into(),
            cluster_id: cluster.to_string().into(),
            server_id: identity.member.to_string().into(),
        })
    };
    let in_cluster = state == State::Initialized && config.cluster.align_windows;
    let runner = Runner::new(
        workers,
        ingest.clone(),
        brain.clone(),
        Cluster { server: server(cluster), align_windows: in_cluster },
        endpoints.for_engine(),
        config.disabled_handlers.iter().map(|k| Str::from(k.as_str())).collect(),
        jiff::tz::TimeZone::system(),
    );
    let tasks = Arc::new(Tasks::open(store.clone(), runner)?);
    let names = Names { cluster, member: identity.member };
    let subscriptions = Subscriptions::start(&config.influxdb, addrs.http.port(), names)?;

    let permission = Arc::new(Permission {
        token: store.identity().admin_token()?,
        token_file: config.data_dir.join("admin.token"),
        admin_keys: RwLock::new(config.cluster.admin_keys.clone()),
        open: config.cluster.allow_unauthenticated_changes,
    });
    let keys = Keys::new(&config, brain.clone(), sealing.clone(), permission.clone());
    let keys = Arc::new(keys);
    let app = Arc::new(App {
        config: config.clone(),
        brain: brain.clone(),
        tasks: tasks.clone(),
        ingest,
        subscriptions: subscriptions.clone(),
        permission,
        keys: keys.clone(),
        refused: refused.clone(),
        dialer,
        checks: crate::http::Checks::default(),
        log,
        disk: disk_health,
        load_errors: AtomicU64::new(0),
        load_turn: tokio::sync::Mutex::new(()),
        member_id: identity.member,
    });
    let (stopped_sender, stopped) = oneshot::channel();
    let steward = Steward {
        config: config.clone(),
        store: store.clone(),
        brain: brain.clone(),
        tasks: tasks.clone(),
        subscriptions,
        member: identity.member,
        stopped: Some(stopped_sender),
    };

    let (http_stop, http_stops) = watch::channel(false);
    let (rpc_stop, rpc_stops) = watch::channel(false);
    let rpc_tls = tls::rpc_server(config.rpc.tls.as_ref())?;
    let sealing = rpc_tls.is_none().then_some(sealing);
    let port = net::serve::Port::new(brain.clone(), sealing, refused.clone());
    let rpc_router = net::serve::router(port);
    let limits = Limits::default();
    let grace = Duration::from_secs(1);
    let mut background = vec![
        tokio::spawn(steward.run(notice_inbox)),
        tokio::spawn(net::datagram::receive(udp, brain.clone())),
        tokio::spawn(net::stream::serve(sockets.gossip, brain.clone())),
        tokio::spawn(keys.clone().watch()),
        tokio::spawn(serve(
            sockets.rpc,
            rpc_router,
            limits,
            rpc_tls,
            Some(refused),
            rpc_stops,
            grace,
        )),
    ];
    tasks.start_enabled().await;
    let loaded = crate::load::fingerprint(&config.load);
    crate::load::load(&app).await?;
    background.push(tokio::spawn(crate::load::watch(app.clone(), loaded)));
    app.subscriptions.first_pass(FIRST_PASS).await;
    let http_tls = tls::http_server(&config)?;
    let http_grace = config.http.shutdown_timeout / 2;
    let http = tokio::spawn(serve(
        sockets.http,
        router(app.clone()),
        limits,
        http_tls,
        None,
        http_stops,
        http_grace,
    ));
    announce(&config, &addrs, identity.member, cluster, state);
    Ok(Handle {
        addrs,
        member: identity.member,
        app,
        keys,
        http_stop,
        http,
        rpc_stop,
        background,
        stopped,
        store,
        shutdown_timeout: config.http.shutdown_timeout,
    })
}

impl Handle {
    /// Where it listens.
    pub fn addrs(&self) -> Addrs {
        self.addrs
    }

    /// Its identity.
    pub fn member(&self) -> MemberId {
        self.member
    }

    /// Reads again what may change while the member runs (SIGHUP): the log level of the
    /// configuration, the log file, the key files, and the load directory. What is wrong stays as it
    /// was and is logged.
    pub async fn reload(&self) {
        if let Err(error) = self.app.log.reopen() {
            tracing::error!(service = "run", %error, "failed to open the log file again");
        }
        match crate::config::load(&self.app.config.flags, &Environment::of_process()) {
            Ok(config) => {
                self.app.log.set_level(config.logging.level);
                self.keys.set(&config);
            }
            Err(problems) => {
                tracing::error!(service = "run", %problems, "the configuration stays as it is");
            }
        }
        crate::load::again(&self.app).await;
    }

    /// Stops: no more requests, tasks drain, pending events are handed over and what is in flight
    /// ends, all within `[http] shutdown-timeout`. Each part has its share of that time, so that one
    /// that does not end leaves the others theirs.
    pub async fn stop(self) {
        let began = tokio::time::Instant::now();
        let by = |tenths| began + self.shutdown_timeout * tenths / 10;
        let _ = self.http_stop.send(true);
        let _ = tokio::time::timeout_at(by(4), self.http).await;
        let _ = tokio::time::timeout_at(by(6), self.app.tasks.stop_all()).await;
        self.app.brain.tell(Input::Stop);
        if tokio::time::timeout_at(by(8), self.stopped).await.is_err() {
            tracing::warn!(
                service = "run",
                "stopped with events still in flight; they are on disk"
            );
        }
        let _ = self.rpc_stop.send(true);
        let written = self.app.brain.command(member::Command::Barrier);
        if !matches!(tokio::time::timeout_at(by(9), written).await, Ok(Ok(_))) {
            tracing::error!(service = "run", "what was written last is not on disk");
        }
        self.app.tasks.runner.end_workers();
        self.app.brain.end();
        for task in self.background {
            task.abort();
            let _ = task.await;
        }
        drop(self.keys);
        drop(self.app);
        close(self.store, by(10)).await;
        tracing::info!(service = "run", "stopped");
    }
}

/// Closes the store as soon as nobody else holds it: another start may open it then. Threads and
/// connections that were told to end need a moment.
async fn close(mut store: Arc<Store>, deadline: tokio::time::Instant) {
    loop {
        match Arc::try_unwrap(store) {
            Ok(store) => {
                if let Err(error) = tokio::task::block_in_place(|| store.close()) {
                    tracing::error!(service = "run", %error, "failed to close the store");
                }
                return;
            }
            Err(held) if tokio::time::Instant::now() < deadline => store = held,
            Err(_) => {
                tracing::warn!(
                    service = "run",
                    "the store is still in use; the next start checks it"
                );
                return;
            }
        }
        tokio::time::sleep(RELEASE).await;
    }
}

fn open_store(config: &Config) -> anyhow::Result<(Arc<Store>, Stored)> {
    let mut journal = Vec::new();
    let store = Store::open(&config.data_dir, &config.storage.database, &mut |_, kind, record| {
        if kind == brain::RECORD_KIND {
            journal.push(record.to_vec());
        }
    })?;
    let mut stored = Stored { rows: Vec::new(), journal };
    for table in member::TABLES {
        for (key, value) in store.rows(table)? {
            stored.rows.push((member::Row { table, key }, value));
        }
    }
    Ok((Arc::new(store), stored))
}

/// Who this member is: the database is the truth, the text files are adopted without one.
fn identify(store: &Store, stored: &Stored) -> anyhow::Result<Identity> {
    let files = store.identity();
    let member = match member::stored_member(stored)? {
        Some(id) => id,
        None => files.member()?.unwrap_or_else(|| MemberId::from_uuid(uuid::Uuid::new_v4())),
    };
    let cluster = match member::stored_cluster(stored)? {
        Some(id) => id,
        None => files.cluster()?.unwrap_or_else(fresh_cluster_id),
    };
    let unix_ms = u64::try_from(clock::now().0 / 1_000_000).unwrap_or(0);
    let boot = BootGeneration::next(member::stored_boot(stored)?, unix_ms);
    Ok(Identity { member, cluster, fresh_cluster: fresh_cluster_id(), boot })
}

/// Nonces of sealed packets: 192 random bits each.
fn nonces() -> Box<dyn gossip::NonceSource> {
    Box::new(|| {
        let mut nonce = [0; 24];
        getrandom::fill(&mut nonce).expect("the system gives random bytes while it runs");
        nonce
    })
}

/// A cluster id nobody has.
pub(crate) fn fresh_cluster_id() -> ClusterId {
    ClusterId::from_uuid(uuid::Uuid::new_v4())
}

impl Sockets {
    async fn bind(config: &Config) -> anyhow::Result<Self> {
        let (gossip, udp) = bind_both(&config.cluster.bind).await?;
        Ok(Self {
            udp,
            gossip,
            rpc: bind("[rpc] bind-address", &config.rpc.bind).await?,
            http: bind("[http] bind-address", &config.http.bind).await?,
        })
    }

    fn addrs(&self) -> anyhow::Result<Addrs> {
        Ok(Addrs {
            gossip: self.gossip.local_addr()?,
            rpc: self.rpc.local_addr()?,
            http: self.http.local_addr()?,
        })
    }
}

/// One port for TCP and UDP. Any free one of TCP may be taken for UDP: then another is tried.
async fn bind_both(listen: &Listen) -> anyhow::Result<(TcpListener, UdpSocket)> {
    let mut tries = if listen.port == 0 { PORT_TRIES } else { 1 };
    loop {
        let tcp = bind("[cluster] bind-address", listen).await?;
        let at = tcp.local_addr()?;
        tries -= 1;
        match UdpSocket::bind(at).await {
            Ok(udp) => return Ok((tcp, udp)),
            Err(_) if tries > 0 => {}
            Err(error) => {
                let text = format!("[cluster] bind-address: failed to listen on UDP {at}");
                return Err(error).context(text);
            }
        }
    }
}

async fn bind(option: &str, listen: &Listen) -> anyhow::Result<TcpListener> {
    let mut last = None;
    for candidate in listen.candidates() {
        match TcpListener::bind(&candidate).await {
            Ok(listener) => return Ok(listener),
            Err(error) => last = Some((candidate, error)),
        }
    }
    let (candidate, error) = last.context("no address to listen on")?;
    anyhow::bail!("{option}: failed to listen on {candidate}: {error}")
}

fn addresses(config: &Config, addrs: &Addrs) -> Addresses {
    let host = &config.hostname;
    let (gossip, rpc, api) = (&config.cluster, &config.rpc, &config.http);
    Addresses {
        gossip: gossip.bind.advertised(&gossip.advertise, host, addrs.gossip.port()).into(),
        rpc: rpc.bind.advertised(&rpc.advertise, host, addrs.rpc.port()).into(),
        api: api.bind.advertised(&api.advertise, host, addrs.http.port()).into(),
    }
}

fn member_config(config: &Config, addresses: Addresses) -> anyhow::Result<member::Config> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(|e| anyhow::anyhow!("failed to get random bytes: {e}"))?;
    Ok(member::Config {
        release: crate::VERSION.into(),
        roles: config.cluster.roles.iter().map(|r| Str::from(r.as_str())).collect(),
        gossip_members: u32::try_from(config.cluster.gossip_members).unwrap_or(u32::MAX),
        gossip_interval: config.cluster.gossip_interval,
        gossip_sync_interval: config.cluster.gossip_sync_interval,
        keys: keys::ring(&config.cluster),
        redundancy: config.alert.redundancy,
        delay_per_member: config.alert.delay_per_member,
        full_sync_interval: config.alert.full_sync_interval,
        delivery_timeout: config.alert.delivery_timeout,
        deduplicate_inline: config.alert.deduplicate_inline,
        persist_topics: config.alert.persist_topics,
        seed: u64::from_ne_bytes(seed),
        ..member::Config::new(addresses)
    })
}

fn announce(config: &Config, addrs: &Addrs, member: MemberId, cluster: ClusterId, state: State) {
    tracing::info!(
        service = "run",
        http = %addrs.http,
        rpc = %addrs.rpc,
        gossip = %addrs.gossip,
        member = %member,
        cluster = %cluster,
        %state,
        "listening"
    );
    if let Some(open) = keys::open_ports(config, addrs.gossip.port(), addrs.rpc.port()) {
        tracing::warn!(service = "run", "{open}");
    }
}
