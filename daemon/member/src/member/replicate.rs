//! Handler specs and topic deletions: written here, pushed to all, merged from others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alert::{HandlerName, HandlerSpec};
use model::{MemberId, Str};
use rpc::{Joined, SpecKey, SpecState};

use super::Member;
use crate::error::CommandError;
use crate::input::Ticket;
use crate::output::{Done, Severity};
use crate::persist::{Record, Row, Write, encode};
use crate::specs::{FileVerdict, Lost, Merged, Specs};

impl Member {
    /// Creates or replaces a topic handler.
    pub(super) fn put_handler(
        &mut self,
        spec: &HandlerSpec,
        create: bool,
        file: Option<u64>,
    ) -> Result<Done, CommandError> {
        spec.validate().map_err(|e| CommandError::InvalidSpec(e.to_string()))?;
        let key =
            SpecKey::Handler { topic: spec.topic.as_str().into(), id: spec.id.as_str().into() };
        if let Some(file) = file {
            match self.specs.file_verdict(&key, file) {
                FileVerdict::Load => {}
                FileVerdict::Current => return Ok(Done::Unchanged),
                FileVerdict::Replaced => return Ok(Done::FileReplaced),
            }
        }
        if create && self.specs.value(&key).is_some() {
            let (topic, id) = (spec.topic.as_str().into(), spec.id.as_str().into());
            return Err(CommandError::HandlerExists { topic, id });
        }
        alert::Handler::compile(Arc::new(spec.clone()))
            .map_err(|e| CommandError::InvalidSpec(e.to_string()))?;
        self.write_spec(key, Some(spec.to_json().into()), file)
    }

    /// Deletes a topic handler; success when there is none.
    pub(super) fn delete_handler(&mut self, topic: Str, id: Str) -> Result<Done, CommandError> {
        let key = SpecKey::Handler { topic, id };
        if self.specs.value(&key).is_none() {
            return Ok(Done::Unchanged);
        }
        self.write_spec(key, None, None)
    }

    /// Deletes the event states of a topic everywhere.
    pub(super) fn delete_topic(&mut self, topic: Str) -> Result<Done, CommandError> {
        self.write_spec(SpecKey::Deletion { topic }, None, None)
    }

    fn write_spec(
        &mut self,
        key: SpecKey,
        value: Option<Str>,
        file: Option<u64>,
    ) -> Result<Done, CommandError> {
        self.specs.write(self.now.elapsed, self.now.wall, key.clone(), value, file)?;
        self.persist_spec(&key);
        self.apply_spec(&key);
        self.push_specs(&[key], None);
        self.refresh_digests();
        Ok(Done::Ok)
    }

    fn persist_spec(&mut self, key: &SpecKey) {
        let write = match self.specs.state(key) {
            Some(state) => Write::Put(Row::spec(key), encode(&(key, state))),
            None => Write::Delete(Row::spec(key)),
        };
        self.persist(write);
    }

    /// Makes the machine do what the map says under `key`.
    pub(super) fn apply_spec(&mut self, key: &SpecKey) {
        match key {
            SpecKey::Handler { topic, id } => {
                let name = HandlerName { topic: topic.clone(), handler: id.clone() };
                let value = self.specs.value(key).cloned();
                self.apply_handler(&name, value.as_deref());
            }
            SpecKey::Deletion { topic } => {
                self.topics.delete(topic);
                self.states.drop_topic(topic);
                self.persist(Write::Journal(encode(&Record::Dropped(topic.clone()))));
            }
        }
    }

    fn apply_handler(&mut self, name: &HandlerName, value: Option<&str>) {
        let spec = value.map(|text| HandlerSpec::from_json(text.as_bytes()));
        let broken = match spec {
            None => {
                self.handlers.remove(name);
                self.forget_handler(name);
                None
            }
            Some(Err(why)) => Some(why),
            Some(Ok(spec)) => {
                let put = self.handlers.put(Arc::new(spec), false);
                if let Some(handler) = self.handlers.get(name) {
                    let parallel = handler.action().parallel();
                    self.delivery.set_parallel(name, parallel);
                    self.topics.touch(&name.topic);
                }
                put.err()
            }
        };
        if let Some(why) = broken {
            self.handlers.remove(name);
            self.forget_handler(name);
            let fields = vec![("handler", name.to_string()), ("reason", why)];
            self.log(Severity::Error, "a replicated handler does not work here", fields);
        }
    }

    /// Merges states of a peer; returns the keys that changed here.
    pub(super) fn take_specs(&mut self, states: Vec<(SpecKey, SpecState)>) -> Vec<SpecKey> {
        let merged = self.specs.merge(self.now.elapsed, states);
        let Merged { changed, applied, conflicts, refused } = merged;
        for key in &changed {
            self.persist_spec(key);
        }
        for key in &applied {
            self.apply_spec(key);
        }
        self.counters.conflicts += conflicts.len() as u64;
        for conflict in conflicts {
            let fields = vec![
                ("key", describe(&conflict.key)),
                ("winner", conflict.winner.member.to_string()),
                ("loser", conflict.loser.member.to_string()),
                ("lost", lost_kind(&conflict.lost)),
            ];
            self.log(Severity::Warn, "an edit lost against a concurrent one", fields);
        }
        for (key, why) in refused {
            let fields = vec![("key", describe(&key)), ("reason", why.to_string())];
            self.log(Severity::Error, "refused a replicated spec", fields);
        }
        if !changed.is_empty() {
            self.refresh_digests();
        }
        changed
    }

    /// Takes over the specs of the cluster joined; what this member brings is stamped anew, so that no
    /// tombstone that the cluster has forgotten stands above it.
    pub(super) fn join_specs(&mut self, theirs: Vec<(SpecKey, SpecState)>, highest: u64) -> Joined {
        let known: BTreeSet<SpecKey> = theirs.iter().map(|(key, _)| key.clone()).collect();
        let own: Vec<(SpecKey, SpecState)> =
            self.specs.iter().map(|(k, s)| (k.clone(), s.clone())).collect();
        let (mut brought, mut lost) = (Vec::new(), Vec::new());
        for (key, state) in own {
            match (&state.value, known.contains(&key)) {
                (Some(value), false) => {
                    let file = state.history.first().and_then(|p| p.file);
                    brought.push((key, value.clone(), file));
                }
                (Some(_), true) => lost.push(key),
                (None, _) => {}
            }
        }
        self.drop_specs();
        self.specs.restore_highest(highest);
        self.take_specs(theirs);
        let mut states = Vec::new();
        for (key, value, file) in brought {
            let written =
                self.specs.write(self.now.elapsed, self.now.wall, key.clone(), Some(value), file);
            if written.is_ok()
                && let Some(state) = self.specs.state(&key).cloned()
            {
                self.persist_spec(&key);
                self.apply_spec(&key);
                states.push((key, state));
            }
        }
        let mut really = 0;
        for key in lost {
            really += 1;
            let fields = vec![("key", describe(&key))];
            self.log(Severity::Warn, "own handler gave way to the cluster's", fields);
        }
        Joined { specs: states, lost: really }
    }

    /// Drops all specs and the topic handlers made from them.
    pub(super) fn forget_specs(&mut self) {
        self.drop_specs();
        self.specs = Specs::new(self.id);
    }

    fn drop_specs(&mut self) {
        for key in self.specs.clear() {
            self.persist(Write::Delete(Row::spec(&key)));
            if let SpecKey::Handler { topic, id } = key {
                let name = HandlerName { topic, handler: id };
                self.handlers.remove(&name);
                self.forget_handler(&name);
            }
        }
    }

    /// The topic handlers that hold, in order of topic and id.
    pub fn topic_handlers(&self) -> Vec<Arc<HandlerSpec>> {
        self.specs
            .iter()
            .filter_map(|(_, state)| state.value.as_ref())
            .filter_map(|text| HandlerSpec::from_json(text.as_bytes()).ok().map(Arc::new))
            .collect()
    }

    /// The spec of a topic handler.
    pub fn topic_handler(&self, topic: &str, id: &str) -> Option<Arc<HandlerSpec>> {
        let key = SpecKey::Handler { topic: topic.into(), id: id.into() };
        let text = self.specs.value(&key)?;
        HandlerSpec::from_json(text.as_bytes()).ok().map(Arc::new)
    }

    /// Specs that do not work here, with the reason.
    pub fn broken_handlers(&self) -> &BTreeMap<HandlerName, String> {
        self.handlers.broken()
    }

    /// Forgets tombstones that all members know.
    pub(super) fn collect_tombstones(&mut self) {
        let roster: BTreeSet<MemberId> =
            self.gossip.roster().live_members().map(|(id, _)| *id).collect();
        let gone = self.specs.collect_tombstones(self.now.elapsed, &roster);
        if gone.is_empty() {
            return;
        }
        // The counter must outlive the tombstones.
        self.persist_identity();
        for key in gone {
            self.persist(Write::Delete(Row::spec(&key)));
        }
        self.refresh_digests();
    }

    pub(super) fn rewrite(&mut self, ticket: Ticket, records: &[Vec<u8>]) {
        for bytes in records {
            if let Some(kept) = self.kept(bytes) {
                self.persist(Write::Journal(kept));
            }
        }
        self.complete(ticket, Ok(Done::Ok));
    }
}

fn describe(key: &SpecKey) -> String {
    match key {
        SpecKey::Handler { topic, id } => format!("handler {topic}/{id}"),
        SpecKey::Deletion { topic } => format!("deletion of topic {topic}"),
    }
}

/// The kind of a lost spec: options may hold secrets and stay out of logs.
fn lost_kind(lost: &Lost) -> String {
    match lost {
        Lost::Deletion => "a deletion".into(),
        Lost::Elsewhere => "not known here".into(),
        Lost::Value(text) => HandlerSpec::from_json(text.as_bytes())
            .map_or_else(|_| "unreadable".into(), |spec| spec.kind),
    }
}
