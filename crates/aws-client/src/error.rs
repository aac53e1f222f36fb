//! Errors of AWS calls, classified by what to do about them.

use std::{fmt, io};

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use gate::ReasonCode;

use super::incomplete_reply::IncompleteReply;

/// A call to AWS without a usable reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsError {
    /// The operation, as IAM writes it: `codedeploy:GetDeployment`.
    pub operation: &'static str,
    pub code: ReasonCode,
    /// The error code from AWS, such as `NoSuchEntity`, if AWS returned one.
    pub aws_code: Option<String>,
    /// The error code from AWS, or the kind of connection error, with the message.
    pub detail: String,
}

impl AwsError {
    /// An error without a code from AWS.
    pub fn new(operation: &'static str, code: ReasonCode, detail: impl Into<String>) -> Self {
        Self { operation, code, aws_code: None, detail: detail.into() }
    }

    /// Converts an SDK error.
    pub(crate) fn from_sdk<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let (code, detail) = match error {
            SdkError::ServiceError(context) => {
                let status = context.raw().status().as_u16();
                let meta = context.err().meta();
                if let Some(aws_code) = meta.code() {
                    return Self::from_service(operation, aws_code, meta.message().unwrap_or_default(), status);
                }
                // The reply is not an AWS error, for example a truncated reply or a proxy's page.
                (
                    classify("", status.max(500)),
                    format!("a reply of status {status} that cannot be read: {}", root_cause(context.err())),
                )
            }
            SdkError::TimeoutError(_) => (ReasonCode::AwsUnreachable, "no reply in time".to_owned()),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                (ReasonCode::AwsUnreachable, format!("timed out: {}", root_cause(error)))
            }
            SdkError::DispatchFailure(_) if is_incomplete_reply(error) => (ReasonCode::AwsFailed, root_cause(error)),
            SdkError::DispatchFailure(_) => (ReasonCode::AwsUnreachable, root_cause(error)),
            SdkError::ResponseError(_) => {
                (ReasonCode::AwsFailed, format!("a reply that cannot be read: {}", root_cause(error)))
            }
            _ => (ReasonCode::AwsFailed, root_cause(error)),
        };
        Self::new(operation, code, one_line(&detail))
    }

    /// Creates an error from the code and message of AWS, for replies that no SDK parsed.
    pub(super) fn from_service(operation: &'static str, aws_code: &str, message: &str, status: u16) -> Self {
        if aws_code.is_empty() {
            // A proxy's page.
            let detail = format!("a reply of status {status} that cannot be read");
            return Self::new(operation, classify("", status.max(500)), detail);
        }
        let code = classify(aws_code, status);
        let message = denial_reason(code, if message.is_empty() { "no message" } else { message });
        let detail = one_line(&format!("{aws_code}: {message}"));
        Self { operation, code, aws_code: Some(aws_code.to_owned()), detail }
    }

    /// Whether AWS returned this error code, such as `NoSuchEntity`, or one that begins with it.
    pub fn has_code(&self, code: &str) -> bool {
        self.aws_code.as_ref().is_some_and(|own| own.starts_with(code))
    }

    /// Whether AWS knows the caller and does not allow the call. Invalid credentials are a different error.
    pub fn is_access_denied(&self) -> bool {
        let aws_code = self.aws_code.as_deref().unwrap_or_default();
        self.code == ReasonCode::AwsDenied && ACCESS_DENIED_CODES.iter().any(|part| aws_code.contains(part))
    }

    /// The message. If AWS denied access, it starts with the action that the function's role needs, because AWS's
    /// message often names only half of it.
    pub fn with_permission_hint(&self) -> String {
        // Invalid credentials are a different error.
        if !self.has_code("AccessDenied") {
            return self.to_string();
        }
        let key = ["kms", "KMS", "ciphertext"].iter().any(|word| self.detail.contains(word));
        let missing_action = if key { "kms:Decrypt for its key" } else { self.operation };
        let more = if self.operation == "s3:GetObject" && !key {
            "; without s3:ListBucket, S3 also denies access to an object that does not exist"
        } else {
            ""
        };
        format!("the function's role needs {missing_action}: {}{more}", self.detail)
    }

    /// A reply in which something is missing.
    pub fn missing_field(operation: &'static str, what: impl fmt::Display) -> Self {
        Self::new(operation, ReasonCode::UnexpectedReply, format!("the reply has no {what}"))
    }

    /// Whether a later attempt may succeed. A denial is final.
    pub const fn is_retryable(&self) -> bool {
        matches!(self.code, ReasonCode::AwsThrottled | ReasonCode::AwsUnreachable | ReasonCode::AwsFailed)
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.detail)
    }
}

/// The parts of AWS error codes that mean the function's role lacks a permission.
const ACCESS_DENIED_CODES: [&str; 3] = ["AccessDenied", "UnauthorizedOperation", "NotAuthorized"];

/// Classifies AWS error codes by what to do about them. The throttling codes are those that the SDK retries.
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

/// The reason of a denial. AWS's message starts with the caller and the action, which are known here; the reason comes
/// last.
fn denial_reason(code: ReasonCode, message: &str) -> &str {
    let reason = message.split_once(" because ").filter(|_| code == ReasonCode::AwsDenied);
    reason.map_or(message, |(_, reason)| reason)
}

/// The message of the innermost error. The outer ones only repeat that something failed.
pub(super) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let innermost = innermost_source(error);
    if let Some(io) = innermost.downcast_ref::<io::Error>() {
        return match io.kind() {
            io::ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
                "the connection was closed".to_owned()
            }
            io::ErrorKind::TimedOut => "the connection timed out".to_owned(),
            _ => io.to_string(),
        };
    }
    match innermost.to_string().as_str() {
        // The words of the HTTP library.
        "connection closed before message completed" => "the connection was closed without a reply".to_owned(),
        other => other.to_owned(),
    }
}

/// Whether AWS's reply broke off, or is not one of AWS.
pub(super) fn is_incomplete_reply(error: &(dyn std::error::Error + 'static)) -> bool {
    innermost_source(error).is::<IncompleteReply>()
}

fn innermost_source<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost
}

/// Joins the lines of a text. The text is not shortened here: redaction must first see a whole secret.
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
        let messages = [
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
        insta::assert_snapshot!(messages.join("\n"));
    }

    #[test]
    fn credentials_that_are_no_good_are_no_missing_permission() {
        let is_refusal = |word: &str| AwsError::from_service("iam:GetRole", word, "no", 403).is_access_denied();
        assert!(["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"].into_iter().all(is_refusal));
        let unknown = ["ExpiredToken", "ExpiredTokenException", "SignatureDoesNotMatch", "InvalidClientTokenId"];
        assert!(!unknown.into_iter().any(is_refusal));
        let unsigned = "the request could not be signed: AccessDenied".to_owned();
        assert!(!AwsError::new("iam:GetRole", ReasonCode::AwsDenied, unsigned).is_access_denied());
    }

    #[test]
    fn a_message_is_one_line_and_whole() {
        assert_eq!(one_line("a\n b"), "a b");
        assert_eq!(one_line(&"x".repeat(5000)).chars().count(), 5000);
    }
}
