//! What went wrong when AWS was asked, told apart by what to do about it.

use std::fmt;

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::complete_body::IncompleteBody;
use crate::{code::ReasonCode, finding::Observation};

/// A call to AWS that gave no usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsError {
    /// The operation, as IAM writes it: `codedeploy:GetDeployment`.
    pub operation: &'static str,
    /// Which fault.
    pub code: ReasonCode,
    /// AWS's own code or the transport's word, and the message.
    pub detail: String,
}

impl AwsError {
    /// From what the SDK gives.
    pub fn from_sdk<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let (code, detail) = match error {
            SdkError::ServiceError(context) => {
                let status = context.raw().status().as_u16();
                let meta = context.err().meta();
                match meta.code() {
                    Some(word) => {
                        let code = classify(word, status);
                        (code, format!("{word}: {}", denial_reason(code, meta.message().unwrap_or("no message"))))
                    }
                    // Not AWS speaking, but the client that did not understand: a reply cut off, a proxy's page.
                    None => (
                        classify("", status.max(500)),
                        format!("a reply of status {status} that cannot be read: {}", root_cause(context.err())),
                    ),
                }
            }
            SdkError::TimeoutError(_) => (ReasonCode::AwsUnreachable, "no answer in time".to_owned()),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                (ReasonCode::AwsUnreachable, format!("timed out: {}", root_cause(error)))
            }
            SdkError::DispatchFailure(_) if innermost_source(error).is::<IncompleteBody>() => {
                (ReasonCode::AwsFailed, root_cause(error))
            }
            SdkError::DispatchFailure(_) => (ReasonCode::AwsUnreachable, root_cause(error)),
            SdkError::ResponseError(_) => {
                (ReasonCode::AwsFailed, format!("an answer that cannot be read: {}", root_cause(error)))
            }
            _ => (ReasonCode::AwsFailed, root_cause(error)),
        };
        Self { operation, code, detail: one_line(&detail) }
    }

    /// From AWS's own code and words, where no SDK read them.
    pub(super) fn from_service(operation: &'static str, word: &str, message: &str, status: u16) -> Self {
        let code = classify(word, if word.is_empty() { status.max(500) } else { status });
        let detail = match word {
            // A proxy's page.
            "" => format!("a reply of status {status} that cannot be read"),
            word => format!("{word}: {}", denial_reason(code, if message.is_empty() { "no message" } else { message })),
        };
        Self { operation, code, detail: one_line(&detail) }
    }

    /// Whether AWS gave this code of its own, such as `NoSuchEntity`.
    pub fn has_code(&self, code: &str) -> bool {
        self.detail.split(':').next().is_some_and(|own| own.starts_with(code))
    }

    /// Whether AWS knows who asks, and does not allow it. Credentials that are no good are another matter.
    pub fn is_access_denied(&self) -> bool {
        let word = self.detail.split(':').next().unwrap_or_default();
        self.code == ReasonCode::AwsDenied && ACCESS_DENIED_CODES.iter().any(|part| word.contains(part))
    }

    /// In words, and before all else what the function's role needs where that was refused: AWS's own are often only half
    /// of it.
    pub fn with_permission_hint(&self) -> String {
        // Credentials that are no good are another matter.
        if !self.has_code("AccessDenied") {
            return self.to_string();
        }
        let key = ["kms", "KMS", "ciphertext"].iter().any(|word| self.detail.contains(word));
        let missing_action = if key { "kms:Decrypt for its key" } else { self.operation };
        let more = if self.operation == "s3:GetObject" && !key {
            "; without s3:ListBucket an object that is not there is denied as well"
        } else {
            ""
        };
        format!("the function's role needs {missing_action}: {}{more}", self.detail)
    }

    /// A reply that lacks what it should have.
    pub fn missing_field(operation: &'static str, what: impl fmt::Display) -> Self {
        Self { operation, code: ReasonCode::UnexpectedReply, detail: format!("the reply has no {what}") }
    }

    /// Whether it may be otherwise later. A refusal stays one.
    pub const fn is_retryable(&self) -> bool {
        matches!(self.code, ReasonCode::AwsThrottled | ReasonCode::AwsUnreachable | ReasonCode::AwsFailed)
    }

    /// As the observation of a check that could not be made.
    pub fn into_observation(self) -> Observation {
        let Self { operation, code, detail } = self;
        Observation::errored(code, operation, detail)
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.detail)
    }
}

/// In AWS's codes for what the function's role may not do.
const ACCESS_DENIED_CODES: [&str; 3] = ["AccessDenied", "UnauthorizedOperation", "NotAuthorized"];

/// AWS's error codes, by what to do about them. The names of throttling are those that the SDK retries on.
fn classify(word: &str, status: u16) -> ReasonCode {
    let invalid_credentials = [
        "InvalidClientTokenId",
        "UnrecognizedClient",
        "ExpiredToken",
        "InvalidSignature",
        "SignatureDoesNotMatch",
        "MissingAuthenticationToken",
    ];
    let throttled = [
        "Throttl",
        "TooManyRequests",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "SlowDown",
        "PriorRequestNotComplete",
    ];
    if ACCESS_DENIED_CODES.iter().chain(&invalid_credentials).any(|part| word.contains(part)) {
        ReasonCode::AwsDenied
    } else if throttled.iter().any(|part| word.contains(part)) || status == 429 {
        ReasonCode::AwsThrottled
    } else if status >= 500 {
        ReasonCode::AwsFailed
    } else {
        ReasonCode::AwsRejected
    }
}

/// What AWS says of a refusal begins with who asked for what, which is known here; the reason comes last.
fn denial_reason(code: ReasonCode, message: &str) -> &str {
    let reason = message.split_once(" because ").filter(|_| code == ReasonCode::AwsDenied);
    reason.map_or(message, |(_, reason)| reason)
}

/// The innermost error's words: the outer ones only repeat that something failed.
pub(super) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    innermost_source(error).to_string()
}

fn innermost_source<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost
}

/// One line, as long as it is: what has a secret in it must not be shortened before that is taken out.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart_by_what_to_do() {
        assert_eq!(classify("AccessDeniedException", 400), ReasonCode::AwsDenied);
        assert_eq!(classify("AccessDenied", 403), ReasonCode::AwsDenied);
        assert_eq!(classify("ThrottlingException", 400), ReasonCode::AwsThrottled);
        assert_eq!(classify("Throttling", 400), ReasonCode::AwsThrottled);
        assert_eq!(classify("InternalFailure", 500), ReasonCode::AwsFailed);
        assert_eq!(classify("DeploymentDoesNotExistException", 400), ReasonCode::AwsRejected);
    }

    #[test]
    fn a_refusal_says_what_the_role_needs() {
        let fault = |operation, word: &str, message: &str| {
            AwsError::from_service(operation, word, message, 400).with_permission_hint()
        };
        let told = [
            fault("ssm:GetParameter", "AccessDeniedException", "User x is not authorized because no policy allows it"),
            fault(
                "ssm:GetParameter",
                "AccessDeniedException",
                "The ciphertext refers to a customer master key that does not exist, or you are not allowed to access.",
            ),
            fault("secretsmanager:GetSecretValue", "AccessDeniedException", "Access to KMS is not allowed"),
            fault("s3:GetObject", "AccessDenied", "Access Denied"),
            fault("s3:GetObject", "NoSuchKey", "The specified key does not exist."),
        ];
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn credentials_that_are_no_good_are_no_missing_permission() {
        let is_refusal = |word: &str| AwsError::from_service("iam:GetRole", word, "no", 403).is_access_denied();
        assert!(["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"].into_iter().all(is_refusal));
        let unknown = ["ExpiredToken", "ExpiredTokenException", "SignatureDoesNotMatch", "InvalidClientTokenId"];
        assert!(!unknown.into_iter().any(is_refusal));
        let unsigned = "the request could not be signed: AccessDenied".to_owned();
        assert!(
            !AwsError { operation: "iam:GetRole", code: ReasonCode::AwsDenied, detail: unsigned }.is_access_denied()
        );
    }

    #[test]
    fn a_message_is_one_line_and_whole() {
        assert_eq!(one_line("a\n b"), "a b");
        assert_eq!(one_line(&"x".repeat(5000)).chars().count(), 5000);
    }
}
