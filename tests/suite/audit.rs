//! The audit log: written before anything starts, by several writers, and nothing in it can be changed unseen.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use shellwarden::audit::{self, Audit, AuditError, Broken, DecisionRecord, EndRecord, Known, Options, Sync, Verified};
use shellwarden::paths::AbsPath;

/// A folder that goes away with the test, and the log in it.
fn scratch() -> (tempfile::TempDir, AbsPath) {
    let dir = tempfile::tempdir().unwrap();
    let path = AbsPath::new(dir.path().join("audit.jsonl")).unwrap();
    (dir, path)
}

fn open(path: &AbsPath) -> Audit {
    Audit::open(path, Options::default()).unwrap()
}

fn decision(command: &str) -> DecisionRecord {
    DecisionRecord { command: command.into(), decision: "allow".into(), ..DecisionRecord::default() }
}

fn verify(path: &Path) -> Result<Verified, Vec<Broken>> {
    audit::verify(path, &Known::default())
}

/// A log of `records` lines and its bytes.
fn written(path: &AbsPath, records: usize) -> Vec<u8> {
    let audit = open(path);
    for n in 0..records {
        audit.refused(decision(&format!("echo {n}"))).unwrap();
    }
    fs::read(path).unwrap()
}

fn append(path: &AbsPath, bytes: &[u8]) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

#[test]
fn a_decision_and_its_end_are_chained_and_private() {
    let (_dir, path) = scratch();
    let audit = open(&path);
    audit.note("server_start", serde_json::json!({"pid": 7})).unwrap();
    let receipt = audit.allowed(decision("ls")).unwrap();
    receipt.ended(EndRecord { state: "completed".into(), exit: Some(0), ..EndRecord::default() }).unwrap();
    let verified = verify(path.as_path()).unwrap();
    assert_eq!((verified.records, &verified.head), (3, &audit.head()));
    let records: Vec<_> = audit::read(path.as_path(), None).unwrap().map(Result::unwrap).collect();
    let kinds: Vec<_> = records.iter().map(|record| record.kind.as_str()).collect();
    assert_eq!(kinds, ["server_start", "decision", "end"]);
    assert_eq!(records[2].fields()["decision_seq"], 2);
    assert_eq!(records[2].fields()["outcome"]["exit"], 0);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
}

#[test]
fn two_writers_share_one_chain() {
    let (_dir, path) = scratch();
    let writers: Vec<_> = (0..4).map(|_| open(&path)).collect();
    std::thread::scope(|scope| {
        for audit in &writers {
            scope.spawn(|| (0..50).for_each(|n| audit.refused(decision(&n.to_string())).unwrap()));
        }
    });
    assert_eq!(verify(path.as_path()).unwrap().records, 200);
}

#[test]
fn a_torn_last_line_is_taken_off_and_told() {
    for whole in [0, 3] {
        let (_dir, path) = scratch();
        written(&path, whole);
        let running = open(&path);
        append(&path, br#"{"v":1,"seq":4,"time":"#);
        assert!(verify(path.as_path()).is_err());
        running.refused(decision("next")).unwrap();
        let records: Vec<_> = audit::read(path.as_path(), None).unwrap().map(Result::unwrap).collect();
        assert_eq!(records[whole].kind, "repaired");
        assert_eq!(records[whole].fields()["torn_text"], r#"{"v":1,"seq":4,"time":"#);
        assert_eq!(verify(path.as_path()).unwrap().records, whole as u64 + 2);
    }
}

#[test]
fn the_last_record_is_found_however_long_it_and_what_a_crash_left_behind_it_are() {
    for (first, last, torn) in
        [(20_000, 10, 0), (10, 15_000, 3_000), (10, 200_000, 20_000), (900_000, 900_000, 900_000)]
    {
        let (_dir, path) = scratch();
        let running = open(&path);
        for length in [first, 1, last] {
            running.refused(decision(&"x".repeat(length))).unwrap();
        }
        let head = running.head();
        drop(running);
        append(&path, &vec![b'y'; torn]);
        let again = open(&path);
        assert_eq!(again.head().seq, head.seq + u64::from(torn > 0), "{first} {last} {torn}");
        again.refused(decision("next")).unwrap();
        assert_eq!(verify(path.as_path()).unwrap().records, again.head().seq);
    }
}

#[test]
fn a_log_that_others_could_rewrite_is_refused() {
    let refused = |path: &AbsPath| Audit::open(path, Options::default()).unwrap_err().to_string();
    let (dir, path) = scratch();
    let named = |why: &str| format!("the audit log `{path}` cannot be trusted: {why}");
    symlink(dir.path().join("elsewhere"), &path).unwrap();
    assert_eq!(refused(&path), named("it is a symbolic link; name the file itself"));
    fs::remove_file(&path).unwrap();
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o660)).unwrap();
    assert_eq!(refused(&path), named("others may write it; run `chmod 600` on it"));
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    fs::hard_link(&path, dir.path().join("second")).unwrap();
    assert_eq!(refused(&path), named("it has a second name (a hard link); remove that or name another file"));
    let missing = AbsPath::new(dir.path().join("no/such/folder")).unwrap();
    assert!(matches!(Audit::open(&missing, Options::default()), Err(AuditError::Open { .. })));
    let full = Audit::open(&AbsPath::new("/dev/full").unwrap(), Options::default());
    assert!(matches!(full, Err(AuditError::Untrusted { .. } | AuditError::Open { .. })));
}

#[test]
fn a_log_that_changes_under_a_writer_stops_it() {
    let (_dir, path) = scratch();
    let audit = open(&path);
    audit.refused(decision("one")).unwrap();
    let moved = PathBuf::from(format!("{path}.old"));
    fs::rename(&path, &moved).unwrap();
    assert!(audit.allowed(decision("two")).is_err(), "the file is gone");
    fs::write(&path, "").unwrap();
    assert!(audit.allowed(decision("two")).is_err(), "another file is in its place");
    fs::rename(&moved, &path).unwrap();
    audit.refused(decision("two")).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    assert!(audit.allowed(decision("three")).is_err(), "records are gone");
    let text = "not a record\n";
    fs::write(&path, text).unwrap();
    assert!(matches!(Audit::open(&path, Options::default()), Err(AuditError::Damaged { .. })));
}

#[test]
fn every_record_can_wait_for_the_disk() {
    let (_dir, path) = scratch();
    let options = Options { sync: Sync::Record, ..Options::default() };
    Audit::open(&path, options).unwrap().refused(decision("ls")).unwrap();
    assert_eq!(verify(path.as_path()).unwrap().records, 1);
}

/// Verifies changed bytes of a log.
fn verifies(path: &Path, bytes: &[u8]) -> bool {
    fs::write(path, bytes).unwrap();
    verify(path).is_ok()
}

#[test]
fn any_flip_removal_or_swap_is_found() {
    let (_dir, path) = scratch();
    let bytes = written(&path, 12);
    let head = verify(path.as_path()).unwrap().head;
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(!verifies(path.as_path(), &flipped), "a flip in byte {at}");
    }
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    for at in 0..lines.len() - 1 {
        let mut fewer = lines.clone();
        fewer.remove(at);
        assert!(!verifies(path.as_path(), &fewer.concat()), "line {at} removed");
        let mut swapped = lines.clone();
        swapped.swap(at, at + 1);
        assert!(!verifies(path.as_path(), &swapped.concat()), "line {at} swapped");
    }
    fs::write(&path, lines[..11].concat()).unwrap();
    let cut = verify(path.as_path()).unwrap();
    assert_ne!(cut.head, head, "a cut at a line end shows against a head that was kept");
    assert!(verify(Path::new("/")).is_err(), "a folder is no log");
}
