//! A server process and a client of it that knows just enough of the protocol.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A running server. It ends when its input does, which is when this is dropped.
pub(crate) struct Talk {
    server: Child,
    input: Option<ChildStdin>,
    lines: BufReader<ChildStdout>,
    id: u64,
}

impl Talk {
    /// Starts it; what it said on standard error where it did not start.
    pub(crate) fn start(mut command: Command) -> Result<Self, String> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut server = command.spawn().unwrap();
        let (input, lines) = (server.stdin.take(), BufReader::new(server.stdout.take().unwrap()));
        let mut talk = Self { server, input, lines, id: 0 };
        let client = json!({"name": "test", "version": "1"});
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
        if talk.ask("initialize", &hello).is_none() {
            talk.input = None;
            let mut said = String::new();
            talk.server.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            return Err(said);
        }
        talk.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        Ok(talk)
    }

    fn send(&mut self, frame: &Value) {
        // A server that is gone shows in what is read.
        let _ = self.input.as_mut().map(|input| writeln!(input, "{frame}"));
    }

    /// The result of a request; none when the server is gone.
    fn ask(&mut self, method: &str, params: &Value) -> Option<Value> {
        self.id += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}));
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            let frame: Value = serde_json::from_str(&line).unwrap();
            if frame["id"] == self.id {
                return Some(frame["result"].clone());
            }
        }
    }

    /// The result of a tool.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        self.ask("tools/call", &json!({"name": tool, "arguments": arguments})).unwrap()
    }

    /// What the status of a job says, after its end.
    pub(crate) fn status(&mut self, answer: &Value) -> Value {
        let text = answer["content"][0]["text"].as_str().unwrap();
        let job = text.split_whitespace().nth(1).unwrap();
        self.call("get_job_status", &json!({"job_id": job, "wait_seconds": 45}))
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.server.wait();
    }
}
