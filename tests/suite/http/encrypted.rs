//! TLS: with certificates, whoever listens on the way reads nothing; a client may show one instead of a token.

use std::fs;
use std::io::{self, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::json;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};

use super::server::{Reply, Server, message, policy, posting, read_reply, token};
use crate::site::Site;

type Authority = Issuer<'static, KeyPair>;

/// Somebody who issues certificates, and their own in PEM.
fn authority() -> (Authority, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), pem)
}

/// Writes `NAME.pem` and `NAME.key` for this name.
fn issue(by: &Authority, site: &Site, name: &str) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, by).unwrap();
    site.write(&format!("tls/{name}.key"), &key.serialize_pem());
    site.write(&format!("tls/{name}.pem"), &certificate.pem());
}

/// A client that trusts this authority and shows this certificate, if any.
fn client(server: &Server, ca: &Path, shows: Option<&str>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    Arc::new(match shows {
        None => builder.with_no_client_auth(),
        Some(name) => {
            let file = |end: &str| server.site.path(&format!("tls/{name}.{end}"));
            let chain = vec![CertificateDer::from_pem_file(file("pem")).unwrap()];
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(file("key")).unwrap()).unwrap()
        }
    })
}

/// A connection of such a client.
fn connect(server: &Server, ca: &Path, shows: Option<&str>) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    connect_as(server, client(server, ca, shows))
}

fn connect_as(server: &Server, client: Arc<ClientConfig>) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(client, name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, server.connect());
    stream.flush()?;
    Ok(stream)
}

fn ask(server: &Server, ca: &Path, shows: Option<&str>, token: Option<&str>) -> io::Result<Reply> {
    let mut stream = connect(server, ca, shows)?;
    stream.write_all(&posting(server.address, token, &message("tools/list", json!({}))))?;
    Ok(read_reply(&mut stream))
}

#[test]
fn a_certificate_lets_in_its_owner_and_a_new_one_is_used_without_a_restart() {
    let site = Site::new();
    let ((ours, pem), (theirs, _)) = (authority(), authority());
    let ca = site.write("tls/ca.pem", &pem);
    for name in ["localhost", "alice", "stranger"] {
        issue(&ours, &site, name);
    }
    issue(&theirs, &site, "mallory");
    let tls = site.path("tls");
    policy(
        &site,
        &format!(
            "http: {{tokens: '{{state}}/tokens.json', tls: {{certificate: {0}/localhost.pem, key: {0}/localhost.key, \
             client_ca: {0}/ca.pem}}}}\n",
            tls.display()
        ),
    );
    token(&site, &["add", "alice", "--certificate", tls.join("alice.pem").to_str().unwrap()]);
    let bob = token(&site, &["add", "bob"]);
    let server = Server::start(site);
    let status = |shows, token| ask(&server, &ca, shows, token).map(|reply| reply.status).unwrap_or(0);
    assert_eq!(status(Some("alice"), None), 200, "a certificate instead of a token");
    assert_eq!(status(None, Some(&bob)), 200, "a token without a certificate");
    assert_eq!(status(None, None), 401);
    assert_eq!(status(Some("stranger"), None), 401, "ours, but nobody's");
    assert_eq!(status(Some("mallory"), None), 0, "not ours");
    assert_eq!(status(Some("mallory"), Some(&bob)), 0);
    let plain = server.post(Some(&bob), &message("tools/list", json!({})));
    assert_eq!(plain.status, 0, "nothing is said in the open");

    let shown = || {
        let stream = connect(&server, &ca, None).unwrap();
        stream.conn.peer_certificates().map(|chain| chain[0].to_vec())
    };
    // A session that is taken up again would show no certificate: one that ran out meanwhile would still count.
    let alice = client(&server, &ca, Some("alice"));
    for _ in 0..2 {
        let mut stream = connect_as(&server, Arc::clone(&alice)).unwrap();
        stream.write_all(&posting(server.address, None, &message("tools/list", json!({})))).unwrap();
        assert_eq!(read_reply(&mut stream).status, 200);
        assert_eq!(stream.conn.handshake_kind(), Some(HandshakeKind::Full));
    }

    let before = shown();
    // Between the change of one file and of the other they do not fit.
    issue(&ours, &server.site, "next");
    fs::copy(tls.join("next.key"), tls.join("localhost.key")).unwrap();
    server.says("the certificates before stay in use");
    assert_eq!(shown(), before);
    let key = KeyPair::from_pem(&fs::read_to_string(tls.join("next.key")).unwrap()).unwrap();
    let renewed = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &ours).unwrap();
    fs::write(tls.join("localhost.pem"), renewed.pem()).unwrap();
    while shown() == before {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(status(Some("alice"), None), 200);
}
