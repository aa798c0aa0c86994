//! One server process and raw frames to and from it.
//!
//! Nothing here knows an MCP library: what is checked is the bytes. Every wait has an end that only a hang reaches.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than anything takes that is not stuck.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What a host hands to the server as standard input and output.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wires {
    Pipes,
    Sockets,
}

/// A running server and the client's ends of its wires.
pub(super) struct Session {
    server: Child,
    input: Option<Box<dyn Write>>,
    lines: Receiver<String>,
    exits: Receiver<ExitStatus>,
    exited: bool,
    stopped: Arc<AtomicBool>,
    /// Lets a reader that was told to stop go on; dropped with the session, which makes it close its end.
    reader: Sender<()>,
    next_id: u64,
    folder: TempDir,
}

fn policy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/policy.yaml")
}

/// A server with a workspace and a state folder of its own, not yet started.
fn command(folder: &Path, policy: &Path) -> Command {
    let (workspace, state) = (folder.join("workspace"), folder.join("state"));
    std::fs::create_dir_all(&workspace).unwrap();
    std::fs::create_dir_all(&state).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_shellwarden"));
    command.arg("serve").arg("--policy").arg(policy).env_remove("CLAUDE_PROJECT_DIR");
    command.arg("--workspace").arg(workspace).arg("--state").arg(state).stderr(Stdio::inherit());
    command
}

impl Session {
    /// Starts a server; no session is open yet.
    pub(super) fn start(wires: Wires) -> Self {
        let folder = TempDir::new().unwrap();
        let command = command(folder.path(), &policy());
        Self::run_server(wires, command, folder)
    }

    /// Starts a server on a policy that goes on after that of the client tests, perhaps with variables.
    pub(super) fn under(policy_text: &str, variables: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("policy.yaml");
        let base = policy();
        std::fs::write(&path, format!("version: 1\nextends: [{}]\n{policy_text}", base.display())).unwrap();
        let mut command = command(folder.path(), &path);
        command.envs(variables.iter().copied()).current_dir(folder.path().join("workspace"));
        let mut session = Self::run_server(Wires::Pipes, command, folder);
        session.shake_hands();
        session
    }

    /// Starts the server that a command names, and shakes hands.
    pub(super) fn open_command(command: Command) -> Self {
        let mut session = Self::run_server(Wires::Pipes, command, TempDir::new().unwrap());
        session.shake_hands();
        session
    }

    fn run_server(wires: Wires, mut command: Command, folder: TempDir) -> Self {
        let (input, output, server): (Box<dyn Write>, Box<dyn Read + Send>, Child) = match wires {
            Wires::Pipes => {
                let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
                (Box::new(server.stdin.take().unwrap()), Box::new(server.stdout.take().unwrap()), server)
            }
            Wires::Sockets => {
                let ((input, theirs_in), (output, theirs_out)) =
                    (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
                command.stdin(OwnedFd::from(theirs_in)).stdout(OwnedFd::from(theirs_out));
                let server = command.spawn().unwrap();
                (Box::new(input), Box::new(output), server)
            }
        };
        let (stopped, (reader, until)) = (Arc::new(AtomicBool::new(false)), channel());
        let lines = reading(output, Arc::clone(&stopped), until);
        let exits = waiting(&server);
        Self { server, input: Some(input), lines, exits, exited: false, stopped, reader, next_id: 0, folder }
    }

    /// Starts a server and shakes hands as a client of 2025-11-25.
    pub(super) fn open(wires: Wires) -> Self {
        let mut session = Self::start(wires);
        session.shake_hands();
        session
    }

    fn shake_hands(&mut self) {
        let client =
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}});
        let answer = self.ask("initialize", client);
        assert_eq!(answer.pointer("/result/protocolVersion"), Some(&json!("2025-11-25")), "{answer}");
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string());
    }

    /// The folder that jobs work in.
    pub(super) fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    /// Where the server keeps its state.
    pub(super) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The processes that the server has started and not ended.
    pub(super) fn children(&self) -> Vec<i32> {
        let pid = self.server.id();
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().map(|task| task.unwrap().path());
        let children = tasks.map(|task| std::fs::read_to_string(task.join("children")).unwrap_or_default());
        children.flat_map(|text| text.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>()).collect()
    }

    /// Writes the policy of a session that was started with [`Session::under`] anew.
    pub(super) fn rewrite_policy(&self, policy_text: &str) {
        let text = format!("version: 1\nextends: [{}]\n{policy_text}", policy().display());
        // As editors do it: whole, under another name first.
        let (new, path) = (self.folder.path().join("policy.new"), self.folder.path().join("policy.yaml"));
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, path).unwrap();
    }

    /// Sends one line as it is.
    pub(super) fn send(&mut self, line: &str) {
        self.send_bytes(format!("{line}\n").as_bytes());
    }

    pub(super) fn send_bytes(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
    }

    /// Sends a request and returns its id.
    pub(super) fn request(&mut self, method: &str, params: Value) -> u64 {
        self.next_id += 1;
        let id = self.next_id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string());
        id
    }

    /// The next line of the server, which is JSON or the test fails. None at the end of its output.
    pub(super) fn next(&mut self) -> Option<Value> {
        let line = match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return None,
            Err(timeout) => panic!("no answer: {timeout}"),
        };
        let value: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("stdout is no JSON: {error}: {line}"));
        Some(value)
    }

    /// The answer to one request; other lines before it are dropped.
    pub(super) fn answer(&mut self, id: u64) -> Value {
        loop {
            let line = self.next().unwrap_or_else(|| panic!("the server closed its output before it answered {id}"));
            if line.get("id") == Some(&json!(id)) {
                return line;
            }
        }
    }

    pub(super) fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.request(method, params);
        self.answer(id)
    }

    /// Calls a tool; its result, whether error or not.
    pub(super) fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments}));
        answer.get("result").cloned().unwrap_or_else(|| panic!("{tool}: {answer}"))
    }

    /// Starts a command without waiting; the id of its job.
    pub(super) fn run(&mut self, command: &str) -> String {
        self.run_with(command, json!({}))
    }

    /// The same with more arguments.
    pub(super) fn run_with(&mut self, command: &str, mut arguments: Value) -> String {
        arguments["command"] = json!(command);
        arguments["wait_seconds"] = json!(0);
        let answer = self.call("execute_command", arguments);
        let text = text(&answer);
        assert_eq!(answer.get("isError"), Some(&json!(false)), "{text}");
        text.split(' ').nth(1).unwrap().to_owned()
    }

    /// The state of a job once it is over.
    pub(super) fn ended(&mut self, job: &str) -> Value {
        loop {
            let status = self.status(job);
            if !matches!(status["status"].as_str(), Some("queued" | "running")) {
                return status;
            }
        }
    }

    /// The facts of a job after a moment.
    pub(super) fn status(&mut self, job: &str) -> Value {
        let answer = self.call("get_job_status", json!({"job_id": job, "wait_seconds": 0.2}));
        answer["structuredContent"].clone()
    }

    /// Is it alive and right? One everyday call.
    pub(super) fn works(&mut self, why: &str) {
        let answer = self.call("execute_command", json!({"command": "echo still here"}));
        assert!(text(&answer).contains("still here"), "{why}: {answer}");
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.server.id().try_into().unwrap()), signal).unwrap();
    }

    /// Stops reading what the server says, without closing: its output fills up.
    pub(super) fn stop_reading(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Goes on reading.
    pub(super) fn read_again(&self) {
        self.stopped.store(false, Ordering::Relaxed);
        self.reader.send(()).unwrap();
    }

    /// Closes the client's end of the server's input.
    pub(super) fn hang_up(&mut self) {
        self.input = None;
    }

    /// Waits for the end of the process.
    pub(super) fn exit(&mut self) -> ExitStatus {
        let status = self.exits.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("the server does not exit"));
        self.exited = true;
        status
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.input = None;
        if !self.exited && self.exits.recv_timeout(PATIENCE).is_err() {
            self.signal(Signal::SIGKILL);
        }
    }
}

/// The text of a tool's result.
pub(super) fn text(result: &Value) -> String {
    result.pointer("/content/0/text").and_then(Value::as_str).unwrap_or_else(|| panic!("no text: {result}")).to_owned()
}

fn reading(output: Box<dyn Read + Send>, stopped: Arc<AtomicBool>, until: Receiver<()>) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
            if stopped.load(Ordering::Relaxed) && until.recv().is_err() {
                break;
            }
        }
    });
    lines
}

/// Tells when a process ends. It is reaped here, so its number stays its own until then.
fn waiting(server: &Child) -> Receiver<ExitStatus> {
    use nix::sys::wait::{WaitStatus, waitpid};
    use std::os::unix::process::ExitStatusExt;
    let pid = Pid::from_raw(server.id().try_into().unwrap());
    let (sender, exits) = channel();
    thread::spawn(move || {
        let status = match waitpid(pid, None) {
            Ok(WaitStatus::Exited(_, code)) => ExitStatus::from_raw(code << 8),
            Ok(WaitStatus::Signaled(_, signal, _)) => ExitStatus::from_raw(signal as i32),
            other => panic!("{other:?}"),
        };
        let _ = sender.send(status);
    });
    exits
}
