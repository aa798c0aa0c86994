//! How long the launch of `/bin/true` takes, from the request to the reaped process, in every mode that this machine
//! gives, each beside what the same costs by hand in the same run.
//!
//! A helper must be started before any thread, so each mode is measured in a process of its own. Medians of rounds that
//! take turns, since a shared machine is noisy.
#![expect(
    unsafe_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench reports on its own, and does by hand what it compares with"
)]

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use landlock::{ABI, Access, AccessFs, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr};
use shellwarden::launcher::{Launcher, StdinMode, harden_server, start_helper_at_most};
use shellwarden::paths::AbsPath;
use shellwarden::sandbox::seccomp::{Filter, Reach};
use shellwarden::sandbox::{
    Confinement, Isolation, Limits, Network, Place, ProgramFile, SandboxSpec, with_interpreters,
};
use shellwarden::sys::{self, Forked};

const ROUNDS: usize = 400;
const MODES: [(&str, Isolation); 4] = [
    ("freeze", Isolation::Freeze),
    ("scope", Isolation::SignalScope),
    ("namespace", Isolation::PidNamespace),
    ("mounts", Isolation::MountNamespace),
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|word| word == "--mode") {
        Some(at) => measure(&arguments[at + 1]),
        None => MODES.iter().for_each(|(mode, _)| {
            let me = std::env::current_exe().unwrap();
            let status = Command::new(me).args(["--mode", mode]).status().unwrap();
            assert!(status.success(), "{mode}: {status}");
        }),
    }
}

fn absolute(path: impl AsRef<Path>) -> AbsPath {
    AbsPath::new(path).unwrap()
}

fn true_program() -> AbsPath {
    absolute(fs::canonicalize("/bin/true").unwrap())
}

/// What a policy would give: grants, limits, an execute layer and a directory of its own.
fn spec(dir: &Path) -> SandboxSpec {
    let present = |paths: &[&str]| -> Vec<AbsPath> {
        // A root that is reached through a symlink is not granted.
        paths.iter().filter_map(|path| fs::canonicalize(path).ok()).map(absolute).collect()
    };
    let (work, tmp) = (dir.join("work"), dir.join("tmp"));
    let _ = fs::create_dir_all(&work);
    let _ = fs::create_dir_all(&tmp);
    let grants = Confinement::builder()
        .execute(present(&["/usr", "/bin", "/lib", "/lib64"]))
        .read(present(&["/etc"]))
        .write([absolute(&work)])
        .network(Network::None)
        .build()
        .unwrap();
    let limits = Limits {
        cpu_time: Some("5m".parse().unwrap()),
        file_size: Some("1 GiB".parse().unwrap()),
        open_files: Some(1024),
        memory: Some("2 GiB".parse().unwrap()),
        processes: Some(512),
    };
    let program = ProgramFile::of(true_program()).unwrap();
    SandboxSpec::builder(program, vec!["true".into()], Place::of(absolute(&work)).unwrap())
        .env(vec![("PATH".into(), "/usr/bin:/bin".into())])
        .confinement(grants)
        .limits(limits)
        .tmp(absolute(&tmp))
        .execute_only(with_interpreters(&[true_program()], &[]).unwrap())
        .build()
        .unwrap()
}

fn spawned() {
    let mut command = Command::new("/bin/true");
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().unwrap().success());
}

/// Ruleset and filter, made once.
struct ByHand {
    ruleset: OwnedFd,
    filter: Filter,
    namespaces: i32,
}

impl ByHand {
    fn new(isolation: Isolation) -> Self {
        let abi = ABI::V5;
        let mut ruleset = Ruleset::default().handle_access(AccessFs::from_all(abi)).unwrap().create().unwrap();
        for path in ["/usr", "/bin", "/lib", "/lib64", "/etc", "/dev/null"] {
            if let Ok(handle) = PathFd::new(path) {
                let rights = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::Execute;
                let rights = if path == "/dev/null" { rights & AccessFs::from_file(abi) } else { rights };
                ruleset = ruleset.add_rule(PathBeneath::new(handle, rights)).unwrap();
            }
        }
        let user = if nix::unistd::geteuid().is_root() { 0 } else { libc::CLONE_NEWUSER };
        let pids = libc::CLONE_NEWPID | user;
        let namespaces = match isolation {
            Isolation::Freeze | Isolation::SignalScope => 0,
            Isolation::PidNamespace => pids,
            Isolation::MountNamespace => pids | libc::CLONE_NEWNS | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS,
        };
        let reach = Reach { own_pids: namespaces != 0, own_ipc: false, network: Network::None };
        let ruleset = Option::<OwnedFd>::from(ruleset).unwrap();
        Self { ruleset, filter: reach.filter().unwrap(), namespaces }
    }

    /// Forks from this process, which is small and has one thread.
    fn run(&self) {
        let forked = if self.namespaces == 0 { sys::fork() } else { sys::fork_into(self.namespaces) };
        match forked.unwrap() {
            Forked::Child => {
                let restricted = nix::sys::prctl::set_no_new_privs().map_err(std::io::Error::from);
                let restricted = restricted.and_then(|()| sys::restrict_self(self.ruleset.as_fd(), 0));
                if restricted.and_then(|()| self.filter.install()).is_err() {
                    sys::exit_now(1);
                }
                let program = c"/bin/true".as_ptr();
                // SAFETY: path and both lists are terminated and live until the call, which only returns on failure.
                unsafe { libc::execve(program, [program, std::ptr::null()].as_ptr(), [std::ptr::null()].as_ptr()) };
                sys::exit_now(1)
            }
            Forked::Parent(pid) => {
                let ended = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None).unwrap();
                assert_eq!(ended, nix::sys::wait::WaitStatus::Exited(nix::unistd::Pid::from_raw(pid), 0));
            }
        }
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn measure(mode: &str) {
    let isolation = MODES.iter().find(|(name, _)| *name == mode).unwrap().1;
    // Before the server's threads exist; forking by hand from a threaded process would copy their locks.
    let by_hand = ByHand::new(isolation);
    let floor_by_hand = median((0..ROUNDS).map(|_| timed(|| by_hand.run())).collect());
    harden_server().unwrap();
    let helper = start_helper_at_most(isolation).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let dir = std::env::temp_dir().join(format!("shellwarden-bench-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let dir = fs::canonicalize(dir).unwrap();
    runtime.block_on(async {
        let launcher = Launcher::connect(helper).await.unwrap();
        if launcher.support().isolation() != isolation {
            println!("{mode}: this machine gives {} at most", launcher.support().isolation());
            return;
        }
        report(mode, "small server", floor_by_hand, &launcher, &dir).await;
        report_work(mode, &launcher, &dir).await;
        let ballast = vec![1_u8; 1 << 30];
        report(mode, "server with 1 GiB", floor_by_hand, &launcher, &dir).await;
        assert_eq!(std::hint::black_box(&ballast)[ballast.len() / 2], 1);
    });
    fs::remove_dir_all(dir).unwrap();
}

/// Processor time of a process, its threads and of all below it that was waited for.
fn spent(pid: &str) -> Duration {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<u64> =
        line.rsplit_once(") ").unwrap().1.split(' ').map(|field| field.parse().unwrap_or(0)).collect();
    Duration::from_millis(fields[11..=14].iter().sum::<u64>() * 10)
}

/// What the work of [`ROUNDS`] costs the processors, which is not disturbed by what else the machine does.
async fn report_work(mode: &str, launcher: &Launcher, dir: &Path) {
    let (helper, spec) = (launcher.helper_pid().to_string(), spec(dir));
    let before = spent("self");
    (0..ROUNDS).for_each(|_| spawned());
    let floor = spent("self").saturating_sub(before);
    let before = spent("self") + spent(&helper);
    for _ in 0..ROUNDS {
        let process = launcher.launch(spec.clone(), StdinMode::Null).await.unwrap();
        process.handle.ended().await;
    }
    let ours = (spent("self") + spent(&helper)).saturating_sub(before);
    let each = |total: Duration| total.as_micros() / ROUNDS as u128;
    let ratio = ours.as_secs_f64() / floor.as_secs_f64();
    println!(
        "launch/{mode:<9} processor time    {:>6} µs   posix_spawn and wait {:>5} µs: {ratio:.2} times",
        each(ours),
        each(floor)
    );
}

async fn report(mode: &str, server: &str, floor_by_hand: Duration, launcher: &Launcher, dir: &Path) {
    let (mut floor, mut ours) = (Vec::new(), Vec::new());
    let spec = spec(dir);
    for _ in 0..ROUNDS {
        floor.push(timed(spawned));
        let started = Instant::now();
        let process = launcher.launch(spec.clone(), StdinMode::Null).await.unwrap();
        let end = process.handle.ended().await;
        ours.push(started.elapsed());
        assert_eq!(end.exit, shellwarden::launcher::Exit::Code(0));
    }
    let (floor, ours) = (median(floor), median(ours));
    let ratio = |floor: Duration| ours.as_secs_f64() / floor.as_secs_f64();
    println!(
        "launch/{mode:<9} {server:<17}  {:>6} µs   posix_spawn and wait {:>5} µs: {:.2} times   by hand {:>5} µs: {:.2} times",
        ours.as_micros(),
        floor.as_micros(),
        ratio(floor),
        floor_by_hand.as_micros(),
        ratio(floor_by_hand),
    );
}
