//! The HTTP API on port 9092: one file per resource, all routes in [`router`].

pub(crate) mod answer;
mod check;
mod cluster;
mod config;
mod frame;
pub(crate) mod json;
mod lists;
mod metrics;
pub(crate) mod permission;
pub(crate) mod server;
mod small;
mod tasks;
mod templates;
mod topics;
mod vars;
mod write;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, post};
use tower::ServiceBuilder;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;

pub(crate) use check::Checks;

use crate::brain::Brain;
use crate::config::Config;
use crate::health::DiskHealth;
use crate::ingest::Ingest;
use crate::logging::Log;
use crate::subscribe::Subscriptions;
use crate::tasks::Tasks;

/// Bytes of a request's body, unpacked too. InfluxDB sends at most 25 MB at once.
pub(crate) const BODY_LIMIT: usize = 32 << 20;

/// What the resources work on.
pub(crate) struct App {
    pub(crate) config: Arc<Config>,
    pub(crate) brain: Brain,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) ingest: Arc<Ingest>,
    pub(crate) subscriptions: Arc<Subscriptions>,
    pub(crate) permission: Arc<permission::Permission>,
    pub(crate) keys: Arc<crate::keys::Keys>,
    pub(crate) refused: Arc<crate::net::refused::Refused>,
    pub(crate) dialer: crate::net::probe::Dialer,
    pub(crate) checks: Checks,
    pub(crate) log: Log,
    pub(crate) disk: Arc<DiskHealth>,
    /// Reloads of the load directory that failed.
    pub(crate) load_errors: AtomicU64,
    /// Held by the one load that runs.
    pub(crate) load_turn: tokio::sync::Mutex<()>,
    pub(crate) member_id: model::MemberId,
}

impl App {
    /// Why the disk does not take writes: events, or definitions.
    pub(crate) fn disk_trouble(&self) -> Option<String> {
        self.disk.trouble().or_else(|| self.tasks.store().trouble())
    }
}

/// All routes.
pub(crate) fn router(app: Arc<App>) -> Router {
    let v1 = Router::new()
        .route("/ping", get(small::ping).head(small::ping))
        .route("/write", post(write::write))
        .route("/loglevel", post(small::loglevel))
        .route("/ready", get(small::ready))
        .route("/subscriptions", post(small::subscriptions))
        .route("/debug/vars", get(vars::vars))
        .route("/tasks", get(tasks::list).post(tasks::create))
        .route("/tasks/", get(tasks::without_id).patch(tasks::without_id).delete(tasks::without_id))
        .route("/tasks/{*path}", get(tasks::get).patch(tasks::patch).delete(tasks::delete))
        .route("/templates", get(templates::list).post(templates::create))
        .route(
            "/templates/",
            get(templates::without_id).patch(templates::without_id).delete(templates::without_id),
        )
        .route(
            "/templates/{*path}",
            get(templates::get).patch(templates::patch).delete(templates::delete),
        )
        .route("/alerts/topics", get(topics::list))
        .route(
            "/alerts/topics/{*path}",
            get(topics::get)
                .post(topics::post)
                .put(topics::put)
                .patch(topics::patch)
                .delete(topics::delete),
        )
        .route("/cluster", get(cluster::get))
        .route("/cluster/check", get(check::get))
        .route("/cluster/members", post(cluster::add))
        .route("/cluster/members/{id}", delete(cluster::remove))
        .route("/config", get(config::sections))
        .route("/config/", get(config::without_section))
        .route("/config/{*path}", get(config::section).post(config::update))
        .route("/recordings", get(small::not_built))
        .route("/recordings/{*path}", get(small::not_built).post(small::not_built))
        .route("/replays", get(small::not_built).post(small::not_built))
        .route("/replays/{*path}", get(small::not_built).post(small::not_built))
        .route("/service-tests", get(small::not_built))
        .route("/service-tests/{*path}", get(small::not_built).post(small::not_built))
        .route("/storage/{*path}", get(small::not_built).post(small::not_built))
        .route("/users", get(small::not_built).post(small::not_built))
        .route("/logs", get(small::not_built))
        .route("/sideload/reload", post(small::not_built));
    let routes = Router::new()
        .nest("/kapacitor/v1", v1)
        .route("/write", post(write::write))
        .route("/metrics", get(metrics::metrics))
        .fallback(frame::not_found)
        .method_not_allowed_fallback(frame::other_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(axum::middleware::from_fn_with_state(app.clone(), frame::frame))
        .layer(CompressionLayer::new().gzip(true).compress_when(SizeAbove::new(0)))
        .with_state(app);
    // Outside of the router: the path must be rewritten before a route is chosen.
    let rewritten = ServiceBuilder::new().map_request(frame::without_preview).service(routes);
    Router::new().fallback_service(rewritten)
}
