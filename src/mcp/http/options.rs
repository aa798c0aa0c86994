//! What the operator decided about serving over HTTP.
//!
//! In: nothing, plain data. Out: the same.

use std::net::SocketAddr;

use crate::paths::AbsPath;

/// How the server is reached, by whom, and how much of it one client may use.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen.
    pub address: SocketAddr,
    /// File of clients and their tokens; without one, everybody is the same client.
    pub tokens: Option<AbsPath>,
    /// Names by which clients reach the server, beside its addresses.
    pub hosts: Vec<String>,
    /// Origins of web pages that may call.
    pub origins: Vec<String>,
    /// Clients that see the numbers of all clients.
    pub metrics: Vec<String>,
    /// Files for encrypted connections.
    pub tls: Option<Tls>,
    /// Longest request in bytes.
    pub body: usize,
    /// Sessions of one client.
    pub sessions: usize,
    /// Calls of one client at the same time.
    pub calls: usize,
    /// Connections of all clients.
    pub connections: usize,
}

/// Files for encrypted connections, in PEM.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The server's certificate chain.
    pub certificate: AbsPath,
    /// Its private key.
    pub key: AbsPath,
    /// Issuers of clients' certificates.
    pub client_ca: Option<AbsPath>,
}
