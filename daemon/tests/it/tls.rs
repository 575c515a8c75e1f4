//! Mutual TLS between members: who shows no good certificate is refused and counted.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::cluster::{add, all_see};
use crate::daemon::{Daemon, quoted, until};
use crate::http::request;

/// An authority of a cluster.
struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("signed").pem();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// A member with a certificate of this authority that ends with the year, and runs.
    async fn member(&self, last_year: i32) -> Daemon {
        let mut member = Daemon::prepare();
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("an address");
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(last_year, 12, 31);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        for (option, text) in [
            ("tls-certificate", certificate.pem()),
            ("tls-private-key", key.serialize_pem()),
            ("tls-ca", self.certificate.clone()),
        ] {
            member.put(option, &text);
            let file = quoted(&member.path(option));
            member.set("[rpc]", option, &file);
        }
        member.run().await;
        member
    }
}

/// Far from now.
const GOOD: i32 = 2095;
const EXPIRED: i32 = 2021;

async fn refused(member: &Daemon) -> u64 {
    let series = "kapacitor_refused_total{port=\"rpc\",reason=\"certificate\"} ";
    let text = request(member.http(), "GET", "/metrics", &[], b"").await.text();
    let line = text.lines().find_map(|line| line.strip_prefix(series)).expect("the series");
    line.parse().expect("a number")
}

/// `asked` cannot add `other`; the one of them that does not like what it sees counts it.
async fn cannot_add(asked: &Daemon, other: &Daemon, refuser: &Daemon) {
    let before = refused(refuser).await;
    let answer = add(asked, &other.rpc().to_string()).await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    until("it is counted", async || {
        let now = refused(refuser).await;
        if now > before { Ok(()) } else { Err(format!("{now}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_with_certificates_of_one_authority_are_a_cluster() {
    let authority = Authority::new("ours");
    let members = [authority.member(GOOD).await, authority.member(GOOD).await];
    let answer = add(&members[0], &members[1].rpc().to_string()).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    all_see(&[&members[0], &members[1]], 2).await;
    assert_eq!((refused(&members[0]).await, refused(&members[1]).await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_refused_as_callee_and_as_caller() {
    let authority = Authority::new("ours");
    let good = authority.member(GOOD).await;
    let expired = authority.member(EXPIRED).await;
    cannot_add(&good, &expired, &good).await;
    let other = authority.member(GOOD).await;
    cannot_add(&expired, &other, &other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_is_refused() {
    let ours = Authority::new("ours").member(GOOD).await;
    let theirs = Authority::new("theirs").member(GOOD).await;
    cannot_add(&ours, &theirs, &ours).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shows_no_certificate_is_not_heard() {
    let member = Authority::new("ours").member(GOOD).await;
    let plain = Daemon::start().await;
    let answer = add(&plain, &member.rpc().to_string()).await;
    assert!(matches!(answer.status, 400 | 502), "{}", answer.text());
    let answer = add(&member, &plain.rpc().to_string()).await;
    assert!(matches!(answer.status, 400 | 502), "{}", answer.text());
}
