//! Ten jobs at once that take all they can get: the server answers meanwhile, and nothing is left of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::mode::{Mode, modes};
use crate::site::Site;
use crate::talk::Talk;
use crate::{Case, case_of};

/// What each of them does, by its name.
const HOGS: &str = r#"
import ctypes, mmap, os, sys, threading, time
kind, tmp = sys.argv[1], os.environ["TMPDIR"]
def child(work):
    if os.fork() == 0:
        work()
        os._exit(0)
def forever(work):
    while True:
        work()
def bomb():
    while True:
        try: os.fork()
        except OSError: pass
def disk():
    n = 0
    while True:
        n += 1
        try: open(f"{tmp}/full{n % 64}", "wb").write(b"x" * (8 << 20))
        except OSError: pass
kept = []
if kind == "bomb": bomb()
if kind == "memory": forever(lambda: kept.append(b"x" * (1 << 20)))
if kind == "together":
    for _ in range(4): child(lambda: (kept.append(b"x" * (30 << 20)), time.sleep(60)))
    time.sleep(60)
if kind == "descriptors":
    try: forever(lambda: kept.append(open("/dev/null")))
    except OSError: time.sleep(60)
if kind == "children":
    for _ in range(1000):
        child(lambda: None)
        os.wait()
if kind == "threads":
    try: forever(lambda: threading.Thread(target=time.sleep, args=(60,), daemon=True).start())
    except RuntimeError: time.sleep(60)
if kind == "disk": disk()
if kind == "output": forever(lambda: os.write(1, b"endless " * 8000))
if kind == "spin":
    child(lambda: forever(lambda: None))
    forever(lambda: None)
if kind == "sessions":
    for _ in range(40): child(lambda: (os.setsid(), time.sleep(60)))
    time.sleep(60)
"#;

const KINDS: [&str; 10] =
    ["bomb", "memory", "together", "descriptors", "children", "threads", "disk", "output", "spin", "sessions"];

const POLICY: &str = "version: 1\nextends: builtin:workspace\n\
    limits: {processes: 64, memory: 100 MiB, file_size: 1 MiB, open_files: 64, cpu_time: 3s, wall_time: 6s, output: 64 MiB}\n\
    profiles: {build: {limits: {processes: 64, memory: 100 MiB, file_size: 1 MiB, open_files: 64, cpu_time: 3s, wall_time: 6s, output: 64 MiB}}}\n\
    jobs: {concurrent: 16}\n";

pub(crate) fn cases() -> Vec<Case> {
    let named = |mode: Mode| case_of(format!("ten hogs at once ({})", mode.name), move || ten(mode));
    modes().into_iter().map(named).collect()
}

/// Command lines of this machine that name the path.
fn running(path: &Path) -> Vec<String> {
    let lines = fs::read_dir("/proc").unwrap().flatten().map(|entry| fs::read(entry.path().join("cmdline")));
    let lines = lines.flatten().map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(&*path.to_string_lossy()) && !line.contains(" serve ")).collect()
}

fn mounts() -> usize {
    fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count()
}

/// Every file below a folder.
fn files(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        found.insert(entry.path().display().to_string());
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), found);
        }
    }
}

fn ten(mode: Mode) {
    let site = Site::new();
    let hog = site.write("workspace/hog.py", HOGS);
    let policy = site.write("policies/own.yaml", POLICY);
    let mut serve = mode.in_a_world(&site, "serve");
    serve.arg("--policy").arg(policy);
    let before = (mounts(), {
        let mut all = BTreeSet::new();
        files(&site.workspace(), &mut all);
        all
    });
    let mut talk = Talk::start(serve).unwrap_or_else(|output| panic!("{output}"));
    for kind in KINDS {
        let command = format!("python3 {} {kind}", hog.display());
        let answer = talk.call("execute_command", &json!({"command": command, "wait_seconds": 0}));
        assert_eq!(answer["isError"], false, "{answer}");
    }
    let (mut took, guard) = (Vec::new(), Instant::now() + Duration::from_secs(90));
    let last = loop {
        let asked = Instant::now();
        let jobs = talk.call("list_jobs", &json!({}));
        took.push(asked.elapsed());
        let all = jobs["structuredContent"]["jobs"].as_array().unwrap().clone();
        assert_eq!(all.len(), KINDS.len(), "{jobs}");
        if all.iter().all(|job| job["status"] != "running" && job["status"] != "queued") {
            break all;
        }
        assert!(Instant::now() < guard, "{jobs}");
        std::thread::sleep(Duration::from_millis(20));
    };
    took.sort();
    let (half, most) = (took[took.len() / 2], took[took.len() - 1]);
    let ends: Vec<String> = last.iter().map(|job| format!("{}", job["status"])).collect();
    println!("list_jobs among ten hogs ({}): median {half:?}, slowest of {} {most:?}; {ends:?}", mode.name, took.len());
    assert_eq!(running(&hog), Vec::<String>::new(), "while the server goes on");
    let answer = talk.call("execute_command", &json!({"command": "echo works"}));
    assert!(answer.to_string().contains("works"), "{answer}");
    drop(talk);
    let mut left = BTreeSet::new();
    files(&site.workspace(), &mut left);
    assert_eq!((mounts(), left), before);
}
