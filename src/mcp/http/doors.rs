//! Through which names a request may come in, and from which web pages.
//!
//! In: the `Host` and `Origin` of a request. Out: whether it goes on. A web page that has its own name point at this
//! machine is stopped by the one, a page that calls across origins by the other. Programs send no `Origin`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderValue, Uri, header};

use super::access::Connection;

/// Names by which this machine calls itself; they mean it only where the connection did not leave it.
const LOOPBACK: &str = "localhost";

/// The names and pages that may call.
#[derive(Debug)]
pub(super) struct Doors {
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Doors {
    pub(super) fn new(hosts: &[String], origins: &[String]) -> Self {
        let lower = |texts: &[String]| texts.iter().map(|text| text.to_ascii_lowercase()).collect();
        Self { hosts: lower(hosts), origins: lower(origins) }
    }

    /// May a request with these headers go on?
    pub(super) fn open(&self, uri: &Uri, headers: &HeaderMap, connection: &Connection) -> bool {
        let Some(host) = only(headers, header::HOST) else { return false };
        let host = host.to_ascii_lowercase();
        // A request line that names another place than the header is nobody's honest request.
        let named = uri.authority().is_none_or(|authority| authority.as_str().eq_ignore_ascii_case(&host));
        let known = Name::of(&host).is_some_and(|name| self.knows(&name, connection.local));
        named && known && self.lets_in(headers, &host, connection)
    }

    /// The origin of a request from a page of the list: its browser wants to hear that it may.
    pub(super) fn listed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        let text = origin.to_str().ok()?.to_ascii_lowercase();
        self.origins.contains(&text).then(|| origin.clone())
    }

    fn knows(&self, name: &Name<'_>, local: IpAddr) -> bool {
        match name {
            // A page cannot make an address its own name.
            Name::Address(address) => address.to_canonical() == local.to_canonical(),
            Name::Word(name) => {
                *name == LOOPBACK && local.to_canonical().is_loopback() || self.hosts.iter().any(|host| host == name)
            }
        }
    }

    fn lets_in(&self, headers: &HeaderMap, host: &str, connection: &Connection) -> bool {
        if !headers.contains_key(header::ORIGIN) {
            return true;
        }
        let Some(origin) = only(headers, header::ORIGIN) else { return false };
        let origin = origin.to_ascii_lowercase();
        let scheme = if connection.encrypted { "https" } else { "http" };
        origin == format!("{scheme}://{host}") || self.origins.contains(&origin)
    }
}

/// The value of a header that is there once and is text.
fn only(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    let mut all = headers.get_all(name).iter();
    let value = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(value)
}

/// A host without its port.
#[derive(Debug)]
enum Name<'a> {
    Address(IpAddr),
    Word(&'a str),
}

impl<'a> Name<'a> {
    /// Reads a `Host`; nothing may stand in it but a name or an address and a port.
    fn of(host: &'a str) -> Option<Self> {
        if let Some(rest) = host.strip_prefix('[') {
            let (address, port) = rest.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            return is_port(port).then_some(Self::Address(address.into()));
        }
        let (name, port) = host.find(':').map_or((host, ""), |at| host.split_at(at));
        if !is_port(port) {
            return None;
        }
        Some(name.parse::<Ipv4Addr>().map_or(Self::Word(name), |address| Self::Address(address.into())))
    }
}

/// Is it nothing, or a colon and a port?
fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::super::access::Proven;
    use super::*;

    fn open(local: &str, headers: &[(&str, &str)]) -> bool {
        let doors = Doors::new(&["Build.example".into()], &["https://console.example".into()]);
        let connection = Connection {
            local: local.parse().unwrap(),
            certificate: None,
            encrypted: false,
            proven: Proven::default(),
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(header::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        doors.open(&"/mcp".parse().unwrap(), &map, &connection)
    }

    #[test]
    fn only_own_names_and_listed_pages_get_through() {
        type Headers = &'static [(&'static str, &'static str)];
        let cases: [(&str, Headers, bool); 33] = [
            ("127.0.0.1", &[("host", "localhost:80")], true),
            ("127.0.0.1", &[("host", "LOCALHOST")], true),
            ("127.0.0.1", &[("host", "127.0.0.1:1")], true),
            ("::1", &[("host", "[::1]:1")], true),
            ("::ffff:127.0.0.1", &[("host", "127.0.0.1")], true),
            ("127.0.0.1", &[("host", "build.example:8")], true),
            ("127.0.0.1", &[("host", "evil.example")], false),
            ("127.0.0.1", &[("host", "localhost.evil.example")], false),
            ("127.0.0.1", &[("host", "127.0.0.1.evil.example")], false),
            ("127.0.0.1", &[("host", "")], false),
            ("127.0.0.1", &[("host", "localhost.")], false),
            ("127.0.0.1", &[("host", "localhost:80@evil.example")], false),
            ("127.0.0.1", &[("host", "user@localhost")], false),
            ("127.0.0.1", &[("host", "localhost:80:90")], false),
            ("127.0.0.1", &[("host", "localhost:evil")], false),
            ("127.0.0.1", &[("host", "[127.0.0.1]")], false),
            ("127.0.0.1", &[("host", "127.0.0.1]")], false),
            ("::1", &[("host", "[::1]evil.example")], false),
            ("::1", &[("host", "[::1]:80@evil.example")], false),
            ("::1", &[("host", "[[::1]]")], false),
            ("::1", &[("host", "::1")], false),
            ("127.0.0.1", &[("host", "[::ffff:127.0.0.1]:80")], true),
            ("127.0.0.1", &[], false),
            ("127.0.0.1", &[("host", "localhost"), ("host", "evil.example")], false),
            ("10.0.0.5", &[("host", "10.0.0.5")], true),
            ("10.0.0.5", &[("host", "localhost")], false),
            ("10.0.0.5", &[("host", "10.0.0.6")], false),
            ("127.0.0.1", &[("host", "localhost:8"), ("origin", "http://localhost:8")], true),
            ("127.0.0.1", &[("host", "localhost:8"), ("origin", "https://console.example")], true),
            ("127.0.0.1", &[("host", "localhost:8"), ("origin", "http://localhost:9")], false),
            ("127.0.0.1", &[("host", "localhost"), ("origin", "null")], false),
            ("127.0.0.1", &[("host", "localhost"), ("origin", "https://console.example.evil")], false),
            ("127.0.0.1", &[("host", "localhost"), ("origin", "http://localhost"), ("origin", "x")], false),
        ];
        for (local, headers, want) in cases {
            assert_eq!(open(local, headers), want, "{local} {headers:?}");
        }
    }
}
