//! The two ids of a hook invocation, with their validation.

use std::fmt;

/// Longer than any known id. The limit keeps a hostile payload from creating a log line or a request of megabytes.
const MAX_DEPLOYMENT_ID: usize = 128;
/// An execution id is base64 of an encrypted JSON object, with about 300 characters. It has a limit for the same
/// reason.
const MAX_EXECUTION_ID: usize = 8 * 1024;

/// Why a string is not a valid id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidId {
    Empty,
    /// It is longer than the limit.
    TooLong {
        /// The length in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// It contains a character that the id cannot have.
    InvalidCharacter,
}

/// Continues a sentence that starts with the name of the id.
impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong { length, limit } => {
                write!(f, "has {length} characters, more than the {limit} that an id can have")
            }
            Self::InvalidCharacter => f.write_str("has a character that an id cannot have"),
        }
    }
}

impl std::error::Error for InvalidId {}

fn validate(text: &str, limit: usize, is_valid: impl Fn(&u8) -> bool) -> Result<(), InvalidId> {
    if text.is_empty() {
        Err(InvalidId::Empty)
    } else if text.len() > limit {
        Err(InvalidId::TooLong { length: text.len(), limit })
    } else if !text.as_bytes().iter().all(is_valid) {
        Err(InvalidId::InvalidCharacter)
    } else {
        Ok(())
    }
}

/// A CodeDeploy deployment id, such as `d-A1B2C3D4E`: ASCII letters, digits and hyphens. Messages contain it in
/// commands for a person to paste.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeploymentId(String);

impl DeploymentId {
    /// The id as AWS writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for DeploymentId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        validate(&text, MAX_DEPLOYMENT_ID, |byte| byte.is_ascii_alphanumeric() || *byte == b'-')?;
        Ok(Self(text))
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A `LifecycleEventHookExecutionId`. It is opaque, and anybody who has it can put the status of the hook, so it is
/// never printed whole. AWS does not document its characters, so all visible ASCII characters are accepted: if a valid
/// id were refused, CodeDeploy would wait for an hour.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ExecutionId(String);

impl ExecutionId {
    /// The text that replaces it in messages.
    pub const LABEL: &str = "[execution id]";

    /// The whole id, only for the request to CodeDeploy and for what redacts it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ExecutionId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        validate(&text, MAX_EXECUTION_ID, u8::is_ascii_graphic)?;
        Ok(Self(text))
    }
}

impl fmt::Debug for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // All ids start in the same way (base64 of `{"encrypted…`), so the end distinguishes them.
        if self.0.len() > 24 { write!(f, "…{}", &self.0[self.0.len() - 8..]) } else { f.write_str("…") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_not_empty_not_huge_and_has_the_characters_of_an_id() {
        assert!(DeploymentId::try_from("d-A1B2C3D4E".to_owned()).is_ok());
        assert_eq!(DeploymentId::try_from(String::new()), Err(InvalidId::Empty));
        for id in ["d-1\n", "d 1", "d-1;touch${IFS}x", "d-1'", "d-1/../2", "d-ä", "$(id)", "d_1", "d-1\u{1b}[31m"] {
            assert_eq!(DeploymentId::try_from(id.to_owned()), Err(InvalidId::InvalidCharacter), "{id:?}");
        }
        assert!(ExecutionId::try_from("eyJlbmNy+/=_-.".to_owned()).is_ok());
        assert_eq!(ExecutionId::try_from("eyJ lbmNy".to_owned()), Err(InvalidId::InvalidCharacter));
        assert!(matches!(ExecutionId::try_from("x".repeat(9000)), Err(InvalidId::TooLong { length: 9000, .. })));
    }

    #[test]
    fn an_execution_id_is_never_shown_whole() {
        for id in ["short", "eyJlbmNyeXB0ZWREYXRhIjoiYWJjZGVmZ2hpamtsbW5vcA=="] {
            let shown = format!("{:?}", ExecutionId::try_from(id.to_owned()).unwrap());
            assert!(!shown.contains(id), "{shown}");
        }
    }
}
