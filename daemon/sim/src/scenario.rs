//! Scenarios as transcripts: commands after `> `, and below each what the world said.
//!
//! [`play`] carries the commands out and gives the whole transcript anew; a scenario holds when that
//! equals its file. Lines that begin with `#` are remarks.
//!
//! | command | effect |
//! |---|---|
//! | `members N [redundancy R]` | hosts m0 … with a process each, all in one cluster |
//! | `handler mN TOPIC/ID [to TOPIC]` | defines a handler that posts, or publishes to another topic |
//! | `raise mA,mB TOPIC/EVENT TIME` | an event of these members' tasks |
//! | `run TIME` | time passes |
//! | `owners TOPIC` | the line of owners as all see it |
//! | `kill\|stop\|start\|pause\|resume mN` or `owner TOPIC` | what happens to a process |
//! | `trap claim\|attempt\|arrival` | the first process that comes to this point dies there |
//! | `restart-dead` | starts every process that does not run |
//! | `partition mA,mB\|mC` / `cut-udp mA>mB` / `cut-tcp mA>mB` / `heal` | the network |
//! | `loss PERCENT` | UDP packets lost |
//! | `receiver well\|slow\|failing\|hanging` | the receiver of all handlers |
//! | `add mA mB` / `remove mA mB` | A is told to add or remove B |
//! | `copies` | what arrived, how often |
//! | `roster mN` | the members as N sees them |
//! | `agree` | runs until all members of the cluster agree and hold nothing |

use std::fmt::Write as _;
use std::time::Duration;

use crate::ledger::EventName;
use crate::receiver::Mood;
use crate::world::{Settings, Trap, World};

/// Carries out a scenario; the transcript.
pub fn play(text: &str) -> String {
    let mut transcript = String::new();
    let mut world: Option<World> = None;
    for line in text.lines() {
        if line.starts_with('#') || line.is_empty() {
            transcript.push_str(line);
            transcript.push('\n');
        } else if let Some(command) = line.strip_prefix("> ") {
            let _ = writeln!(transcript, "{line}");
            match obey(&mut world, command) {
                Ok(said) => {
                    for line in said {
                        let _ = writeln!(transcript, "{line}");
                    }
                }
                Err(error) => {
                    let _ = writeln!(transcript, "error: {error}");
                }
            }
        }
    }
    transcript
}

/// The first line in which two transcripts differ, for people; empty when none does.
pub fn difference(expected: &str, got: &str) -> String {
    let mut before = "";
    for (number, (a, b)) in expected.lines().zip(got.lines()).enumerate() {
        if a != b {
            return format!("line {}, after {before:?}:\n- {a}\n+ {b}\n", number + 1);
        }
        if a.starts_with('>') {
            before = a;
        }
    }
    let (a, b) = (expected.lines().count(), got.lines().count());
    if a == b { String::new() } else { format!("{a} lines expected, {b} came\n") }
}

fn obey(world: &mut Option<World>, command: &str) -> Result<Vec<String>, String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    if let ["members", count, rest @ ..] = words.as_slice() {
        let count = count.parse().map_err(|e| format!("{count:?}: {e}"))?;
        let redundancy = match rest {
            ["redundancy", r] => r.parse().map_err(|e| format!("{r:?}: {e}"))?,
            _ => 0,
        };
        let mut made =
            World::new(1, count, Settings { redundancy, narrate: true, ..Settings::default() });
        let all: Vec<usize> = (0..count).collect();
        if !made.form(&all) {
            return Err("the cluster did not form".into());
        }
        made.run(Duration::from_secs(12));
        made.story.clear();
        *world = Some(made);
        return Ok(Vec::new());
    }
    let world = world.as_mut().ok_or("begin with members N")?;
    let mut said = act(world, &words)?;
    let mut story = std::mem::take(&mut world.story);
    story.append(&mut said);
    Ok(story)
}

fn act(world: &mut World, words: &[&str]) -> Result<Vec<String>, String> {
    match words {
        ["handler", n, name, rest @ ..] => {
            let (topic, id) = name.split_once('/').ok_or("TOPIC/ID")?;
            let to = match rest {
                ["to", to] => Some(*to),
                _ => None,
            };
            let n = host(world, n)?;
            let result = world.define(n, topic, id, to);
            return Ok(vec![ended(result)]);
        }
        ["raise", on, name, at] => {
            let (topic, id) = name.split_once('/').ok_or("TOPIC/EVENT")?;
            let at = time(at)?.as_nanos() as i64;
            let name = EventName { topic: topic.into(), id: id.into(), at, occurrence: 0 };
            let on = hosts(world, on)?;
            world.raise(&on, &name);
        }
        ["run", long] => world.run(time(long)?),
        ["owners", topic] => {
            return Ok(vec![names(&owners(world, topic))]);
        }
        ["kill", rest @ ..] => {
            let n = target(world, rest)?;
            world.kill(n);
        }
        ["stop", rest @ ..] => {
            let n = target(world, rest)?;
            world.stop(n);
        }
        ["start", rest @ ..] => {
            let n = target(world, rest)?;
            world.start(n);
        }
        ["pause", rest @ ..] => {
            let n = target(world, rest)?;
            world.pause(n);
        }
        ["resume", rest @ ..] => {
            let n = target(world, rest)?;
            world.resume(n);
        }
        ["restart-dead"] => {
            for n in 0..world.nodes.len() {
                world.start(n);
            }
        }
        ["trap", point] => {
            world.trap = Some(match *point {
                "claim" => Trap::Claim,
                "attempt" => Trap::Attempt,
                "arrival" => Trap::Arrival,
                other => return Err(format!("no trap {other:?}")),
            });
        }
        ["receiver", mood] => {
            world.receiver.mood = match *mood {
                "well" => Mood::Well,
                "slow" => Mood::Slow,
                "failing" => Mood::Failing,
                "hanging" => Mood::Hanging,
                other => return Err(format!("no mood {other:?}")),
            };
        }
        ["add", by, n] => {
            let (by, n) = (host(world, by)?, host(world, n)?);
            let result = world.add(by, n);
            return Ok(vec![ended(result)]);
        }
        ["remove", by, n] => {
            let (by, n) = (host(world, by)?, host(world, n)?);
            let result = world.remove(by, n);
            return Ok(vec![ended(result)]);
        }
        ["copies"] => return Ok(copies(world)),
        ["roster", n] => {
            let n = host(world, n)?;
            return roster(world, n);
        }
        ["agree"] => return Ok(vec![agree(world)]),
        _ => return network(world, words),
    }
    Ok(Vec::new())
}

fn network(world: &mut World, words: &[&str]) -> Result<Vec<String>, String> {
    match words {
        ["partition", sides] => {
            let (one, other) = sides.split_once('|').ok_or("mA,mB|mC")?;
            let (one, other) = (hosts(world, one)?, hosts(world, other)?);
            world.network.partition(&one, &other);
        }
        ["cut-udp", pair] => {
            let pair = direction(world, pair)?;
            world.network.udp_cut.insert(pair);
        }
        ["cut-tcp", pair] => {
            let pair = direction(world, pair)?;
            world.network.tcp_cut.insert(pair);
        }
        ["heal"] => world.network.heal(),
        ["loss", percent] => {
            let percent: f64 = percent.parse().map_err(|e| format!("{percent:?}: {e}"))?;
            world.network.loss = percent / 100.0;
        }
        _ => return Err(format!("no command {:?}", words.join(" "))),
    }
    Ok(Vec::new())
}

fn host(world: &World, text: &str) -> Result<usize, String> {
    let n: Option<usize> = text.strip_prefix('m').and_then(|n| n.parse().ok());
    n.filter(|n| *n < world.nodes.len()).ok_or_else(|| format!("no host {text:?}"))
}

fn hosts(world: &World, text: &str) -> Result<Vec<usize>, String> {
    if text == "all" {
        return Ok((0..world.nodes.len()).collect());
    }
    text.split(',').map(|n| host(world, n)).collect()
}

fn direction(world: &World, text: &str) -> Result<(usize, usize), String> {
    let (from, to) = text.split_once('>').ok_or("mA>mB")?;
    Ok((host(world, from)?, host(world, to)?))
}

fn target(world: &mut World, words: &[&str]) -> Result<usize, String> {
    match words {
        ["owner", topic] => {
            owners(world, topic).first().copied().ok_or_else(|| "nobody owns it".into())
        }
        [n] => host(world, n),
        _ => Err("mN or owner TOPIC".into()),
    }
}

fn owners(world: &World, topic: &str) -> Vec<usize> {
    let ready: Vec<_> =
        world.nodes.iter().filter(|node| node.is_up()).map(|node| node.id).collect();
    dedup::owners(topic, ready, 0).iter().filter_map(|id| world.host_of(*id)).collect()
}

fn names(hosts: &[usize]) -> String {
    hosts.iter().map(|n| format!("m{n}")).collect::<Vec<_>>().join(" ")
}

fn ended(result: Option<Result<member::Done, member::CommandError>>) -> String {
    match result {
        Some(Ok(done)) => format!("{done:?}"),
        Some(Err(error)) => format!("failed: {error}"),
        None => "no answer".into(),
    }
}

fn copies(world: &World) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, story) in &world.ledger.events {
        if story.arrivals.is_empty() {
            lines.push(format!("{name}: none"));
        }
        for (handler, arrivals) in &story.arrivals {
            let by: Vec<usize> = arrivals.iter().map(|(_, n)| *n).collect();
            lines.push(format!("{name} for {handler}: {} ({})", arrivals.len(), names(&by)));
        }
    }
    lines
}

fn roster(world: &World, n: usize) -> Result<Vec<String>, String> {
    let member = world.nodes[n].member.as_ref().ok_or("it does not run")?;
    let view = member.cluster_view();
    let mut lines = vec![view.state.to_string()];
    lines.extend(view.members.iter().map(|m| {
        let host = world.host_of(m.id).map_or_else(|| m.id.to_string(), |n| format!("m{n}"));
        let ready = if m.ready { "ready" } else { "not ready" };
        format!("{host} {} {ready}", m.status.as_str())
    }));
    Ok(lines)
}

fn agree(world: &mut World) -> String {
    let members: Vec<usize> = (0..world.nodes.len()).filter(|n| world.is_in_cluster(*n)).collect();
    let before = world.now;
    let found = world.checks.violations.len();
    world.calm(&members, Duration::from_mins(10));
    match world.checks.violations.get(found) {
        Some(violation) => format!("they do not: {violation}"),
        None => format!(
            "{} agree after {:.0}s",
            names(&members),
            world.now.saturating_sub(before).as_secs_f64()
        ),
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is no time, like 500ms, 10s, 5m");
    for (unit, millis) in [("ms", 1), ("s", 1_000), ("m", 60_000)] {
        if let Some(number) = text.strip_suffix(unit)
            && let Ok(number) = number.parse::<u64>()
        {
            return Ok(Duration::from_millis(number * millis));
        }
    }
    Err(bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_scenarios_equal_their_transcripts() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
        let mut files: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= 10, "the scenarios are gone");
        let update = std::env::var_os("UPDATE").is_some();
        let mut wrong = String::new();
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let played = play(&text);
            if update {
                std::fs::write(&file, played).unwrap();
            } else if played != text {
                let _ = writeln!(wrong, "{}: {}", file.display(), difference(&text, &played));
            }
        }
        assert!(wrong.is_empty(), "{wrong}UPDATE=1 rewrites the transcripts");
    }
}
