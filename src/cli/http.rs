//! `serve --http`: the MCP server for many clients.
//!
//! In: an address, places and a policy. Out: 0 when a signal ended it, 125 when it cannot start. The address is told on
//! stderr; stdout stays empty.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Runtime;

use super::setup::{self, Failure, Site};
use crate::engine::{Engine, Front, Shared};
use crate::launcher::{Helper, Launcher};
use crate::mcp;
use crate::mcp::http::{Maker, Options, Tls};
use crate::policy::{self, Narrowing, Origin, Policy, Variables};

/// What was found and started before.
pub(super) struct Parts {
    pub(super) site: Site,
    pub(super) policy: Policy,
    pub(super) helper: Helper,
    pub(super) structured: bool,
}

/// Serves until a signal comes.
pub(super) fn serve(runtime: &Runtime, address: SocketAddr, parts: Parts) -> Result<ExitCode, Failure> {
    let Parts { site, policy, helper, structured } = parts;
    let options = options(address, policy.http());
    let served = runtime.block_on(async {
        let launcher = Launcher::connect(helper).await.map_err(Failure::new)?;
        let maker = Engines {
            launcher: launcher.clone(),
            variables: site.variables,
            origin: site.origin,
            narrowing: site.narrowing,
            shared: Shared::default(),
            first: Mutex::new(Some(policy)),
        };
        let ready = |address: &str| setup::tell(&format!("serving MCP at {address}"));
        let served = mcp::http::serve(options, mcp::Options { structured }, Arc::new(maker), ready).await;
        // Every client's jobs are gone; what is left is the helper.
        launcher.shutdown().await;
        served.map_err(Failure::new)
    });
    served.map(|()| ExitCode::SUCCESS)
}

fn options(address: SocketAddr, http: &policy::Http) -> Options {
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let policy::Http { tokens, hosts, origins, metrics, tls, body, sessions, calls, connections } = http.clone();
    Options {
        address,
        tokens,
        hosts,
        origins,
        metrics,
        tls: tls.map(|policy::Tls { certificate, key, client_ca }| Tls { certificate, key, client_ca }),
        body: count(body.get()),
        sessions: count(sessions),
        calls: count(calls),
        connections: count(connections),
    }
}

/// Makes the engines of clients: they share the helper, the limits on the server and the way to its records, and nothing
/// else.
struct Engines {
    launcher: Launcher,
    variables: Variables,
    origin: Origin,
    narrowing: Narrowing,
    /// Limits on the server and its records, which all clients share.
    shared: Shared,
    /// The server's own policy as it was loaded first.
    first: Mutex<Option<Policy>>,
}

impl Maker for Engines {
    fn make(&self, policy: Option<&str>) -> Result<Engine, String> {
        let origin = match policy {
            None => self.origin.clone(),
            Some(name) => setup::origin(name).map_err(|failure| failure.to_string())?,
        };
        let loaded = match policy {
            None => self.first.lock().unwrap_or_else(PoisonError::into_inner).take(),
            Some(_) => None,
        };
        let policy = match loaded {
            Some(policy) => policy,
            None => {
                let loaded = policy::load(&origin, &self.variables);
                let policy = loaded.map_err(|problems| format!("the policy cannot be used\n{problems}"))?.policy;
                policy.narrow(&self.narrowing).map_err(|wide| wide.to_string())?
            }
        };
        let loader = setup::loader(origin, self.variables.clone(), self.narrowing.clone());
        let engine = Engine::build_among(policy, self.launcher.lane(), Front::Mcp, self.shared.clone())
            .map_err(|error| error.to_string())?;
        Ok(engine.with_loader(loader))
    }
}
