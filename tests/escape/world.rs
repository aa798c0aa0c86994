//! A launcher, a directory that jobs may write and one that they may not even read.

use std::fs;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shellwarden::launcher::{Ended, Helper, Launcher, Process, StdinMode, start_helper_at_most};
use shellwarden::paths::AbsPath;
use shellwarden::sandbox::{Confinement, Isolation, Limits, Network, Place, ProgramFile, SandboxSpec, SpecBuilder};
use tokio::io::AsyncReadExt;

pub(crate) struct World {
    pub(crate) launcher: Launcher,
    pub(crate) base: PathBuf,
    pub(crate) inside: PathBuf,
    pub(crate) outside: PathBuf,
    pub(crate) isolation: Isolation,
}

pub(crate) fn absolute(path: impl AsRef<Path>) -> AbsPath {
    AbsPath::new(path).unwrap()
}

/// The isolation that a mode's name asks for.
pub(crate) fn isolation_of(mode: &str) -> Isolation {
    match mode.rsplit('/').next() {
        Some("mounts") => Isolation::MountNamespace,
        Some("namespace") => Isolation::PidNamespace,
        Some("scope") => Isolation::SignalScope,
        Some("freeze") => Isolation::Freeze,
        other => panic!("unknown mode {other:?}"),
    }
}

/// Starts the helper while this process has one thread, then a runtime with the scenario in it.
pub(crate) fn in_world<F, T>(mode: &str, scenario: impl FnOnce(World) -> F) -> T
where
    F: Future<Output = T>,
{
    let isolation = isolation_of(mode);
    shellwarden::launcher::harden_server().unwrap();
    let helper: Helper = start_helper_at_most(isolation).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let launcher = Launcher::connect(helper).await.unwrap();
        assert_eq!(launcher.support().isolation(), isolation, "{:?}", launcher.support());
        let world = World::around(launcher, isolation);
        let base = world.base.clone();
        let result = scenario(world).await;
        fs::remove_dir_all(base).unwrap();
        result
    })
}

/// A number that differs between worlds: the address of a fresh allocation under address randomisation.
fn fastrand() -> usize {
    std::ptr::from_ref(&*Box::new(0_u8)).addr()
}

impl World {
    /// Fresh directories around a launcher.
    pub(crate) fn around(launcher: Launcher, isolation: Isolation) -> Self {
        let base = fs::canonicalize(std::env::temp_dir()).unwrap().join(format!(
            "shellwarden-escape-{}-{}",
            std::process::id(),
            fastrand()
        ));
        let world = Self { inside: base.join("in"), outside: base.join("out"), base, launcher, isolation };
        world.reset();
        world
    }

    pub(crate) fn remove(self) {
        fs::remove_dir_all(self.base).unwrap();
    }

    /// Both directories as new: a secret and a program outside, nothing inside.
    pub(crate) fn reset(&self) {
        let _ = fs::remove_dir_all(&self.base);
        fs::create_dir_all(&self.inside).unwrap();
        fs::create_dir_all(&self.outside).unwrap();
        fs::write(self.outside.join("secret"), "canary").unwrap();
        fs::copy("/bin/true", self.outside.join("true")).unwrap();
    }

    /// What most jobs get: the system's programs, this program, and the inner directory.
    pub(crate) fn confinement(&self) -> Arc<Confinement> {
        // Grants hold no symlinks.
        let present =
            |paths: &[&str]| paths.iter().filter_map(|path| fs::canonicalize(path).ok()).map(absolute).collect();
        let mut execute: Vec<AbsPath> = present(&["/usr", "/bin", "/lib", "/lib64"]);
        execute.push(absolute(fs::canonicalize(std::env::current_exe().unwrap()).unwrap()));
        let read: Vec<AbsPath> = present(&["/etc"]);
        let write = [absolute(&self.inside)];
        Confinement::builder().execute(execute).read(read).write(write).network(Network::None).build().unwrap()
    }

    pub(crate) fn spec(&self, argv: &[&str], env: &[(&str, &str)], limits: Limits) -> SandboxSpec {
        self.builder(argv, env, limits).build().unwrap()
    }

    pub(crate) fn builder(&self, argv: &[&str], env: &[(&str, &str)], limits: Limits) -> SpecBuilder {
        let program = fs::canonicalize(argv.first().unwrap()).unwrap();
        let program = ProgramFile::of(absolute(program)).unwrap();
        let cwd = Place::of(absolute(&self.inside)).unwrap();
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let builder = SandboxSpec::builder(program, argv, cwd).env(env).limits(limits);
        builder.confinement(self.confinement())
    }

    pub(crate) async fn start(&self, argv: &[&str], env: &[(&str, &str)]) -> Process {
        let spec = self.spec(argv, env, Limits::default());
        self.launcher.launch(spec, StdinMode::Null).await.unwrap()
    }

    /// Runs a program to its end; its end and everything it wrote.
    pub(crate) async fn finish(&self, argv: &[&str], env: &[(&str, &str)]) -> (Ended, String) {
        self.finish_spec(self.spec(argv, env, Limits::default())).await
    }

    pub(crate) async fn finish_spec(&self, spec: SandboxSpec) -> (Ended, String) {
        let process = self.launcher.launch(spec, StdinMode::Null).await.unwrap();
        drain(process).await
    }
}

/// Reads both streams to their ends, then waits for the job's.
pub(crate) async fn drain(mut process: Process) -> (Ended, String) {
    let (mut output, mut error) = (Vec::new(), Vec::new());
    let (read, failed) = tokio::join!(process.stdout.read_to_end(&mut output), process.stderr.read_to_end(&mut error));
    read.unwrap();
    failed.unwrap();
    output.extend(error);
    (process.handle.ended().await, String::from_utf8_lossy(&output).into_owned())
}

/// Descriptors of this process, for tests of leaks.
pub(crate) fn open_descriptors() -> usize {
    let own = fs::File::open("/dev/null").unwrap();
    let count = fs::read_dir("/proc/self/fd").unwrap().count();
    assert!(own.as_raw_fd() >= 0);
    count
}

/// Every process in this throw-away namespace but zombies: pid and command line.
pub(crate) fn processes() -> Vec<(i32, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let path = entry.unwrap().path();
        let Some(pid) = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok()) else {
            continue;
        };
        let command = fs::read(path.join("cmdline")).unwrap_or_default();
        if !command.is_empty() {
            found.push((pid, String::from_utf8_lossy(&command).replace('\0', " ")));
        }
    }
    found
}
