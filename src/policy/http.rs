//! What a policy says about serving over HTTP.
//!
//! In: the `http` section, its shape already right. Out: plain settings. Who may ask, and how connections are made, is
//! decided by the server; which names of the web are trusted, and where tokens and certificates lie, stands here.

use super::compiled::Reading;
use super::profile::Profile;
use super::settings::number;
use super::yaml::Node;
use crate::paths::AbsPath;
use crate::units::ByteSize;

/// How the server is reached over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// File with the clients and the hashes of their tokens; without one every caller is the same client.
    pub tokens: Option<AbsPath>,
    /// Names under which the server is reached, beside its own addresses.
    pub hosts: Vec<String>,
    /// Origins of web pages that may call.
    pub origins: Vec<String>,
    /// Clients that may see the numbers of all clients.
    pub metrics: Vec<String>,
    /// Certificates, when connections are to be encrypted.
    pub tls: Option<Tls>,
    /// Longest request.
    pub body: ByteSize,
    /// Sessions of one client.
    pub sessions: u64,
    /// Calls of one client that are answered at the same time.
    pub calls: u64,
    /// Connections of all clients.
    pub connections: u64,
}

/// Files for encrypted connections, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The server's certificate, and those between it and the root.
    pub certificate: AbsPath,
    /// Its private key.
    pub key: AbsPath,
    /// Issuers of clients' certificates.
    pub client_ca: Option<AbsPath>,
}

impl Reading<'_> {
    /// The `http` section of a whole policy.
    pub(super) fn http<'p>(
        &mut self,
        node: &Node,
        profiles: impl Iterator<Item = &'p Profile> + Clone,
    ) -> Option<Http> {
        let tokens = self.http_path(node, "http.tokens")?;
        let certificate = self.http_path(node, "http.tls.certificate")?;
        let key = self.http_path(node, "http.tls.key")?;
        let client_ca = self.http_path(node, "http.tls.client_ca")?;
        for path in [&tokens, &certificate, &key, &client_ca].into_iter().flatten() {
            self.out_of_reach(node, path, "write", |path| {
                let guarded = |profile: &&Profile| profile.guarded.iter().any(|folder| path.is_within(folder));
                profiles.clone().find(|profile| profile.can_write(path) && !guarded(profile))
            });
        }
        // Whoever reads the key can be the server; whoever reads the hashes learns who the clients are.
        for path in [&tokens, &key].into_iter().flatten() {
            self.out_of_reach(node, path, "read", |path| profiles.clone().find(|profile| profile.may_read(path)));
        }
        let tls = certificate.zip(key).map(|(certificate, key)| Tls { certificate, key, client_ca });
        let limits = (|| {
            Ok((
                number(node, "http.body", "4 MiB")?,
                number(node, "http.sessions", "64")?,
                number(node, "http.calls", "256")?,
                number(node, "http.connections", "512")?,
            ))
        })();
        let (body, sessions, calls, connections) = self.keep(node, limits)?;
        let texts = |path: &str| -> Vec<String> {
            node.at(path).map_or(&[][..], Node::items).iter().filter_map(Node::text).map(str::to_owned).collect()
        };
        let (hosts, origins, metrics) = (texts("http.hosts"), texts("http.origins"), texts("http.metrics"));
        for origin in origins.iter().filter(|origin| !is_origin(origin)) {
            let message = format!("`{origin}` is no origin of a web page");
            self.problems.push(node.error("wrong-value", message).advise("write `https://name` or `http://name:port`"));
        }
        Some(Http { tokens, hosts, origins, metrics, tls, body, sessions, calls, connections })
    }

    /// A path that may be absent; none of none when it is there and wrong.
    #[expect(clippy::option_option, reason = "absent and wrong are different things")]
    fn http_path(&mut self, node: &Node, path: &str) -> Option<Option<AbsPath>> {
        let Some(found) = node.at(path) else { return Some(None) };
        let value = self.variables.path(found.text().unwrap_or_default());
        self.keep(found, value).map(Some)
    }

    fn out_of_reach<'p>(
        &mut self,
        node: &Node,
        path: &AbsPath,
        verb: &str,
        reaching: impl Fn(&AbsPath) -> Option<&'p Profile>,
    ) {
        // A link is as good as what it leads to.
        let real = self.disk.canonical(path);
        if let Some(profile) = [Some(path), real.as_ref()].into_iter().flatten().find_map(reaching) {
            let message = format!("`{path}` lies where jobs of profile `{}` may {verb}", profile.name);
            let at = node.get("http").unwrap_or(node);
            self.problems.push(at.error("unprotected", message).advise("move it out of the roots of jobs"));
        }
    }
}

/// Is this the origin of a web page, as browsers send it?
fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(['/', '*', '@', ' ']))
}
