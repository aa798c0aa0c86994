//! What the record costs a command: its decision, its start and its end, in each mode of writing to the disk, from one
//! client and from eight, beside the start of a bare process in the same run.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench reports on its own")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use shellwarden::audit::{Audit, DecisionRecord, EndRecord, Options, StartRecord, Sync};
use shellwarden::paths::AbsPath;

const CLIENTS: [usize; 2] = [1, 8];
/// Commands of each client in one round.
const COMMANDS: u32 = 50;
/// Rounds; the median counts, since a shared machine is noisy.
const ROUNDS: usize = 7;

fn record() -> DecisionRecord {
    let (command, cwd) = ("git log --oneline | head -n 3".into(), "/home/user/project".into());
    DecisionRecord {
        command,
        cwd,
        decision: "allow".into(),
        rules: vec!["git-read".into()],
        ..DecisionRecord::default()
    }
}

/// All that a command leaves in the log.
fn command(audit: &Audit) {
    let receipt = audit.allowed(record()).unwrap();
    receipt.starter().started(&StartRecord::default()).unwrap();
    receipt.ended(EndRecord { state: "completed".into(), exit: Some(0), ..EndRecord::default() }).unwrap();
}

/// The median time of a round of `each` on so many threads, for each command.
fn median(clients: usize, each: impl Fn() + std::marker::Sync) -> Duration {
    let count = COMMANDS * u32::try_from(clients).unwrap();
    let round = || {
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..clients {
                scope.spawn(|| (0..COMMANDS).for_each(|_| each()));
            }
        });
        begun.elapsed() / count
    };
    let mut times: Vec<_> = (0..ROUNDS).map(|_| round()).collect();
    times.sort();
    times.into_iter().nth(ROUNDS / 2).unwrap()
}

fn launch() {
    let mut command = Command::new("/bin/true");
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().unwrap().success());
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let modes = [
        ("none", Sync::None),
        ("interval", Sync::Interval(Duration::from_secs(1))),
        ("batch", Sync::Batch),
        ("record", Sync::Record),
    ];
    println!("{:>8} {:>9} {:>14} {:>16} {:>8}", "clients", "sync", "record/command", "bare launch", "share");
    for clients in CLIENTS {
        let floor = median(clients, launch);
        for (name, sync) in modes {
            let path = AbsPath::new(dir.path().join(format!("{name}-{clients}.jsonl"))).unwrap();
            let audit = Audit::open(&path, Options { sync, ..Options::default() }).unwrap();
            let cost = median(clients, || command(&audit));
            // The share of a command that is launched bare and recorded; a confined launch takes longer.
            let share = 100.0 * cost.as_secs_f64() / (cost + floor).as_secs_f64();
            println!(
                "{clients:>8} {name:>9} {:>14} {:>16} {share:>6.1} %",
                format!("{cost:.1?}"),
                format!("{floor:.1?}")
            );
        }
    }
}
