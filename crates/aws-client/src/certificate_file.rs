//! A file with certificate authorities, read and decoded at most once in the life of a process: for a bundle of 150
//! that takes as long as everything else that a function does before its first event.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, TrustAnchor, pem::PemObject},
};

use crate::file;

/// A PEM file. Clones share what was decoded.
#[derive(Clone)]
pub struct CertificateFile(Arc<Shared>);

struct Shared {
    path: PathBuf,
    roots: OnceLock<Result<Vec<TrustAnchor<'static>>, String>>,
}

impl fmt::Debug for CertificateFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().fmt(f)
    }
}

impl CertificateFile {
    /// Does not read the file yet.
    pub fn new(path: PathBuf) -> Self {
        Self(Arc::new(Shared { path, roots: OnceLock::new() }))
    }

    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The certificate authorities in the file.
    ///
    /// # Errors
    /// The file cannot be read, or one of its certificates cannot. The text continues a sentence that starts with the
    /// file's name.
    pub fn roots(&self) -> Result<&[TrustAnchor<'static>], &str> {
        let roots = self.0.roots.get_or_init(|| decode(&file::read(self.path(), file::MAX_CA_BUNDLE_BYTES)?));
        roots.as_deref().map_err(String::as_str)
    }
}

fn decode(pem: &[u8]) -> Result<Vec<TrustAnchor<'static>>, String> {
    let unusable = |why: &dyn fmt::Display| format!("has a certificate that cannot be used: {why}");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(|why| unusable(&why))?).map_err(|why| unusable(&why))?;
    }
    Ok(roots.roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots_in(name: &str) -> Result<usize, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        CertificateFile::new(folder.join(name)).roots().map(<[_]>::len).map_err(str::to_owned)
    }

    #[test]
    fn certificates_are_counted_and_faults_are_described() {
        assert_eq!(roots_in("amazon-roots.pem"), Ok(5));
        assert_eq!(roots_in("file.rs"), Ok(0));
        assert_eq!(roots_in("no-such-file").unwrap_err(), "does not exist");
    }

    #[test]
    fn one_unusable_certificate_makes_the_whole_file_unusable() {
        let good = include_str!("amazon-roots.pem");
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in [broken.to_owned(), format!("{good}{broken}")] {
            assert!(decode(pem.as_bytes()).unwrap_err().starts_with("has a certificate that cannot be used: "));
        }
    }
}
