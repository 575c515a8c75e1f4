//! A random world as an operator reaches it, and what no operator may do to it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use k8s_openapi::jiff::Timestamp;
use kube::core::Status;
use serde_json::{Value, json};

use super::controllers::{ends, is_broken, revision, runs};
use super::objects::{quantity, text};
use super::{Shared, World, lock};
use crate::crd::KapacitorCluster;
use crate::member;
use crate::member::{Api, Cluster, MemberId};
use crate::metrics::Metrics;
use crate::outside::Outside;
use crate::server::{Event, Object, Server, Version};
use crate::subscriptions::{self, Row, Source, Target};

/// One operator's way to the world.
pub(super) struct Fake {
    world: Shared,
    metrics: Metrics,
}

impl Fake {
    pub(super) fn new(world: Shared) -> Self {
        Self { world, metrics: Metrics::default() }
    }

    /// Asks the API server, which may fail before or after having done it.
    fn ask<T>(
        &self,
        what: &str,
        f: impl FnOnce(&mut World) -> Result<T, u16>,
    ) -> Result<T, kube::Error> {
        let mut world = lock(&self.world);
        let refuse = |code: u16| {
            let reason = match (code, what) {
                (409, "create") => "AlreadyExists",
                _ => "",
            };
            kube::Error::Api(Status::failure("no", reason).with_code(code).boxed())
        };
        if world.faults && world.dice.one_in(15) {
            let code = [409, 429, 500][usize::try_from(world.dice.roll(3)).unwrap_or(0)];
            return Err(refuse(code));
        }
        let done = f(&mut world).map_err(refuse)?;
        if world.faults && world.dice.one_in(20) {
            return Err(refuse(500));
        }
        Ok(done)
    }
}

fn typed<K: Object>(value: &Value) -> K {
    K::deserialize(value).expect("what was put is what is got")
}

fn of<K: Object>(object: &K) -> Value {
    let mut value = serde_json::to_value(object).expect("objects are JSON");
    value["kind"] = json!(K::kind(&()));
    value["apiVersion"] = json!(K::api_version(&()));
    value
}

/// Lets others come first.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::take(&mut self.0) { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Outside for Fake {
    type Server = Self;
    type Members = Self;
    type Influx = Self;

    fn server(&self) -> &Self {
        self
    }

    fn members(&self) -> &Self {
        self
    }

    fn influx(&self) -> &Self {
        self
    }

    fn now(&self) -> Timestamp {
        lock(&self.world).now
    }

    fn image(&self) -> &'static str {
        "kapacitord:1"
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Everybody believes to lead.
    async fn leads(&self) -> bool {
        let yields = {
            let mut world = lock(&self.world);
            world.yields && world.dice.one_in(3)
        };
        Yield(yields).await;
        true
    }

    /// An operator may fall here: then nothing goes on, and the process is started anew.
    async fn reached(&self, when: &'static str, effect: &'static str) {
        let falls = {
            let mut world = lock(&self.world);
            world.say(format!("  {when} {effect}"));
            world.faults && world.dice.one_in(10)
        };
        if falls {
            lock(&self.world).say("  it hangs until it is killed");
            std::future::pending::<()>().await;
        }
    }
}

impl Server for Fake {
    async fn get<K: Object>(&self, _: &str, name: &str) -> Result<Option<K>, kube::Error> {
        let kind = K::kind(&());
        self.ask("get", |world| Ok(world.objects.get(&kind, name).map(|it| typed(&it))))
    }

    async fn list<K: Object>(&self, _: &str, _: &str) -> Result<Vec<K>, kube::Error> {
        let kind = K::kind(&());
        self.ask("list", |world| Ok(world.objects.list(&kind).iter().map(|it| typed(it)).collect()))
    }

    async fn create<K: Object>(&self, object: &K) -> Result<K, kube::Error> {
        self.ask("create", |world| world.objects.create(&of(object)).map(|it| typed(&it)))
    }

    async fn apply<K: Object>(&self, object: &K) -> Result<K, kube::Error> {
        self.ask("apply", |world| {
            let object = of(object);
            let before = world.objects.get("StatefulSet", "demo");
            let applied = world.objects.apply(&object)?;
            if object["kind"] == "StatefulSet" {
                match before {
                    None => begins(world, &applied["spec"]["replicas"]),
                    Some(before) => changes(world, &before, &applied),
                }
            }
            Ok(typed(&applied))
        })
    }

    async fn apply_status(&self, cluster: &KapacitorCluster) -> Result<(), kube::Error> {
        let status = serde_json::to_value(&cluster.status).expect("JSON");
        let version = Version::of(cluster);
        self.ask("status", |world| world.objects.apply_status(&version, &status))
    }

    async fn merge<K: Object>(
        &self,
        _: &str,
        name: &str,
        version: &Version,
        patch: Value,
    ) -> Result<(), kube::Error> {
        let kind = K::kind(&());
        self.ask("merge", |world| {
            is_of(world, name, version);
            let before = world.objects.get(&kind, name);
            world.objects.merge(&kind, name, version, &patch)?;
            if let (Some(before), "StatefulSet") = (&before, &*kind) {
                shrinks(world, &before["spec"]["replicas"], &patch["spec"]["replicas"]);
                makes_again(world, &before["spec"]["replicas"], &patch["spec"]["replicas"]);
                let to = &patch["spec"]["updateStrategy"]["rollingUpdate"]["partition"];
                if let Some(to) = to.as_i64() {
                    rolls(world, before, to);
                }
            }
            if kind == "PersistentVolumeClaim" && !patch["spec"].is_null() {
                grows(world, name);
            }
            Ok(())
        })
    }

    async fn rehearse<K: Object>(
        &self,
        _: &str,
        name: &str,
        version: &Version,
        patch: Value,
    ) -> Result<(), kube::Error> {
        let kind = K::kind(&());
        self.ask("rehearse", |world| world.objects.rehearse(&kind, name, version, &patch).map(drop))
    }

    async fn orphan<K: Object>(
        &self,
        _: &str,
        name: &str,
        version: &Version,
    ) -> Result<(), kube::Error> {
        let kind = K::kind(&());
        self.ask("orphan", |world| world.objects.orphan(&kind, name, version))
    }

    async fn delete<K: Object>(
        &self,
        _: &str,
        name: &str,
        version: &Version,
    ) -> Result<(), kube::Error> {
        let kind = K::kind(&());
        self.ask("delete", |world| {
            is_of(world, name, version);
            let uid = version.uid.clone();
            if kind == "StatefulSet" && !world.objects.names("Pod").is_empty() {
                world.breaks("the pods go with their set");
            }
            world.objects.delete(&kind, name, version)?;
            if kind == "PersistentVolumeClaim" && world.members.is_in(&uid) {
                world.breaks(format!("the claim {name} of a member of the cluster is deleted"));
            }
            Ok(())
        })
    }

    async fn publish(&self, _: &KapacitorCluster, event: Event) {
        lock(&self.world).say(format!("  {}: {}", event.reason, event.note));
    }
}

/// What is done to an object is done to what was seen of it.
fn is_of(world: &mut World, name: &str, version: &Version) {
    if version.uid.is_empty() || version.resource.is_empty() {
        world.breaks(format!("{name} is changed whatever has become of it"));
    }
}

/// A claim grows when all that have a volume may.
fn grows(world: &mut World, name: &str) {
    let pods = world.objects.names("Pod");
    let waits = |claim: &Value| {
        let annotations = &claim["metadata"]["annotations"];
        let pod = text(&claim["metadata"]["name"]).replacen("data-", "", 1);
        let bound = claim["status"]["phase"] == "Bound" && !ends(claim);
        bound && annotations["kapacitor.dev/retired"].is_null() && pods.contains(&pod)
    };
    let mut claims = world.objects.list("PersistentVolumeClaim").into_iter().filter(|it| waits(it));
    let fixed = claims.find(|it| world.objects.fixed.contains(&text(&it["metadata"]["name"])));
    // Who pauses before an effect may be of yesterday.
    if let (Some(fixed), false) = (fixed, world.yields) {
        let size = world.objects.get("KapacitorCluster", "demo");
        let size = size.map(|it| quantity(&it["spec"]["storage"]["size"])).unwrap_or_default();
        if quantity(&fixed["spec"]["resources"]["requests"]["storage"]) < size {
            let fixed = text(&fixed["metadata"]["name"]);
            world.breaks(format!("{name} grows although {fixed} may not"));
        }
    }
}

/// A new set has room for every member that runs.
fn begins(world: &mut World, replicas: &Value) {
    let replicas = replicas.as_i64().unwrap_or(1);
    for pod in world.objects.list("Pod").iter().filter(|pod| runs(pod) && !ends(pod)) {
        let name = text(&pod["metadata"]["name"]);
        let ordinal: i64 = name.trim_start_matches("demo-").parse().expect("pods have numbers");
        let claim = world.objects.get("PersistentVolumeClaim", &format!("data-{name}"));
        let is_in = claim.is_some_and(|it| world.members.is_in(&text(&it["metadata"]["uid"])));
        if ordinal >= replicas && is_in {
            world.breaks(format!(
                "the new set has {replicas} pods: {name} goes before it was removed"
            ));
        }
    }
}

fn partition(set: &Value) -> i64 {
    set["spec"]["updateStrategy"]["rollingUpdate"]["partition"].as_i64().unwrap_or(0)
}

/// A change that is applied reaches no pod yet.
fn changes(world: &mut World, before: &Value, after: &Value) {
    let (held, replicas) = (partition(after), after["spec"]["replicas"].as_i64().unwrap_or(1));
    if before["spec"]["template"] != after["spec"]["template"] && held < replicas {
        world.breaks(format!("a change is let loose on {replicas} pods from {held} on"));
    }
}

/// A change reaches the next pod once all that it reached are back; a pod that runs is changed only while
/// everybody is in the cluster, but for those that leave or cannot run.
fn rolls(world: &mut World, set: &Value, to: i64) {
    // Who pauses before an effect may be of yesterday.
    if world.yields {
        return;
    }
    let (from, replicas) = (partition(set), set["spec"]["replicas"].as_i64().unwrap_or(1));
    if to + 1 < from.min(replicas) {
        world.breaks(format!("a change reaches more than one pod: from {from} to {to}"));
    }
    let resource = world.objects.get("KapacitorCluster", "demo").unwrap_or_default();
    let members = resource["status"]["members"].as_array().cloned().unwrap_or_default();
    let leaves = |n: i64| members.iter().any(|it| it["ordinal"] == n && it["cause"].is_string());
    let pod = |n: i64| world.objects.get("Pod", &format!("demo-{n}")).unwrap_or_default();
    let is_back = |pod: &Value| runs(pod) && !ends(pod);
    let is_in = |n: i64| {
        let claim = world.objects.get("PersistentVolumeClaim", &format!("data-demo-{n}"));
        claim.is_some_and(|it| world.members.is_in(&text(&it["metadata"]["uid"])))
    };
    let (update, any) = (text(&set["status"]["updateRevision"]), world.members.any_is_in());
    let in_sync = |n: i64| is_back(&pod(n)) && (is_in(n) || !any) || leaves(n);
    let changed = |n: i64| in_sync(n) && (revision(&pod(n)) == update || leaves(n));
    let costs = runs(&pod(to));
    let wrong = (from..replicas).find(|n| !changed(*n));
    let wrong = wrong.or_else(|| (0..to).find(|n| costs && !in_sync(*n) && !is_broken(&pod(*n))));
    if let Some(wrong) = wrong {
        world.breaks(format!("a change goes on to {to} although demo-{wrong} is not in sync"));
    }
}

/// A set gets smaller by one whose member is out, or stops.
fn shrinks(world: &mut World, from: &Value, patched: &Value) {
    let number = |value: &Value| value.as_i64().and_then(|n| i32::try_from(n).ok()).unwrap_or(0);
    let (from, to) = (number(from), number(patched));
    if patched.is_null() || to >= from || to == 0 && (world.wish() == 0 || world.is_deleting()) {
        return;
    }
    if to + 1 != from {
        world.breaks(format!("the set shrinks from {from} to {to} at once"));
    }
    let claim = world.objects.get("PersistentVolumeClaim", &format!("data-demo-{to}"));
    let claim = claim.and_then(|it| it["metadata"]["uid"].as_str().map(str::to_owned));
    if claim.is_some_and(|claim| world.members.is_in(&claim)) {
        world.breaks(format!("demo-{to} goes before it was removed"));
    }
}

/// A pod is made again once its last member is gone for good.
fn makes_again(world: &mut World, from: &Value, patched: &Value) {
    let (Some(from), Some(to)) = (from.as_i64(), patched.as_i64()) else { return };
    let resource = world.objects.get("KapacitorCluster", "demo").unwrap_or_default();
    let members = resource["status"]["members"].as_array().cloned().unwrap_or_default();
    let goes = |it: &&Value| {
        let is_out = it["cause"].is_string() && it["state"] != "Condemned";
        is_out
            && it["cause"] != "Displaced"
            && (from..to).contains(&it["ordinal"].as_i64().unwrap_or(-1))
    };
    // Who pauses before an effect may be of yesterday.
    if let (Some(goes), false) = (members.iter().find(goes), world.yields) {
        let name = text(&goes["name"]);
        world.breaks(format!("{name} is made again, and its last member is not gone yet"));
    }
}

fn unreachable() -> client::Error {
    client::Error::Unreachable { address: "demo".to_owned(), why: "refused".to_owned() }
}

fn refused(status: u16) -> client::Error {
    match status {
        0 => unreachable(),
        status => client::Error::Refused { status, text: "no".to_owned() },
    }
}

/// The number in a URL or address of a member.
fn ordinal(address: &str) -> i32 {
    let host = address.trim_start_matches("http://").split('.').next().unwrap_or_default();
    host.trim_start_matches("demo-").parse().expect("members are called by their names")
}

impl member::Members for Fake {
    async fn cluster(&self, api: &Api) -> Result<Cluster, client::Error> {
        let mut world = lock(&self.world);
        if world.faults && world.dice.one_in(20) {
            return Err(unreachable());
        }
        let view = world.members.view(ordinal(&api.url)).ok_or_else(unreachable)?;
        Ok(serde_json::from_value(view).expect("as members answer"))
    }

    async fn tasks(&self, _: &Api) -> Result<std::collections::BTreeSet<String>, client::Error> {
        Ok(std::collections::BTreeSet::new())
    }

    async fn add(&self, api: &Api, _: String, rpc: &str) -> Result<(), client::Error> {
        let mut world = lock(&self.world);
        let added = world.members.add(ordinal(&api.url), ordinal(rpc)).map_err(refused);
        if world.faults && world.dice.one_in(10) { Err(unreachable()) } else { added }
    }

    async fn remove(&self, api: &Api, _: String, id: MemberId) -> Result<(), client::Error> {
        let mut world = lock(&self.world);
        // Who pauses before an effect may be of yesterday.
        if !world.yields && world.wish() == 0 {
            world.breaks(format!("member {id} is removed, but the cluster is only to be stopped"));
        }
        let removed = match world.members.remove(ordinal(&api.url), &id.to_string()) {
            Err(404) => Ok(()),
            removed => removed.map_err(refused),
        };
        if world.faults && world.dice.one_in(10) { Err(unreachable()) } else { removed }
    }
}

fn away() -> subscriptions::Error {
    subscriptions::Error::Unreachable {
        url: "http://i:8086".to_owned(),
        text: "refused".to_owned(),
    }
}

impl subscriptions::Influx for Fake {
    async fn subscriptions(&self, _: &Target) -> Result<Vec<Row>, subscriptions::Error> {
        let world = lock(&self.world);
        if world.influx_away { Err(away()) } else { Ok(world.members.rows()) }
    }

    async fn drop_subscription(
        &self,
        _: &Target,
        _: &Source,
        name: &str,
    ) -> Result<(), subscriptions::Error> {
        let mut world = lock(&self.world);
        if world.influx_away {
            return Err(away());
        }
        world.members.drop_row(name);
        if world.members.foreign_is_gone() {
            world.breaks("the subscription of a stranger is dropped");
        }
        Ok(())
    }
}
