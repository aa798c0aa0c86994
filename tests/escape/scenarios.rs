//! What is tried in each mode.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::process::{Child, Command, ExitCode, Stdio};

use shellwarden::launcher::{Exit, LaunchError, StdinMode};
use shellwarden::sandbox::{Isolation, Limits};

use crate::attacks::{self, CONTAINED};
use crate::world::{World, drain, in_world, open_descriptors};
use crate::{account, hogs, layers, lifetime, shims};

pub(crate) const NAMES: &[&str] = &[
    "attacks",
    "steps",
    "limits",
    "streams",
    "tree",
    "drop",
    "supervisor",
    "helper",
    "server",
    "helper and supervisor",
    "server, helper and supervisor",
    "leaks",
    "shims",
    "execute layer",
    "tmp",
    "replaced",
    "protected names",
    "hidden names",
    "metadata",
    "processes",
    "loopback",
    "ports",
    "fork bomb",
    "run as",
    "tmp size",
    "demanded mode",
    "missing names",
    "loader",
    "bombs",
    "whole job",
];

pub(crate) fn run(mode: &str, scenario: &str) -> ExitCode {
    match scenario {
        "attacks" => in_world(mode, every_attack),
        "steps" => in_world(mode, failing_steps),
        "limits" => in_world(mode, limits),
        "streams" => in_world(mode, streams),
        "tree" => in_world(mode, lifetime::whole_tree),
        "drop" => in_world(mode, lifetime::dropped_handle),
        "supervisor" => in_world(mode, lifetime::dead_supervisor),
        "helper" => in_world(mode, lifetime::dead_helper),
        "server" => lifetime::dead_server(mode),
        "server, helper and supervisor" => lifetime::dead_all(mode),
        "serve" => in_world(mode, lifetime::serve_until_killed),
        "helper and supervisor" => in_world(mode, lifetime::dead_helper_and_supervisor),
        "leaks" => in_world(mode, leaks),
        "execute layer" => in_world(mode, layers::execute_layer),
        "tmp" => in_world(mode, layers::private_tmp),
        "replaced" => in_world(mode, layers::replaced),
        "protected names" => in_world(mode, layers::protected_names),
        "hidden names" => in_world(mode, layers::hidden_names),
        "metadata" => in_world(mode, layers::metadata),
        "processes" => in_world(mode, layers::processes),
        "loopback" => in_world(mode, layers::loopback),
        "ports" => in_world(mode, layers::ports),
        "fork bomb" => in_world(mode, layers::fork_bomb),
        "run as" => in_world(mode, account::run_as),
        "tmp size" => in_world(mode, account::tmp_size),
        "demanded mode" => in_world(mode, account::demanded_mode),
        "whole job" => in_world(mode, hogs::whole_job),
        "missing names" => in_world(mode, layers::missing_names),
        "loader" => in_world(mode, layers::loader),
        "bombs" => in_world(mode, hogs::bombs),
        "shims" => shims::each(mode),
        other => match other.strip_prefix("without ") {
            Some(words) => shims::one(words),
            None => panic!("no scenario {other}"),
        },
    }
    ExitCode::SUCCESS
}

/// A process outside the job, and services that it must not reach.
struct Victims {
    canary: Child,
    tcp: TcpListener,
    _sockets: Vec<UnixListener>,
    _datagrams: UnixDatagram,
}

impl Victims {
    fn new(world: &World) -> Self {
        let mut canary = Command::new("cat");
        canary.current_dir(&world.inside).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut canary = canary.spawn().unwrap();
        // Spawning returns in the middle of exec, when nobody may look into the process yet; an answer comes after it.
        canary.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        canary.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        crate::kernel::share_objects();
        let name = format!("shellwarden-{}", tcp.local_addr().unwrap().port());
        let hidden = SocketAddr::from_abstract_name(name).unwrap();
        let paths = [world.inside.join("service"), world.outside.join("service")];
        let mut sockets: Vec<_> = paths.iter().map(|path| UnixListener::bind(path).unwrap()).collect();
        sockets.push(UnixListener::bind_addr(&hidden).unwrap());
        let datagrams = UnixDatagram::bind(world.outside.join("datagrams")).unwrap();
        Self { canary, tcp, _sockets: sockets, _datagrams: datagrams }
    }

    fn environment(&self, world: &World) -> Vec<(&'static str, String)> {
        vec![
            ("OUTSIDE", world.outside.display().to_string()),
            ("INSIDE", world.inside.display().to_string()),
            ("CANARY", self.canary.id().to_string()),
            ("SERVER", std::process::id().to_string()),
            ("HELPER", world.launcher.helper_pid().to_string()),
            ("PORT", self.tcp.local_addr().unwrap().port().to_string()),
        ]
    }
}

impl Drop for Victims {
    fn drop(&mut self) {
        let _ = self.canary.kill();
        let _ = self.canary.wait();
    }
}

/// Each attack twice: without a sandbox, where it must work if it can, and inside, where it must not.
async fn every_attack(world: World) {
    let me = std::env::current_exe().unwrap();
    let mut wrong = Vec::new();
    let mut tried = 0;
    for attempt in attacks::all() {
        if attempt.control {
            world.reset();
            let victims = Victims::new(&world);
            let mut control = Command::new(&me);
            control.args(["attack", attempt.name]).envs(victims.environment(&world)).stdin(Stdio::null());
            let output = control.current_dir(&world.inside).output().unwrap();
            if !output.status.success() {
                let why = String::from_utf8_lossy(&output.stdout).into_owned();
                wrong.push(format!("{}: the attack does not even work without a sandbox: {why}", attempt.name));
            }
        }
        world.reset();
        let mut victims = Victims::new(&world);
        let environment = victims.environment(&world);
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let argv = [me.to_str().unwrap(), "attack", attempt.name];
        let (end, output) = world.finish(&argv, &environment).await;
        let stopped = matches!(end.exit, Exit::Code(code) if code == i32::from(CONTAINED))
            || end.exit == Exit::Signal(libc::SIGSYS);
        if !stopped {
            wrong.push(format!("{}: {:?} {output}", attempt.name, end.exit));
        }
        if fs::read_to_string(world.outside.join("secret")).ok().as_deref() != Some("canary") {
            wrong.push(format!("{}: the secret was changed", attempt.name));
        }
        if fs::read_dir(&world.outside).unwrap().count() != 4 {
            wrong.push(format!("{}: the outer directory was changed", attempt.name));
        }
        if victims.canary.try_wait().unwrap().is_some() {
            wrong.push(format!("{}: the canary is dead", attempt.name));
        }
        tried += 1;
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    println!(" ({tried} attacks)");
}

/// A step that fails is named, and the program does not run.
async fn failing_steps(world: World) {
    use shellwarden::sandbox::{Place, ProgramFile, SandboxSpec, Step};
    let program = || ProgramFile::of(crate::world::absolute("/bin/sh")).unwrap();
    let place = || Place::of(crate::world::absolute(&world.inside)).unwrap();
    let argv = || vec!["sh".to_owned(), "-c".to_owned(), "touch ran".to_owned()];
    let cases = [
        ("another directory at the place", program(), Place { inode: 1, ..place() }, Step::WorkingDirectory),
        (
            "no directory",
            program(),
            Place { path: crate::world::absolute("/nonexistent"), ..place() },
            Step::WorkingDirectory,
        ),
        ("another program", ProgramFile { inode: 1, ..program() }, place(), Step::Program),
        (
            "a program without execute right",
            ProgramFile::of(crate::world::absolute("/etc/passwd")).unwrap(),
            place(),
            Step::Exec,
        ),
    ];
    for (why, program, place, want) in cases {
        let builder = SandboxSpec::builder(program, argv(), place).confinement(world.confinement());
        match world.launcher.launch(builder.build().unwrap(), StdinMode::Null).await {
            Err(LaunchError::Step(failure)) => assert_eq!(failure.step, want, "{why}: {failure}"),
            other => panic!("{why}: {other:?}"),
        }
        assert!(!world.inside.join("ran").exists(), "{why}");
    }
    let missing = shellwarden::sandbox::Confinement::builder().read([crate::world::absolute("/nonexistent")]);
    let builder = SandboxSpec::builder(program(), argv(), place()).confinement(missing.build().unwrap());
    let error = world.launcher.launch(builder.build().unwrap(), StdinMode::Null).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot open the granted path `/nonexistent`: No such file or directory");
}

async fn limits(world: World) {
    let limits = Limits {
        cpu_time: Some("1s".parse().unwrap()),
        file_size: Some("64 KiB".parse().unwrap()),
        open_files: Some(20),
        ..Limits::default()
    };
    let shell = |script| world.spec(&["/bin/sh", "-c", script], &[], limits.clone());
    let (end, _) = world.finish_spec(shell("while :; do :; done")).await;
    assert_eq!((end.exit, end.limit.as_deref()), (Exit::Signal(libc::SIGXCPU), Some("cpu_time")));
    // The limit counts ticks, the report run time: they differ on a machine that is shared.
    assert!(end.cpu.as_millis() >= 100, "{:?}", end.cpu);
    let (end, _) = world.finish_spec(shell("exec head -c 1000000 /dev/zero >big")).await;
    assert_eq!((end.exit, end.limit.as_deref()), (Exit::Signal(libc::SIGXFSZ), Some("file_size")));
    assert_eq!(fs::metadata(world.inside.join("big")).unwrap().len(), 64 * 1024);
    let me = std::env::current_exe().unwrap();
    let (end, _) = world.finish(&[me.to_str().unwrap(), "attack", "i386 call"], &[]).await;
    assert_eq!(end.limit.is_some(), end.exit == Exit::Signal(libc::SIGSYS), "{end:?}");
    let (end, output) = world.finish_spec(shell("ulimit -n; ulimit -c; umask; cat /dev/null")).await;
    assert_eq!((end.exit, output.as_str()), (Exit::Code(0), "20\n0\n0022\n"));
    assert!(end.peak_memory > 100_000, "{}", end.peak_memory);
}

async fn streams(world: World) {
    use tokio::io::AsyncWriteExt;
    let spec = world.spec(&["/bin/cat"], &[], Limits::default());
    let mut process = world.launcher.launch(spec, StdinMode::Pipe).await.unwrap();
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(b"through").await.unwrap();
    drop(stdin);
    let (end, output) = drain(process).await;
    assert_eq!((end.exit, output.as_str()), (Exit::Code(0), "through"));
    let large = "x".repeat(100_000);
    let (end, output) = world.finish(&["/bin/echo", &large], &[("A", &large)]).await;
    assert_eq!((end.exit, output.len()), (Exit::Code(0), 100_001), "a request larger than a packet");
}

/// Many launches leave no descriptor, no memory and no zombie behind.
async fn leaks(world: World) {
    let launches =
        if world.isolation == Isolation::PidNamespace || world.isolation == Isolation::Freeze { 50 } else { 500 };
    for _ in 0..10 {
        world.finish(&["/bin/true"], &[]).await;
    }
    let helper = world.launcher.helper_pid();
    let resident = |pid: i32| {
        let pages = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
        pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4
    };
    let before = (open_descriptors(), resident(helper));
    for _ in 0..launches {
        let (end, _) = world.finish(&["/bin/true"], &[]).await;
        assert_eq!(end.exit, Exit::Code(0));
    }
    // The socket of the last job closes with the task that watched it, a moment after its end was told.
    assert!(open_descriptors() < before.0 + 5, "{} descriptors, {} before", open_descriptors(), before.0);
    assert!(resident(helper) < before.1 + 1024, "{} KiB in the helper, {} before", resident(helper), before.1);
    // The supervisor of the last job may just be on its way out.
    assert!(zombies() <= 1, "{} zombies", zombies());
    // Only root may look at a process that cannot be dumped.
    if let Ok(helper) = fs::read_dir(format!("/proc/{helper}/fd")) {
        assert!(helper.count() < 40);
    }
    world.launcher.shutdown().await;
    assert_eq!(zombies(), 0);
}

fn zombies() -> usize {
    let stat = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
    fs::read_dir("/proc").unwrap().flatten().map(stat).filter(|line| line.contains(") Z ")).count()
}
