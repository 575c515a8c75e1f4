//! The charts and images, from outside: renders as recorded, lint, schemas and security, READMEs as the comments say, alerts and
//! dashboards as promtool reads them, what is in the images. Needs helm (`e2e/kube/build.sh helm`), promtool
//! (Debian's prometheus), `e2e/checkers.sh` and, for the images, the release programs.

mod alerts;
mod checkers;
mod images;
mod readme;
mod renders;
mod tool;
