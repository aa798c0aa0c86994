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
/// Rounds; the best counts, since a shared machine is noisy.
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

/// What was measured in one mode.
struct Times {
    name: &'static str,
    audit: Audit,
    alone: Duration,
    both: Duration,
}

/// The bare launch, and each mode's times. Each round has all of them, and the best round of each counts: what else the
/// machine does only ever adds to one. A round is long enough for several of the batches that are synced.
fn measure(clients: usize, modes: &mut [Times]) -> Duration {
    let mut bare = Duration::MAX;
    for _ in 0..ROUNDS {
        bare = bare.min(round(clients, launch));
        for mode in &mut *modes {
            mode.both = mode.both.min(round(clients, || recorded(&mode.audit, launch)));
            mode.alone = mode.alone.min(round(clients, || recorded(&mode.audit, || {})));
        }
    }
    bare
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
        let open = |(name, sync)| {
            let path = std::path::absolute(dir.path().join(format!("{name}-{clients}"))).unwrap();
            let options = Options { sync, ..Options::default() };
            let audit = Audit::open(&AbsPath::new(path).unwrap(), options).unwrap();
            Times { name, audit, alone: Duration::MAX, both: Duration::MAX }
        };
        let mut times = modes.map(open);
        let bare = measure(clients, &mut times);
        for Times { name, alone, both, .. } in times {
            let ratio = 100.0 * alone.as_secs_f64() / bare.as_secs_f64();
            let lost = 100.0 * (1.0 - bare.as_secs_f64() / both.as_secs_f64());
            let (alone, bare) = (format!("{alone:.1?}"), format!("{bare:.1?}"));
            let bar = if name == "batch" { "(bar 5 %)" } else { "" };
            println!("{clients:>7} {name:>8} {alone:>16} {bare:>12} {ratio:>15.1} % {lost:>15.1} % {bar}");
        }
    }
}
