//! Carries out what the brain puts out: each output is handed to the part of the shell that does it
//! and reports back with an input. Nothing here waits.

use std::sync::Arc;
use std::time::Duration;

use alert::HandlerSpec;
use member::{CallId, Input, LogLine, Output, Severity};
use model::ClusterId;
use rpc::State;
use tokio::net::UdpSocket;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;

use super::{Brain, Disk};
use crate::deliver::Deliverer;
use crate::fault;
use crate::net::{datagram, probe::Dialer, stream};
use crate::tasks::worker::{Job, Worker};

/// What the rest of the shell must hear of the brain.
pub(crate) enum Notice {
    /// The member belongs to another cluster now.
    ClusterChanged(ClusterId, State),
    /// The member was removed; these were the cluster's handlers.
    SaveHandlers(Vec<Arc<HandlerSpec>>),
    /// The member used its fresh cluster id.
    NeedClusterId,
    /// A peer asks whether a task here raises this event.
    WarmQuery(CallId, dedup::Key),
    /// Nothing is in flight any more.
    Stopped,
}

/// The parts that carry outputs out.
pub(crate) struct Hands {
    pub(crate) brain: Brain,
    pub(crate) runtime: Handle,
    pub(crate) disk: Disk,
    pub(crate) socket: Arc<UdpSocket>,
    /// For calls and probes.
    pub(crate) dialer: Dialer,
    pub(crate) deliverer: Deliverer,
    pub(crate) workers: Vec<Worker>,
    pub(crate) notices: UnboundedSender<Notice>,
}

impl Hands {
    /// Hands one output to who does it.
    pub(super) fn carry_out(&mut self, output: Output) {
        match output {
            Output::Persist { position, write } => self.disk.write(position, write),
            Output::Datagram { to, bytes } => {
                datagram::send(&self.runtime, &self.socket, to.address, bytes);
            }
            Output::GossipSync { to, bytes } => self.sync(to, bytes),
            Output::Call { id, to, header, request, deadline } => {
                let (brain, caller) = (self.brain.clone(), self.dialer.caller.clone());
                self.runtime.spawn(async move {
                    fault::calling(&request);
                    let result = caller.call(&to, &header, &request, deadline).await;
                    fault::answered(&request);
                    brain.tell(Input::Answer { id, result });
                });
            }
            Output::Probe { id, service, address, member, deadline } => {
                self.probe(id, service, address, member, deadline);
            }
            Output::Attempt { attempt, handler } => self.deliverer.attempt(attempt, handler),
            Output::WarmQuery { id, key } => self.notice(Notice::WarmQuery(id, key)),
            Output::ClusterChanged { cluster, state } => {
                self.dialer.header.cluster = cluster;
                self.notice(Notice::ClusterChanged(cluster, state));
            }
            Output::SaveHandlers(handlers) => self.notice(Notice::SaveHandlers(handlers)),
            Output::NeedClusterId => self.notice(Notice::NeedClusterId),
            Output::Stopped => self.notice(Notice::Stopped),
            Output::Log(line) => log(&line),
            Output::Completed { .. } | Output::Answer { .. } | Output::GossipSyncReply { .. } => {
                unreachable!("the driver answers who waits")
            }
        }
    }

    /// All outputs of a round were taken: the writes among them are given to the disk together.
    pub(super) fn flush(&mut self) {
        self.disk.flush();
    }

    /// Tasks that waited for the brain may go on.
    pub(super) fn wake_tasks(&self) {
        for worker in &self.workers {
            worker.give(Job::Wake);
        }
    }

    fn notice(&self, notice: Notice) {
        // Nobody listens any more only when the daemon goes down.
        let _ = self.notices.send(notice);
    }

    fn sync(&self, to: gossip::Destination, bytes: Vec<u8>) {
        let brain = self.brain.clone();
        self.runtime.spawn(async move {
            let reply = match stream::exchange(&to.address, &bytes).await {
                Ok(reply) => Some(reply),
                Err(error) => {
                    tracing::debug!(service = "gossip", to = %to.address, %error, "push/pull failed");
                    None
                }
            };
            brain.tell(Input::GossipSyncReply { member: to.member, reply });
        });
    }

    fn probe(
        &self,
        id: CallId,
        service: gossip::Service,
        address: model::Str,
        member: model::MemberId,
        deadline: Duration,
    ) {
        let (brain, dialer) = (self.brain.clone(), self.dialer.clone());
        self.runtime.spawn(async move {
            let result = dialer.probe(service, &address, member, deadline).await;
            brain.tell(Input::Probed { id, result });
        });
    }
}

fn log(line: &LogLine) {
    let mut details = String::new();
    for (key, value) in &line.fields {
        if !details.is_empty() {
            details.push(' ');
        }
        details.push_str(key);
        details.push('=');
        details.push_str(value);
    }
    let message = line.message;
    match line.severity {
        Severity::Debug => tracing::debug!(service = "cluster", details, "{message}"),
        Severity::Info => tracing::info!(service = "cluster", details, "{message}"),
        Severity::Warn => tracing::warn!(service = "cluster", details, "{message}"),
        Severity::Error => tracing::error!(service = "cluster", details, "{message}"),
    }
}
