//! Who leads: one operator of several holds a lease and renews it; the others wait for it to go stale.
//!
//! Whether a lease went stale is judged by this process's own monotonic clock: it was seen unchanged
//! for its whole time. Clocks of machines are never compared. Every write carries the version that was
//! read, so of two that reach for a lease one fails. A leader that could not renew for longer than
//! [`RENEW_DEADLINE`] leads no more, and that is shorter than the others wait ([`TERM`]).

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt as _};

/// How long others see a lease unchanged before they take it. Too short and a slow API server makes
/// leaders change; too long and nobody works for as long after one fell.
pub const TERM: Duration = Duration::from_secs(15);
/// How long a leader works without having renewed. Must be shorter than [`TERM`].
pub const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// How long the API server may take to answer: a read and a write fit into [`RENEW_DEADLINE`].
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two looks, give or take a quarter.
const RETRY: Duration = Duration::from_secs(2);

/// Where leases are.
pub trait Leases: Send + Sync {
    /// The lease, if there is one.
    fn read(&self) -> impl Future<Output = Result<Option<Lease>, kube::Error>> + Send;
    /// Writes it: creates one that has no version, else replaces just this version.
    fn write(&self, lease: Lease) -> impl Future<Output = Result<(), kube::Error>> + Send;
}

/// Since when this process may think that it leads; shared with whoever acts.
#[derive(Clone, Debug, Default)]
pub struct Leadership(Arc<Mutex<Option<Instant>>>);

impl Leadership {
    /// Whether it still leads, at this moment.
    pub fn is_held(&self) -> bool {
        self.is_held_at(Instant::now())
    }

    fn is_held_at(&self, now: Instant) -> bool {
        let renewed = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        renewed.is_some_and(|renewed| now.saturating_duration_since(renewed) < RENEW_DEADLINE)
    }

    fn set(&self, renewed: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
    }
}

/// One of those who want to lead.
pub struct Candidate<L> {
    leases: L,
    name: String,
    me: String,
    leadership: Leadership,
    /// The holder and its last sign of life, and since when it has been that.
    seen: Option<(Lease, Instant)>,
}

impl<L: Leases> Candidate<L> {
    /// Wants the lease called `name`; `me` is like nobody else's.
    pub fn new(leases: L, name: String, me: String) -> Self {
        Self { leases, name, me, leadership: Leadership::default(), seen: None }
    }

    /// What others look at.
    pub fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }

    /// Waits until it leads.
    pub async fn lead(&mut self) {
        while !self.try_once(Instant::now()).await {
            self.pause().await;
        }
    }

    /// Renews until that fails for too long.
    pub async fn keep(&mut self) {
        loop {
            self.pause().await;
            if !self.try_once(Instant::now()).await && !self.leadership.is_held() {
                return;
            }
        }
    }

    /// Lets others have it at once.
    pub async fn release(&mut self) {
        self.leadership.set(None);
        let Ok(Some(mut lease)) = self.leases.read().await else { return };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() == Some(self.me.as_str()) {
            spec.holder_identity = None;
            if let Err(error) = self.leases.write(lease).await {
                tracing::debug!(%error, "the lease was not released");
            }
        }
    }

    async fn pause(&self) {
        let mut noise = [0; 1];
        let _ = getrandom::fill(&mut noise);
        let quarter = u32::from(noise[0]) * u32::try_from(RETRY.as_millis()).unwrap_or(0) / 512;
        tokio::time::sleep(RETRY * 3 / 4 + Duration::from_millis(quarter.into())).await;
    }

    /// Renews the lease, or takes it if it is free or stale. `now` is from before any request: a
    /// renewal counts from there.
    async fn try_once(&mut self, now: Instant) -> bool {
        match self.attempt(now).await {
            Ok(true) => {
                self.leadership.set(Some(now));
                true
            }
            Ok(false) => {
                // Somebody else holds it.
                self.leadership.set(None);
                false
            }
            Err(error) => {
                tracing::warn!(%error, lease = self.name, "the lease was not renewed");
                false
            }
        }
    }

    async fn attempt(&mut self, now: Instant) -> Result<bool, kube::Error> {
        let mut lease = match self.leases.read().await? {
            Some(lease) => lease,
            None => Lease {
                metadata: kube::api::ObjectMeta {
                    name: Some(self.name.clone()),
                    ..kube::api::ObjectMeta::default()
                },
                spec: None,
            },
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        let mine = holder == self.me;
        if !mine && !holder.is_empty() && !self.is_stale(&lease, now) {
            return Ok(false);
        }
        let time = Some(MicroTime(Timestamp::now()));
        let transitions = spec.lease_transitions.unwrap_or(0);
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.me.clone()),
            lease_duration_seconds: i32::try_from(TERM.as_secs()).ok(),
            acquire_time: if mine { spec.acquire_time } else { time.clone() },
            renew_time: time,
            lease_transitions: Some(if mine { transitions } else { transitions + 1 }),
            ..LeaseSpec::default()
        });
        match self.leases.write(lease).await {
            Ok(()) => Ok(true),
            // Somebody was faster.
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Another one's lease was seen without a sign of life for its whole term.
    fn is_stale(&mut self, lease: &Lease, now: Instant) -> bool {
        let same = |seen: &Lease| {
            seen.resource_version() == lease.resource_version() && seen.spec == lease.spec
        };
        match &self.seen {
            Some((seen, since)) if same(seen) => {
                let theirs = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
                let theirs = theirs.and_then(|seconds| u64::try_from(seconds).ok());
                let term = TERM.max(Duration::from_secs(theirs.unwrap_or(0)));
                now.saturating_duration_since(*since) >= term
            }
            _ => {
                self.seen = Some((lease.clone(), now));
                false
            }
        }
    }
}

/// A lease of a real API server.
pub struct Kubernetes {
    api: Api<Lease>,
    name: String,
}

impl Kubernetes {
    /// The lease `name` in this process's own namespace.
    pub fn new(client: Client, name: String) -> Self {
        Self { api: Api::default_namespaced(client), name }
    }
}

impl Leases for Kubernetes {
    async fn read(&self) -> Result<Option<Lease>, kube::Error> {
        in_time(self.api.get_opt(&self.name)).await
    }

    async fn write(&self, lease: Lease) -> Result<(), kube::Error> {
        let params = PostParams::default();
        match lease.resource_version() {
            None => in_time(self.api.create(&params, &lease)).await.map(drop),
            Some(_) => in_time(self.api.replace(&self.name, &params, &lease)).await.map(drop),
        }
    }
}

/// An API server that hangs is one that does not answer.
async fn in_time<T>(asked: impl Future<Output = Result<T, kube::Error>>) -> Result<T, kube::Error> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer,
        Err(late) => Err(kube::Error::Service(Box::new(late))),
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use kube::ResourceExt;
    use kube::core::Status;

    use super::*;

    /// One lease that several want; answers at once, or not at all while it is away.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<(Option<Lease>, u64, bool)>>);

    impl Shared {
        fn answer<T>(
            &self,
            f: impl FnOnce(&mut (Option<Lease>, u64, bool)) -> Result<T, u16>,
        ) -> Result<T, kube::Error> {
            let mut shared = self.0.lock().expect("nobody panics");
            let refuse =
                |code| kube::Error::Api(Status::failure("no", "no").with_code(code).boxed());
            if shared.2 { Err(refuse(500)) } else { f(&mut shared).map_err(refuse) }
        }

        fn away(&self, away: bool) {
            self.0.lock().expect("nobody panics").2 = away;
        }
    }

    impl Leases for Shared {
        async fn read(&self) -> Result<Option<Lease>, kube::Error> {
            self.answer(|shared| Ok(shared.0.clone()))
        }

        async fn write(&self, mut lease: Lease) -> Result<(), kube::Error> {
            self.answer(|shared| {
                let version = shared.0.as_ref().and_then(ResourceExt::resource_version);
                if version != lease.resource_version() {
                    return Err(409);
                }
                shared.1 += 1;
                lease.metadata.resource_version = Some(shared.1.to_string());
                shared.0 = Some(lease);
                Ok(())
            })
        }
    }

    struct Clock(Instant);

    impl Clock {
        fn after(&self, seconds: u64) -> Instant {
            self.0 + Duration::from_secs(seconds)
        }
    }

    fn candidate(shared: &Shared, me: &str) -> Candidate<Shared> {
        Candidate::new(shared.clone(), "l".to_owned(), me.to_owned())
    }

    fn tries(candidate: &mut Candidate<Shared>, now: Instant) -> bool {
        candidate.try_once(now).now_or_never().expect("the lease answers at once")
    }

    #[test]
    fn one_leads_and_the_other_waits_for_its_whole_term() {
        let (shared, clock) = (Shared::default(), Clock(Instant::now()));
        let (mut a, mut b) = (candidate(&shared, "a"), candidate(&shared, "b"));
        assert!(tries(&mut a, clock.after(0)));
        assert!(!tries(&mut b, clock.after(1)));
        assert!(tries(&mut a, clock.after(10)), "renewed");
        assert!(!tries(&mut b, clock.after(16)), "it was renewed: the term begins anew");
        assert!(!tries(&mut b, clock.after(30)));
        assert!(tries(&mut b, clock.after(31)), "15 s without a sign of life");
        assert!(!tries(&mut a, clock.after(32)), "somebody else holds it");
        assert!(!a.leadership().is_held_at(clock.after(32)));
        assert!(b.leadership().is_held_at(clock.after(32)));
    }

    #[test]
    fn never_do_two_lead_whenever_the_lease_is_away() {
        let mut state = 7_u64;
        let mut roll = |n: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        let (shared, clock) = (Shared::default(), Clock(Instant::now()));
        let mut all = [candidate(&shared, "a"), candidate(&shared, "b"), candidate(&shared, "c")];
        let mut changes = 0;
        let mut last = None;
        for second in 0..20_000 {
            shared.away(roll(100) < 30 && second % 60 > 20);
            for candidate in &mut all {
                if roll(2) == 0 && (candidate.me != "a" || second % 100 > 30) {
                    tries(candidate, clock.after(second));
                }
            }
            let lead = |it: &&Candidate<_>| it.leadership().is_held_at(clock.after(second));
            let leaders: Vec<&str> = all.iter().filter(lead).map(|it| it.me.as_str()).collect();
            assert!(leaders.len() <= 1, "at {second}: {leaders:?}");
            if let Some(leader) = leaders.first().map(|it| (*it).to_owned())
                && last.as_ref() != Some(&leader)
            {
                changes += 1;
                last = Some(leader);
            }
        }
        assert!(changes > 2, "leaders changed {changes} times");
    }

    #[test]
    fn a_released_lease_is_free_at_once() {
        let (shared, clock) = (Shared::default(), Clock(Instant::now()));
        let (mut a, mut b) = (candidate(&shared, "a"), candidate(&shared, "b"));
        assert!(tries(&mut a, clock.after(0)));
        a.release().now_or_never().expect("the lease answers at once");
        assert!(!a.leadership().is_held_at(clock.after(1)));
        assert!(tries(&mut b, clock.after(1)));
    }

    #[test]
    fn whoever_cannot_renew_stops_before_others_may_begin() {
        let (shared, clock) = (Shared::default(), Clock(Instant::now()));
        let mut a = candidate(&shared, "a");
        assert!(tries(&mut a, clock.after(0)));
        shared.away(true);
        assert!(!tries(&mut a, clock.after(9)));
        assert!(a.leadership().is_held_at(clock.after(9)));
        assert!(!a.leadership().is_held_at(clock.after(10)));
    }
}
