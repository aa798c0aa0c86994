//! One server over HTTP and raw requests to it.
//!
//! Nothing here knows an HTTP or MCP library: what is checked is the bytes. Every wait has an end that only a hang reaches.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::site::{Site, stdout};

/// Longer than anything takes that is not stuck.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What every site's policy says beside its `http` section.
const POLICY: &str = "
version: 1
commands:
  allow:
    - {id: tools, program: [echo, sleep, cat, 'true', seq], options: any, operands: any}
cwd: {roots: ['{workspace}']}
env: {inherit: [PATH]}
filesystem: {read: [/usr, '/lib*', /bin, /etc], write: ['{workspace}', '{tmp}'], execute: [/usr, '/lib*', /bin]}
sandbox: {on_unsupported: {default: warn, metadata: warn, protect: warn, hide: warn}}
";

/// A running server.
pub(super) struct Server {
    pub(super) site: Site,
    process: Child,
    pub(super) address: SocketAddr,
    said: Receiver<String>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// Without the date.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The JSON-RPC messages in it.
    pub(super) fn messages(&self) -> Vec<Value> {
        // What chunks are made of lies between the events.
        self.body.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect()
    }

    /// The last of them.
    pub(super) fn message(&self) -> Value {
        self.messages().pop().unwrap_or_else(|| panic!("no message in {self:?}"))
    }
}

/// Writes the policy of a site; `more` are further lines of it.
pub(super) fn policy(site: &Site, more: &str) -> PathBuf {
    site.write("policies/policy.yaml", &format!("{POLICY}{more}"))
}

/// `token` with these arguments; what it printed.
pub(super) fn token(site: &Site, arguments: &[&str]) -> String {
    let output = site.command("token").arg("--policy").arg(site.path("policies/policy.yaml")).args(arguments).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    stdout(&output).trim().to_owned()
}

/// The command that serves a site.
pub(super) fn serve(site: &Site, address: &str) -> Command {
    let mut command = site.command("serve");
    command.arg("--policy").arg(site.path("policies/policy.yaml")).args(["--http", address]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

impl Server {
    /// A server that anybody on this machine may use.
    pub(super) fn open() -> Self {
        let site = Site::new();
        policy(&site, "");
        Self::start(site)
    }

    /// A server with a token for each of these clients.
    pub(super) fn with_clients(names: &[&str]) -> (Self, Vec<String>) {
        let site = Site::new();
        policy(&site, "http: {tokens: '{state}/tokens.json'}\n");
        let tokens = names.iter().map(|name| token(&site, &["add", name])).collect();
        (Self::start(site), tokens)
    }

    /// Serves a site whose policy is written.
    pub(super) fn start(site: Site) -> Self {
        Self::started(serve(&site, "127.0.0.1:0"), site)
    }

    /// Serves a site by this command.
    pub(super) fn started(mut command: Command, site: Site) -> Self {
        let mut process = command.spawn().unwrap();
        let stderr = process.stderr.take().unwrap();
        let (sender, said) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let address = loop {
            let line = said.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("the server never said where it listens"));
            if let Some((_, address)) = line.split_once("serving MCP at ") {
                break address.split('/').nth(2).unwrap().parse().unwrap();
            }
        };
        Self { site, process, address, said }
    }

    /// Waits until the server says a line with this in it.
    pub(super) fn says(&self, words: &str) -> String {
        loop {
            let line = self.said.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("the server never said `{words}`"));
            if line.contains(words) {
                return line;
            }
        }
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Another server on the site of this one, which has ended.
    pub(super) fn again(mut self) -> Self {
        let site = std::mem::replace(&mut self.site, Site::new());
        drop(self);
        Self::start(site)
    }

    /// Sends bytes and reads until the server closes.
    pub(super) fn raw(&self, bytes: &[u8]) -> Reply {
        try_raw(self.address, bytes).unwrap()
    }

    /// One request on a connection of its own; its headers are these and no others but `Host` and `Connection`.
    pub(super) fn request(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        self.raw(&request(self.address, line, headers, body))
    }

    /// One message to the protocol's address, of the era without handshake.
    pub(super) fn post(&self, token: Option<&str>, message: &Value) -> Reply {
        self.raw(&posting(self.address, token, message))
    }

    /// A request of the era without handshake; its result or error.
    pub(super) fn ask(&self, token: Option<&str>, method: &str, params: Value) -> Value {
        let reply = self.post(token, &message(method, params));
        let answer = reply.message();
        answer.get("result").or_else(|| answer.get("error")).cloned().unwrap_or_else(|| panic!("{reply:?}"))
    }

    /// Calls a tool; its result.
    pub(super) fn call(&self, token: Option<&str>, tool: &str, arguments: Value) -> Value {
        self.ask(token, "tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// Starts a command that runs on; the id of its job.
    pub(super) fn run(&self, token: Option<&str>, command: &str) -> String {
        let answer = self.call(token, "execute_command", json!({"command": command, "wait_seconds": 0}));
        let text = text(&answer);
        assert_eq!(answer["isError"], false, "{text}");
        text.split(' ').nth(1).unwrap().to_owned()
    }

    /// Waits until exactly these jobs of a client run or wait.
    pub(super) fn until_jobs_are(&self, token: Option<&str>, wanted: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let reply =
                self.post(token, &message("tools/call", json!({"name": "list_jobs", "arguments": {"limit": 100}})));
            // A client that has too many calls open is told to come again.
            let listed = (reply.status == 200).then(|| reply.message()["result"]["structuredContent"]["jobs"].clone());
            let jobs = listed.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
            let alive = jobs.iter().filter(|job| matches!(job["status"].as_str(), Some("running" | "queued")));
            let mut alive: Vec<_> = alive.filter_map(|job| job["job_id"].as_str()).collect();
            alive.sort_unstable();
            if listed.is_some() && alive == wanted {
                return;
            }
            assert!(Instant::now() < deadline, "still there: {reply:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Is it alive and right? One everyday call.
    pub(super) fn works(&self, token: Option<&str>, why: &str) {
        let answer = self.call(token, "execute_command", json!({"command": "echo still here", "wait_seconds": 45}));
        assert!(text(&answer).contains("still here"), "{why}: {answer}");
    }

    pub(super) fn pid(&self) -> Pid {
        Pid::from_raw(self.process.id().try_into().unwrap())
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Waits for the end of the process; its exit code, none after a signal.
    pub(super) fn exit(&mut self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its own child, which nobody has waited for yet, or a number that `kill` finds nobody at.
        if let Ok(None) = self.process.try_wait() {
            let _ = kill(self.pid(), Signal::SIGTERM);
            let _ = self.process.wait();
        }
    }
}

/// A message of the era without handshake.
pub(super) fn message(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

/// One message to a server that may be gone; then the status is 0.
pub(super) fn try_post(address: SocketAddr, token: Option<&str>, message: &Value) -> Reply {
    let none = Reply { status: 0, headers: Vec::new(), body: String::new() };
    try_raw(address, &posting(address, token, message)).unwrap_or(none)
}

fn try_raw(address: SocketAddr, bytes: &[u8]) -> std::io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // A server that has refused already may have closed its end.
    let _ = stream.write_all(bytes);
    Ok(read_reply(&mut stream))
}

/// The bytes of a request that carries a message of the era without handshake.
pub(super) fn posting(address: SocketAddr, token: Option<&str>, message: &Value) -> Vec<u8> {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let method = message["method"].as_str().unwrap_or_default();
    let name = message.pointer("/params/name").or_else(|| message.pointer("/params/uri")).and_then(Value::as_str);
    let mut headers = vec![
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", method),
    ];
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    headers.extend(name.map(|name| ("mcp-name", name)));
    request(address, "POST /mcp", &headers, &message.to_string())
}

/// The bytes of a request.
pub(super) fn request(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{line} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        text.push_str(&format!("host: {address}\r\n"));
    }
    text.push_str("connection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !headers.iter().any(|(name, _)| *name == "content-length") {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    format!("{text}\r\n{body}").into_bytes()
}

/// A reply, read to the end of the connection.
pub(super) fn read_reply(stream: &mut impl Read) -> Reply {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    // A reset after the reply is the end as well: the server closed with bytes of ours unread.
    while let Ok(count) = stream.read(&mut chunk) {
        if count == 0 {
            break;
        }
        bytes.extend_from_slice(&chunk[..count]);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Reply { status: 0, headers: Vec::new(), body: text };
    };
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok()).unwrap_or(0);
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Reply { status, headers: headers.filter(|(name, _)| name != "date").collect(), body: body.to_owned() }
}

/// The text of a tool's result.
pub(super) fn text(result: &Value) -> String {
    result.pointer("/content/0/text").and_then(Value::as_str).unwrap_or_else(|| panic!("no text: {result}")).to_owned()
}
