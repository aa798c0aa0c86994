//! `shellwarden redact` between other programs: each piece comes out as soon as it may, and `--stats` counts.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

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

#[test]
fn a_terminal_gets_each_line_and_each_prompt_while_the_input_stays_open() {
    let token = ["gh", "p_", &"aB3dE6gH9j".repeat(4)].concat();
    let (screen, seat) = shellwarden::sys::open_terminal(24, 80).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_shellwarden"));
    command.arg("redact").stdin(Stdio::piped()).stdout(seat).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut input = child.stdin.take().unwrap();
    let mut shown = Vec::new();
    for (part, want) in [(format!("is {token} ok\n"), "is [redacted:github-token] ok\r\n"), ("name? ".into(), "name? ")]
    {
        input.write_all(part.as_bytes()).unwrap();
        shown.clear();
        while shown.len() < want.len() {
            let mut polled = [PollFd::new(screen.as_fd(), PollFlags::POLLIN)];
            assert_eq!(poll(&mut polled, PollTimeout::from(60_000_u16)), Ok(1), "{want:?} never came");
            let mut bytes = [0; 256];
            let count = nix::unistd::read(&screen, &mut bytes).unwrap();
            shown.extend_from_slice(&bytes[..count]);
        }
        assert_eq!(String::from_utf8_lossy(&shown), want);
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}
