//! `shellwarden redact` between other programs: each piece comes out as soon as it may, and `--stats` counts.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

#[test]
fn a_pipe_gets_each_line_at_once_and_stats_name_rules_and_never_values() {
    let token = ["gh", "p_", &"aB3dE6gH9j".repeat(4)].concat();
    let mut command = Command::new(env!("CARGO_BIN_EXE_shellwarden"));
    command.args(["redact", "--stats"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    for part in ["is ", &token[..9], &token[9..], " ok\n"] {
        input.write_all(part.as_bytes()).unwrap();
    }
    // The input is still open: what waits for its end never answers.
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "is [redacted:github-token] ok\n");
    input.write_all(b"name? ").unwrap();
    let mut prompt = [0; 6];
    output.read_exact(&mut prompt).unwrap();
    assert_eq!(&prompt, b"name? ", "a prompt has no line end");
    drop(input);
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success());
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(told.contains("github-token: 1") && !told.contains(&token[4..]), "{told}");
}
