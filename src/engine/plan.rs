//! The one place that turns a decision into a sandbox.
//!
//! In: an approval and its profile. Out: the plain data that the launcher takes. Nothing here decides what is allowed;
//! it only translates. What a profile becomes on this machine is in `ground`.

use super::call::{Call, Open, Refused};
use super::ground::Ground;
use super::tmp::JobTmp;
use super::world::Disk;
use crate::jobs::{Tap, Terms};
use crate::output::SpillPlan;
use crate::paths::AbsPath;
use crate::policy::{self, Approved, Plan, World};
use crate::sandbox::{Limits, Place, ProgramFile, SandboxSpec, SpecBuilder, with_interpreters};

/// The sandbox of one approved command; `tmp` is its own temporary directory. Makes the folders that the policy lists.
pub(super) fn sandbox(
    approved: &Approved,
    call: &Call,
    tmp: &AbsPath,
    ground: &Ground,
) -> Result<SandboxSpec, Refused> {
    let profile = approved.profile();
    let (program, argv) = match approved.plan() {
        Plan::Exec { program, argv } => (file(program), argv.clone()),
        Plan::Bash { script, .. } => (bash()?, bash_arguments(script)),
    };
    let user = ground.user(profile).map_err(refused)?;
    ground.make_folders(profile, user.as_ref()).map_err(refused)?;
    let execute_only = profile.approved_only.then(|| executables(approved, &program)).transpose()?;
    let cwd = approved.cwd();
    let place = Place { path: cwd.path.clone(), device: cwd.device, inode: cwd.inode };
    let builder = SandboxSpec::builder(program, argv, place)
        .env(environment(approved, tmp, call.terminal.is_some()))
        .confinement(ground.confinement(profile).map_err(refused)?)
        .limits(limits(&profile.limits))
        .tmp(tmp.clone())
        .tmp_size(profile.limits.tmp);
    let builder = user.into_iter().fold(builder, SpecBuilder::run_as);
    let builder = execute_only.into_iter().fold(builder, SpecBuilder::execute_only);
    builder.build().map_err(refused)
}

fn refused(error: impl ToString) -> Refused {
    Refused::Sandbox(error.to_string())
}

fn file(program: &policy::ProgramFile) -> ProgramFile {
    ProgramFile { path: program.path.clone(), device: program.device, inode: program.inode }
}

/// The shell that runs rendered text.
fn bash() -> Result<ProgramFile, Refused> {
    let paths = ["/usr/bin/bash", "/bin/bash"].into_iter().filter_map(|path| AbsPath::new(path).ok());
    let found = paths.filter_map(|path| Disk.program_file(&path).ok().flatten()).next();
    found.as_ref().map(file).ok_or_else(|| Refused::Sandbox("there is no /usr/bin/bash; install bash".into()))
}

/// Every file that the line needs to execute: what is started, the programs of the line, what these start, and their
/// interpreters and loaders.
fn executables(approved: &Approved, started: &ProgramFile) -> Result<Vec<AbsPath>, Refused> {
    let programs = approved.programs().iter().map(|program| &program.path);
    let all: Vec<AbsPath> = [&started.path].into_iter().chain(programs).chain(approved.helpers()).cloned().collect();
    let path = approved.env().get("PATH").map_or("", String::as_str);
    let dirs: Vec<AbsPath> = path.split(':').filter_map(|dir| AbsPath::new(dir).ok()).collect();
    with_interpreters(&all, &dirs).map_err(refused)
}

/// How bash is told to run nothing but the rendered text: no startup files, no functions from the environment
/// (bash(1), `-p`; long options come first).
fn bash_arguments(script: &str) -> Vec<String> {
    ["bash", "--norc", "--noprofile", "-p", "-c", script].map(str::to_owned).to_vec()
}

/// The policy's environment with the job's own TMPDIR, and a HOME that the job can read: programs take an unreadable
/// one for an error.
fn environment(approved: &Approved, tmp: &AbsPath, terminal: bool) -> Vec<(String, String)> {
    let readable = |home: &str| AbsPath::new(home).is_ok_and(|home| approved.profile().may_read(&home));
    let kept = |name: &str, value: &str| name != "TMPDIR" && (name != "HOME" || readable(value));
    let passed = approved.env().iter().filter(|(name, value)| kept(name, value));
    let mut env: Vec<_> = passed.map(|(name, value)| (name.clone(), value.clone())).collect();
    if matches!(approved.profile().network, policy::Network::Ports { dns: true, .. }) {
        // No datagram leaves, so lookups have to use TCP (resolv.conf(5)).
        env.retain(|(name, _)| name != "RES_OPTIONS");
        env.push(("RES_OPTIONS".into(), "use-vc".into()));
    }
    if let Some(policy::RunAs::User(user)) = &approved.profile().run_as {
        let who = env.iter_mut().filter(|(name, _)| name == "USER" || name == "LOGNAME");
        who.for_each(|(_, value)| value.clone_from(user));
    }
    env.push(("TMPDIR".into(), tmp.to_string()));
    if terminal {
        // What the screen is drawn for, see `jobs::screen`; the server's own terminal is another.
        env.retain(|(name, _)| name != "TERM");
        env.push(("TERM".into(), "xterm-256color".into()));
    }
    if !env.iter().any(|(name, _)| name == "HOME") {
        env.push(("HOME".into(), tmp.to_string()));
    }
    env
}

fn limits(limits: &policy::Limits) -> Limits {
    Limits {
        cpu_time: Some(limits.cpu_time),
        file_size: Some(limits.file_size),
        open_files: Some(limits.open_files),
        memory: Some(limits.memory),
        processes: Some(limits.processes),
    }
}

/// What the job may use and what it is fed; takes the input out of the call.
pub(super) fn terms(approved: &Approved, call: &mut Call, tmp: JobTmp, tap: Option<Tap>) -> Terms {
    Terms {
        wall_time: Some(approved.timeout().get()),
        output: Some(approved.profile().limits.output.get()),
        drop_output: approved.profile().limits.on_output == policy::OnOutput::Drop,
        spill: None,
        stdin: call.stdin.text.take(),
        keep_stdin_open: call.stdin.open != Open::No && approved.no_input().is_none(),
        priority: call.priority,
        terminal: call.terminal,
        no_input: approved.no_input().map(str::to_owned),
        tap,
        tmp: Some(tmp.into_dir()),
        watched: Vec::new(),
        redactor: None,
    }
}

/// Where output goes that has no room in memory: into a file without a name beside the record.
pub(super) fn spill(settings: &policy::Settings) -> Option<SpillPlan> {
    let dir = settings.audit.file.parent()?.as_path().to_path_buf();
    settings.jobs.spill.map(|size| SpillPlan { dir, capacity: size.get() })
}
