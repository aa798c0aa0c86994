//! A log over several files, sealed by a key, on a disk that is full, and seen by whoever asks.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use shellwarden::audit::{self, Audit, AuditError, DecisionRecord, Filter, Key, Known, Options, Rotate, Sync};
use shellwarden::paths::AbsPath;

fn scratch() -> (tempfile::TempDir, AbsPath) {
    let dir = tempfile::tempdir().unwrap();
    let path = AbsPath::new(dir.path().join("audit.jsonl")).unwrap();
    (dir, path)
}

fn decision(command: &str) -> DecisionRecord {
    DecisionRecord { command: command.into(), decision: "deny".into(), ..DecisionRecord::default() }
}

fn small(size: u64, keep: Option<usize>) -> Options {
    Options { rotate: Rotate { size: Some(size), age: None, keep }, ..Options::default() }
}

/// The files of a log, closed ones first.
fn files(path: &AbsPath) -> Vec<std::path::PathBuf> {
    let folder = fs::read_dir(path.parent().unwrap()).unwrap();
    let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.rotate_left(1);
    files
}

fn whole(path: &AbsPath) -> audit::Verified {
    audit::verify(path.as_path(), &Known::default()).unwrap_or_else(|broken| panic!("{broken:?}"))
}

fn faults(path: &AbsPath, known: &Known) -> String {
    let broken = audit::verify(path.as_path(), known).unwrap_err();
    broken.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_chain_runs_through_every_file_and_several_writers() {
    let (_dir, path) = scratch();
    let writers: Vec<_> = (0..3).map(|_| Audit::open(&path, small(3000, None)).unwrap()).collect();
    std::thread::scope(|scope| {
        for audit in &writers {
            scope.spawn(|| (0..30).for_each(|n| audit.refused(decision(&n.to_string())).unwrap()));
        }
    });
    let all = files(&path);
    assert!(all.len() > 3, "{all:?}");
    let verified = whole(&path);
    let closed = u64::try_from(all.len()).unwrap() - 1;
    assert_eq!(verified.records, 90 + 2 * closed, "each closed file ends and each next one begins");
    let records: Vec<_> = audit::read(path.as_path(), None).unwrap().map(Result::unwrap).collect();
    assert_eq!(records.iter().filter(|record| record.kind == "rotated").count(), all.len() - 1);
    assert!(records.iter().zip(1..).all(|(record, n)| record.seq == n));
}

#[test]
fn writers_that_close_and_remove_files_at_every_record_lose_nobody() {
    let (_dir, path) = scratch();
    let writers: Vec<_> = (0..5).map(|_| Audit::open(&path, small(1, Some(2))).unwrap()).collect();
    std::thread::scope(|scope| {
        for audit in &writers {
            scope.spawn(|| (0..20).for_each(|n| audit.refused(decision(&n.to_string())).unwrap()));
        }
    });
    assert_eq!(files(&path).len(), 3);
    let verified = whole(&path);
    assert!(verified.first > 100, "{verified:?}");
}

#[test]
fn a_file_that_somebody_took_away_is_missed_and_one_removed_by_rule_is_not() {
    let (_dir, path) = scratch();
    let audit = Audit::open(&path, small(1500, Some(2))).unwrap();
    (0..40).for_each(|n| audit.refused(decision(&n.to_string())).unwrap());
    let all = files(&path);
    assert_eq!(all.len(), 3, "{all:?}");
    let verified = whole(&path);
    assert!(verified.first > 1);
    let kept: Vec<_> = all.iter().map(|file| fs::read(file).unwrap()).collect();
    let restore = || all.iter().zip(&kept).for_each(|(file, bytes)| fs::write(file, bytes).unwrap());
    for (number, file) in all.iter().enumerate() {
        fs::remove_file(file).unwrap();
        assert!(audit::verify(path.as_path(), &Known::default()).is_err(), "file {number} of {all:?}");
        restore();
    }
    whole(&path);
}

#[test]
fn a_writer_whose_place_was_removed_by_rule_goes_on_and_a_head_from_there_is_told_to_be_gone() {
    for keep in [0, 1, 2] {
        let (_dir, path) = scratch();
        let idle = Audit::open(&path, small(1500, Some(keep))).unwrap();
        idle.refused(decision("before")).unwrap();
        let early = idle.head();
        let busy = Audit::open(&path, small(1500, Some(keep))).unwrap();
        (0..40).for_each(|n| busy.refused(decision(&n.to_string())).unwrap());
        idle.refused(decision("after")).unwrap();
        busy.refused(decision("and on")).unwrap();
        assert!(whole(&path).first > 1);
        let gone = faults(&path, &Known { key: None, head: Some(early) });
        assert!(gone.contains("record 1 was removed by rule"), "{gone}");
    }
}

#[test]
fn whoever_keeps_the_lock_is_not_waited_for_for_ever() {
    let (_dir, path) = scratch();
    let audit = Audit::open(&path, Options::default()).unwrap();
    let other = fs::File::open(&path).unwrap();
    other.lock().unwrap();
    let refused = audit.allowed(decision("ls")).unwrap_err().to_string();
    assert!(refused.contains("another process holds its lock and keeps it"), "{refused}");
    drop(other);
    audit.refused(decision("ls")).unwrap();
    assert_eq!(whole(&path).records, 1);
}

#[test]
fn a_crash_between_two_files_is_made_good() {
    for step in ["closed", "put aside", "begun"] {
        let (_dir, path) = scratch();
        let audit = Audit::open(&path, small(1000, None)).unwrap();
        let running = Audit::open(&path, small(1000, None)).unwrap();
        (0..4).for_each(|n| audit.refused(decision(&n.to_string())).unwrap());
        let all = files(&path);
        assert_eq!(all.len(), 2, "{all:?}");
        // Back to where a crash would have left it.
        match step {
            "closed" => fs::rename(&all[0], &path).unwrap(),
            "put aside" => fs::remove_file(&path).unwrap(),
            _ => fs::write(&path, "").unwrap(),
        }
        drop(audit);
        Audit::open(&path, small(1000, None)).unwrap().refused(decision("after")).unwrap();
        running.refused(decision("by one that was there before")).unwrap();
        whole(&path);
    }
}

#[test]
fn an_old_file_is_closed_too() {
    let (_dir, path) = scratch();
    let day = Duration::from_secs(86_400);
    let rotate = Rotate { size: None, age: Some(day), keep: None };
    let at = |now| Audit::open(&path, Options { now, rotate, ..Options::default() }).unwrap();
    at(|| "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap()).refused(decision("one")).unwrap();
    at(|| "2026-01-01T23:00:00Z".parse::<Timestamp>().unwrap()).refused(decision("two")).unwrap();
    assert_eq!(files(&path).len(), 1);
    at(|| "2026-01-02T01:00:00Z".parse::<Timestamp>().unwrap()).refused(decision("three")).unwrap();
    assert_eq!(files(&path).len(), 2);
    whole(&path);
}

#[test]
fn without_the_key_nobody_can_write_a_log_anew() {
    let (dir, path) = scratch();
    let file = AbsPath::new(dir.path().join("key")).unwrap();
    let problem = |text: &str| format!("the audit key `{file}` cannot be used: {text}");
    fs::write(&file, "short").unwrap();
    assert_eq!(
        Key::read(&file).unwrap_err().to_string(),
        problem("others may read or write it; run `chmod 600` on it")
    );
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    assert!(Key::read(&file).unwrap_err().to_string().starts_with(&problem("it holds 5 bytes")));
    fs::write(&file, [7; 32]).unwrap();
    let key = Key::read(&file).unwrap();
    let sealed = || Options { key: Some(key.clone()), ..Options::default() };

    // Records from before there was a key may stand first.
    Audit::open(&path, Options::default()).unwrap().refused(decision("plain")).unwrap();
    let audit = Audit::open(&path, sealed()).unwrap();
    (0..3).for_each(|n| audit.refused(decision(&n.to_string())).unwrap());
    let known = Known { key: Some(key.clone()), head: None };
    assert_eq!(audit::verify(path.as_path(), &known).unwrap().records, 4);
    assert_eq!(whole(&path).unchecked, 3, "without the key their seals stay unchecked, and that is told");
    let other = Known { key: Key::new(&[8; 32]), head: None };
    assert!(faults(&path, &other).contains("its seal does not fit its content"));
    let plain = Audit::open(&path, Options::default()).unwrap_err();
    assert!(matches!(plain, AuditError::Damaged { .. }), "a writer without the key does not go on: {plain}");

    // Whoever writes it anew has no key.
    fs::remove_file(&path).unwrap();
    let forged = Audit::open(&path, Options::default()).unwrap();
    (0..4).for_each(|n| forged.refused(decision(&n.to_string())).unwrap());
    assert!(faults(&path, &known).contains("no record is sealed by the key"));
}

#[test]
fn a_head_that_was_remembered_shows_what_was_cut_off() {
    let (_dir, path) = scratch();
    let audit = Audit::open(&path, Options::default()).unwrap();
    (0..5).for_each(|n| audit.refused(decision(&n.to_string())).unwrap());
    let early = audit.head();
    (0..5).for_each(|n| audit.refused(decision(&n.to_string())).unwrap());
    let late = audit.head();
    let known = |head: &audit::Head| Known { key: None, head: Some(head.to_string().parse().unwrap()) };
    assert!(audit::verify(path.as_path(), &known(&early)).is_ok());
    assert!(audit::verify(path.as_path(), &known(&late)).is_ok());
    let text = fs::read_to_string(&path).unwrap();
    let seven: String = text.split_inclusive('\n').take(7).collect();
    fs::write(&path, seven).unwrap();
    assert!(audit::verify(path.as_path(), &known(&early)).is_ok(), "what was remembered is there");
    assert!(faults(&path, &known(&late)).ends_with("record 10 is not the one that was remembered, or is missing"));
}

#[test]
fn records_wait_for_the_disk_together() {
    let (_dir, path) = scratch();
    let audit = Audit::open(&path, Options { sync: Sync::Batch, ..small(4000, None) }).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..10).for_each(|n| audit.refused(decision(&n.to_string())).unwrap()));
        }
    });
    assert!(whole(&path).records > 80);
}

#[test]
fn an_end_that_cannot_be_written_now_is_written_before_anything_else() {
    let (dir, path) = scratch();
    let audit = Audit::open(&path, Options::default()).unwrap();
    let receipt = audit.allowed(decision("ls")).unwrap();
    let aside = dir.path().join("elsewhere");
    fs::rename(&path, &aside).unwrap();
    assert!(receipt.ended(audit::EndRecord::default()).is_err(), "it is told");
    assert!(audit.allowed(decision("next")).is_err(), "and nothing starts meanwhile");
    assert_eq!(audit.kept(), 1);
    assert!(audit.note_kept("policy_load", "x".repeat(2 << 20)).is_err(), "it never fits");
    assert_eq!(audit.kept(), 1, "and must not hold up the others");
    fs::rename(&aside, &path).unwrap();
    audit.refused(decision("after")).unwrap();
    let kinds: Vec<_> = audit::read(path.as_path(), None).unwrap().map(|record| record.unwrap().kind).collect();
    assert_eq!(kinds, ["decision", "end", "decision"]);
    assert_eq!((audit.kept(), whole(&path).records), (0, 3));
}

#[test]
fn what_is_shown_is_what_was_asked_for() {
    let (_dir, path) = scratch();
    let audit = Audit::open(&path, Options::default()).unwrap();
    let job = uuid::Uuid::from_u128(7);
    let allowed = DecisionRecord {
        job: Some(job),
        client: "a".into(),
        decision: "allow".into(),
        rules: vec!["ls".into(), "head".into()],
        ..decision("ls | head")
    };
    let receipt = audit.allowed(allowed).unwrap();
    audit.refused(DecisionRecord { client: "b".into(), rules: vec!["force".into()], ..decision("git push") }).unwrap();
    receipt.ended(audit::EndRecord::default()).unwrap();
    let seen = |filter: &Filter| -> Vec<u64> {
        let records = audit::read(path.as_path(), None).unwrap().map(Result::unwrap);
        records.filter(|record| filter.wants(record)).map(|record| record.seq).collect()
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(seen(&Filter::default()), [1, 2, 3]);
    assert_eq!(seen(&Filter { client: some("b"), ..Filter::default() }), [2]);
    assert_eq!(seen(&Filter { decision: some("allow"), ..Filter::default() }), [1]);
    assert_eq!(seen(&Filter { rule: some("head"), ..Filter::default() }), [1]);
    assert_eq!(seen(&Filter { job: some(&job.to_string()), ..Filter::default() }), [1, 3]);
    assert_eq!(seen(&Filter { kind: some("end"), ..Filter::default() }), [3]);
    assert_eq!(seen(&Filter { until: Some(Timestamp::UNIX_EPOCH), ..Filter::default() }), [0_u64; 0]);
    assert_eq!(seen(&Filter { since: Some(Timestamp::UNIX_EPOCH), ..Filter::default() }), [1, 2, 3]);
}

/// Sends what a writer forwards to a socket of the test's own.
#[test]
fn copies_go_to_syslog_and_a_full_or_missing_receiver_delays_nobody() {
    let (dir, path) = scratch();
    let socket = dir.path().join("log");
    let receiver = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    receiver.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let forward = audit::Forward::to(Some(AbsPath::new(&socket).unwrap())).unwrap();
    let audit = Audit::open(&path, Options { forward: Some(forward.clone()), ..Options::default() }).unwrap();
    audit.refused(decision("rm -rf /")).unwrap();
    let mut message = [0; 8192];
    let length = receiver.recv(&mut message).unwrap();
    let text = String::from_utf8_lossy(&message[..length]).into_owned();
    assert!(text.starts_with("<85>"), "authpriv, and a refusal is a notice: {text}");
    assert!(text.contains(r#""command":"rm -rf /""#), "{text}");
    // Nobody reads any more: the socket fills up, then the queue, and records are written all the same.
    (0..3000).for_each(|n| audit.note("policy_load", serde_json::json!({ "n": n })).unwrap());
    assert!(forward.dropped() > 0);
    drop(receiver);
    audit.refused(decision("still")).unwrap();
    assert_eq!(whole(&path).records, 3002);
    assert!(Path::new(path.as_path()).exists());
}
