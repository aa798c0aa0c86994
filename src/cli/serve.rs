//! `serve`: the MCP server on stdin and stdout.
//!
//! In: places and a policy. Out: 0 when the client has gone, 125 when the server cannot start. Stdout is protocol only.

use std::process::ExitCode;
use std::sync::Arc;

use super::args::Serve;
use super::setup::{self, Failure, Site};
use crate::engine::Front;
use crate::{launcher, mcp};

/// Settings of the Python server. Ignoring one would run with wider limits than its user believes.
const NOT_READ: &str = "MCP_BG_";

pub(super) fn serve(arguments: Serve) -> Result<ExitCode, Failure> {
    if let Some((name, _)) =
        std::env::vars_os().find(|(name, _)| name.as_encoded_bytes().starts_with(NOT_READ.as_bytes()))
    {
        let name = name.to_string_lossy();
        return Err(Failure::new(format!(
            "`{name}` is not enforced by this version; unset it and say the same in a policy (`limits`, `jobs`, `commands`)"
        )));
    }
    launcher::harden_server().map_err(Failure::new)?;
    let helper = launcher::start_helper().map_err(Failure::new)?;
    setup::log_to_stderr();
    let site = Site::find(&arguments.places)?;
    let policy = site.load()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let served = runtime.map_err(Failure::new)?.block_on(async {
        let engine = Arc::new(setup::engine(policy, helper, Front::Mcp).await?);
        let served = mcp::serve(Arc::clone(&engine), mcp::Options { structured: arguments.structured }).await;
        engine.shutdown().await;
        served.map_err(Failure::new)
    });
    // A read of stdin that still blocks would keep the runtime, and so the process, alive.
    match served {
        Ok(()) => std::process::exit(0),
        Err(failure) => Err(failure),
    }
}
