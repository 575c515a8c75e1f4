//! Members inside this process, on free ports, over their own HTTP API: what the shell adds to the
//! machines. What needs a process of its own (signals, kill, a real InfluxDB) is tested in `e2e`.

mod cluster;
mod daemon;
mod http;
mod load;
mod permission;
mod restart;
mod sealed;
mod server;
mod statistics;
mod tasks;
mod templates;
mod tls;
mod topics;
mod write;
