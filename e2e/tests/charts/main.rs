//! The charts, from outside: renders as recorded, lint, README as the comments say, alerts and dashboards
//! as promtool reads them. Needs helm (`e2e/kube/build.sh helm`) and promtool (Debian's prometheus).

mod readme;
mod renders;
mod tool;
