//! How much work an event is for a cluster of one. Run by hand:
//! `cargo test -p member -- --ignored --nocapture pace`, under `perf stat` for instructions.

use std::sync::Arc;
use std::time::Duration;

use alert::{HandlerSpec, Outcome};
use gossip::{Addresses, SeededNonces};
use model::{BootGeneration, Time};

use super::world::{event, member_id};
use crate::*;

#[test]
#[ignore = "a measurement, not a check"]
fn pace_of_a_cluster_of_one() {
    let events: i64 =
        std::option_env!("PACE_EVENTS").and_then(|n| n.parse().ok()).unwrap_or(200_000);
    let addresses =
        Addresses { gossip: "a:9090".into(), rpc: "a:9091".into(), api: "a:9092".into() };
    let cluster = "10000000-0000-4000-8000-000000000001".parse().expect("valid");
    let identity =
        Identity { member: member_id(0), cluster, fresh_cluster: cluster, boot: BootGeneration(1) };
    let mut now = Now { elapsed: Duration::from_secs(1), wall: Time(1) };
    let nonces = Box::new(SeededNonces::new(1));
    let mut member = Member::new(Config::new(addresses), identity, &Stored::default(), nonces, now)
        .expect("empty");
    let spec = br#"{"id":"h","topic":"cpu","kind":"post","options":{"url":"http://x"}}"#;
    let spec = Arc::new(HandlerSpec::from_json(spec).expect("valid"));
    let command = Command::PutHandler { spec, create: true, file: None };
    member.handle(now, Input::Command { ticket: Ticket(1), command });
    let (mut sent, mut bytes) = (0u64, 0usize);
    let mut inputs = Vec::new();
    for at in 0..events {
        now.elapsed += Duration::from_micros(20);
        let event = event("cpu", &format!("host=server{:03}", at % 500), at);
        member.handle(now, Input::Raise(Raise { event, cold: false }));
        let mut last = Position(0);
        loop {
            while let Some(output) = member.poll_output() {
                match output {
                    Output::Persist { position, write } => {
                        last = position;
                        if let Write::Journal(record) = write {
                            bytes += record.len();
                        }
                    }
                    Output::Attempt { attempt, .. } => {
                        sent += 1;
                        let (token, outcome) = (attempt.token, Outcome::Delivered);
                        inputs.push(Input::Attempted { token, outcome });
                    }
                    _ => {}
                }
            }
            if at % 16 == 0 && last != Position(0) {
                inputs.push(Input::Committed(last));
                last = Position(0);
            }
            if inputs.is_empty() {
                break;
            }
            for input in inputs.drain(..) {
                member.handle(now, input);
            }
        }
    }
    assert!(sent as i64 > events - 100, "{sent}");
    println!("{sent} sent, {} journal bytes per event", bytes / events as usize);
}
