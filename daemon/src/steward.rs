//! Hears what the brain tells the rest of the shell, and sees to it.

use std::sync::Arc;

use alert::HandlerSpec;
use member::{CallId, Command};
use model::{ClusterId, MemberId};
use rpc::State;
use tokio::sync::{mpsc::UnboundedReceiver, oneshot};

use crate::brain::{Brain, Notice};
use crate::config::Config;
use crate::start::fresh_cluster_id;
use crate::store::Store;
use crate::subscribe::Subscriptions;
use crate::tasks::{Cluster, Tasks};

/// The parts it turns to.
pub(crate) struct Steward {
    pub(crate) config: Arc<Config>,
    pub(crate) store: Arc<Store>,
    pub(crate) brain: Brain,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) subscriptions: Arc<Subscriptions>,
    pub(crate) member: MemberId,
    /// Told once, when nothing is in flight any more after a stop.
    pub(crate) stopped: Option<oneshot::Sender<()>>,
}

impl Steward {
    /// Works until the brain is gone.
    pub(crate) async fn run(mut self, mut notices: UnboundedReceiver<Notice>) {
        while let Some(notice) = notices.recv().await {
            match notice {
                Notice::ClusterChanged(cluster, state) => {
                    self.cluster_changed(cluster, state).await;
                }
                Notice::SaveHandlers(handlers) => self.save_handlers(&handlers),
                Notice::NeedClusterId => {
                    let command = Command::FreshClusterId(fresh_cluster_id());
                    let ticket = member::Ticket(0);
                    self.brain.tell(member::Input::Command { ticket, command });
                }
                Notice::WarmQuery(id, key) => self.warm_query(id, &key),
                Notice::Stopped => {
                    if let Some(stopped) = self.stopped.take() {
                        let _ = stopped.send(());
                    }
                }
            }
        }
    }

    async fn cluster_changed(&self, cluster: ClusterId, state: State) {
        tracing::info!(service = "cluster", cluster = %cluster, %state, "cluster changed");
        let written =
            tokio::task::block_in_place(|| self.store.identity().write(self.member, cluster));
        if let Err(error) = written {
            tracing::error!(service = "cluster", %error, "the database has the cluster id, the file not");
        }
        let mut server = (*self.tasks.runner.cluster().server).clone();
        server.cluster_id = cluster.to_string().into();
        let align_windows = state == State::Initialized && self.config.cluster.align_windows;
        let aligned_before = self.tasks.runner.cluster().align_windows;
        self.tasks.runner.set_cluster(Cluster { server: Arc::new(server), align_windows });
        if aligned_before != align_windows {
            // Windows must count as those of the other members do.
            self.tasks.restart_running().await;
        }
        self.subscriptions.set_cluster(cluster).await;
    }

    /// Keeps the handlers of the cluster that removed us, as files a user can define again.
    fn save_handlers(&self, handlers: &[Arc<HandlerSpec>]) {
        let dir = self.config.data_dir.join("removed-handlers");
        let save = || -> std::io::Result<()> {
            std::fs::create_dir_all(&dir)?;
            for spec in handlers {
                let name = format!("{}.{}.json", spec.topic.replace(':', "_"), spec.id);
                std::fs::write(dir.join(name), spec.to_json())?;
            }
            Ok(())
        };
        match tokio::task::block_in_place(save) {
            Ok(()) => tracing::info!(
                service = "cluster",
                handlers = handlers.len(),
                dir = %dir.display(),
                "removed from the cluster; its handlers were saved"
            ),
            Err(error) => tracing::error!(
                service = "cluster", dir = %dir.display(), %error, "failed to save handlers"
            ),
        }
    }

    /// A peer's task has just started and asks whether ours, which is warm, raised the same event.
    fn warm_query(&self, id: CallId, key: &dedup::Key) {
        // A source is `main:TASK:NODE`.
        let mut parts = key.source.split(':');
        if let (Some("main"), Some(task)) = (parts.next(), parts.next()) {
            self.tasks.runner.answer_when_past(task, key.time, id);
        }
    }
}
