//! The cluster's keys while the member runs: who uses them, and the key files, which are read again
//! when they change, so that keys are rolled without a restart.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gossip::KeyRing;
use member::Input;

use crate::brain::Brain;
use crate::config::keys::{AdminKey, ClusterKey, read_admin_keys, read_cluster_keys};
use crate::config::{Cluster, Config};
use crate::http::permission::Permission;
use crate::net::sealing::Sealing;

/// Time between two looks at the key files. A file counts as changed when two looks in a row saw the
/// same: one that is being written is not read half.
const LOOK: Duration = Duration::from_secs(1);

/// Keys and those who use them.
pub(crate) struct Keys {
    brain: Brain,
    sealing: Arc<Sealing>,
    permission: Arc<Permission>,
    files: Mutex<Files>,
    changes: AtomicU64,
    failures: AtomicU64,
}

/// What metrics show of the keys; never a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Glance {
    /// Cluster keys in use.
    pub(crate) keys: usize,
    /// Changes that were taken since the start.
    pub(crate) changes: u64,
    /// Changes of a key file that could not be taken.
    pub(crate) failures: u64,
}

struct Files {
    cluster: Cluster,
    keys: Watched,
    admin_keys: Watched,
}

/// A file, its content at the last look, and the one that was taken.
struct Watched {
    path: Option<PathBuf>,
    taken: Option<Vec<u8>>,
    last: Option<Vec<u8>>,
}

impl Watched {
    /// Nothing counts as taken: the file may have changed since the configuration read it.
    fn new(path: Option<&PathBuf>) -> Self {
        Self { path: path.cloned(), taken: None, last: None }
    }

    /// The path, when the file has another content than was taken, and had it at the last look, too.
    fn changed(&mut self) -> Option<PathBuf> {
        let path = self.path.as_ref()?;
        let seen = std::fs::read(path).ok();
        let stable = seen == self.last;
        self.last.clone_from(&seen);
        if !stable || seen.is_none() || seen == self.taken {
            return None;
        }
        self.taken = seen;
        Some(path.clone())
    }
}

impl Keys {
    pub(crate) fn new(
        config: &Config,
        brain: Brain,
        sealing: Arc<Sealing>,
        permission: Arc<Permission>,
    ) -> Self {
        Self {
            brain,
            sealing,
            permission,
            files: Mutex::new(Files::new(&config.cluster)),
            changes: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// How the keys are.
    pub(crate) fn glance(&self) -> Glance {
        Glance {
            keys: self.files().cluster.keys.len(),
            changes: self.changes.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }

    /// What is open to whoever reaches the private ports now.
    pub(crate) fn open_ports(&self, config: &Config) -> Option<String> {
        let files = self.files();
        let ports = (config.cluster.bind.port, config.rpc.bind.port);
        let verified = files.cluster.verify_incoming && files.cluster.verify_outgoing;
        let keys = !files.cluster.keys.is_empty();
        warning(keys, verified, config.rpc.tls.is_some(), ports.0, ports.1)
    }

    /// Takes everything about keys from a configuration that was read again.
    pub(crate) fn set(&self, config: &Config) {
        let mut files = self.files();
        let (before, now) = (&files.cluster, &config.cluster);
        let same = ring(before) == ring(now) && before.admin_keys == now.admin_keys;
        *files = Files::new(&config.cluster);
        if !same {
            self.use_ring(ring(&config.cluster));
            self.permission.set_admin_keys(config.cluster.admin_keys.clone());
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Watches the key files for ever.
    pub(crate) async fn watch(self: Arc<Self>) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            tokio::task::block_in_place(|| self.look());
        }
    }

    fn look(&self) {
        let mut files = self.files();
        if let Some(path) = files.keys.changed() {
            match cluster_keys(&path, &files.cluster) {
                Ok(keys) if keys == files.cluster.keys => {}
                Ok(keys) => {
                    self.took("cluster", keys.len());
                    files.cluster.keys = keys;
                    self.use_ring(ring(&files.cluster));
                }
                Err(error) => self.failed("cluster", &error),
            }
        }
        if let Some(path) = files.admin_keys.changed() {
            match admin_keys(&path, &files.cluster) {
                Ok(keys) if keys == files.cluster.admin_keys => {}
                Ok(keys) => {
                    self.took("admin", keys.len());
                    files.cluster.admin_keys.clone_from(&keys);
                    self.permission.set_admin_keys(keys);
                }
                Err(error) => self.failed("admin", &error),
            }
        }
    }

    fn took(&self, kind: &str, keys: usize) {
        self.changes.fetch_add(1, Ordering::Relaxed);
        tracing::info!(service = "cluster", keys, "the {kind} keys have changed");
    }

    fn failed(&self, kind: &str, error: &str) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        tracing::error!(service = "cluster", %error, "the {kind} keys stay");
    }

    fn use_ring(&self, ring: KeyRing) {
        self.sealing.set_keys(ring.clone());
        self.brain.tell(Input::Keys(ring));
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files {
    fn new(cluster: &Cluster) -> Self {
        Self {
            keys: Watched::new(cluster.keys_file.as_ref()),
            admin_keys: Watched::new(cluster.admin_keys_file.as_ref()),
            cluster: cluster.clone(),
        }
    }
}

/// The keys of the configuration itself, then those of the file.
fn cluster_keys(path: &Path, cluster: &Cluster) -> Result<Vec<ClusterKey>, String> {
    let mut keys = cluster.keys[..cluster.own_keys].to_vec();
    keys.extend(read_cluster_keys(path)?);
    if keys.is_empty() {
        // An emptied file must not open a sealed cluster.
        return Err(format!("key file {} holds no key", path.display()));
    }
    Ok(keys)
}

fn admin_keys(path: &Path, cluster: &Cluster) -> Result<Vec<AdminKey>, String> {
    let mut keys = cluster.admin_keys[..cluster.own_admin_keys].to_vec();
    keys.extend(read_admin_keys(path)?);
    Ok(keys)
}

/// The ring of a configuration.
pub(crate) fn ring(cluster: &Cluster) -> KeyRing {
    if cluster.keys.is_empty() {
        return KeyRing::plain();
    }
    let keys = cluster.keys.iter().map(|k| gossip::Key::new(*k.expose())).collect();
    KeyRing::rolling(keys, cluster.verify_incoming, cluster.verify_outgoing)
}

/// What of the private ports is open to whoever reaches them; in words for the one warning at start.
pub(crate) fn open_ports(config: &Config, gossip: u16, rpc: u16) -> Option<String> {
    let cluster = &config.cluster;
    let verified = cluster.verify_incoming && cluster.verify_outgoing;
    warning(!cluster.keys.is_empty(), verified, config.rpc.tls.is_some(), gossip, rpc)
}

fn warning(keys: bool, verified: bool, tls: bool, gossip: u16, rpc: u16) -> Option<String> {
    let set_keys = "set [cluster] keys or keys-file (openssl rand -base64 32 makes a key)";
    match (keys, tls) {
        (false, false) => Some(format!(
            "whoever reaches ports {gossip} and {rpc} can read and forge what members say: \
             {set_keys}, or keep both ports from strangers"
        )),
        (false, true) => Some(format!(
            "calls are protected by mutual TLS, gossip is not: whoever reaches port {gossip} can \
             read and forge it: {set_keys}, or keep the port from strangers"
        )),
        (true, _) if !verified => Some(
            "there are cluster keys, but plain messages are still sent or taken: set \
             verify-outgoing, then verify-incoming to true when all members have the keys"
                .to_owned(),
        ),
        (true, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warning_names_what_is_open_and_only_that() {
        for (keys, verified, tls, says) in [
            (false, true, false, Some("ports 90 and 91 can read and forge")),
            (false, true, true, Some("whoever reaches port 90 can")),
            (true, false, false, Some("plain messages are still sent or taken")),
            (true, true, false, None),
            (true, true, true, None),
        ] {
            match (warning(keys, verified, tls, 90, 91), says) {
                (None, None) => {}
                (Some(text), Some(part)) => assert!(text.contains(part), "{text}"),
                (text, _) => panic!("keys {keys}, verified {verified}, tls {tls}: {text:?}"),
            }
        }
    }

    #[test]
    fn a_file_that_is_being_written_is_taken_once_it_stays_the_same() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("keys");
        std::fs::write(&path, "a").expect("written");
        let mut watched = Watched::new(Some(&path));
        assert_eq!(watched.changed(), None, "seen once");
        std::fs::write(&path, "").expect("written");
        assert_eq!(watched.changed(), None, "seen once");
        std::fs::write(&path, "b").expect("written");
        assert_eq!(watched.changed(), None, "it goes on changing");
        assert_eq!(watched.changed(), Some(path.clone()));
        assert_eq!(watched.changed(), None, "taken");
        std::fs::remove_file(&path).expect("removed");
        assert_eq!((watched.changed(), watched.changed()), (None, None), "gone is no change");
    }
}
