//! Copies of records for journald, in its own protocol.

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use crate::site::{Site, code, stderr};

/// The fields of an entry: `NAME=value`, or the name, the length and the value.
fn fields(mut entry: &[u8]) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    while let Some(end) = entry.iter().position(|byte| *byte == b'\n') {
        let line = String::from_utf8(entry[..end].to_vec()).unwrap();
        entry = &entry[end + 1..];
        if let Some((name, value)) = line.split_once('=') {
            fields.push((name.to_owned(), value.to_owned()));
            continue;
        }
        let (length, rest) = entry.split_at(8);
        let length = usize::try_from(u64::from_le_bytes(length.try_into().unwrap())).unwrap();
        fields.push((line, String::from_utf8(rest[..length].to_vec()).unwrap()));
        entry = &rest[length + 1..];
    }
    fields
}

/// The name that journald listens at leads to a socket of the test's own, in a mount namespace; making one needs root.
#[test]
fn what_an_operator_looks_for_has_fields_of_its_own() {
    if !nix::unistd::geteuid().is_root() {
        println!("SKIPPED: a mount namespace of the test's own needs root");
        return;
    }
    let site = Site::new();
    let journal = UnixDatagram::bind(site.path("journal")).unwrap();
    journal.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let policy = "version: 1\nextends: builtin:readonly\naudit: {syslog: true}\n";
    let policy = site.write("policies/policy.yaml", policy);
    let run = site.command("run");
    let script = "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && ln -s \"$0\" /run/systemd/journal/socket \
                  && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "bash", "-c", script]).arg(site.path("journal"));
    command.arg(run.get_program()).args(run.get_args()).arg("--policy").arg(policy).arg("nosuchprogram");
    let output = command.env("HOME", site.path("home")).current_dir(site.workspace()).output().unwrap();
    assert_eq!(code(&output), 126, "{}", stderr(&output));
    let record = site.records().into_iter().find(|record| record["kind"] == "decision").unwrap();
    let mut entry = vec![0; 64 << 10];
    let fields = loop {
        let length = journal.recv(&mut entry).unwrap();
        let fields = fields(&entry[..length]);
        if fields.iter().any(|(name, value)| name == "SHELLWARDEN_KIND" && value == "decision") {
            break fields;
        }
    };
    let field = |name: &str| fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    assert_eq!(field("SHELLWARDEN_DECISION"), Some("deny"), "{fields:?}");
    assert_eq!(field("SHELLWARDEN_SEQ"), Some(record["seq"].to_string().as_str()), "{fields:?}");
    assert_eq!(field("PRIORITY"), Some("5"), "a refusal is a notice: {fields:?}");
    assert_eq!(field("SYSLOG_IDENTIFIER"), Some("shellwarden"), "{fields:?}");
    let message: serde_json::Value = serde_json::from_str(field("MESSAGE").unwrap()).unwrap();
    assert_eq!(message, record, "the copy is the record");
}
