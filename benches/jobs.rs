//! What a job costs a client over standard input and output, next to floors measured in the same run.
//!
//! 2,000 jobs of `true`, each started and waited for by one call, with 1, 8 and 32 calls in flight: rate, median, 99th
//! percentile, resident memory and descriptors of the server. Floors: the same program started and waited for by this
//! process without any sandbox; an MCP server without tools, for the time to the first answer.
//!
//! Bars: 2 ms per job one by one, 1,200 jobs a second with 32 in flight, 12, 20 and 32 MiB of memory idle, after 2,000
//! jobs and while 100 MB pass, descriptors as before, first answer within twice the empty server's.

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rmcp::ServiceExt;
use rmcp::handler::server::ServerHandler;
use serde_json::{Value, json};
use tempfile::TempDir;

type Outcome<T> = Result<T, Box<dyn Error>>;

const JOBS: usize = 2_000;
const IN_FLIGHT: [usize; 3] = [1, 8, 32];
/// Starts of each server for the time to the first answer.
const STARTS: usize = 15;
/// The argument that makes this program the floor of that measurement.
const EMPTY: &str = "--empty-server";

const POLICY: &str = r#"
version: 1
name: bench
commands:
  allow:
    - {id: bench, program: ["true", head, tr], options: any, operands: any}
env: {set: {PATH: "/usr/bin:/bin"}}
filesystem: {read: [/usr, "/{lib,lib64}", /etc], write: ["{workspace}", "{tmp}"], execute: [/usr, "/{bin,lib,lib64}"]}
jobs: {concurrent: 64, queue: 1000, retain: 100, retain_for: 1h}
limits: {output: 1 GiB}
"#;

fn main() -> Outcome<()> {
    if std::env::args().any(|argument| argument == EMPTY) {
        return empty_server();
    }
    // `cargo test` runs benches to see that they work; this one has nothing to say then.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let folder = TempDir::new()?;
    std::fs::write(folder.path().join("policy.yaml"), POLICY)?;
    first_answers(folder.path())?;
    let mut client = Client::start(server(folder.path())?)?;
    client.job("true")?;
    let (idle, descriptors) = (client.memory()?, client.descriptors());
    say(&format!("resident memory, idle: {} (bar 12 MiB)", mib(idle)))?;
    let floor = unconfined()?;
    say(&format!("floor, `true` without a sandbox, one by one: {floor:.2?}"))?;
    for width in IN_FLIGHT {
        let run = client.many(width)?;
        say(&format!(
            "{width:>2} in flight: {:>6.0} jobs/s, median {:.2?}, 99th percentile {:.2?}, {:.1} times the floor per job{}",
            run.rate(),
            run.quantile(0.5),
            run.quantile(0.99),
            run.took.as_secs_f64() / (JOBS as f64) / floor.as_secs_f64(),
            match width {
                1 => " (bar 2 ms)",
                32 => " (bar 1200 jobs/s)",
                _ => "",
            }
        ))?;
    }
    say(&format!("resident memory, after {} jobs: {} (bar 20 MiB)", JOBS * IN_FLIGHT.len(), mib(client.memory()?)))?;
    match (descriptors, client.descriptors()) {
        (Some(before), Some(after)) => say(&format!("descriptors: {before} before, {after} after"))?,
        _ => say("descriptors: this account may not count those of the server")?,
    }
    client.forget_peak();
    let started = Instant::now();
    client.job("head -c 100000000 /dev/zero | tr '\\0' 'x'")?;
    say(&format!("100 MB in {:.2?}; resident memory at most {} (bar 32 MiB)", started.elapsed(), mib(client.peak()?)))?;
    client.leave()
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// The server, not yet started.
fn server(folder: &Path) -> io::Result<Command> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shellwarden"));
    let (workspace, state) = (folder.join("workspace"), folder.join("state"));
    std::fs::create_dir_all(&workspace)?;
    std::fs::create_dir_all(&state)?;
    command.arg("serve").arg("--policy").arg(folder.join("policy.yaml"));
    command.arg("--workspace").arg(workspace).arg("--state").arg(state).env_remove("CLAUDE_PROJECT_DIR");
    Ok(command)
}

/// A server that can do nothing.
struct Nothing;

impl ServerHandler for Nothing {}

fn empty_server() -> Outcome<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        let running = Nothing.serve((tokio::io::stdin(), tokio::io::stdout())).await?;
        running.waiting().await?;
        Ok(())
    })
}

/// Medians of the time from the start of a process to its answer to the first message.
fn first_answers(folder: &Path) -> Outcome<()> {
    let mut times = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let mut empty = Command::new(std::env::current_exe()?);
        empty.arg(EMPTY);
        times.0.push(first_answer(empty)?);
        times.1.push(first_answer(server(folder)?)?);
    }
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    };
    let (empty, ours) = (median(times.0), median(times.1));
    let ratio = ours.as_secs_f64() / empty.as_secs_f64();
    say(&format!("start to first answer: {ours:.2?}, an empty server {empty:.2?}: {ratio:.1} times (bar 2)"))?;
    Ok(())
}

fn first_answer(command: Command) -> Outcome<Duration> {
    let started = Instant::now();
    let client = Client::start(command)?;
    let took = started.elapsed();
    client.leave()?;
    Ok(took)
}

/// `true` started and waited for, again and again; the mean.
fn unconfined() -> Outcome<Duration> {
    const ROUNDS: u32 = 500;
    let started = Instant::now();
    for _ in 0..ROUNDS {
        Command::new("true").stdin(Stdio::null()).status()?;
    }
    Ok(started.elapsed() / ROUNDS)
}

/// How 2,000 jobs went.
struct Run {
    took: Duration,
    /// From request to answer, sorted.
    each: Vec<Duration>,
}

impl Run {
    fn rate(&self) -> f64 {
        JOBS as f64 / self.took.as_secs_f64()
    }

    fn quantile(&self, part: f64) -> Duration {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a small count")]
        let index = ((self.each.len() as f64 - 1.0) * part) as usize;
        self.each.get(index).copied().unwrap_or_default()
    }
}

/// A client that speaks the protocol of 2025-11-25 in lines.
struct Client {
    server: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    next: u64,
}

impl Client {
    /// Starts a server and shakes hands.
    fn start(mut command: Command) -> Outcome<Self> {
        let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let to = server.stdin.take().ok_or("no input")?;
        let from = BufReader::new(server.stdout.take().ok_or("no output")?);
        let mut client = Self { server, to, from, next: 0 };
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}});
        client.send("initialize", &hello)?;
        client.receive()?;
        writeln!(client.to, "{}", json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))?;
        Ok(client)
    }

    fn send(&mut self, method: &str, params: &Value) -> io::Result<u64> {
        self.next += 1;
        let frame = json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params});
        writeln!(self.to, "{frame}")?;
        Ok(self.next)
    }

    /// The next answer, which must be a success.
    fn receive(&mut self) -> Outcome<(u64, Value)> {
        loop {
            let mut line = String::new();
            if self.from.read_line(&mut line)? == 0 {
                return Err("the server closed its output".into());
            }
            let answer: Value = serde_json::from_str(&line)?;
            let Some(id) = answer.get("id").and_then(Value::as_u64) else { continue };
            let failed = answer.get("error").is_some() || answer.pointer("/result/isError") == Some(&json!(true));
            return if failed { Err(line.into()) } else { Ok((id, answer)) };
        }
    }

    fn start_job(&mut self, command: &str) -> io::Result<u64> {
        let arguments = json!({"command": command, "wait_seconds": 45});
        self.send("tools/call", &json!({"name": "execute_command", "arguments": arguments}))
    }

    /// One job from its request to its end.
    fn job(&mut self, command: &str) -> Outcome<()> {
        self.start_job(command)?;
        let (_, answer) = self.receive()?;
        let text = answer.pointer("/result/content/0/text").and_then(Value::as_str).unwrap_or_default();
        if text.contains("completed") { Ok(()) } else { Err(text.into()) }
    }

    /// All jobs, so many of them at a time.
    fn many(&mut self, width: usize) -> Outcome<Run> {
        let started = Instant::now();
        let mut open = HashMap::new();
        let mut each = Vec::with_capacity(JOBS);
        let mut sent = 0;
        while each.len() < JOBS {
            while sent < JOBS && open.len() < width {
                let at = Instant::now();
                open.insert(self.start_job("true")?, at);
                sent += 1;
            }
            let (id, _) = self.receive()?;
            each.extend(open.remove(&id).map(|at: Instant| at.elapsed()));
        }
        let took = started.elapsed();
        each.sort_unstable();
        Ok(Run { took, each })
    }

    /// A size of /proc/PID/status, in bytes.
    fn size(&self, name: &str) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line")?;
        let kib: u64 = line.trim_matches([':', ' ', '\t', 'k', 'B']).parse()?;
        Ok(kib * 1024)
    }

    fn memory(&self) -> Outcome<u64> {
        self.size("VmRSS")
    }

    fn peak(&self) -> Outcome<u64> {
        self.size("VmHWM")
    }

    /// Lets the peak begin anew; only root may (proc_pid_clear_refs(5)), else it is that of the whole run.
    fn forget_peak(&self) {
        let _ = std::fs::write(format!("/proc/{}/clear_refs", self.server.id()), "5");
    }

    fn descriptors(&self) -> Option<usize> {
        Some(std::fs::read_dir(format!("/proc/{}/fd", self.server.id())).ok()?.count())
    }

    /// Closes its input and waits for its end.
    fn leave(mut self) -> Outcome<()> {
        drop(self.to);
        self.server.wait()?;
        Ok(())
    }
}
