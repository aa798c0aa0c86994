//! Certificates and keys, read again when their files change.
//!
//! In: PEM files. Out: what new connections are encrypted with. A change that cannot be used is reported, and the one
//! before stays. A client's certificate must come from one of the issuers; whose it is, is decided in `clients`.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_util::sync::CancellationToken;

use super::options::Tls;
use crate::engine::Watch;
use crate::paths::AbsPath;

/// How often the files are looked at where the kernel does not tell of changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why connections cannot be encrypted.
#[derive(Debug, thiserror::Error)]
#[error("`{path}` cannot be used for TLS: {why}")]
pub struct TlsError {
    /// The file.
    path: AbsPath,
    /// What is wrong with it.
    why: String,
}

/// What new connections are encrypted with.
pub(super) struct Certificates {
    files: Tls,
    now: Mutex<(Stamps, Arc<ServerConfig>)>,
}

/// What tells one state of the files from another.
type Stamps = Vec<Option<(u64, u64, i64, i64)>>;

impl Certificates {
    /// Reads them.
    pub(super) fn read(files: Tls) -> Result<Self, TlsError> {
        let stamps = stamps(&files);
        let config = config(&files)?;
        Ok(Self { files, now: Mutex::new((stamps, Arc::new(config))) })
    }

    /// What a new connection uses.
    pub(super) fn now(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.now.lock().unwrap_or_else(PoisonError::into_inner).1)
    }

    /// Reads the files again whenever they change, until told to stop.
    pub(super) async fn watch(&self, until: CancellationToken) {
        until.run_until_cancelled(self.follow()).await;
    }

    async fn follow(&self) {
        let files = self.paths();
        let mut warned = false;
        loop {
            let Err(error) = self.told(&files).await;
            if !std::mem::replace(&mut warned, true) {
                tracing::warn!(%error, "changes of certificates are looked for each second while the kernel does not tell");
            }
            tokio::time::sleep(LOOK_EVERY).await;
            self.look();
        }
    }

    /// Looks whenever one of the files changes; returns when that is not told.
    async fn told(&self, files: &[AbsPath]) -> io::Result<Infallible> {
        let mut watch = Watch::of(files)?;
        loop {
            // Also once before: they may have changed since they were read.
            self.look();
            watch.changed().await.ok_or_else(|| io::Error::other("the watch has ended"))?;
            // Links may lead elsewhere now.
            watch.add(files)?;
        }
    }

    fn paths(&self) -> Vec<AbsPath> {
        let Tls { certificate, key, client_ca } = &self.files;
        [Some(certificate), Some(key), client_ca.as_ref()].into_iter().flatten().cloned().collect()
    }

    fn look(&self) {
        let seen = stamps(&self.files);
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if now.0 == seen {
            return;
        }
        now.0 = seen;
        match config(&self.files) {
            Ok(config) => {
                now.1 = Arc::new(config);
                tracing::info!("the certificates changed and are in use");
            }
            // Key and certificate are two files: between their changes they do not fit.
            Err(error) => tracing::error!("{error}; the certificates before stay in use"),
        }
    }
}

fn stamps(files: &Tls) -> Stamps {
    let stamp = |path: &AbsPath| {
        let of = fs::metadata(path).ok()?;
        Some((of.ino(), of.size(), of.mtime(), of.mtime_nsec()))
    };
    [Some(&files.certificate), Some(&files.key), files.client_ca.as_ref()]
        .into_iter()
        .map(|path| path.and_then(stamp))
        .collect()
}

fn config(files: &Tls) -> Result<ServerConfig, TlsError> {
    let wrong = |path: &AbsPath, why: &dyn ToString| TlsError { path: path.clone(), why: why.to_string() };
    let chain = chain(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| wrong(&files.key, &error))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| wrong(&files.certificate, &error))?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for issuer in self::chain(path)? {
                roots.add(issuer).map_err(|error| wrong(path, &error))?;
            }
            // Without a certificate a client may still have a token.
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = verifier.allow_unauthenticated().build().map_err(|error| wrong(path, &error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| wrong(&files.certificate, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if files.client_ca.is_some() {
        // A session that is taken up again shows no certificate anew, so one that has run out would go on counting.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(config)
}

fn chain(path: &AbsPath) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let wrong = |why: String| TlsError { path: path.clone(), why };
    let all = all.map_err(|error| wrong(error.to_string()))?;
    if all.is_empty() { Err(wrong("there is no certificate in it".to_owned())) } else { Ok(all) }
}

/// The first certificate of a PEM file, in DER.
///
/// # Errors
/// It cannot be read, or there is none in it.
pub fn first_certificate(path: &AbsPath) -> io::Result<Vec<u8>> {
    let first = chain(path).map_err(io::Error::other)?.into_iter().next();
    first.map(|certificate| certificate.to_vec()).ok_or_else(|| io::Error::other("there is no certificate in it"))
}
