//! The command line: `run`, `check`, `crds` and `rights`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use crate::controller::{Operator, run as control, terminated, until_defined};
use crate::health::{Health, serve};
use crate::lease::{self, Candidate};
use crate::metrics::Metrics;
use crate::outside::Real;
use crate::{check, crd, rights};

/// What `kapacitor-operator help` prints.
const USAGE: &str = "\
Usage: kapacitor-operator COMMAND [flags]

Commands:
  run       watch KapacitorClusters and do what they wish
  check     say which operator leads; fails if none shows within 15 s that it lives
  crds      print the definition of KapacitorCluster, YAML
  rights    print what the operator may do in Kubernetes, rules of a Role, YAML
  version   print the version
  help      print this text

Flags of run:
  --image IMAGE        image of the members of clusters that name none
  --namespace NS       watch this namespace only; empty: all (check knows this one, too)
  --listen ADDRESS     /healthz, /readyz and /metrics, by default 0.0.0.0:8080
  --lease-name NAME    lease in the operator's namespace that says which of several works,
                       by default kapacitor-operator (check knows this one, too)

RUST_LOG sets what is logged, by default info,kube_runtime=warn.
";

/// What `run` was told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Flags {
    image: String,
    namespace: Option<String>,
    listen: SocketAddr,
    lease: String,
}

/// Runs the command that `args` (without the program's name) ask for.
pub fn run(args: impl IntoIterator<Item = String>) -> ExitCode {
    match dispatch(args.into_iter().collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "kapacitor-operator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: Vec<String>) -> anyhow::Result<()> {
    let (command, rest) = args.split_first().map_or(("help", &[][..]), |(c, r)| (c, r));
    match command {
        "run" => start(parse(rest)?),
        "check" => check(parse(rest)?),
        "crds" => print(&crd::yaml()),
        "rights" => print(&rights::yaml()),
        "version" => print(concat!("kapacitor-operator ", env!("CARGO_PKG_VERSION"), "\n")),
        "help" | "-h" | "--help" => print(USAGE),
        other => bail!("unknown command {other:?}; `kapacitor-operator help` lists them"),
    }
}

fn parse(args: &[String]) -> anyhow::Result<Flags> {
    let mut flags = Flags {
        image: concat!("kapacitor/kapacitord:", env!("CARGO_PKG_VERSION")).to_owned(),
        namespace: None,
        listen: SocketAddr::from(([0, 0, 0, 0], 8080)),
        lease: "kapacitor-operator".to_owned(),
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let (name, value) = match arg.split_once('=') {
            Some((name, value)) => (name, value),
            None => (
                arg.as_str(),
                args.next().with_context(|| format!("{arg} needs a value"))?.as_str(),
            ),
        };
        match name {
            "--image" => value.clone_into(&mut flags.image),
            "--lease-name" => value.clone_into(&mut flags.lease),
            "--namespace" => {
                flags.namespace = Some(value.to_owned()).filter(|n| !n.is_empty());
            }
            "--listen" => {
                flags.listen =
                    value.parse().with_context(|| format!("--listen {value:?} is no address"))?;
            }
            other => bail!("unknown flag {other}; `kapacitor-operator help` lists them"),
        }
    }
    Ok(flags)
}

fn start(flags: Flags) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,kube_runtime=warn"));
    tracing_subscriber::fmt()
        .json()
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    on_kubernetes(async |client| {
        let (health, metrics) = (Arc::new(Health::default()), Arc::new(Metrics::default()));
        tokio::select! {
            served = serve(flags.listen, health.clone(), metrics.clone()) => {
                served.with_context(|| format!("failed to serve on {}", flags.listen))
            }
            ended = work(&flags, client, &health, metrics) => ended,
        }
    })
}

fn check(flags: Flags) -> anyhow::Result<()> {
    on_kubernetes(async |client| {
        let leader = check::leader(client, flags.namespace.as_deref(), flags.lease).await;
        print(&format!("{} leads\n", leader.map_err(anyhow::Error::msg)?))
    })
}

/// Does something with a client of the Kubernetes that this process is in.
fn on_kubernetes(what: impl AsyncFnOnce(kube::Client) -> anyhow::Result<()>) -> anyhow::Result<()> {
    // One provider of cryptography for Kubernetes and members; the only one that is linked.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.context("failed to start the runtime")?.block_on(async {
        what(kube::Client::try_default().await.context("failed to find Kubernetes")?).await
    })
}

/// Waits for its turn, then works until it is told to stop. Whoever loses the lease ends: another one
/// works already, and what was under way here is of yesterday.
async fn work(
    flags: &Flags,
    client: kube::Client,
    health: &Health,
    metrics: Arc<Metrics>,
) -> anyhow::Result<()> {
    let namespace = flags.namespace.as_deref();
    let leases = lease::Kubernetes::new(client.clone(), flags.lease.clone());
    let mut candidate = Candidate::new(leases, flags.lease.clone(), identity()?);
    metrics.leads(false);
    tokio::select! {
        () = async {
            until_defined(&client, namespace, health, &metrics).await;
            candidate.lead().await;
        } => {}
        () = terminated() => return Ok(()),
    }
    tracing::info!(lease = flags.lease, "leading");
    metrics.leads(true);
    let leadership = candidate.leadership();
    let outside = Real::new(client.clone(), flags.image.clone(), leadership, metrics.clone());
    let lost = tokio::select! {
        () = control(Operator::new(outside), client, namespace) => false,
        () = candidate.keep() => true,
    };
    metrics.leads(false);
    if lost {
        bail!("the lease {} was lost: another operator leads", flags.lease);
    }
    candidate.release().await;
    Ok(())
}

/// A name that no other process has, not even the next one in the same pod.
fn identity() -> anyhow::Result<String> {
    let mut noise = [0; 8];
    getrandom::fill(&mut noise).context("failed to find randomness")?;
    let pod = std::env::var("POD_NAME").unwrap_or_else(|_| "kapacitor-operator".to_owned());
    Ok(format!("{pod}_{:016x}", u64::from_be_bytes(noise)))
}

fn print(text: &str) -> anyhow::Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("failed to print")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_run_are_read_in_both_forms() {
        let args = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let flags = parse(&args("--image k:1 --namespace=a --listen 127.0.0.1:0")).expect("valid");
        assert_eq!((&*flags.image, flags.namespace.as_deref()), ("k:1", Some("a")));
        assert_eq!(parse(&args("--namespace=")).expect("valid").namespace, None);
        for (text, expect) in [
            ("--image", "--image needs a value"),
            ("--listen=here", "is no address"),
            ("--what=x", "unknown flag --what"),
        ] {
            let error = format!("{:#}", parse(&args(text)).expect_err(text));
            assert!(error.contains(expect), "{error}");
        }
    }
}
