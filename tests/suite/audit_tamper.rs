//! Every change of a log of 200 records is found: each bit of each byte, each line removed, doubled, moved or swapped with
//! any other, each place where it could be cut.
//!
//! Lines before the change are checked once: what the check knew there is kept for each of them, and the change is judged
//! from there, by the code that `verify` runs.

use std::fs;
use std::path::Path;

use shellwarden::audit::{self, Audit, Check, DecisionRecord, EndRecord, Key, Known, Options};
use shellwarden::paths::AbsPath;

const RECORDS: usize = 200;

/// A log, and what was known before each of its lines.
struct Log {
    bytes: Vec<u8>,
    /// Where each line begins; the end of the last one, too.
    starts: Vec<usize>,
    before: Vec<Check>,
}

impl Log {
    /// Decisions, starts of nothing, ends, and text that JSON has to escape.
    fn new(key: Option<Key>) -> (Self, audit::Head) {
        let dir = tempfile::tempdir().unwrap();
        let path = AbsPath::new(dir.path().join("audit.jsonl")).unwrap();
        let audit = Audit::open(&path, Options { key: key.clone(), ..Options::default() }).unwrap();
        for n in 0..RECORDS / 2 {
            let command = format!("echo {n} \"\\\n\u{1b}[31m\u{e9}\u{1f600}\"");
            let record = DecisionRecord { command, decision: "allow".into(), ..DecisionRecord::default() };
            let receipt = audit.allowed(record).unwrap();
            receipt.ended(EndRecord { exit: Some(0), ..EndRecord::default() }).unwrap();
        }
        let head = audit.head();
        let known = Known { key, head: Some(head.clone()) };
        assert!(audit::verify(path.as_path(), &known).is_ok());
        (Self::read(fs::read(&path).unwrap(), known), head)
    }

    fn read(bytes: Vec<u8>, known: Known) -> Self {
        let mut starts = vec![0];
        let mut before = vec![Check::new(known)];
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let mut check = before[before.len() - 1].clone();
            check.line(line, 1);
            assert!(!check.is_broken());
            before.push(check);
            starts.push(starts[starts.len() - 1] + line.len());
        }
        Self { bytes, starts, before }
    }

    fn line(&self, number: usize) -> &[u8] {
        &self.bytes[self.starts[number]..self.starts[number + 1]]
    }

    /// Is it found when this follows the lines before `number`?
    fn finds<'a>(&self, number: usize, rest: impl IntoIterator<Item = &'a [u8]>) -> bool {
        let mut check = self.before[number].clone();
        for line in rest {
            check.line(line, 1);
            if check.is_broken() {
                return true;
            }
        }
        check.end(Path::new("log")).is_err()
    }

    /// The lines from `number` on, with another byte at `at`.
    fn finds_byte(&self, number: usize, at: usize, byte: u8) -> bool {
        // A changed line end joins two lines, and a new one cuts one in two; what comes after both is as it was.
        let last = (number + 2).min(RECORDS);
        let mut changed = self.bytes[self.starts[number]..self.starts[last]].to_vec();
        changed[at - self.starts[number]] = byte;
        let rest = (last..RECORDS).map(|line| self.line(line));
        self.finds(number, changed.split_inclusive(|byte| *byte == b'\n').chain(rest))
    }

    /// Every bit of every byte, on as many threads as there are.
    fn finds_every_flip(&self) {
        let numbers: Vec<usize> = (0..RECORDS).collect();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for numbers in numbers.chunks(RECORDS.div_ceil(threads)) {
                scope.spawn(move || {
                    for (number, at) in
                        numbers.iter().flat_map(|n| (self.starts[*n]..self.starts[n + 1]).map(|at| (*n, at)))
                    {
                        for bit in 0..8 {
                            let byte = self.bytes[at] ^ (1 << bit);
                            assert!(self.finds_byte(number, at, byte), "bit {bit} of byte {at}, in line {number}");
                        }
                    }
                });
            }
        });
    }
}

#[test]
fn every_flip_of_every_bit_is_found() {
    let (log, _) = Log::new(None);
    assert!(!log.finds(0, (0..RECORDS).map(|line| log.line(line))), "unchanged, it is whole");
    assert!(log.bytes.len() > 300 * RECORDS);
    log.finds_every_flip();
}

#[test]
fn every_flip_of_every_bit_of_a_sealed_log_is_found() {
    let (log, _) = Log::new(Key::new(&[7; 32]));
    log.finds_every_flip();
}

#[test]
fn every_line_that_is_removed_doubled_moved_or_swapped_is_found() {
    let (log, _) = Log::new(None);
    let lines: Vec<&[u8]> = (0..RECORDS).map(|line| log.line(line)).collect();
    for one in 0..RECORDS {
        let without = lines[one + 1..].iter().copied();
        assert!(log.finds(one, without), "line {one} removed");
        let doubled = [lines[one], lines[one]].into_iter().chain(lines[one + 1..].iter().copied());
        assert!(log.finds(one, doubled), "line {one} doubled");
        for other in one + 1..RECORDS {
            let mut swapped = lines[one..].to_vec();
            swapped.swap(0, other - one);
            assert!(log.finds(one, swapped), "lines {one} and {other} swapped");
            let mut moved = lines[one..].to_vec();
            moved[..=other - one].rotate_left(1);
            assert!(log.finds(one, moved), "line {one} moved behind {other}");
            let mut fewer = lines[one..].to_vec();
            fewer.drain(..other - one);
            assert!(log.finds(one, fewer), "lines {one} to {other} removed");
        }
    }
}

#[test]
fn every_place_where_it_is_cut_is_found() {
    let (log, head) = Log::new(None);
    for number in 0..RECORDS {
        for at in log.starts[number]..log.starts[number + 1] {
            let rest = Some(&log.bytes[log.starts[number]..at]).filter(|rest| !rest.is_empty());
            assert!(log.finds(number, rest), "cut at byte {at}");
        }
    }
    assert_eq!(head.seq, RECORDS as u64);
}

/// The same through files, for some changes of each kind: what is in memory above is what is read.
#[test]
fn what_is_found_in_memory_is_found_in_a_file() {
    let (log, head) = Log::new(None);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let known = Known { key: None, head: Some(head) };
    let found = |changed: &[u8]| {
        fs::write(&path, changed).unwrap();
        audit::verify(&path, &known).is_err()
    };
    assert!(!found(&log.bytes), "unchanged, it is whole");
    for at in (0..log.bytes.len()).step_by(4999).chain([log.bytes.len() - 1, log.starts[7] - 1]) {
        let mut flipped = log.bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(found(&flipped), "a flip in byte {at}");
        assert!(found(&log.bytes[..at]), "cut at byte {at}");
    }
    for at in [0, 99, RECORDS - 1] {
        let without = [&log.bytes[..log.starts[at]], &log.bytes[log.starts[at + 1]..]].concat();
        assert!(found(&without), "line {at} removed");
    }
}
