//! The name of a function: one of the five hook functions, or the on-failure handler.

use std::{borrow::Cow, fmt};

use lifecycle::Hook;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::hook_text;

/// The prefix of the function names that CodeDeploy's narrower managed roles are allowed to invoke.
pub const FUNCTION_NAME_PREFIX: &str = "CodeDeployHook_";

/// One of the six functions. A scenario writes it as the key of its hook, such as `after_install`, or as `on_failure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FunctionName {
    /// The function of a hook.
    Hook(Hook),
    /// The on-failure handler, to which Lambda sends the record of every failed invocation of a hook function.
    OnFailure,
}

/// The on-failure handler's name in a scenario.
const ON_FAILURE: &str = "on_failure";

impl FunctionName {
    /// All six functions, with the on-failure handler last.
    pub fn all_functions() -> impl Iterator<Item = Self> {
        Hook::ALL.into_iter().map(Self::Hook).chain([Self::OnFailure])
    }

    /// The name of the function's program.
    pub const fn program_name(self) -> &'static str {
        match self {
            Self::Hook(hook) => hook.program_name(),
            Self::OnFailure => "on-failure",
        }
    }

    /// The function's name in AWS. CodeDeploy's narrower managed roles can only invoke functions with this prefix.
    pub fn lambda_name(self) -> String {
        format!("{FUNCTION_NAME_PREFIX}{}", self.program_name())
    }

    /// The access key of the function's role. Each role has its own key, so the fake AWS can identify the caller.
    pub(crate) fn access_key(self) -> String {
        match self {
            Self::Hook(hook) => format!("ASIA{}", hook.event_name().to_uppercase()),
            Self::OnFailure => "ASIAONFAILURE".to_owned(),
        }
    }

    /// The function whose access key is in an `Authorization` header.
    pub(crate) fn from_authorization(header: &str) -> Option<Self> {
        Self::all_functions().find(|function| header.contains(&format!("Credential={}/", function.access_key())))
    }
}

impl From<Hook> for FunctionName {
    fn from(hook: Hook) -> Self {
        Self::Hook(hook)
    }
}

impl fmt::Display for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hook(hook) => hook.fmt(f),
            Self::OnFailure => f.write_str(self.program_name()),
        }
    }
}

impl Serialize for FunctionName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for FunctionName {
    fn schema_name() -> Cow<'static, str> {
        "FunctionName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = Hook::ALL.map(Hook::key).into_iter().chain([ON_FAILURE]).collect::<Vec<_>>();
        json_schema!({ "enum": names })
    }
}

impl<'de> Deserialize<'de> for FunctionName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == ON_FAILURE {
            return Ok(Self::OnFailure);
        }
        hook_text::from_key(&text).map(Self::Hook)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_calls_is_known_by_the_access_key() {
        for function in FunctionName::all_functions() {
            let key = function.access_key();
            let header = format!("AWS4-HMAC-SHA256 Credential={key}/20260101/eu-west-1/ecs/aws4_request, Signature=0");
            assert_eq!(FunctionName::from_authorization(&header), Some(function));
        }
        assert_eq!(FunctionName::from_authorization("AWS4-HMAC-SHA256 Credential=ASIASOMEBODY/20260101"), None);
    }

    #[test]
    fn a_scenario_names_it_by_its_hook_or_as_on_failure() {
        let read = |word: &str| serde_saphyr::from_str::<FunctionName>(word);
        assert_eq!(read("after_install").unwrap(), FunctionName::Hook(Hook::AfterInstall));
        assert_eq!(read("on_failure").unwrap(), FunctionName::OnFailure);
        assert!(read("lunch").is_err());
    }
}
