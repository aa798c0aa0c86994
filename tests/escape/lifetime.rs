//! Every process of a job is gone when it ends, is killed, or loses whoever looked after it.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use shellwarden::launcher::{Exit, LaunchError, Process, StdinMode};
use shellwarden::sandbox::{Isolation, Limits};
use tokio::io::AsyncReadExt;

use crate::world::{World, in_world, isolation_of, processes};

/// Processes that try to stay: own sessions, a double fork, ignored signals, a forking loop.
const CLINGING: &str = "trap '' TERM HUP INT
setsid sleep 4001 &
(setsid sh -c 'sleep 4002 & exit' &)
sh -c 'trap \"\" TERM; sleep 4003; :' &
sh -c 'while :; do sleep 4004 & kill $!; wait $!; done' 2>/dev/null &
sleep 4005 &
echo ready
sleep 4006";

fn clinging() -> Vec<String> {
    processes().into_iter().filter(|(_, command)| command.contains("sleep 400")).map(|(_, command)| command).collect()
}

/// Polls for what another process does in its own time; the limit is for a broken build only.
fn wait_until_gone(what: &str) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !clinging().is_empty() {
        assert!(Instant::now() < limit, "{what}: {:?}", clinging());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A job that clings to life and has said that it is ready.
async fn cling(world: &World) -> Process {
    let mut process = world.start(&["/bin/sh", "-c", CLINGING], &[]).await;
    let mut ready = [0; 6];
    process.stdout.read_exact(&mut ready).await.unwrap();
    assert_eq!(&ready, b"ready\n");
    process
}

pub(crate) async fn whole_tree(world: World) {
    let process = cling(&world).await;
    assert!(clinging().len() >= 3, "{:?}", processes());
    process.handle.signal(Signal::SIGCONT).unwrap();
    process.handle.kill().unwrap();
    let end = process.handle.ended().await;
    assert_eq!(end.exit, Exit::Signal(libc::SIGKILL));
    assert_eq!(clinging(), Vec::<String>::new(), "the end is told when the last process is gone");
    assert!(process.handle.signal(Signal::SIGTERM).is_err());
    // A job is over when its last process is, not its first.
    let process = world.start(&["/bin/sh", "-c", "sleep 4007 & exit 3"], &[]).await;
    let limit = Instant::now() + Duration::from_secs(30);
    while !processes().iter().any(|(_, command)| command.starts_with("sleep 4007")) {
        assert!(Instant::now() < limit, "{:?}", processes());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    process.handle.signal(Signal::SIGTERM).unwrap();
    let end = process.handle.ended().await;
    assert!(matches!(end.exit, Exit::Code(3) | Exit::Signal(libc::SIGTERM)), "{end:?}");
    assert_eq!(clinging(), Vec::<String>::new());
}

pub(crate) async fn dropped_handle(world: World) {
    drop(cling(&world).await);
    wait_until_gone("a job that nobody holds");
}

pub(crate) async fn dead_supervisor(world: World) {
    let (one, other) = (cling(&world).await, world.start(&["/bin/sleep", "3999"], &[]).await);
    kill(Pid::from_raw(one.handle.pid()), Signal::SIGKILL).unwrap();
    let end = one.handle.ended().await;
    assert!(matches!(&end.exit, Exit::Lost(why) if why.contains("supervisor")), "{end:?}");
    assert_eq!(clinging(), Vec::<String>::new(), "the end is told when the last process is gone");
    other.handle.kill().unwrap();
    assert_eq!(other.handle.ended().await.exit, Exit::Signal(libc::SIGKILL), "the other job went on");
}

async fn three_jobs(world: &World) -> [Process; 3] {
    [cling(world).await, cling(world).await, cling(world).await]
}

pub(crate) async fn dead_helper(world: World) {
    let jobs = three_jobs(&world).await;
    kill(Pid::from_raw(world.launcher.helper_pid()), Signal::SIGKILL).unwrap();
    for job in &jobs {
        let end = job.handle.ended().await;
        assert!(matches!(end.exit, Exit::Lost(_) | Exit::Signal(libc::SIGKILL)), "{end:?}");
    }
    wait_until_gone("jobs of a dead helper");
    let spec = world.spec(&["/bin/true"], &[], Limits::default());
    let refused = world.launcher.launch(spec, StdinMode::Null).await;
    assert!(matches!(refused, Err(LaunchError::Gone)), "{refused:?}");
    world.launcher.shutdown().await;
}

pub(crate) async fn dead_helper_and_supervisor(world: World) {
    let jobs = three_jobs(&world).await;
    // Stopped first, so that none can act on the other's death.
    let mut both: Vec<i32> = jobs.iter().map(|job| job.handle.pid()).collect();
    both.push(world.launcher.helper_pid());
    for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
        both.iter().for_each(|pid| kill(Pid::from_raw(*pid), signal).unwrap());
    }
    wait_until_gone("jobs without helper and supervisor");
    world.launcher.shutdown().await;
}

/// The other side of [`dead_server`]: three jobs, then sleep.
pub(crate) async fn serve_until_killed(world: World) {
    let jobs = three_jobs(&world).await;
    let pids: Vec<String> = jobs
        .iter()
        .map(|job| job.handle.pid())
        .chain([world.launcher.helper_pid()])
        .map(|pid| pid.to_string())
        .collect();
    println!("serving {} {}", pids.join(","), world.base.display());
    std::future::pending::<()>().await;
}

/// A server with three jobs: itself, its helper and their supervisors, and its folder.
fn serving(mode: &str) -> (Child, Vec<i32>, String) {
    use std::io::{BufRead, BufReader};
    let me = std::env::current_exe().unwrap();
    let mut server = Command::new(me).args(["world", mode, "serve"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let (pids, base) = line.trim_end().strip_prefix("serving ").unwrap().split_once(' ').unwrap();
    let pids = pids.split(',').map(|pid| pid.parse().unwrap()).collect();
    assert!(!clinging().is_empty());
    (server, pids, base.to_owned())
}

/// Whoever could end the jobs is gone in one moment. The kernel ends them where it can: all of them in a namespace, elsewhere
/// the first process of each, and the others stay.
pub(crate) fn dead_all(mode: &str) {
    let (mut server, mut pids, base) = serving(mode);
    pids.push(i32::try_from(server.id()).unwrap());
    for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
        pids.iter().for_each(|pid| kill(Pid::from_raw(*pid), signal).unwrap());
    }
    server.wait().unwrap();
    if isolation_of(mode) >= Isolation::PidNamespace {
        wait_until_gone("jobs without anybody");
    }
    // Only the first process of a job has the whole script in its command line and no script's parent.
    let first = || processes().into_iter().filter(|(_, command)| command.contains("echo ready")).count();
    let limit = Instant::now() + Duration::from_secs(30);
    while first() > 0 {
        assert!(Instant::now() < limit, "{:?}", processes());
        std::thread::sleep(Duration::from_millis(2));
    }
    fs::remove_dir_all(base).unwrap();
}

pub(crate) fn dead_server(mode: &str) {
    let (mut server, _, base) = serving(mode);
    server.kill().unwrap();
    server.wait().unwrap();
    wait_until_gone("jobs of a dead server");
    // The helper goes when it has seen the last of them.
    let limit = Instant::now() + Duration::from_secs(30);
    while processes().iter().any(|(_, command)| command.ends_with(" serve ")) {
        assert!(Instant::now() < limit, "{:?}", processes());
        std::thread::sleep(Duration::from_millis(2));
    }
    fs::remove_dir_all(base).unwrap();
    // Keeps the scenario's world honest: a fresh launcher works after the crash of another.
    in_world(mode, |world: World| async move {
        assert_eq!(world.finish(&["/bin/true"], &[]).await.0.exit, Exit::Code(0));
    });
}
