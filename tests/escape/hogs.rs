//! Jobs that keep each single process below its limit and take too much together, and one that only looks so.
#![expect(unsafe_code, reason = "an attacker calls the kernel directly")]

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use shellwarden::launcher::{Exit, LaunchError, Process, StdinMode};
use shellwarden::sandbox::{Isolation, Limits, ProcessCount, SandboxSpec};
use tokio::io::AsyncReadExt;

use crate::world::World;

const PIECE: usize = 40 << 20;
/// What a job does that nobody ends; a limit that does not work shows as exit code 0.
const LONG: Duration = Duration::from_secs(60);

/// Runs one hog in this process.
pub(crate) fn run(kind: &str) -> ExitCode {
    match kind {
        "private" => several(3, || std::mem::forget(touched())),
        "shared" => several(3, || {
            let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
            let none = std::ptr::null_mut();
            // SAFETY: the kernel chooses the place.
            let place = unsafe { libc::mmap(none, PIECE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
            assert_ne!(place, libc::MAP_FAILED);
            // SAFETY: a fresh mapping that nobody else knows, written within its length.
            unsafe { libc::memset(place, 1, PIECE) };
        }),
        "files in memory" => several(3, || {
            // 9 is MFD_CLOEXEC | MFD_NOEXEC_SEAL.
            // SAFETY: the name is terminated.
            let file = unsafe { libc::memfd_create(c"x".as_ptr(), 9) };
            assert!(file >= 0);
            let piece = touched();
            // SAFETY: the bytes live until the call returns.
            let written = unsafe { libc::write(file, piece.as_ptr().cast(), piece.len()) };
            assert_eq!(written, 40 << 20);
        }),
        "spin" => several(2, || {
            loop {
                std::hint::spin_loop();
            }
        }),
        "short spins" => loop {
            // Each ends early and is waited for; the sum counts.
            let spin = || {
                let until = std::time::Instant::now() + Duration::from_millis(50);
                while std::time::Instant::now() < until {
                    std::hint::spin_loop();
                }
            };
            child(spin);
            // SAFETY: no status is asked for.
            unsafe { libc::wait(std::ptr::null_mut()) };
        },
        "threads" => {
            let threads: Vec<_> =
                (0..60).map_while(|_| std::thread::Builder::new().spawn(|| std::thread::sleep(LONG)).ok()).collect();
            if threads.len() < 60 {
                // A program that gives up before anybody looked has ended by itself, and nobody could tell why.
                std::thread::sleep(Duration::from_secs(1));
                return ExitCode::FAILURE;
            }
            std::thread::sleep(LONG);
        }
        "fork bomb" => several(1, || {
            loop {
                // SAFETY: this program has one thread.
                unsafe { libc::fork() };
            }
        }),
        "descriptors" => {
            let open: Vec<_> = (0..100_000).map_while(|_| std::fs::File::open("/dev/null").ok()).collect();
            return if open.len() < 1000 { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        "thousand children" => {
            for _ in 0..1000 {
                child(|| {});
                // SAFETY: no status is asked for.
                unsafe { libc::wait(std::ptr::null_mut()) };
            }
            return ExitCode::SUCCESS;
        }
        "disk" => {
            let full = (0..64).find(|n| std::fs::write(format!("full{n}"), vec![0; 8 << 20]).is_err());
            return if full.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
        "output" => loop {
            println!("{}", "endless ".repeat(1000));
        },
        "segments" => several(3, || {
            // SAFETY: takes integers; 0 is IPC_PRIVATE.
            let segment = unsafe { libc::shmget(0, PIECE, 0o1600) };
            // SAFETY: the kernel chooses the place.
            let place = unsafe { libc::shmat(segment, std::ptr::null(), 0) };
            // SAFETY: a fresh segment that nobody else knows, written within its length.
            unsafe { libc::memset(place, 1, PIECE) };
            // SAFETY: nothing refers to the place any more.
            unsafe { libc::shmdt(place) };
        }),
        "copies" => {
            // One piece, shared by all copies of the process.
            let piece = touched();
            several(4, || std::thread::sleep(Duration::from_millis(400)));
            drop(piece);
            return ExitCode::SUCCESS;
        }
        other => panic!("no hog {other}"),
    }
    std::thread::sleep(LONG);
    ExitCode::SUCCESS
}

fn touched() -> Vec<u8> {
    vec![1; PIECE]
}

/// A copy of this process that does it and ends.
fn child(work: impl FnOnce()) {
    // SAFETY: this program has one thread.
    if unsafe { libc::fork() } == 0 {
        work();
        // SAFETY: takes an integer.
        unsafe { libc::_exit(0) };
    }
}

/// So many copies of this process that do it and stay; comes back when all have ended.
fn several(count: usize, work: impl Fn()) {
    for _ in 0..count {
        child(|| {
            work();
            std::thread::sleep(if count == 4 { Duration::ZERO } else { LONG });
        });
    }
    // SAFETY: no status is asked for.
    while unsafe { libc::wait(std::ptr::null_mut()) } > 0 {}
}

/// Each hog meets the limit of the whole job, and the job's end names it.
pub(crate) async fn whole_job(world: World) {
    let memory = Limits { memory: Some("64 MiB".parse().unwrap()), ..Limits::default() };
    let cpu = Limits { cpu_time: Some("1s".parse().unwrap()), ..Limits::default() };
    let processes = Limits { processes: Some(40), ..Limits::default() };
    let cases = [
        ("private", &memory, "memory"),
        ("shared", &memory, "memory"),
        ("files in memory", &memory, "memory"),
        ("spin", &cpu, "cpu_time"),
        ("short spins", &cpu, "cpu_time"),
        ("threads", &processes, "processes"),
    ];
    let me = std::env::current_exe().unwrap();
    let job = |kind: &str, limits: &Limits| world.spec(&[me.to_str().unwrap(), "hog", kind], &[], limits.clone());
    for (kind, limits, want) in cases {
        let (end, output) = world.finish_spec(job(kind, limits)).await;
        assert_eq!(end.limit.as_deref(), Some(want), "{kind}: {end:?} {output}");
    }
    if world.isolation == Isolation::MountNamespace {
        let (end, output) = world.finish_spec(job("segments", &memory)).await;
        assert_eq!(end.limit.as_deref(), Some("memory"), "segments: {end:?} {output}");
    }
    let (end, output) = world.finish_spec(job("copies", &memory)).await;
    assert_eq!((&end.exit, end.limit.as_deref()), (&Exit::Code(0), None), "{end:?} {output}");
    assert!(end.peak_memory >= 40 << 20, "{end:?}");
    // Who counts processes is told, whoever it is.
    let process = world.launcher.launch(job("copies", &processes), StdinMode::Null).await.unwrap();
    let counted = world.launcher.support().process_count() == ProcessCount::UserNamespace;
    let told = |what: &str| process.handle.sandbox().mechanisms.iter().any(|held| held.contains(what));
    assert_eq!((told("process count of the user namespace"), told("processes counted by")), (counted, !counted));
    process.handle.ended().await;
}

/// Ten bombs at once: other jobs go on meanwhile, and nothing is left of any of them.
pub(crate) async fn bombs(world: World) {
    let limits = Limits {
        cpu_time: Some("2s".parse().unwrap()),
        file_size: Some("1 MiB".parse().unwrap()),
        open_files: Some(64),
        memory: Some("64 MiB".parse().unwrap()),
        processes: Some(64),
    };
    let kinds = [
        "fork bomb",
        "threads",
        "private",
        "shared",
        "files in memory",
        "descriptors",
        "thousand children",
        "disk",
        "output",
        "spin",
    ];
    let me = std::env::current_exe().unwrap();
    let crowd = Crowd::watch();
    let mut running = Vec::new();
    for kind in kinds {
        let spec = world.spec(&[me.to_str().unwrap(), "hog", kind], &[], limits.clone());
        running.push(tokio::spawn(to_its_end(launched(&world, &spec).await)));
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        let started = Instant::now();
        let spec = world.spec(&["/bin/true"], &[], Limits::default());
        let end = launched(&world, &spec).await.handle.ended().await;
        assert_eq!(end.exit, Exit::Code(0), "another job goes on");
        slowest = slowest.max(started.elapsed());
    }
    for (kind, job) in kinds.iter().zip(running) {
        job.await.unwrap_or_else(|error| panic!("{kind}: {error}"));
    }
    let left = || crate::world::processes().into_iter().filter(|(_, command)| command.contains(" hog ")).count();
    assert_eq!(left(), 0);
    let (before, most) = crowd.most();
    println!(
        " ({most} tasks on the machine at most, {before} before; the slowest of five other jobs took {slowest:?})"
    );
    if !nix::unistd::geteuid().is_root() {
        // What the kernel bounds, however late the supervisor comes: others, room for what they start, the limit.
        assert!(most < before + 64 + 1024 + 300, "{most} tasks, {before} before");
    }
    assert_eq!(std::fs::read_dir(&world.outside).unwrap().count(), 2, "nothing was left outside");
}

/// Starts a job; the numbers of this world are few, and a bomb may have them all for a moment.
async fn launched(world: &World, spec: &SandboxSpec) -> Process {
    loop {
        match world.launcher.launch(spec.clone(), StdinMode::Null).await {
            Err(LaunchError::Step(failure)) if failure.errno == libc::EAGAIN => tokio::task::yield_now().await,
            other => return other.unwrap(),
        }
    }
}

/// Counts the tasks of the machine, from a thread of its own.
struct Crowd {
    before: u16,
    stop: Arc<AtomicBool>,
    counter: std::thread::JoinHandle<u16>,
}

impl Crowd {
    fn watch() -> Self {
        let tasks = || shellwarden::sys::tasks_of_machine().unwrap();
        let (before, stop) = (tasks(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let counter = std::thread::spawn(move || {
            let mut most = before;
            while !stopped.load(Ordering::Relaxed) {
                most = most.max(tasks());
                std::thread::sleep(Duration::from_millis(2));
            }
            most
        });
        Self { before, stop, counter }
    }

    /// Tasks before, and at most.
    fn most(self) -> (u16, u16) {
        self.stop.store(true, Ordering::Relaxed);
        (self.before, self.counter.join().unwrap())
    }
}

/// Reads what a job writes up to a limit, as a worker does, and ends it there, or when it has lasted long enough.
async fn to_its_end(process: Process) {
    let Process { mut stdout, handle, .. } = process;
    let reading = async {
        let mut part = [0; 64 << 10];
        let mut most = 4_usize << 20;
        while let Ok(length @ 1..) = stdout.read(&mut part).await
            && most > 0
        {
            most = most.saturating_sub(length);
        }
    };
    let _ = tokio::time::timeout(Duration::from_millis(1500), reading).await;
    // It may have ended by itself.
    let _ = handle.kill();
    handle.ended().await;
}
