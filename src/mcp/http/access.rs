//! What a request brings along to prove whose it is.
//!
//! In: headers, and what is known of the connection. Out: digests to compare with those of known clients. Whether they
//! let anybody in is decided in `clients`; nothing here tells a wrong proof from none.

use std::sync::{Arc, OnceLock};

use axum::http::{HeaderMap, header};

use super::tokens::Digest;

/// What is known of the connection that a request came on.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    /// The server's own address on it, as the client reached it.
    pub(super) local: std::net::IpAddr,
    /// The client's certificate, once its key has been proven.
    pub(super) certificate: Option<Digest>,
    /// Is it encrypted?
    pub(super) encrypted: bool,
    /// Which known client has asked on it, if any has.
    pub(super) proven: Proven,
}

/// Set once a known client has asked on a connection. Clones are about the same connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Proven(Arc<OnceLock<Arc<str>>>);

impl Proven {
    /// A request of this client was let in.
    pub(super) fn by(&self, client: &Arc<str>) {
        // The first one counts: whoever opened the connection answers for it.
        let _ = self.0.set(Arc::clone(client));
    }

    /// Whose connection it is.
    pub(super) fn whose(&self) -> Option<&Arc<str>> {
        self.0.get()
    }
}

/// What a request proves.
#[derive(Debug)]
pub(super) struct Presented {
    pub(super) token: Option<Digest>,
    pub(super) certificate: Option<Digest>,
}

impl Presented {
    /// Reads the proof out of a request and takes it off, so that it goes no further.
    pub(super) fn take(headers: &mut HeaderMap, connection: &Connection) -> Self {
        let token = bearer(headers).map(|token| Digest::of(token.as_bytes()));
        headers.remove(header::AUTHORIZATION);
        Self { token, certificate: connection.certificate }
    }
}

/// The one bearer token of a request. Two headers, or another scheme, are none.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let value = all.next()?.to_str().ok()?;
    if all.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn one_bearer_token_counts_and_nothing_else() {
        let cases: [(&[&str], Option<&str>); 8] = [
            (&["Bearer abc"], Some("abc")),
            (&["bearer abc"], Some("abc")),
            (&["Bearer  abc"], Some(" abc")),
            (&["Bearer "], None),
            (&["Bearer"], None),
            (&["Basic abc"], None),
            (&["Bearer abc", "Bearer abd"], None),
            (&[], None),
        ];
        for (values, want) in cases {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            assert_eq!(bearer(&headers), want, "{values:?}");
        }
    }
}
