//! Whom TLS trusts when this process calls others: the public authorities, and those of a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Bytes of a file of authorities; the whole public list in PEM is about 250 KB.
const CA_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A file of authorities that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the authorities in {} cannot be used: {problem}", path.display())]
pub struct TrustFault {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

/// Trusts the public authorities (Mozilla's list), and those of the file; checks names and dates always.
pub fn tls_client(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TrustFault> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(path) = ca_file {
        add_authorities(&mut roots, path).map_err(|problem| TrustFault {
            path: path.to_owned(),
            problem,
        })?;
    }
    // The provider is named, because a process-wide default may be missing or another crate's.
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn add_authorities(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > CA_FILE_BYTES_MAX {
        return Err(format!("it has {size} bytes, more than {CA_FILE_BYTES_MAX}"));
    }
    let pem = std::fs::read(path).map_err(|error| error.to_string())?;
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| format!("not PEM: {error}"))?;
        roots
            .add(certificate)
            .map_err(|error| format!("a certificate in it is unusable: {error}"))?;
        count += 1;
    }
    if count == 0 {
        Err("it holds no certificate (PEM, BEGIN CERTIFICATE)".into())
    } else {
        Ok(())
    }
}
