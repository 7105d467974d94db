//! TLS as libpq's `sslmode` means it.
//!
//! In: a mode and certificates. Out: a connector. Never: trusting more than the mode says.
//! Source: "Protection Provided in Different Modes" in PostgreSQL's chapter on libpq.

use super::plan::{Plan, Roots, SslMode};
use crate::{
    diagnostic::code,
    engine::{EngineError, FailureKind},
};
use fs_err as fs;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName, UnixTime,
        pem::{self, PemObject},
    },
    server::ParsedCertificate,
};
use std::{path::Path, sync::Arc};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The connector for this plan.
///
/// # Errors
/// When a certificate or key cannot be read.
pub fn connector(plan: &Plan) -> Result<MakeRustlsConnect, EngineError> {
    if plan.roots == Roots::System && plan.identity.is_none() {
        // Both ways below take the process's own; it is an error to set it twice, and no matter.
        let _ = ring::default_provider().install_default();
        return match MakeRustlsConnect::with_native_certs() {
            Ok((connector, _)) => Ok(connector),
            // A system without certificates of its own: those that browsers trust.
            Err(_) => Ok(MakeRustlsConnect::with_webpki_roots()),
        };
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier {
        trust: match (&plan.roots, plan.ssl_mode) {
            (Roots::System, _) => {
                return Err(wrong("a client certificate needs `sslrootcert` to be a file, not `system`"));
            }
            (Roots::None, _) => Trust::Anyone,
            (Roots::File(path), mode) => Trust::of(certificates(path, "sslrootcert")?, mode == SslMode::VerifyFull),
        },
        provider: Arc::clone(&provider),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let config = match &plan.identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates(certificate, "sslcert")?;
            builder.with_client_auth_cert(chain, private_key(key)?).map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => wrong(format!(
                    "`{}` (sslkey) is not the key of `{}` (sslcert)",
                    key.display(),
                    certificate.display()
                ))
                .with_help("name the two files that belong together"),
                _ => wrong(format!("`{}` (sslcert) cannot be used: {error}", certificate.display()))
                    .with_help("name a certificate in the form that begins with `-----BEGIN CERTIFICATE-----`"),
            })?
        }
    };
    Ok(MakeRustlsConnect::new(config))
}

fn wrong(message: impl Into<String>) -> EngineError {
    EngineError::new(code::BAD_CONNECTION_SETTING, FailureKind::Permanent, message)
}

fn read(path: &Path, parameter: &str) -> Result<Vec<u8>, EngineError> {
    fs::read(path).map_err(|error| wrong(format!("{parameter} cannot be read: {error}")))
}

/// The key of the client's certificate, which nobody but its owner may have read.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, EngineError> {
    let text = read(path, "sslkey")?;
    refuse_open_to_others(path)?;
    let unusable = |why: &str| wrong(format!("`{}` (sslkey) cannot be used: {why}", path.display()));
    let locked = ["ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED"];
    if locked.iter().any(|words| text.windows(words.len()).any(|found| found == words.as_bytes())) {
        return Err(unusable("it is locked with a passphrase, which suiro does not take").with_help(
            "write it without one, `openssl pkey -in locked.key -out client.key`, and `chmod 600 client.key`",
        ));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let why = match error {
            pem::Error::NoItemsFound => "it has no key".to_owned(),
            other => other.to_string(),
        };
        unusable(&why).with_help("name a key in the form that begins with `-----BEGIN PRIVATE KEY-----`")
    })
}

/// libpq's rule: the file of a key may be read by its owner alone, or, if that is root, by its group.
#[cfg(unix)]
fn refuse_open_to_others(path: &Path) -> Result<(), EngineError> {
    use std::os::unix::fs::MetadataExt;
    let found = fs::metadata(path).map_err(|error| wrong(format!("sslkey cannot be read: {error}")))?;
    let allowed = if found.uid() == 0 { 0o640 } else { 0o600 };
    if found.mode() & 0o777 & !allowed == 0 {
        return Ok(());
    }
    let path = path.display();
    Err(wrong(format!("`{path}` (sslkey) can be read by others, so the key is not used"))
        .with_help(format!("run `chmod 600 {path}`; a key that others may have read should be replaced")))
}

#[cfg(not(unix))]
const fn refuse_open_to_others(_: &Path) -> Result<(), EngineError> {
    Ok(())
}

fn certificates(path: &Path, parameter: &str) -> Result<Vec<CertificateDer<'static>>, EngineError> {
    let text = read(path, parameter)?;
    let unusable = |why: String| {
        wrong(format!("`{}` ({parameter}) cannot be used: {why}", path.display()))
            .with_help("name a certificate in the form that begins with `-----BEGIN CERTIFICATE-----`")
    };
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|error| unusable(error.to_string()))?;
    if certificates.is_empty() { Err(unusable("it has no certificate".to_owned())) } else { Ok(certificates) }
}

/// Whom to believe.
#[derive(Debug)]
enum Trust {
    /// Whoever answers: the connection is encrypted, and that is all that was asked for.
    Anyone,
    /// Servers whose certificate is one of these or signed by one of these.
    Signers {
        roots: RootCertStore,
        /// The same, to find a self-signed server's own certificate: it is no signer by the rules of X.509.
        own: Vec<CertificateDer<'static>>,
        /// Whether the certificate must be for the host, too.
        check_host: bool,
    },
}

impl Trust {
    fn of(own: Vec<CertificateDer<'static>>, check_host: bool) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(own.iter().cloned());
        Self::Signers { roots, own, check_host }
    }
}

#[derive(Debug)]
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Trust::Signers { roots, own, check_host } = &self.trust {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            if !own.iter().any(|known| known.as_ref() == end_entity.as_ref()) {
                let algorithms = self.provider.signature_verification_algorithms.all;
                verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
            }
            if *check_host {
                verify_server_name(&certificate, server_name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match self.trust {
            // Where any certificate does, its owner need not be proved; old ones could not even be read.
            Trust::Anyone => Ok(HandshakeSignatureValid::assertion()),
            Trust::Signers { .. } => {
                verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
            }
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match self.trust {
            Trust::Anyone => Ok(HandshakeSignatureValid::assertion()),
            Trust::Signers { .. } => {
                verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
            }
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
