//! One file a tool; the list of all.

use super::tool::Tool;

mod check_command;
mod execute_command;
mod get_job_output;
mod get_job_status;
mod interact_with_job;
mod kill_job;
mod list_jobs;
mod tail_job_output;
mod wait_for_jobs;

pub(super) use execute_command::told;

/// Every tool, in the order in which a client lists them.
pub(super) const TOOLS: &[&Tool] = &[
    &execute_command::TOOL,
    &check_command::TOOL,
    &get_job_status::TOOL,
    &get_job_output::TOOL,
    &tail_job_output::TOOL,
    &interact_with_job::TOOL,
    &kill_job::TOOL,
    &list_jobs::TOOL,
    &wait_for_jobs::TOOL,
];
