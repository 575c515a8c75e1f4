//! A network of its own: hosts with cables that can be pulled and packets that get lost.
//!
//! Each host is a network namespace, joined to the others by a bridge in one more, which the test's
//! thread enters: what the thread starts (receivers, kapacitorctl) is beside the hosts and always
//! reaches them, whatever is cut between them. Any number of labs run side by side with the same
//! addresses. Needs root; without it the test is skipped.

use std::fmt::Write as _;
use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::program::skip;

/// Labs of one test process.
static NEXT: AtomicU32 = AtomicU32::new(1);

/// Start of the names of all namespaces; the process follows.
const PREFIX: &str = "kapacitor";

/// A running network; it is taken down when dropped.
#[derive(Debug)]
pub struct Lab {
    name: String,
    hosts: u8,
    before: File,
}

/// A host of a lab, or of this machine.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its address.
    pub address: Ipv4Addr,
    /// Its namespace; none is this machine's.
    pub(crate) namespace: Option<PathBuf>,
}

impl Lab {
    /// Address of the test itself: for receivers.
    pub const HERE: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 254);

    /// A network of so many hosts; the calling thread is in it until the lab is dropped.
    pub fn enter(hosts: u8) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            skip("only root can make network namespaces");
            return None;
        }
        sweep();
        let name =
            format!("{PREFIX}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let before = File::open("/proc/thread-self/ns/net").expect("a thread has a network");
        let lab = Self { name, hosts, before };
        run("sh", &["-e"], &lab.script());
        enter(&path_of(&lab.name));
        Some(lab)
    }

    /// Host `n`, counted from 0.
    pub fn host(&self, n: usize) -> Host {
        assert!(n < usize::from(self.hosts), "the lab has {} hosts", self.hosts);
        Host { address: address(n), namespace: Some(path_of(&self.host_name(n))) }
    }

    /// From now on only hosts of one group hear each other. Who is in no group hears nobody.
    pub fn split(&self, groups: &[&[usize]]) {
        for n in 0..usize::from(self.hosts) {
            let group = groups.iter().find(|group| group.contains(&n));
            let hears = |other: &usize| group.is_some_and(|group| group.contains(other));
            let deaf: Vec<usize> =
                (0..usize::from(self.hosts)).filter(|o| *o != n && !hears(o)).collect();
            self.filter(n, "cut", &deaf, "drop");
        }
    }

    /// From now on `n` does not hear `from`, who still hears `n`.
    pub fn deafen(&self, n: usize, from: &[usize]) {
        self.filter(n, "cut", from, "drop");
    }

    /// All cables are whole again.
    pub fn heal(&self) {
        for n in 0..usize::from(self.hosts) {
            self.filter(n, "cut", &[], "drop");
        }
    }

    /// Every host loses so many of a hundred UDP packets that come in from other hosts.
    pub fn lose_udp(&self, percent: u8) {
        let all: Vec<usize> = (0..usize::from(self.hosts)).collect();
        for n in 0..usize::from(self.hosts) {
            let verdict =
                format!("meta l4proto udp numgen random mod 100 < {percent} counter drop");
            self.filter(n, "loss", &all, &verdict);
        }
    }

    /// UDP packets that [`Lab::lose_udp`] took.
    pub fn lost(&self, n: usize) -> u64 {
        let mut list = self.at(n, "nft");
        list.args(["list", "table", "inet", "loss"]);
        let text = String::from_utf8_lossy(&list.output().expect("nft runs").stdout).into_owned();
        let counts = text.split("packets ").skip(1);
        counts.filter_map(|c| c.split(' ').next()?.parse::<u64>().ok()).sum()
    }

    /// Bytes that host `n` has sent to and received from host `other` by TCP port `port`, from a call of
    /// [`Lab::meter`] on.
    pub fn metered(&self, n: usize) -> u64 {
        let mut list = self.at(n, "nft");
        list.args(["list", "table", "inet", "metered"]);
        let text = String::from_utf8_lossy(&list.output().expect("nft runs").stdout).into_owned();
        let counts = text.split(" bytes ").skip(1);
        counts.filter_map(|c| c.split_whitespace().next()?.parse::<u64>().ok()).sum()
    }

    /// Begins to count the bytes, headers included, of TCP between host `n` and this port of the others
    /// and of itself.
    pub fn meter(&self, n: usize, port: u16) {
        let rules = format!(
            "table inet metered\ndelete table inet metered\ntable inet metered {{\n\
             chain in {{\ntype filter hook input priority -1;\nip saddr 10.9.0.0/25 tcp sport {port} counter\n\
             ip saddr 10.9.0.0/25 tcp dport {port} counter\n}}\n\
             chain out {{\ntype filter hook output priority -1;\nip daddr 10.9.0.0/25 tcp sport {port} counter\n\
             ip daddr 10.9.0.0/25 tcp dport {port} counter\n}}\n}}\n"
        );
        self.nft(n, &rules);
    }

    /// Replaces a table of the host: what comes from `from` meets the verdict.
    fn filter(&self, n: usize, table: &str, from: &[usize], verdict: &str) {
        let mut rules = format!("table inet {table}\ndelete table inet {table}\n");
        if !from.is_empty() {
            let from: Vec<String> = from.iter().map(|n| address(*n).to_string()).collect();
            let _ = write!(
                rules,
                "table inet {table} {{\nchain in {{\ntype filter hook input priority 0;\n\
                 ip saddr {{ {} }} {verdict}\n}}\n}}\n",
                from.join(", ")
            );
        }
        self.nft(n, &rules);
    }

    fn nft(&self, n: usize, rules: &str) {
        let name = self.host_name(n);
        run("ip", &["netns", "exec", &name, "nft", "-f", "-"], rules);
    }

    fn at(&self, n: usize, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.host_name(n), program]);
        command
    }

    fn host_name(&self, n: usize) -> String {
        format!("{}-{n}", self.name)
    }

    fn script(&self) -> String {
        let (name, here) = (&self.name, Self::HERE);
        let mut script = format!(
            "ip netns add {name}\nip -n {name} link set lo up\nip -n {name} link add br0 type bridge\n\
             ip -n {name} addr add {here}/24 dev br0\nip -n {name} link set br0 up\n"
        );
        for n in 0..usize::from(self.hosts) {
            let (host, address) = (self.host_name(n), address(n));
            let _ = write!(
                script,
                "ip netns add {host}\nip -n {host} link set lo up\n\
                 ip -n {name} link add port{n} type veth peer name eth0 netns {host}\n\
                 ip -n {name} link set port{n} master br0 up\n\
                 ip -n {host} addr add {address}/24 dev eth0\nip -n {host} link set eth0 up\n"
            );
        }
        script
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let network = Some(LinkNameSpaceType::Network);
        let _ = move_into_link_name_space(self.before.as_fd(), network);
        for n in 0..usize::from(self.hosts) {
            delete(&self.host_name(n));
        }
        delete(&self.name);
    }
}

/// Runs `what` in a thread that is in the host's network, as what it starts will be.
pub(crate) fn within<T: Send>(host: &Host, what: impl FnOnce() -> T + Send) -> T {
    let Some(namespace) = &host.namespace else { return what() };
    std::thread::scope(|scope| {
        let there = scope.spawn(|| {
            enter(namespace);
            what()
        });
        there.join().expect("the thread does not panic")
    })
}

fn enter(namespace: &Path) {
    let file = File::open(namespace).expect("the namespace is there");
    let network = Some(LinkNameSpaceType::Network);
    move_into_link_name_space(file.as_fd(), network).expect("root enters any network");
}

fn address(n: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 9, 0, n as u8 + 1)
}

fn path_of(name: &str) -> PathBuf {
    Path::new("/run/netns").join(name)
}

fn delete(name: &str) {
    let _ = Command::new("ip").args(["netns", "delete", name]).stderr(Stdio::null()).status();
}

/// Takes down what test processes left that were killed.
fn sweep() {
    for entry in std::fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let mut parts = name.split('-');
        let ours = parts.next() == Some(PREFIX);
        let alive = |pid: &str| Path::new("/proc").join(pid).exists();
        if ours && parts.next().is_some_and(|pid| !alive(pid)) {
            delete(&name);
        }
    }
}

fn run(program: &str, arguments: &[&str], input: &str) {
    use std::io::Write as _;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("{program} starts: {e}"));
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?} failed: {said}\n{input}");
}
