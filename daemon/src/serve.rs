//! Runs a member until a signal ends it.

use tokio::signal::unix::{SignalKind, signal};

use crate::command::pidfile::Pidfile;
use crate::config::Config;
use crate::logging::Log;
use crate::start::start;

/// Runs a member until it is told to stop: SIGTERM or SIGINT; a second one ends it at once. SIGHUP
/// reads the load directory, the log file and the key files again.
pub fn serve(config: Config, log: Log) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("async").build()?;
    runtime.block_on(async {
        let mut term = signal(SignalKind::terminate())?;
        let mut int = signal(SignalKind::interrupt())?;
        let mut hup = signal(SignalKind::hangup())?;
        let pidfile = config.flags.pidfile.clone();
        let member = start(config, log).await?;
        // Not before: the file may be that of a process that has the data directory.
        let _pidfile = match pidfile.as_deref().map(Pidfile::write).transpose() {
            Ok(file) => file,
            Err(error) => {
                member.stop().await;
                return Err(error.into());
            }
        };
        loop {
            tokio::select! {
                _ = term.recv() => break,
                _ = int.recv() => break,
                _ = hup.recv() => member.reload().await,
            }
        }
        tracing::info!(service = "run", "stopping");
        tokio::select! {
            () = member.stop() => {}
            _ = term.recv() => tracing::warn!(service = "run", "second signal, stopping at once"),
            _ = int.recv() => tracing::warn!(service = "run", "second signal, stopping at once"),
        }
        anyhow::Ok(())
    })?;
    // Threads that still wait for the world must not hold up the end.
    runtime.shutdown_background();
    Ok(())
}
