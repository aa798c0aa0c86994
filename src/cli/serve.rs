//! `serve`: the MCP server on stdin and stdout, or over HTTP.
//!
//! In: places and a policy. Out: 0 when the client has gone, 125 when the server cannot start. Stdout is protocol only.

use std::process::ExitCode;
use std::sync::Arc;

use super::args::Serve;
use super::drop_in;
use super::http;
use super::metrics;
use super::setup::{self, Failure, Site};
use crate::engine::{Front, keep_current};
use crate::{launcher, mcp};

/// Pieces of work between two looks at the sockets; the runtime's own 61 are felt as milliseconds.
const LOOK_EVERY: u32 = 7;

pub(super) fn serve(arguments: Serve) -> Result<ExitCode, Failure> {
    launcher::harden_server().map_err(Failure::new)?;
    let helper = launcher::start_helper().map_err(Failure::new)?;
    setup::log_to_stderr();
    let site = Site::find(&arguments.places)?.narrowed(drop_in::narrowing().map_err(Failure::new)?);
    let policy = site.load()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // A crowd of calls that are ready keeps the threads from looking who else has something to say; so often they look
        // all the same.
        .event_interval(LOOK_EVERY)
        .enable_all()
        .on_thread_start(launcher::answer_promptly)
        .build();
    let runtime = runtime.map_err(Failure::new)?;
    if let Some(path) = &arguments.metrics_file {
        let _inside = runtime.enter();
        let kept = metrics::keep_writing(path.clone());
        kept.map_err(|error| Failure::new(format!("metrics file `{}`: {error}", path.display())))?;
    }
    if let Some(address) = arguments.http {
        return http::serve(&runtime, address, http::Parts { site, policy, helper, structured: arguments.structured });
    }
    let served = runtime.block_on(async {
        let loader = setup::loader(site.origin, site.variables, site.narrowing);
        let engine = Arc::new(setup::engine(policy, helper, Front::Mcp).await?.with_loader(loader));
        keep_current(&engine).map_err(Failure::new)?;
        let served = mcp::serve(Arc::clone(&engine), mcp::Options { structured: arguments.structured }).await;
        engine.shutdown().await;
        if let Some(path) = &arguments.metrics_file {
            metrics::write(path).map_err(Failure::new)?;
        }
        served.map_err(Failure::new)
    });
    // A read of stdin that still blocks would keep the runtime, and so the process, alive.
    match served {
        Ok(()) => std::process::exit(0),
        Err(failure) => Err(failure),
    }
}
