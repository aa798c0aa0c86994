//! A client of the era without handshake that costs as little as it can: one connection, kept open.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One connection of one client.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
    token: String,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr, token: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        Ok(Self { stream: BufReader::new(stream), address, token: token.to_owned() })
    }

    /// A request of nothing but the transport.
    pub(crate) fn health(&mut self) -> io::Result<()> {
        let text = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", self.address);
        self.exchange(text.as_bytes()).map(drop)
    }

    /// Calls a tool; its arguments are JSON.
    pub(crate) fn call(&mut self, tool: &str, arguments: &str) -> io::Result<String> {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments},"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{{"name":"bench","version":"1"}},"io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
        );
        let head = format!(
            "POST /mcp HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\naccept: application/json, text/event-stream\r\n\
             content-type: application/json\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\n\
             mcp-name: {tool}\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        );
        let reply = self.exchange(head.as_bytes())?;
        if reply.contains("\"isError\":false") { Ok(reply) } else { Err(io::Error::other(reply)) }
    }

    /// Runs `true` to its end.
    pub(crate) fn job(&mut self) -> io::Result<()> {
        let reply = self.call("execute_command", r#"{"command":"true","wait_seconds":45}"#)?;
        if reply.contains("completed") { Ok(()) } else { Err(io::Error::other(reply)) }
    }

    /// Sends one request and reads one reply; its body when the status is 200.
    fn exchange(&mut self, bytes: &[u8]) -> io::Result<String> {
        self.stream.get_mut().write_all(bytes)?;
        let status = self.line()?;
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.line()?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().map_err(io::Error::other)?;
            }
            chunked |= line == "transfer-encoding: chunked";
        }
        let mut body = Vec::new();
        if chunked {
            loop {
                let size = usize::from_str_radix(&self.line()?, 16).map_err(io::Error::other)?;
                self.take(size, &mut body)?;
                self.line()?;
                if size == 0 {
                    break;
                }
            }
        } else {
            self.take(length, &mut body)?;
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        if status.contains(" 200 ") { Ok(body) } else { Err(io::Error::other(format!("{status}: {body}"))) }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    fn take(&mut self, size: usize, into: &mut Vec<u8>) -> io::Result<()> {
        (&mut self.stream).take(size as u64).read_to_end(into).map(drop)
    }
}
