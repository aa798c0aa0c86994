//! What the record costs a command: its decision, its start and its end, in each mode of writing to the disk, from one
//! client and from eight.
//!
//! Floors of the same run: the start of a bare `/bin/true`, and so many of them with their records in between: what that
//! takes from the rate of bare launches. A confined launch takes longer, so its rate loses less.
//!
//! Bar: with `batch`, at most 5 % of the launch rate.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench reports on its own")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use shellwarden::audit::{Audit, DecisionRecord, EndRecord, Options, StartRecord, Sync};
use shellwarden::paths::AbsPath;

const CLIENTS: [usize; 2] = [1, 8];
/// Commands in one round, of all clients together.
const COMMANDS: usize = 200;
/// Rounds; the median counts, since a shared machine is noisy.
const ROUNDS: usize = 15;

fn record() -> DecisionRecord {
    let (command, cwd) = ("git log --oneline | head -n 3".into(), "/home/user/project".into());
    DecisionRecord {
        command,
        cwd,
        client: "stdio".into(),
        front: "mcp".into(),
        decision: "allow".into(),
        rules: vec!["git-read".into(), "head".into()],
        policy_digest: "0".repeat(64),
        policy_name: "workspace".into(),
        profile: Some("default".into()),
        ..DecisionRecord::default()
    }
}

/// All that a command leaves in the log.
fn recorded(audit: &Audit, command: impl FnOnce()) {
    let receipt = audit.allowed(record()).unwrap();
    receipt.starter().started(&StartRecord::default()).unwrap();
    command();
    receipt.ended(EndRecord { state: "completed".into(), exit: Some(0), ..EndRecord::default() }).unwrap();
}

fn launch() {
    let mut command = Command::new("/bin/true");
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().unwrap().success());
}

/// The time of one round of `each` on so many threads, for each command.
fn round(clients: usize, each: impl Fn() + std::marker::Sync) -> Duration {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| (0..COMMANDS / clients).for_each(|_| each()));
        }
    });
    begun.elapsed() / u32::try_from(COMMANDS).unwrap()
}

fn median<T: PartialOrd>(mut values: Vec<T>) -> T {
    values.sort_by(|one, other| one.partial_cmp(other).unwrap());
    let middle = values.len() / 2;
    values.swap_remove(middle)
}

/// The mode's times: the records alone, the bare launch, and the launch with its records; each round has all of them, so
/// that what else the machine does meets all alike.
fn measure(clients: usize, audit: &Audit) -> (Duration, Duration, f64) {
    let (mut alone, mut bare, mut share) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let floor = round(clients, launch);
        let both = round(clients, || recorded(audit, launch));
        alone.push(round(clients, || recorded(audit, || {})));
        bare.push(floor);
        share.push(100.0 * (1.0 - floor.as_secs_f64() / both.as_secs_f64()));
    }
    (median(alone), median(bare), median(share))
}

fn main() {
    // `cargo test` runs benches to see that they work; this one has nothing to say then.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let dir = tempfile::tempdir_in(".").unwrap();
    let modes = [
        ("none", Sync::None),
        ("interval", Sync::Interval(Duration::from_secs(1))),
        ("batch", Sync::Batch),
        ("record", Sync::Record),
    ];
    println!("clients     sync  records/command  bare launch  records : launch  launch rate lost");
    for clients in CLIENTS {
        for (name, sync) in modes {
            let path =
                AbsPath::new(std::path::absolute(dir.path().join(format!("{name}-{clients}"))).unwrap()).unwrap();
            let audit = Audit::open(&path, Options { sync, ..Options::default() }).unwrap();
            let (alone, bare, lost) = measure(clients, &audit);
            let ratio = 100.0 * alone.as_secs_f64() / bare.as_secs_f64();
            let (alone, bare) = (format!("{alone:.1?}"), format!("{bare:.1?}"));
            let bar = if name == "batch" { "(bar 5 %)" } else { "" };
            println!("{clients:>7} {name:>8} {alone:>16} {bare:>12} {ratio:>15.1} % {lost:>15.1} % {bar}");
        }
    }
}
