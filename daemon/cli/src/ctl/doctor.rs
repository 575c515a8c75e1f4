//! `kapacitorctl doctor`: asks every member to look around, compares what they say, and tells what to do.
//!
//! Exit code 1 when something is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use client::MemberId;
use client::cluster::{Check, Cluster, Disagreement, Member, Status};
use jiff::{SignedDuration, Timestamp};

use crate::tool::{Call, Command, Failure, Text};

/// Clocks may differ by so much: far less than `delay-per-member`.
const SKEW: SignedDuration = SignedDuration::from_secs(1);

pub(crate) const COMMAND: Command = Command {
    name: "doctor",
    arguments: "",
    about: "Looks for what is wrong with the cluster: names, ports both ways, clocks, InfluxDB, scripts, open \
            ports; and says what to do. Exit code 1 when something is.",
    flags: &[],
    run: |call| Box::pin(run(call)),
};

/// What one member said, and how far its clock is from ours.
struct Said {
    check: Check,
    /// Its clock minus ours, and how wrong that may be.
    skew: Option<(SignedDuration, SignedDuration)>,
}

/// Something wrong, and what to do.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    what: String,
    then: String,
}

async fn run(call: Call) -> Result<Text, Failure> {
    call.exactly::<0>("doctor takes no argument")?;
    let asked = call.client()?;
    let cluster = asked.cluster().await?;
    let mut said = BTreeMap::new();
    let mut findings = Vec::new();
    for member in &cluster.members {
        let client = if member.id == cluster.member_id {
            asked.clone()
        } else {
            call.client_of(&format!("{}://{}", asked.address().scheme(), member.api_address))?
        };
        let before = Timestamp::now();
        match client.check().await {
            Ok(check) => {
                let skew = skew(&check, before, Timestamp::now());
                said.insert(member.id, Said { check, skew });
            }
            Err(error) => findings.push(silent(member, &error.to_string())),
        }
    }
    findings.extend(ports(&cluster, &said));
    findings.extend(clocks(&cluster, &said));
    findings.extend(influxdb(&cluster, &said));
    findings.extend(scripts(&said));
    findings.extend(open(&cluster, &said));
    let text = render(&cluster, said.len(), &findings);
    if findings.is_empty() { Ok(text.into()) } else { Err(Failure::Found(text)) }
}

fn render(cluster: &Cluster, answered: usize, findings: &[Finding]) -> String {
    let mut text = format!(
        "{} members, {answered} looked around: names, ports, clocks, InfluxDB, scripts, keys\n",
        cluster.members.len()
    );
    for finding in findings {
        let _ = write!(text, "\n✗ {}\n  → {}\n", finding.what, finding.then);
    }
    if findings.is_empty() {
        text.push_str("nothing is wrong\n");
    }
    text
}

fn skew(
    check: &Check,
    before: Timestamp,
    after: Timestamp,
) -> Option<(SignedDuration, SignedDuration)> {
    let theirs: Timestamp = check.time.parse().ok()?;
    let half = after.duration_since(before) / 2;
    // It looked at its clock after all dials: at the end of the call rather than in its middle.
    Some((theirs.duration_since(after), half + half))
}

fn silent(member: &Member, error: &str) -> Finding {
    Finding {
        what: format!("member {} ({}) cannot be asked: {error}", member.id, member.status),
        then: match member.status {
            Status::Failed | Status::Left => format!(
                "if it runs, see the findings about its ports; if it is gone for good: kapacitorctl member remove {}",
                member.id
            ),
            _ => "run doctor where the members' API addresses can be reached".to_owned(),
        },
    }
}

fn ports(cluster: &Cluster, said: &BTreeMap<MemberId, Said>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for said in said.values() {
        let from = host(cluster, said.check.member_id);
        let mut rpc = BTreeSet::new();
        for port in &said.check.ports {
            let (address, service) = (&port.address, &port.service);
            let error = port.error.as_deref().unwrap_or_default();
            match port.problem.as_deref() {
                None if service == "rpc" => {
                    rpc.insert(port.member);
                }
                None => {}
                Some("name") => findings.push(Finding {
                    what: format!("{from} cannot resolve {address} ({service} of {}): {error}", port.member),
                    then: "give that member a `hostname` (or `advertise-address`) that all members resolve".to_owned(),
                }),
                Some(_) => findings.push(Finding {
                    what: format!("{from} does not reach {address} ({service} of {}): {error}", port.member),
                    then: reach(service),
                }),
            }
        }
        let deaf = said.check.ports.iter().filter(|port| {
            port.service == "rpc" && port.status == Status::Failed && rpc.contains(&port.member)
        });
        findings.extend(deaf.map(|port| Finding {
            what: format!("{from} sees member {} as failed although its RPC answers", port.member),
            then: "open the gossip port for UDP between the two, in both directions".to_owned(),
        }));
    }
    findings
}

fn reach(service: &str) -> String {
    match service {
        "gossip" => "start the member, or open the gossip port (9090, TCP and UDP) between the two",
        "rpc" => "start the member, or open the RPC port (9091, TCP); both need the same keys or authority",
        _ => "start the member, or open the API port (9092, TCP); it must be the member's HTTP API",
    }
    .to_owned()
}

fn clocks(cluster: &Cluster, said: &BTreeMap<MemberId, Said>) -> Vec<Finding> {
    let known: Vec<(MemberId, SignedDuration, SignedDuration)> = said
        .iter()
        .filter_map(|(id, said)| said.skew.map(|(skew, slack)| (*id, skew, slack)))
        .collect();
    let Some(first) = known.iter().min_by_key(|(_, skew, _)| *skew) else { return Vec::new() };
    let apart = known.iter().filter(|(_, skew, slack)| *skew - first.1 > SKEW + *slack + first.2);
    apart
        .map(|(id, skew, _)| Finding {
            what: format!(
                "the clock of {} is {:.1} s ahead of that of {}",
                host(cluster, *id),
                (*skew - first.1).as_secs_f64(),
                host(cluster, first.0)
            ),
            then: "set the clocks by NTP on all members: tasks that use now(), deadman or barrier differ".to_owned(),
        })
        .collect()
}

fn influxdb(cluster: &Cluster, said: &BTreeMap<MemberId, Said>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let several = cluster.members.len() > 1;
    for said in said.values() {
        let from = host(cluster, said.check.member_id);
        for influxdb in &said.check.influxdb {
            let name = &influxdb.name;
            if several && influxdb.subscriptions && influxdb.subscription_mode != "server" {
                findings.push(Finding {
                    what: format!(
                        "{from} subscribes to InfluxDB {name:?} in mode \"{}\": not every member gets every point",
                        influxdb.subscription_mode
                    ),
                    then: "set subscription-mode = \"server\" in [[influxdb]] on all members".to_owned(),
                });
            }
            if let Some(trouble) = &influxdb.trouble {
                findings.push(Finding {
                    what: format!("{from} has trouble with InfluxDB {name:?}: {trouble}"),
                    then: "check urls, login and rights in [[influxdb]], and that InfluxDB runs"
                        .to_owned(),
                });
            }
        }
    }
    findings
}

fn scripts(said: &BTreeMap<MemberId, Said>) -> Vec<Finding> {
    let all: BTreeSet<&Disagreement> = said.values().flat_map(|said| &said.check.tasks).collect();
    all.into_iter()
        .map(|found| Finding {
            what: format!("task {}, node {}: {}", found.task, found.node, found.why),
            then: "use windows by time; until then members may raise alerts at different times, and each is delivered".to_owned(),
        })
        .collect()
}

fn open(cluster: &Cluster, said: &BTreeMap<MemberId, Said>) -> Vec<Finding> {
    let mut by_text: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for said in said.values() {
        if let Some(open) = &said.check.open {
            by_text.entry(open).or_default().push(host(cluster, said.check.member_id));
        }
    }
    let mut findings: Vec<Finding> = by_text
        .into_iter()
        .map(|(text, hosts)| {
            let (what, then) = text.split_once(": ").unwrap_or((text, "see docs/operate.md"));
            Finding { what: format!("{}: {what}", hosts.join(", ")), then: then.to_owned() }
        })
        .collect();
    let counts: BTreeSet<usize> = said.values().map(|said| said.check.keys).collect();
    if counts.len() > 1 {
        findings.push(Finding {
            what: "members have different numbers of cluster keys".to_owned(),
            then: "bring the key files to the same content on all members".to_owned(),
        });
    }
    findings
}

/// A member by the address people know it by.
fn host(cluster: &Cluster, id: MemberId) -> String {
    let found = cluster.members.iter().find(|member| member.id == id);
    found.map_or_else(|| id.to_string(), |member| member.api_address.clone())
}
