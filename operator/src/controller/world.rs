//! Random worlds: the whole operator against an API server, members and an InfluxDB in memory, whatever
//! happens to them and to it. `OPERATOR_SEEDS=0..10000` runs others; a failure names its seed.

mod controllers;
mod members;
mod objects;
mod outside;

use std::collections::BTreeSet;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Operator;
use objects::{Objects, text};
use outside::Fake;

/// Seeds of `cargo test`.
const SEEDS: Range<u64> = 0..500;
/// Things that happen before the world comes to rest.
const EVENTS: usize = 120;
/// Looks that a world at rest may need to be as wished.
const LOOKS: usize = 600;

/// A small generator of its own, so that a seed means the same for ever.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    fn below(&mut self, n: i32) -> i32 {
        i32::try_from(self.roll(u64::try_from(n.max(1)).unwrap_or(1))).unwrap_or(0)
    }
}

/// Everything there is beside the operators.
struct World {
    dice: Dice,
    now: Timestamp,
    objects: Objects,
    members: members::Members,
    influx_away: bool,
    /// Requests may fail, and answers may be lost.
    faults: bool,
    /// An operator pauses before its effect, so that others come first.
    yields: bool,
    /// The status was lost once: who had left by then and has no claim any more is known to nobody.
    wiped: bool,
    /// What must never be, and was.
    broken: Option<String>,
    log: Vec<String>,
}

type Shared = Arc<Mutex<World>>;

fn lock(world: &Shared) -> MutexGuard<'_, World> {
    world.lock().expect("nobody panics with the lock")
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            dice: Dice(seed),
            now: Timestamp::from_second(1_000_000).expect("in range"),
            objects: Objects::default(),
            members: members::Members::default(),
            influx_away: false,
            faults: false,
            yields: false,
            wiped: false,
            broken: None,
            log: Vec::new(),
        };
        let wish = 1 + world.dice.below(4);
        world.objects.put(json!({
            "apiVersion": "kapacitor.dev/v1alpha1", "kind": "KapacitorCluster",
            "metadata": {"name": "demo", "namespace": "ns", "generation": 1},
            "spec": {"replicas": wish, "storage": {"size": "1Gi"},
                "influxdb": [{"name": "main", "urls": ["http://i:8086"]}]},
        }));
        world
    }

    fn say(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.log.push(what);
    }

    fn breaks(&mut self, rule: impl Into<String>) {
        let rule = rule.into();
        self.say(format!("BROKEN: {rule}"));
        self.broken.get_or_insert(rule);
    }

    fn wish(&self) -> i32 {
        let spec = self.objects.get("KapacitorCluster", "demo");
        spec.and_then(|it| it["spec"]["replicas"].as_i64())
            .and_then(|n| i32::try_from(n).ok())
            .unwrap_or(0)
    }

    fn is_deleting(&self) -> bool {
        let resource = self.objects.get("KapacitorCluster", "demo");
        resource.is_none_or(|it| !it["metadata"]["deletionTimestamp"].is_null())
    }

    /// Time passes; the other controllers and the members do their part.
    fn passes(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        let living = self.objects.pods_move(self.now);
        self.members.live(&living, self.influx_away);
        self.objects.claims_move(self.now, &mut self.dice);
        if self.members.clusters() > 1 {
            self.breaks("there are two clusters");
        }
    }

    /// What people and machines do.
    fn mishap(&mut self) {
        match self.dice.roll(16) {
            0..=2 => {
                let wish = self.dice.below(6);
                self.say(format!("the wish is {wish}"));
                self.objects.wish(wish);
            }
            3 => {
                let size = self.dice.below(6);
                self.say(format!("somebody scales the set to {size}"));
                self.objects.scale_by_hand(size);
            }
            4..=6 => {
                let pod = format!("demo-{}", self.dice.below(5));
                let forced = self.dice.one_in(2);
                self.say(format!("{pod} is killed, forced: {forced}"));
                self.objects.kill(&pod, forced);
            }
            7..=8 => {
                self.influx_away = !self.influx_away;
                let away = self.influx_away;
                self.say(format!("InfluxDB is away: {away}"));
            }
            9 => self.lose_a_volume(),
            10 if self.dice.one_in(4) => {
                self.say("the status is wiped");
                self.wiped = true;
                self.objects.wipe_status();
            }
            11 => {
                let pod = format!("demo-{}", self.dice.below(5));
                self.say(format!("{pod} is to be replaced"));
                self.objects.annotate("Pod", &pod, "kapacitor.dev/replace", "true");
            }
            12 => {
                self.faults = !self.faults;
                let faults = self.faults;
                self.say(format!("the API server fails now and then: {faults}"));
            }
            13 if self.dice.one_in(2) => {
                self.say("the volumes are to grow");
                self.objects.grow();
            }
            14 => {
                let claim = format!("data-demo-{}", self.dice.below(5));
                let may = self.objects.fixed.remove(&claim);
                self.say(format!("{claim} may grow: {may}"));
                if !may {
                    self.objects.fixed.insert(claim);
                }
            }
            15 => {
                let tag = ["1", "2", "broken"][usize::try_from(self.dice.roll(3)).unwrap_or(0)];
                self.say(format!("the image is to be {tag}"));
                self.objects.image(tag);
            }
            _ => {
                if let Some(ordinal) = self.members.bring_back() {
                    self.say(format!("demo-{ordinal} is taken in again by one who has not heard"));
                }
            }
        }
    }

    /// One at a time, while others hold the cluster: losing all is the end of any cluster.
    fn lose_a_volume(&mut self) {
        let ordinal = self.dice.below(5);
        if !self.members.others_hold_the_cluster(ordinal) {
            return;
        }
        self.say(format!("the volume of demo-{ordinal} is lost"));
        self.objects.end_claim(&format!("data-demo-{ordinal}"));
        self.objects.kill(&format!("demo-{ordinal}"), true);
        if let Some(id) = self.objects.lost_claim(&format!("data-demo-{ordinal}")) {
            self.members.disk_is_lost(&id);
        }
    }

    /// Whether somebody whom the operator knew, and could still know, left a subscription.
    fn is_left(&self, rows: &BTreeSet<String>, alive: &BTreeSet<String>) -> bool {
        let known = |name: &&String| {
            crate::name::subscriber(name).is_some_and(|id| self.objects.recorded.contains(id))
        };
        !self.wiped && rows.difference(alive).any(|name| known(&name))
    }

    /// A pod that runs something else than wished, or could come to.
    fn old(&self, tag: &Value) -> Option<String> {
        let image = format!("kapacitord:{}", tag.as_str().unwrap_or("1"));
        let of = |spec: &Value| text(&spec["containers"][0]["image"]);
        let pods = self.objects.list("Pod");
        if let Some(old) = pods.iter().find(|pod| of(&pod["spec"]) != image) {
            return Some(format!("{} runs {}", old["metadata"]["name"], of(&old["spec"])));
        }
        let update = &self.objects.get("StatefulSet", "demo")?["spec"]["updateStrategy"];
        let held = update["rollingUpdate"]["partition"] != 0;
        held.then(|| format!("some pods are held back: {update}"))
    }

    /// What has another size than wished.
    fn small(&self, wish: &Value) -> Option<String> {
        let set = self.objects.get("StatefulSet", "demo")?;
        let mut sizes = vec![&set["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]];
        let claims = self.objects.list("PersistentVolumeClaim");
        let pod = |it: &Value| text(&it["metadata"]["name"]).trim_start_matches("data-").to_owned();
        let of_members = |it: &&Arc<Value>| self.objects.get("Pod", &pod(it)).is_some();
        sizes.extend(claims.iter().filter(of_members).map(|it| &it["spec"]["resources"]));
        let mut volumes = claims.iter().filter(of_members).map(|it| &it["status"]["capacity"]);
        let small = sizes.iter().find(|it| it["requests"]["storage"] != *wish);
        let small = small.copied().or_else(|| volumes.find(|it| it["storage"] != *wish));
        small.map(|small| format!("wished are {wish}, there is {small}"))
    }

    /// What is not as it should be at rest.
    fn unsettled(&self) -> Option<String> {
        let wish = self.wish();
        let resource = self.objects.get("KapacitorCluster", "demo")?;
        let conditions = resource["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let ready = conditions.iter().find(|it| it["type"] == "Ready").cloned().unwrap_or_default();
        let size =
            self.objects.get("StatefulSet", "demo").map(|set| set["spec"]["replicas"].clone());
        let expect = if wish == 0 { "Stopped" } else { "InSync" };
        let wished: BTreeSet<i32> = (0..wish).collect();
        let listed = self.members.listed();
        if ready["reason"] != expect {
            return Some(format!("Ready: {ready}"));
        }
        if size.is_some_and(|size| size != json!(wish)) {
            return Some("the set has another size".to_owned());
        }
        if wish > 1 && listed != wished {
            return Some(format!("listed are {listed:?}"));
        }
        if let Some(old) = self.old(&resource["spec"]["image"]["tag"]) {
            return Some(old);
        }
        if let Some(small) = self.small(&resource["spec"]["storage"]["size"]) {
            return Some(small);
        }
        let rows = self.members.subscribed();
        let alive = self.members.alive(wish);
        if !rows.is_superset(&alive) || self.is_left(&rows, &alive) {
            return Some(format!("subscribed are {rows:?}, alive {alive:?}"));
        }
        self.members.foreign_is_gone().then(|| "the foreign subscription is gone".to_owned())
    }
}

/// A process of the operator, perhaps in the middle of something.
struct Process {
    operator: Arc<Operator<Fake>>,
    under_way: Option<Pin<Box<dyn Future<Output = Option<Duration>>>>>,
}

impl Process {
    fn start(world: &Shared) -> Self {
        Self { operator: Arc::new(Operator::new(Fake::new(world.clone()))), under_way: None }
    }

    /// Works until it has to wait for another's turn, or is through.
    fn work(&mut self, world: &Shared) -> Option<Duration> {
        let mut look = self.under_way.take().unwrap_or_else(|| {
            let (operator, world) = (self.operator.clone(), world.clone());
            Box::pin(async move {
                match operator.reconcile("ns", "demo").await {
                    Ok(pause) => pause,
                    Err(error) => {
                        lock(&world).say(format!("  failed: {error}"));
                        Some(error.pause())
                    }
                }
            })
        });
        match look.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(pause) => pause,
            Poll::Pending => {
                self.under_way = Some(look);
                None
            }
        }
    }
}

/// Runs one world from its beginning to its rest, and perhaps to its end.
fn run(seed: u64, world: &Shared) -> Result<(), String> {
    let mut dice = Dice(seed ^ 0x5eed);
    // Two that both believe to lead, each stopped and started at any moment.
    let mut processes = [Process::start(world), Process::start(world)];
    let several = dice.one_in(3);
    lock(world).yields = several;
    for _ in 0..EVENTS {
        let who = usize::from(several && dice.one_in(3));
        match dice.roll(10) {
            0..=5 => drop(processes[who].work(world)),
            6 if dice.one_in(2) => {
                lock(world).say("  an operator falls");
                processes[who] = Process::start(world);
            }
            7 => lock(world).mishap(),
            _ => {
                let seconds = if dice.one_in(8) { 90 } else { 2 };
                lock(world).passes(seconds);
            }
        }
        if let Some(rule) = lock(world).broken.clone() {
            return Err(rule);
        }
    }
    settle(world, &mut processes[0])?;
    if dice.one_in(3) { end(world, &mut processes[0]) } else { Ok(()) }
}

/// Nothing bad happens any more: it becomes as wished, and stays.
fn settle(world: &Shared, process: &mut Process) -> Result<(), String> {
    {
        let mut world = lock(world);
        (world.faults, world.influx_away, world.yields) = (false, false, false);
        let wish = world.wish().max(1);
        world.objects.wish(wish);
        world.objects.unannotate_pods();
        world.objects.fixed.clear();
        if world.dice.one_in(2) {
            world.objects.image("2");
        } else {
            world.objects.image("1");
        }
        world.say("--- rest");
    }
    *process = Process::start(world);
    for _ in 0..LOOKS {
        process.work(world);
        let mut world = lock(world);
        let seconds = if world.dice.one_in(4) { 60 } else { 1 };
        world.passes(seconds);
        if let Some(rule) = world.broken.clone() {
            return Err(rule);
        }
        if world.unsettled().is_none() {
            break;
        }
    }
    if let Some(why) = lock(world).unsettled() {
        return Err(format!("it does not become as wished: {why}"));
    }
    // Once more, so that all that is only awaited is over.
    for _ in 0..10 {
        process.work(world);
        lock(world).passes(60);
    }
    let touched = |world: &World| (world.objects.writes, world.members.drops);
    let before = touched(&lock(world));
    for _ in 0..5 {
        process.work(world);
        lock(world).passes(60);
    }
    let world = lock(world);
    if let Some(why) = world.unsettled() {
        return Err(format!("it does not stay as wished: {why}"));
    }
    if touched(&world) != before {
        return Err("something is written or dropped although nothing changes".to_owned());
    }
    Ok(())
}

/// The resource is deleted: nothing of it stays with InfluxDB, and every claim does.
fn end(world: &Shared, process: &mut Process) -> Result<(), String> {
    let claims = {
        // Perhaps in the middle of something.
        if lock(world).dice.one_in(2) {
            lock(world).objects.grow();
            let looks = lock(world).dice.roll(12);
            for _ in 0..looks {
                process.work(world);
                lock(world).passes(1);
            }
        }
        let mut world = lock(world);
        world.say("--- deleted");
        let now = world.now;
        world.objects.end_resource(now);
        world.objects.names("PersistentVolumeClaim")
    };
    for _ in 0..40 {
        process.work(world);
        lock(world).passes(2);
    }
    let world = lock(world);
    if let Some(rule) = &world.broken {
        return Err(rule.clone());
    }
    let rows = world.members.subscribed();
    if world.objects.get("KapacitorCluster", "demo").is_some() {
        return Err("the deleted resource is still there".to_owned());
    }
    if world.is_left(&rows, &BTreeSet::new()) || world.members.foreign_is_gone() {
        return Err(format!("subscribed are {rows:?}"));
    }
    if world.objects.names("PersistentVolumeClaim") != claims {
        return Err(format!("claims went with the resource; before there were {claims:?}"));
    }
    Ok(())
}

fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("OPERATOR_SEEDS") else { return SEEDS };
    let (from, to) = text.split_once("..").expect("OPERATOR_SEEDS is FROM..TO");
    from.parse().expect("a number")..to.parse().expect("a number")
}

/// Runs seeds until one fails, here or elsewhere; says which, why, and what went before.
fn run_all(seeds: impl Iterator<Item = u64>, failed: &AtomicBool) -> Result<(), String> {
    for seed in seeds.take_while(|_| !failed.load(Ordering::Relaxed)) {
        let world: Shared = Arc::new(Mutex::new(World::new(seed)));
        if let Err(why) = run(seed, &world) {
            failed.store(true, Ordering::Relaxed);
            let world = lock(&world);
            let log = format!("{}\n{}", world.log.join("\n"), world.objects.told());
            let alone = format!("OPERATOR_SEEDS={seed}..{} runs it alone", seed + 1);
            return Err(format!("{log}\nseed {seed}: {why}; {alone}"));
        }
    }
    Ok(())
}

#[test]
fn whatever_happens_to_it_a_cluster_becomes_as_wished_and_nothing_is_lost() {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let failed = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let parts = (0..threads).map(|part| seeds().skip(part).step_by(threads));
        let running: Vec<_> = parts.map(|part| scope.spawn(|| run_all(part, &failed))).collect();
        for thread in running {
            if let Err(why) = thread.join().expect("a world ends with an answer") {
                panic!("{why}");
            }
        }
    });
}
