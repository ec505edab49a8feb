//! With which certificate does the server say who it is?
//!
//! TLS 1.2 and 1.3. The files are read again when they change and on `SIGHUP`: new connections get the new certificate, those that
//! are open go on. A file that cannot be used leaves the certificate from before, and is told in the log.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {message}")]
pub(crate) struct TlsError {
    path: String,
    message: String,
}

/// Encrypts connections.
pub(crate) struct Tls {
    files: [PathBuf; 2],
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

/// The certificate of new connections.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Tls {
    /// Encrypts with a chain of certificates and a key, both in PEM form.
    ///
    /// *Errors*: a file cannot be read, or the two do not belong together.
    pub(crate) fn open(certificate: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let files = [certificate.to_owned(), key.to_owned()];
        let current = Arc::new(Current(RwLock::new(Arc::new(read(&files, &provider)?))));
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| refused(certificate, error))?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::clone(&current) as _);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(Self { files, current, acceptor: TlsAcceptor::from(Arc::new(config)) }))
    }

    pub(super) async fn accept(&self, socket: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        self.acceptor.accept(socket).await
    }

    /// Reads the files again whenever they change or `SIGHUP` comes.
    pub(crate) async fn watch(self: Arc<Self>) {
        let mut hangup = signal(SignalKind::hangup()).ok();
        let mut seen = self.look();
        loop {
            let asked = tokio::select! {
                () = tokio::time::sleep(LOOK) => false,
                () = async { match &mut hangup { Some(hangup) => drop(hangup.recv().await), None => std::future::pending().await } } => true,
            };
            let now = self.look();
            if asked || now != seen {
                seen = now;
                match self.reload() {
                    Ok(()) => tracing::info!("the certificate was read again"),
                    Err(error) => {
                        tracing::error!(%error, "the certificate cannot be read again, the one from before stays");
                    }
                }
            }
        }
    }

    fn reload(&self) -> Result<(), TlsError> {
        let fresh = Arc::new(read(&self.files, self.acceptor.config().crypto_provider())?);
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    fn look(&self) -> [Option<(SystemTime, u64)>; 2] {
        self.files.each_ref().map(|file| {
            let metadata = std::fs::metadata(file).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }
}

fn read([certificate, key]: &[PathBuf; 2], provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let chain = CertificateDer::pem_file_iter(certificate).map_err(|error| refused(certificate, error))?;
    let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(|error| refused(certificate, error))?;
    if chain.is_empty() {
        return Err(refused(certificate, "expected certificates in PEM form, found none"));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| refused(key, error))?;
    CertifiedKey::from_der(chain, secret, provider).map_err(|error| refused(key, error))
}

fn refused(path: &Path, why: impl Display) -> TlsError {
    TlsError { path: path.display().to_string(), message: why.to_string() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn write(folder: &Path) -> (PathBuf, PathBuf) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (folder.join("c.pem"), folder.join("k.pem"));
        fs::write(&certificate, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        (certificate, key)
    }

    fn shown(tls: &Tls) -> Vec<u8> {
        tls.current.0.read().unwrap().cert[0].to_vec()
    }

    #[test]
    fn a_new_certificate_is_taken_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = write(folder.path());
        let tls = Tls::open(&certificate, &key).unwrap();
        let first = shown(&tls);
        write(folder.path());
        tls.reload().unwrap();
        let second = shown(&tls);
        assert_ne!(first, second);
        fs::write(&certificate, "-----BEGIN CERTIFICATE-----\nAAAA").unwrap();
        assert!(tls.reload().unwrap_err().to_string().contains("c.pem"));
        assert_eq!(shown(&tls), second);
        let other = tempfile::tempdir().unwrap();
        let (certificate, _) = write(other.path());
        let error = Tls::open(&certificate, &key).unwrap_err().to_string();
        assert!(error.contains("k.pem"), "{error}");
    }
}
