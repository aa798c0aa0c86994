//! What the tree of a job uses at this moment.
//!
//! In: `/proc`. Out: counts of its tasks, their processor time and memory. Whether that is too much is the sampler's
//! decision.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use nix::unistd::{SysconfVar, sysconf};

/// More than the kernel writes: fifty numbers and a name of 64 bytes.
const STAT_LINE: usize = 2048;

/// One line of `/proc/PID/stat`, as far as it is of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) pid: i32,
    pub(super) parent: i32,
    pub(super) state: char,
    /// Processor time of it and of the children it waited for, clock ticks.
    ticks: u64,
    threads: u64,
    resident_pages: u64,
}

impl Stat {
    /// Zombies are counted as processes, but nothing more can be done to them.
    pub(super) fn is_alive(&self) -> bool {
        !matches!(self.state, 'Z' | 'X')
    }

    /// The name in the middle may hold blanks and parentheses.
    fn parse(line: &str) -> Option<Self> {
        let (pid, rest) = line.split_once(" (")?;
        let fields: Vec<&str> = rest.rsplit_once(") ")?.1.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
        Some(Self {
            pid: pid.parse().ok()?,
            parent: fields.get(1)?.parse().ok()?,
            state: fields.first()?.chars().next()?,
            // utime, stime, cutime, cstime of proc_pid_stat(5)
            ticks: (11..=14).map(number).sum(),
            threads: number(17),
            resident_pages: number(21),
        })
    }
}

/// Every process that `/proc` shows. A process may end between two reads; then it is no longer part of any tree.
pub(super) fn processes() -> io::Result<Vec<Stat>> {
    let (mut found, mut buffer) = (Vec::new(), [0; STAT_LINE]);
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        if name.as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            let path = Path::new("/proc").join(name).join("stat");
            // One read gives the whole line.
            let read = fs::File::open(path).and_then(|mut file| file.read(&mut buffer)).unwrap_or(0);
            let line = buffer.get(..read).map(String::from_utf8_lossy);
            found.extend(line.as_deref().and_then(Stat::parse));
        }
    }
    Ok(found)
}

/// The processes below `root`, without the trees of `except`.
pub(super) fn below<'a>(root: i32, all: &'a [Stat], except: &HashSet<i32>) -> Vec<&'a Stat> {
    let mut roots = vec![root];
    let mut found: Vec<&Stat> = Vec::new();
    while let Some(parent) = roots.pop() {
        for child in all.iter().filter(|stat| stat.parent == parent && !except.contains(&stat.pid)) {
            roots.push(child.pid);
            found.push(child);
        }
    }
    found
}

/// A moment's use of a whole tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Processes and threads.
    pub(super) tasks: u64,
    /// Processor time of all that live, of all that ended and were waited for, and of the supervisor.
    pub(super) cpu: Duration,
    /// Resident memory, shared pages counted as often as they are mapped: never less than what is really used.
    pub(super) resident: u64,
    pub(super) pids: Vec<i32>,
}

fn scale(variable: SysconfVar, usual: u64) -> u64 {
    sysconf(variable).ok().flatten().and_then(|value| u64::try_from(value).ok()).filter(|n| *n > 0).unwrap_or(usual)
}

/// Processor time that the kernel has summed up for this process or its children.
pub(super) fn summed(who: UsageWho) -> Duration {
    let part = |time: TimeVal| {
        let micros = u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or(0);
        Duration::from_micros(micros)
    };
    getrusage(who).map(|usage| part(usage.user_time()) + part(usage.system_time())).unwrap_or_default()
}

impl Usage {
    /// Looks at the tree below this process.
    pub(super) fn now() -> io::Result<Self> {
        // In the numbers of this /proc, which may be those of a namespace around.
        let own = fs::read_link("/proc/self")?;
        let own = own.to_str().and_then(|pid| pid.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let all = processes()?;
        let tree = below(own, &all, &HashSet::new());
        let ticks: u64 = tree.iter().map(|stat| stat.ticks).sum();
        let pages: u64 = tree.iter().map(|stat| stat.resident_pages).sum();
        let living = Duration::from_millis(ticks.saturating_mul(1000) / scale(SysconfVar::CLK_TCK, 100));
        Ok(Self {
            tasks: tree.iter().map(|stat| stat.threads.max(1)).sum(),
            cpu: living + summed(UsageWho::RUSAGE_CHILDREN) + summed(UsageWho::RUSAGE_SELF),
            resident: pages.saturating_mul(scale(SysconfVar::PAGE_SIZE, 4096)),
            pids: tree.iter().filter(|stat| stat.is_alive()).map(|stat| stat.pid).collect(),
        })
    }

    /// Memory that would be free without the tree: what it wrote to, each page counted once, files of programs not at
    /// all. Costly, hence only asked for when a cheap bound is passed, and given up when something is urgent.
    pub(super) fn written(&self, limit: u64, urgent: &dyn Fn() -> bool) -> Option<u64> {
        let rough = self.pids.iter().map(|pid| sum(*pid, "status", &["RssAnon:", "RssShmem:", "VmSwap:"]).unwrap_or(0));
        let rough: u64 = rough.sum();
        if rough <= limit {
            return Some(rough);
        }
        let shares = ["Pss_Anon:", "Pss_Shmem:", "SwapPss:"];
        // A process that cannot be looked into this closely counts with its rough figure.
        let exact = |pid: &i32| {
            sum(*pid, "smaps_rollup", &shares)
                .or_else(|| sum(*pid, "status", &["RssAnon:", "RssShmem:", "VmSwap:"]))
                .unwrap_or(0)
        };
        self.pids.iter().map(|pid| (!urgent()).then(|| exact(pid))).sum()
    }

    /// Files in memory that processes of the tree hold open: their pages count for no process as long as nobody maps
    /// them.
    pub(super) fn memory_files(&self) -> u64 {
        let mut seen = HashSet::new();
        let mut total = 0;
        for pid in &self.pids {
            let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
            for path in open.flatten().map(|entry| entry.path()) {
                let target = fs::read_link(&path).unwrap_or_default();
                if !target.as_os_str().as_encoded_bytes().starts_with(b"/memfd:") {
                    continue;
                }
                if let Ok(file) = fs::metadata(&path)
                    && seen.insert((file.dev(), file.ino()))
                {
                    total += file.blocks() * 512;
                }
            }
        }
        total
    }
}

/// The sum of some lines of a file in `/proc/PID`, which counts in kB.
fn sum(pid: i32, file: &str, lines: &[&str]) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
    let value = |line: &str| {
        let name = lines.iter().find(|name| line.starts_with(**name))?;
        line.get(name.len()..)?.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    Some(text.lines().filter_map(value).sum::<u64>() * 1024)
}

/// System V segments of this process's IPC namespace: they stay when nobody is attached.
pub(super) fn segments() -> u64 {
    let text = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    // proc_sysvipc(5): the fifteenth column counts resident bytes.
    let resident = |line: &str| line.split_ascii_whitespace().nth(14).and_then(|bytes| bytes.parse::<u64>().ok());
    text.lines().filter_map(resident).sum()
}

/// Pages of the whole machine that belong to files in memory.
pub(super) fn shared_memory_of_machine() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Shmem:"));
    line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Option<(i32, i32, char)> {
        Stat::parse(line).map(|stat| (stat.pid, stat.parent, stat.state))
    }

    #[test]
    fn a_process_name_cannot_forge_its_parent() {
        let cases = [
            ("plain", "7 (sh) S 3 7 7", Some((7, 3, 'S'))),
            ("a name that looks like the rest", "8 (x) Z 1 (y) R 4 8 8", Some((8, 4, 'R'))),
            ("blanks", "9 (a b c) T 5 9", Some((9, 5, 'T'))),
            ("cut", "9 (a", None),
        ];
        for (why, line, want) in cases {
            assert_eq!(parsed(line), want, "{why}");
        }
    }

    #[test]
    fn times_threads_and_pages_are_read_from_their_places() {
        let line = "7 (a) b) R 3 7 7 0 -1 4194560 9 9 9 9 1 20 300 4000 20 0 6 0 55 1000 77 1 1";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.ticks, stat.threads, stat.resident_pages), (4321, 6, 77));
    }

    #[test]
    fn a_tree_is_everything_below_without_the_exceptions() {
        let stat = |pid, parent| Stat { pid, parent, state: 'S', ticks: 0, threads: 1, resident_pages: 0 };
        let all = [stat(2, 1), stat(3, 2), stat(4, 3), stat(5, 2), stat(6, 5), stat(7, 1)];
        let pids = |except: &[i32]| {
            let mut pids: Vec<i32> =
                below(2, &all, &except.iter().copied().collect()).into_iter().map(|stat| stat.pid).collect();
            pids.sort_unstable();
            pids
        };
        assert_eq!(pids(&[]), [3, 4, 5, 6]);
        assert_eq!(pids(&[5]), [3, 4]);
    }

    #[test]
    fn this_process_is_seen_to_use_memory_and_time() {
        assert!(summed(UsageWho::RUSAGE_SELF) > Duration::ZERO);
        let pid = i32::try_from(std::process::id()).unwrap();
        assert!(sum(pid, "status", &["RssAnon:"]).unwrap() > 0);
        assert!(shared_memory_of_machine() < 1 << 50);
    }
}
