//! Reads the gate file.

use std::{io::Read, path::Path};

use aws_client::{Aws, AwsError, file::describe_io_error, model::Deployment};
use gate::{DeploymentNames, MAX_BYTES, ReasonCode};
pub use gate::{GateSource, ResolvedSource};
use ring::digest::{SHA256, digest};

use crate::finding::Observation;

/// Reads the gate file from its source. The hook reads it again for each event.
pub trait LoadGateFile {
    /// The text of the gate file, or `None` if there is no gate file.
    ///
    /// # Errors
    /// The gate file cannot be read, with the reason.
    async fn load(&self, aws: &Aws, deployment: Option<&Deployment>) -> Result<Option<GateText>, Observation>;
}

impl LoadGateFile for GateSource {
    async fn load(&self, aws: &Aws, deployment: Option<&Deployment>) -> Result<Option<GateText>, Observation> {
        let resolved = self
            .resolve(deployment.map(DeploymentNames::from))
            .map_err(|why| unreadable(&self.display_name(), why.into()))?;
        let (source, read) = match resolved {
            ResolvedSource::None => return Ok(None),
            ResolvedSource::Inline(text) => ("GREENLIGHT_GATE".to_owned(), Ok((text, None))),
            ResolvedSource::File(path) => {
                let source = path.clone();
                // A separate thread reads the file: a file system may be on a network, and the hook can stop waiting
                // for it.
                let read = tokio::task::spawn_blocking(move || read_capped(Path::new(&path))).await;
                let read = read.unwrap_or_else(|error| Err(error.to_string()));
                (source, read.map(|text| (text, None)).map_err(ReadError::from))
            }
            ResolvedSource::Parameter(name) => {
                let read = aws.parameter_with_version(&name).await;
                (format!("ssm:{name}"), read.map_err(ReadError::from))
            }
            ResolvedSource::Object { bucket, key, version, owner } => {
                let read = aws.object_with_etag(&bucket, &key, version.as_deref(), owner.as_deref()).await;
                (format!("s3://{bucket}/{key}"), read.map_err(ReadError::from))
            }
        };
        match read {
            Ok((text, version)) => Ok(Some(GateText { source, version, text })),
            Err(why) => Err(unreadable(&format!("gate file {source}"), why)),
        }
    }
}

/// The text of a gate file, and its origin.
#[derive(Clone, Debug)]
pub struct GateText {
    /// `GREENLIGHT_GATE`, a path, `ssm:NAME` or `s3://bucket/key`.
    pub source: String,
    /// The version of a parameter, or the ETag of an object.
    pub version: Option<String>,
    pub text: String,
}

impl GateText {
    /// `sha256:` and the digits of the text's SHA-256.
    pub fn digest(&self) -> String {
        let digest = digest(&SHA256, self.text.as_bytes());
        let digits: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{digits}")
    }
}

/// Why the gate file could not be read.
struct ReadError {
    why: String,
    /// What to do, if this is not about the file itself.
    hint: Option<&'static str>,
}

impl From<String> for ReadError {
    fn from(why: String) -> Self {
        Self { why, hint: None }
    }
}

impl From<AwsError> for ReadError {
    fn from(error: AwsError) -> Self {
        // A denied call names the permission, and a rejected one means that there is no such file.
        let hint = error.is_retryable().then(|| error.code.hint());
        Self { why: error.with_permission_hint(), hint }
    }
}

fn unreadable(title: &str, error: ReadError) -> Observation {
    Observation::errored(ReasonCode::GateUnreadable, title, error.why).with_hint(error.hint)
}

/// Reads the text of a file. A device may never end, and a file that is too long is not read to its end.
fn read_capped(path: &Path) -> Result<String, String> {
    let describe = |error| format!("it {}", describe_io_error(&error));
    if !std::fs::metadata(path).map_err(describe)?.is_file() {
        return Err("it is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    let max_bytes = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(path).map_err(describe)?.take(max_bytes).read_to_end(&mut bytes).map_err(describe)?;
    if bytes.len() > MAX_BYTES {
        // The reader of the gate file reports that it is too long. The cut can be in the middle of a character, so the
        // text is converted with replacement characters.
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes).map_err(|_| "it is not text in UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttled_read_has_the_hint_of_throttling() {
        let hint = |code| {
            let error = AwsError::new("ssm:GetParameter", code, "ThrottlingException");
            unreadable("gate file ssm:/shop", error.into()).hint
        };
        assert_eq!(hint(ReasonCode::AwsThrottled), Some(ReasonCode::AwsThrottled.hint()));
        assert_eq!(hint(ReasonCode::AwsRejected), None);
    }

    #[test]
    fn a_file_without_end_is_not_read() {
        assert_eq!(read_capped(Path::new("/dev/zero")).unwrap_err(), "it is not a file");
        assert_eq!(read_capped(Path::new("/")).unwrap_err(), "it is not a file");
    }
}
