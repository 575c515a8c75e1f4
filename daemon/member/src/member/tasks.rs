//! Which tasks run where, warm or cold: owners of inline handlers, raisers, answers for cold events.

use std::collections::BTreeMap;
use std::sync::Arc;

use alert::HandlerName;
use dedup::{Key, KeyHash};
use model::{MemberId, Str};
use rpc::{Request, Task};
use xxhash_rust::xxh3::xxh3_64;

use super::Member;
use super::calls::Purpose;
use crate::input::{CallId, TaskStarted};
use crate::output::{Output, Severity};
use crate::view::{Cut, TaskRun, TaskView};

/// The tasks that run on this member.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    own: BTreeMap<Str, Task>,
    /// Inline topics that dedup was told of, with the members that run them.
    told: BTreeMap<Str, Vec<MemberId>>,
}

impl Tasks {
    pub(crate) fn digest(&self) -> u64 {
        digest_of(self.own.values())
    }

    /// The dedup machine was made anew.
    pub(crate) fn dedup_knows_nothing(&mut self) {
        self.told.clear();
    }

    fn list(&self) -> Vec<Task> {
        self.own.values().cloned().collect()
    }
}

fn digest_of<'a>(tasks: impl Iterator<Item = &'a Task>) -> u64 {
    let tasks: Vec<&Task> = tasks.collect();
    xxh3_64(&postcard::to_allocvec(&tasks).expect("plain data"))
}

impl Member {
    pub(super) fn task_started(&mut self, task: TaskStarted) {
        self.drop_inline(&task.id);
        let topics: Vec<Str> = task.inline.keys().cloned().collect();
        for (topic, specs) in task.inline {
            self.topics.touch(&topic);
            for spec in specs {
                let name = HandlerName { topic: topic.clone(), handler: spec.id.as_str().into() };
                let put = self.handlers.put(Arc::new(spec), true);
                if let Err(reason) = put {
                    let fields = vec![("handler", name.to_string()), ("reason", reason)];
                    self.log(Severity::Error, "a handler of a task does not work", fields);
                } else if let Some(handler) = self.handlers.get(&name) {
                    let parallel = handler.action().parallel();
                    self.delivery.set_parallel(&name, parallel);
                }
            }
        }
        let told = Task { id: task.id.clone(), warm: task.warm, inline_topics: topics };
        self.tasks.own.insert(task.id, told);
        self.tasks_changed();
    }

    pub(super) fn task_warm(&mut self, id: &str) {
        if let Some(task) = self.tasks.own.get_mut(id)
            && !task.warm
        {
            task.warm = true;
            self.tasks_changed();
        }
    }

    pub(super) fn task_stopped(&mut self, id: &str, deleted: bool) {
        let topics = self.drop_inline(id);
        for topic in topics {
            if deleted {
                self.topics.delete(&topic);
                self.states.drop_topic(&topic);
                let record = crate::persist::Record::Dropped(topic);
                let write = crate::persist::Write::Journal(crate::persist::encode(&record));
                self.persist(write);
            } else {
                self.topics.close(&topic);
            }
        }
        self.tasks_changed();
    }

    /// Takes the handlers of a task's script away; its inline topics.
    fn drop_inline(&mut self, id: &str) -> Vec<Str> {
        let Some(task) = self.tasks.own.remove(id) else { return Vec::new() };
        for topic in &task.inline_topics {
            for name in self.handlers.ids(topic) {
                self.handlers.remove(&name);
                self.forget_handler(&name);
            }
        }
        task.inline_topics
    }

    /// Tasks that run on any member, by id; at most `limit`.
    pub fn tasks_view(&self, limit: usize) -> Cut<TaskView> {
        let own = self.tasks.own.values().map(|task| (self.id, task));
        let others =
            self.peers.iter().flat_map(|(id, peer)| peer.tasks.values().map(|task| (*id, task)));
        let mut runs: BTreeMap<&Str, Vec<TaskRun>> = BTreeMap::new();
        for (member, task) in own.chain(others) {
            runs.entry(&task.id).or_default().push(TaskRun { member, warm: task.warm });
        }
        let total = runs.len();
        let view = |(id, mut runs): (&Str, Vec<TaskRun>)| {
            runs.sort_by_key(|run| run.member);
            TaskView { id: id.clone(), runs }
        };
        Cut { shown: runs.into_iter().take(limit).map(view).collect(), total }
    }

    fn tasks_changed(&mut self) {
        self.tell_runners();
        self.push_tasks(None);
        self.refresh_digests();
    }

    /// Tells the tasks that run here to one member, or to all.
    pub(super) fn push_tasks(&mut self, to: Option<MemberId>) {
        let to: Vec<MemberId> = match to {
            Some(id) => vec![id],
            None => self.members_but_me().collect(),
        };
        for id in to {
            let request = Request::PushTasks(self.tasks.list());
            if self.call(id, request, Purpose::PushTasks(id))
                && let Some(peer) = self.peers.get_mut(&id)
            {
                peer.tasks_told = Some(self.tasks.digest());
            }
        }
    }

    /// With a sync the tasks are told again of which a push was lost or refused: by a peer that did not
    /// know us yet. A peer whose tasks are new to us may have restarted and forgotten ours.
    pub(super) fn tell_tasks_again(&mut self, to: MemberId, digest: u64) {
        let told = self.peers.get(&to).and_then(|peer| peer.tasks_told);
        if told != Some(self.tasks.digest()) || !self.knows_tasks_of(to, digest) {
            self.push_tasks(Some(to));
        }
    }

    /// A peer told its tasks.
    pub(super) fn take_tasks(&mut self, from: MemberId, tasks: Vec<Task>) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        peer.tasks = tasks.into_iter().map(|task| (task.id.clone(), task)).collect();
        self.tell_runners();
    }

    /// Whether the tasks that a peer told are those behind its digest.
    pub(super) fn knows_tasks_of(&self, id: MemberId, digest: u64) -> bool {
        self.peers.get(&id).is_some_and(|peer| digest_of(peer.tasks.values()) == digest)
    }

    /// Tells dedup who runs the task behind each inline topic.
    pub(super) fn tell_runners(&mut self) {
        let mut runners: BTreeMap<Str, Vec<MemberId>> = BTreeMap::new();
        for topic in self.tasks.own.values().flat_map(|task| &task.inline_topics) {
            runners.insert(topic.clone(), vec![self.id]);
        }
        if self.config.deduplicate_inline {
            for (id, peer) in &self.peers {
                for topic in peer.tasks.values().flat_map(|task| &task.inline_topics) {
                    if let Some(members) = runners.get_mut(topic) {
                        members.push(*id);
                    }
                }
            }
        }
        let before = std::mem::take(&mut self.tasks.told);
        for topic in before.keys().filter(|topic| !runners.contains_key(*topic)) {
            let input = dedup::Input::Runners { topic: topic.clone(), members: None };
            self.dedup.handle(self.now.elapsed, input);
        }
        for (topic, members) in &runners {
            if before.get(topic) != Some(members) {
                let input =
                    dedup::Input::Runners { topic: topic.clone(), members: Some(members.clone()) };
                self.dedup.handle(self.now.elapsed, input);
            }
        }
        self.tasks.told = runners;
    }

    /// Members that raise the event themselves, as far as known: those that run its task warm.
    pub(super) fn raisers(&self, key: &Key) -> Arc<[MemberId]> {
        if self.is_alone() {
            return Arc::new([]);
        }
        let Some(task) = task_of(&key.source) else { return Arc::new([]) };
        self.warm_members(task).into()
    }

    fn warm_members(&self, task: &str) -> Vec<MemberId> {
        self.peers
            .iter()
            .filter(|(_, peer)| peer.tasks.get(task).is_some_and(|task| task.warm))
            .map(|(id, _)| *id)
            .collect()
    }

    /// A peer asks whether a task here raises a cold event.
    pub(super) fn warm_query(&mut self, from: MemberId, key: Key) {
        let warm = task_of(&key.source)
            .and_then(|task| self.tasks.own.get(task))
            .is_some_and(|task| task.warm);
        if warm {
            let id = self.calls.open(Purpose::Warm(from, key.hash()));
            self.outputs.push_back(Output::WarmQuery { id, key });
        } else {
            // A cold task knows nothing: the asker's bounded wait ends and it handles the event.
            let (to, hash) = (from, key.hash());
            let input = dedup::Input::WarmReply { to, hash, raised: None };
            self.dedup.handle(self.now.elapsed, input);
        }
    }

    pub(super) fn warm_reply(&mut self, id: CallId, raised: Option<bool>) {
        if let Some(Purpose::Warm(to, hash)) = self.calls.close(id) {
            let input = dedup::Input::WarmReply { to, hash, raised };
            self.dedup.handle(self.now.elapsed, input);
        }
    }

    /// Dedup asks who runs the task of a cold event warm: this member, too, if it is one.
    pub(super) fn find_warm(&mut self, event: &Arc<dedup::Event>) {
        let mut members = Vec::new();
        if let Some(task) = task_of(&event.key.source) {
            let own = self.tasks.own.get(task).filter(|task| task.warm);
            members.extend(own.map(|_| self.id));
            let others = self.warm_members(task).into_iter();
            members.extend(others.filter(|id| self.is_active(*id)));
        }
        let hash: KeyHash = event.hash;
        self.dedup.handle(self.now.elapsed, dedup::Input::Warm { hash, members });
    }

    pub(super) fn is_active(&self, id: MemberId) -> bool {
        self.gossip.status(&id).is_some_and(gossip::Status::is_active)
    }
}

/// The task in a source `main:TASK:NODE`; a replay or an aggregate has none that others run.
fn task_of(source: &str) -> Option<&str> {
    let rest = source.strip_prefix("main:")?;
    rest.rsplit_once(':').map(|(task, _)| task)
}
