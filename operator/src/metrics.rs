//! What Prometheus reads at `/metrics`. One set per process, handed to whoever counts.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use prometheus::core::Collector;
use prometheus::{
    Encoder as _, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter,
    IntCounterVec, Opts, Registry, TextEncoder,
};

use crate::crd::{KapacitorCluster, MemberState};

const PREFIX: &str = "kapacitor_operator";
/// Seconds of a reconcile.
const RECONCILE: &[f64] = &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0];
/// Seconds from condemning a member to forgetting it.
const DECOMMISSION: &[f64] = &[1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0];
/// Name of the one controller, as a label.
const CONTROLLER: &str = "kapacitorcluster";
/// How a look at a cluster may end.
const OUTCOMES: [&str; 4] = ["effect", "rest", "waiting", "error"];
/// Why it may fail.
const REASONS: [&str; 5] = ["kube", "member", "influxdb", "leadership", "other"];
/// On which ways subscriptions are dropped.
const PATHS: [&str; 4] = ["leave", "stop", "delete", "sweep"];

/// All families.
pub struct Metrics {
    registry: Registry,
    reconciliations: IntCounterVec,
    reconcile_seconds: HistogramVec,
    reconcile_errors: IntCounterVec,
    leader: Gauge,
    crd_missing: GaugeVec,
    managed: Gauge,
    paused: Gauge,
    members: GaugeVec,
    conditions: GaugeVec,
    decommission_seconds: Histogram,
    member_requests: IntCounterVec,
    influx_requests: IntCounterVec,
    kube_requests: IntCounterVec,
    dropped: IntCounterVec,
    orphaned: IntCounter,
    last_sweep: Gauge,
    clusters: Mutex<BTreeMap<Key, Known>>,
    condemned: Mutex<BTreeMap<(Key, String), Instant>>,
}

/// Namespace and name of a cluster.
type Key = (String, String);

/// What was last said of a cluster.
struct Known {
    paused: bool,
    conditions: Vec<String>,
}

impl Default for Metrics {
    fn default() -> Self {
        let registry = Registry::new();
        let families = Families(&registry);
        let build =
            families.gauges("build_info", "Version of the operator; always 1.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        let metrics = Self {
            reconciliations: families.counters(
                "reconciliations_total",
                "Looks at clusters; outcome: effect, rest, waiting or error.",
                &["controller", "outcome"],
            ),
            reconcile_seconds: families.histograms("reconcile_duration_seconds", &["controller"]),
            reconcile_errors: families.counters(
                "reconcile_errors_total",
                "Failed looks; reason: kube, member, influxdb, leadership or other.",
                &["reason"],
            ),
            leader: families.gauge("leader", "1 while this process leads."),
            crd_missing: families.gauges(
                "crd_missing",
                "1 while the definition is missing or may not be read.",
                &["crd"],
            ),
            managed: families.gauge("managed_clusters", "Clusters that are looked after."),
            paused: families.gauge("paused_clusters", "Clusters that are paused."),
            members: families.gauges(
                "members",
                "Members of the ledger by state.",
                &["namespace", "cluster", "state"],
            ),
            conditions: families.gauges(
                "cluster_condition",
                "1 while a condition of a cluster is True, 0 while it is False.",
                &["namespace", "cluster", "type"],
            ),
            decommission_seconds: families.histogram(
                "decommission_duration_seconds",
                "From condemning a member to forgetting it, as far as one process saw both.",
                DECOMMISSION,
            ),
            member_requests: families.counters(
                "member_requests_total",
                "Requests to members; code: of HTTP, or error.",
                &["op", "code"],
            ),
            influx_requests: families.counters(
                "influx_requests_total",
                "Requests to InfluxDBs; code: ok, refused or error.",
                &["op", "code"],
            ),
            kube_requests: families.counters(
                "kube_requests_total",
                "Requests to Kubernetes by the controller; code: of HTTP, or error.",
                &["verb", "code"],
            ),
            dropped: families.counters(
                "subscriptions_dropped_total",
                "Subscriptions that were dropped; path: leave, stop, delete or sweep.",
                &["path"],
            ),
            orphaned: families.counter(
                "subscriptions_orphaned_total",
                "Members whose subscriptions were given up when their resource went.",
            ),
            last_sweep: families
                .gauge("last_sweep_timestamp_seconds", "When an InfluxDB was looked into last."),
            clusters: Mutex::default(),
            condemned: Mutex::default(),
            registry,
        };
        metrics.begin_at_zero();
        metrics
    }
}

impl Metrics {
    /// The text that Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = Vec::new();
        let encoded = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        encoded.expect("families are consistent and memory takes writes");
        String::from_utf8(text).expect("the format is text")
    }

    /// What has not happened yet is there as 0: who asks for a rate needs the series before the first time.
    fn begin_at_zero(&self) {
        for outcome in OUTCOMES {
            self.reconciliations.with_label_values(&[CONTROLLER, outcome]);
        }
        self.reconcile_seconds.with_label_values(&[CONTROLLER]);
        for reason in REASONS {
            self.reconcile_errors.with_label_values(&[reason]);
        }
        for path in PATHS {
            self.dropped.with_label_values(&[path]);
        }
    }

    /// A look at a cluster came to its end.
    pub fn reconciled(&self, outcome: &str, took: Duration) {
        self.reconciliations.with_label_values(&[CONTROLLER, outcome]).inc();
        self.reconcile_seconds.with_label_values(&[CONTROLLER]).observe(took.as_secs_f64());
    }

    /// It failed.
    pub fn failed(&self, reason: &str) {
        self.reconcile_errors.with_label_values(&[reason]).inc();
    }

    /// This process leads, or does not.
    pub fn leads(&self, leads: bool) {
        self.leader.set(f64::from(u8::from(leads)));
    }

    /// The definition of the resource is missing, or is not.
    pub fn crd_missing(&self, missing: bool) {
        let labels = ["kapacitorclusters.kapacitor.dev"];
        self.crd_missing.with_label_values(&labels).set(f64::from(u8::from(missing)));
    }

    /// A request to a member.
    pub fn member_request(&self, op: &str, code: &str) {
        self.member_requests.with_label_values(&[op, code]).inc();
    }

    /// A request to an InfluxDB.
    pub fn influx_request(&self, op: &str, code: &str) {
        self.influx_requests.with_label_values(&[op, code]).inc();
    }

    /// A request to Kubernetes.
    pub fn kube_request<T>(&self, verb: &str, answer: &Result<T, kube::Error>) {
        let code = match answer {
            Ok(_) => "200".to_owned(),
            Err(kube::Error::Api(status)) => status.code.to_string(),
            Err(_) => "error".to_owned(),
        };
        self.kube_requests.with_label_values(&[verb, &code]).inc();
    }

    /// Subscriptions were dropped, on the way `path`.
    pub fn dropped(&self, path: &str, rows: usize) {
        self.dropped.with_label_values(&[path]).inc_by(u64::try_from(rows).unwrap_or(0));
    }

    /// Subscriptions of so many members were given up.
    pub fn orphaned(&self, members: usize) {
        self.orphaned.inc_by(u64::try_from(members).unwrap_or(0));
    }

    /// An InfluxDB was looked into.
    pub fn swept(&self, now: Timestamp) {
        #[expect(clippy::cast_precision_loss, reason = "seconds, for people")]
        self.last_sweep.set(now.as_second() as f64);
    }

    /// A member is to leave.
    pub fn condemned(&self, key: &Key, member: &str) {
        let mut all = self.condemned.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry((key.clone(), member.to_owned())).or_insert_with(Instant::now);
    }

    /// It has left, or stays after all.
    pub fn settled(&self, key: &Key, member: &str, left: bool) {
        let mut all = self.condemned.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = all.remove(&(key.clone(), member.to_owned()))
            && left
        {
            self.decommission_seconds.observe(since.elapsed().as_secs_f64());
        }
    }

    /// What a cluster says of itself.
    pub fn cluster(&self, key: &Key, cluster: &KapacitorCluster) {
        let status = cluster.status.clone().unwrap_or_default();
        let (namespace, name) = (key.0.as_str(), key.1.as_str());
        for state in MemberState::ALL {
            let n = status.members.iter().filter(|member| member.state == *state).count();
            let labels = [namespace, name, &format!("{state:?}")];
            self.members.with_label_values(&labels).set(f64::from(u32::try_from(n).unwrap_or(0)));
        }
        let is = |type_: &str| {
            status.conditions.iter().any(|it| it.type_ == type_ && it.status == "True")
        };
        for condition in &status.conditions {
            let labels = [namespace, name, &condition.type_];
            if condition.status == "Unknown" {
                let _ = self.conditions.remove_label_values(&labels);
                continue;
            }
            let value = f64::from(u8::from(is(&condition.type_)));
            self.conditions.with_label_values(&labels).set(value);
        }
        let conditions = status.conditions.iter().map(|it| it.type_.clone()).collect();
        let known = Known { paused: is("Paused"), conditions };
        let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        clusters.insert(key.clone(), known);
        self.count(&clusters);
    }

    /// A cluster is gone.
    pub fn forget(&self, key: &Key) {
        let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        let (namespace, name) = (key.0.as_str(), key.1.as_str());
        for state in MemberState::ALL {
            let _ = self.members.remove_label_values(&[namespace, name, &format!("{state:?}")]);
        }
        for type_ in clusters.remove(key).into_iter().flat_map(|known| known.conditions) {
            let _ = self.conditions.remove_label_values(&[namespace, name, &type_]);
        }
        self.count(&clusters);
        let mut condemned = self.condemned.lock().unwrap_or_else(PoisonError::into_inner);
        condemned.retain(|(of, _), _| of != key);
    }

    fn count(&self, clusters: &BTreeMap<Key, Known>) {
        let number = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        self.managed.set(number(clusters.len()));
        self.paused.set(number(clusters.values().filter(|known| known.paused).count()));
    }
}

/// Makes families and registers each.
struct Families<'a>(&'a Registry);

impl Families<'_> {
    fn opts(name: &str, help: &str) -> Opts {
        Opts::new(format!("{PREFIX}_{name}"), help)
    }

    fn put<C: Collector + Clone + 'static>(&self, family: prometheus::Result<C>) -> C {
        let family = family.expect("names and labels are constants");
        self.0.register(Box::new(family.clone())).expect("each name is registered once");
        family
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.put(IntCounter::with_opts(Self::opts(name, help)))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.put(IntCounterVec::new(Self::opts(name, help), labels))
    }

    fn gauge(&self, name: &str, help: &str) -> Gauge {
        self.put(Gauge::with_opts(Self::opts(name, help)))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.put(GaugeVec::new(Self::opts(name, help), labels))
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let opts = HistogramOpts::from(Self::opts(name, help)).buckets(buckets.to_vec());
        self.put(Histogram::with_opts(opts))
    }

    fn histograms(&self, name: &str, labels: &[&str]) -> HistogramVec {
        let opts = HistogramOpts::from(Self::opts(name, "Seconds of a look at a cluster."));
        self.put(HistogramVec::new(opts.buckets(RECONCILE.to_vec()), labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::{KapacitorClusterSpec, KapacitorClusterStatus, MemberStatus};

    #[test]
    fn what_has_not_happened_yet_is_there_as_zero() {
        let text = Metrics::default().text();
        for line in [
            "kapacitor_operator_reconciliations_total{controller=\"kapacitorcluster\",outcome=\"error\"} 0",
            "kapacitor_operator_reconcile_errors_total{reason=\"influxdb\"} 0",
            "kapacitor_operator_subscriptions_dropped_total{path=\"sweep\"} 0",
            "kapacitor_operator_subscriptions_orphaned_total 0",
            "kapacitor_operator_reconcile_duration_seconds_count{controller=\"kapacitorcluster\"} 0",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn a_cluster_is_counted_while_it_is_there() {
        let metrics = Metrics::default();
        let key = ("ns".to_owned(), "demo".to_owned());
        let mut cluster = KapacitorCluster::new("demo", KapacitorClusterSpec::default());
        let member = MemberStatus {
            name: "demo-0".into(),
            ordinal: 0,
            member_id: "x".into(),
            state: MemberState::InSync,
            since: None,
            cause: None,
            unclean: false,
            claim_uid: None,
        };
        let members = vec![member];
        cluster.status = Some(KapacitorClusterStatus { members, ..Default::default() });
        metrics.cluster(&key, &cluster);
        metrics.condemned(&key, "x");
        metrics.settled(&key, "x", true);
        metrics.settled(&key, "x", true);
        let text = metrics.text();
        for line in [
            "kapacitor_operator_members{cluster=\"demo\",namespace=\"ns\",state=\"InSync\"} 1",
            "kapacitor_operator_members{cluster=\"demo\",namespace=\"ns\",state=\"Removing\"} 0",
            "kapacitor_operator_managed_clusters 1",
            "kapacitor_operator_decommission_duration_seconds_count 1",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in\n{text}");
        }
        let condition = |status: &str| {
            serde_json::from_value(
                serde_json::json!({"type": "SubscriptionsClean", "status": status,
                "reason": "r", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}),
            )
        };
        let shown =
            "cluster_condition{cluster=\"demo\",namespace=\"ns\",type=\"SubscriptionsClean\"} ";
        for (status, expect) in [("False", Some("0")), ("Unknown", None), ("True", Some("1"))] {
            let conditions = vec![condition(status).expect("a condition")];
            cluster.status = Some(KapacitorClusterStatus { conditions, ..Default::default() });
            metrics.cluster(&key, &cluster);
            let text = metrics.text();
            let value = text.lines().find_map(|it| it.split_once(shown)).map(|(_, value)| value);
            assert_eq!(value, expect, "{status}");
        }
        metrics.forget(&key);
        let text = metrics.text();
        assert!(text.contains("kapacitor_operator_managed_clusters 0"), "{text}");
        assert!(!text.contains("demo"), "{text}");
    }
}
