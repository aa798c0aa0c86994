//! A server that stays, spoken to one call after the other.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::site::Site;

/// A running server; it ends when this is dropped.
pub(crate) struct Serving {
    pub(crate) server: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    calls: u64,
}

impl Serving {
    /// Starts `serve` on a policy of the site and opens a session.
    pub(crate) fn start(site: &Site, policy: &Path) -> Self {
        Self::start_with(site, policy, &[])
    }

    /// The same with another temporary directory.
    pub(crate) fn start_in(site: &Site, policy: &Path, temporary: &Path) -> Self {
        Self::start_with(site, policy, &[("TMPDIR", temporary.to_str().unwrap())])
    }

    /// The same with variables of the server.
    pub(crate) fn start_with(site: &Site, policy: &Path, environment: &[(&str, &str)]) -> Self {
        let mut command = site.command("serve");
        command.arg("--policy").arg(policy).envs(environment.iter().copied());
        Self::run_command(command)
    }

    /// Starts the server that a command becomes.
    pub(crate) fn run_command(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = command.spawn().unwrap();
        let (input, output) = (server.stdin.take(), BufReader::new(server.stdout.take().unwrap()));
        let mut serving = Self { server, input, output, calls: 0 };
        let client = json!({"name": "test", "version": "1"});
        serving.ask("initialize", &json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}));
        serving.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        serving
    }

    fn send(&mut self, frame: &Value) {
        writeln!(self.input.as_mut().unwrap(), "{frame}").unwrap();
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.calls += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.calls, "method": method, "params": params}));
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the server has gone");
            let answer: Value = serde_json::from_str(&line).unwrap();
            if answer["id"] == self.calls {
                return answer["result"].clone();
            }
        }
    }

    /// The text that a tool answers with.
    pub(crate) fn tool(&mut self, name: &str, arguments: &Value) -> String {
        let result = self.ask("tools/call", &json!({"name": name, "arguments": arguments}));
        result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text in {result}")).to_owned()
    }

    /// Runs a line to its end.
    pub(crate) fn run(&mut self, line: &str) -> String {
        self.tool("execute_command", &json!({"command": line, "wait_seconds": 45}))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // The end of its input ends the server.
        drop(self.input.take());
        let _ = self.server.wait();
    }
}
