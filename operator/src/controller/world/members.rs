//! Members and an InfluxDB: disks with identities, one roster per cluster, subscriptions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::name;
use crate::subscriptions::{Row, Source};

/// What a claim's volume holds.
#[derive(Clone, Debug)]
struct Disk {
    member: String,
    cluster: String,
}

/// Subscriptions of others: name and host. The second one is of another Kubernetes, where a cluster and
/// its pods have the same names.
const FOREIGN: [(&str, &str); 2] = [
    ("kapacitor-foreign", "else"),
    ("kapacitor-ffffffff-0000-4000-8000-000000000000", "demo-1.demo-members.ns.svc.cluster.local"),
];

/// A pod that runs: its number and the UID of its claim.
pub(super) type Living = BTreeMap<i32, String>;

#[derive(Default)]
pub(super) struct Members {
    disks: BTreeMap<String, Disk>,
    /// Who is on the list of each cluster: Member ID to number. All members of one see the same.
    rosters: BTreeMap<String, BTreeMap<String, i32>>,
    living: Living,
    /// Subscriptions: name to number.
    rows: BTreeMap<String, i32>,
    foreign_dropped: bool,
    /// Who was removed once.
    removed: BTreeSet<String>,
    /// Drops that were asked for.
    pub(super) drops: u64,
    born: u64,
}

impl Members {
    fn id(&mut self) -> String {
        self.born += 1;
        format!("{:08x}-0000-4000-8000-000000000000", self.born)
    }

    /// These pods run now: disks are made, who was removed finds out, all subscribe.
    pub(super) fn live(&mut self, living: &Living, influx_away: bool) {
        self.living.clone_from(living);
        for (ordinal, claim) in living {
            if !self.disks.contains_key(claim) {
                let disk = Disk { member: self.id(), cluster: self.id() };
                self.rosters
                    .entry(disk.cluster.clone())
                    .or_default()
                    .insert(disk.member.clone(), *ordinal);
                self.disks.insert(claim.clone(), disk);
            }
            self.learn(claim, *ordinal);
            let member = self.disks[claim].member.clone();
            if !influx_away {
                self.rows.insert(name::subscription(&member), *ordinal);
            }
        }
    }

    /// Whoever was removed is alone, in a cluster of its own.
    fn learn(&mut self, claim: &str, ordinal: i32) {
        let disk = self.disks[claim].clone();
        let listed =
            self.rosters.get(&disk.cluster).is_some_and(|it| it.contains_key(&disk.member));
        if !listed {
            let cluster = self.id();
            self.rosters.insert(cluster.clone(), BTreeMap::from([(disk.member, ordinal)]));
            self.disks.get_mut(claim).expect("it was read").cluster = cluster;
        }
    }

    fn disk(&self, ordinal: i32) -> Option<&Disk> {
        self.disks.get(self.living.get(&ordinal)?)
    }

    /// What a member answers.
    pub(super) fn view(&self, ordinal: i32) -> Option<Value> {
        let disk = self.disk(ordinal)?;
        let roster = &self.rosters[&disk.cluster];
        let listed = roster.iter().map(|(id, ordinal)| {
            json!({
                "id": id, "gossip-address": "", "api-address": "", "status": "alive",
                "rpc-address": format!("demo-{ordinal}.demo-members.ns.svc.cluster.local:9091"),
            })
        });
        let state = if roster.len() > 1 { "initialized" } else { "uninitialized" };
        Some(json!({
            "state": state, "cluster-id": disk.cluster, "member-id": disk.member, "version": "1",
            "ready": true, "members": listed.collect::<Vec<_>>(),
        }))
    }

    /// HTTP status of the refusal.
    pub(super) fn add(&mut self, through: i32, ordinal: i32) -> Result<(), u16> {
        let cluster = self.disk(through).ok_or(0_u16)?.cluster.clone();
        let joiner = self.disk(ordinal).ok_or(502_u16)?.clone();
        if joiner.cluster == cluster {
            return Ok(());
        }
        if self.rosters[&joiner.cluster].len() > 1 {
            return Err(409);
        }
        self.rosters.remove(&joiner.cluster);
        let roster = self.rosters.get_mut(&cluster).expect("the adder is in it");
        // Another member at the same address: its disk was lost.
        roster.retain(|_, other| *other != ordinal);
        roster.insert(joiner.member.clone(), ordinal);
        let claim = self.living[&ordinal].clone();
        self.disks.get_mut(&claim).expect("it lives").cluster = cluster;
        Ok(())
    }

    pub(super) fn remove(&mut self, through: i32, member: &str) -> Result<(), u16> {
        let cluster = self.disk(through).ok_or(0_u16)?.cluster.clone();
        let roster = self.rosters.get_mut(&cluster).expect("the remover is in it");
        if roster.remove(member).is_none() {
            return Err(404);
        }
        self.removed.insert(member.to_owned());
        for (ordinal, claim) in self.living.clone() {
            self.learn(&claim, ordinal);
        }
        Ok(())
    }

    /// One who has not heard of its removal takes a member in again; says whom.
    pub(super) fn bring_back(&mut self) -> Option<i32> {
        let through = self.living.iter().find(|(_, claim)| self.is_in(claim)).map(|(n, _)| *n)?;
        let was_removed = |claim: &String| self.removed.contains(&self.disks[claim].member);
        let mut out = self.living.iter().filter(|(_, claim)| !self.is_in(claim));
        let back = out.find(|(_, claim)| was_removed(claim)).map(|(n, _)| *n)?;
        self.add(through, back).ok().map(|()| back)
    }

    pub(super) fn disk_is_lost(&mut self, claim: &str) {
        self.disks.remove(claim);
        self.living.retain(|_, of| of != claim);
    }

    /// The cluster, if there is one of several.
    fn main(&self) -> Option<(&String, &BTreeMap<String, i32>)> {
        self.rosters.iter().find(|(_, roster)| roster.len() > 1)
    }

    pub(super) fn clusters(&self) -> usize {
        self.rosters.values().filter(|roster| roster.len() > 1).count()
    }

    /// Numbers of those on the list of the cluster.
    pub(super) fn listed(&self) -> BTreeSet<i32> {
        self.main().map(|(_, roster)| roster.values().copied().collect()).unwrap_or_default()
    }

    /// Whether the identity on this claim is on the list of a cluster of several.
    pub(super) fn is_in(&self, claim: &str) -> bool {
        let Some(disk) = self.disks.get(claim) else { return false };
        self.main().is_some_and(|(_, roster)| roster.contains_key(&disk.member))
    }

    /// Somebody who runs is in the cluster.
    pub(super) fn any_is_in(&self) -> bool {
        self.living.values().any(|claim| self.is_in(claim))
    }

    /// Somebody in another pod lives in the cluster.
    pub(super) fn others_hold_the_cluster(&self, ordinal: i32) -> bool {
        let alive = self.living.iter().filter(|(other, _)| **other != ordinal);
        alive.filter(|(_, claim)| self.is_in(claim)).count() >= 2
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        let row = |name: &str, host: String| Row {
            influxdb: "main".to_owned(),
            source: Source { database: "d".to_owned(), policy: "r".to_owned() },
            name: name.to_owned(),
            hosts: vec![host],
        };
        let ours = self.rows.iter().map(|(name, ordinal)| {
            row(name, format!("demo-{ordinal}.demo-members.ns.svc.cluster.local"))
        });
        let foreign = FOREIGN.into_iter().filter(|_| !self.foreign_dropped);
        ours.chain(foreign.map(|(name, host)| row(name, host.to_owned()))).collect()
    }

    pub(super) fn drop_row(&mut self, name: &str) {
        self.drops += 1;
        self.foreign_dropped |= FOREIGN.iter().any(|(foreign, _)| *foreign == name);
        self.rows.remove(name);
    }

    pub(super) fn foreign_is_gone(&self) -> bool {
        self.foreign_dropped
    }

    /// Names of all subscriptions of ours.
    pub(super) fn subscribed(&self) -> BTreeSet<String> {
        self.rows.keys().cloned().collect()
    }

    /// Names of the subscriptions that there should be.
    pub(super) fn alive(&self, wish: i32) -> BTreeSet<String> {
        let disks = (0..wish).filter_map(|ordinal| self.disk(ordinal));
        disks.map(|disk| name::subscription(&disk.member)).collect()
    }
}
