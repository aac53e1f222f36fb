//! A user's own AppSpec file in place of the scenario's. The scenario still decides what is deployed; the file decides
//! which functions are invoked.

use std::{collections::BTreeMap, ops::Range};

use lifecycle::Hook;

use crate::{
    lambda::{AccountRegion, FunctionRef},
    scenario::HookTarget,
};

/// An AppSpec file that the caller has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppSpec {
    /// The text of the file.
    pub text: String,
    /// The byte range of the task definition in the text. The deployment's task definition replaces it, as a pipeline
    /// would do.
    pub task_definition: Option<Range<usize>>,
    /// The account and region of the service. CodeDeploy cannot invoke a function that is elsewhere.
    pub account_region: Option<AccountRegion>,
    /// The function for each lifecycle event, as the file names it.
    pub hooks: BTreeMap<Hook, String>,
}

/// CodeDeploy's error code and message when its role is not allowed to invoke a function.
const DENIED: (&str, &str) = (
    "IAM_ROLE_PERMISSIONS",
    "The IAM role arn:aws:iam::111122223333:role/CodeDeployForECS does not give you permission to perform operations in \
     the following AWS service: AWSLambda. Contact your AWS administrator if you need help. If you are an AWS \
     administrator, you can grant permissions to your users or groups by creating IAM policies.",
);

/// CodeDeploy's error code and message when a hook fails. AWS documents no separate code for a missing function.
pub(crate) const FAILED: (&str, &str) = (
    "HOOK_EXECUTION_FAILURE",
    "The deployment failed because one or more of the lifecycle event validation functions failed.",
);

/// A function that CodeDeploy cannot invoke. The lifecycle event fails at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvokeError {
    /// The function as the AppSpec file names it.
    pub function: String,
    /// CodeDeploy's error code and message.
    pub error: (&'static str, &'static str),
    /// The reason, as a sentence about "it".
    pub why: String,
    /// What to do about it.
    pub hint: &'static str,
}

impl AppSpec {
    /// The function to invoke at each event. The rehearsal assumes that its account has a stack of the functions under
    /// whatever name the file gives, and that CodeDeploy has the narrower of AWS's managed roles.
    pub(crate) fn hook_targets(&self) -> BTreeMap<Hook, HookTarget> {
        let target_for =
            |hook: &Hook| self.hooks.get(hook).map_or(HookTarget::None, |function| self.hook_target(function));
        Hook::ALL.iter().map(|hook| (*hook, target_for(hook))).collect()
    }

    fn hook_target(&self, function: &str) -> HookTarget {
        let refused = |error, why: String, hint| {
            HookTarget::Refused(InvokeError { function: function.to_owned(), error, why, hint })
        };
        let found = match function.parse::<FunctionRef>() {
            Ok(found) => found,
            Err(why) => return refused(FAILED, format!("it {why}"), "write the function's name"),
        };
        match (&self.account_region, &found.account_region) {
            (Some(home), Some(other)) if home != other => {
                return refused(
                    DENIED,
                    format!("it is in {other}, but the service is in {home}"),
                    "name a function in the service's account and region; `greenlight appspec` writes such names",
                );
            }
            _ => {}
        }
        if !found.has_prefix() {
            return refused(
                DENIED,
                "its name does not begin with CodeDeployHook_, and AWS's managed role AWSCodeDeployRoleForECSLimited \
                 does not allow CodeDeploy to invoke it"
                    .to_owned(),
                "give the function a name with that prefix, or allow CodeDeploy's role lambda:InvokeFunction on it",
            );
        }
        match found.function() {
            // An AppSpec file can also name the on-failure handler. That program then decides what to do with an event
            // that is not an invocation record.
            Some(function) => HookTarget::To(function),
            None => refused(
                FAILED,
                format!("the rehearsal's account has no function {}", found.name),
                "compare its name with the names in your stack; `greenlight appspec --stack NAME` writes them",
            ),
        }
    }

    /// Returns the text with `task_definition` in place of the file's own.
    pub(crate) fn with_task_definition(&self, task_definition: &str) -> String {
        let mut text = self.text.clone();
        if let Some(place) = self.task_definition.clone().filter(|place| text.get(place.clone()).is_some()) {
            text.replace_range(place, &format!("\"{task_definition}\""));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::FunctionName;

    fn invoke_error(home: Option<&str>, function: &str) -> InvokeError {
        let home = home.and_then(AccountRegion::from_arn);
        match (AppSpec { account_region: home, ..AppSpec::default() }).hook_target(function) {
            HookTarget::Refused(refusal) => refusal,
            other => panic!("{function}: {other:?}"),
        }
    }

    #[test]
    fn a_name_leads_to_its_function_whatever_the_stack_is_called() {
        let spec = AppSpec {
            hooks: BTreeMap::from([
                (Hook::BeforeInstall, "CodeDeployHook_shop-after-install".to_owned()),
                (Hook::AfterInstall, "arn:aws:lambda:eu-west-1:111122223333:function:CodeDeployHook_on-failure".into()),
            ]),
            ..AppSpec::default()
        };
        let wired = spec.hook_targets();
        assert_eq!(wired[&Hook::BeforeInstall], HookTarget::To(Hook::AfterInstall.into()));
        assert_eq!(wired[&Hook::AfterInstall], HookTarget::To(FunctionName::OnFailure));
        assert_eq!(wired[&Hook::AfterAllowTraffic], HookTarget::None);
    }

    #[test]
    fn what_cannot_be_invoked_is_refused_in_codedeploys_words() {
        let home = Some("arn:aws:ecs:eu-west-1:111122223333:task-definition/shop:1");
        let there = "arn:aws:lambda:eu-west-1:444455556666:function:CodeDeployHook_before-install";
        let elsewhere = invoke_error(home, there);
        assert_eq!(elsewhere.error.0, "IAM_ROLE_PERMISSIONS");
        assert!(elsewhere.why.contains("444455556666") && elsewhere.why.contains("111122223333"), "{elsewhere:?}");
        assert_eq!(invoke_error(None, "shop-before-install").error.0, "IAM_ROLE_PERMISSIONS");
        assert_eq!(invoke_error(None, "CodeDeployHook_shop-smoke").error.0, "HOOK_EXECUTION_FAILURE");
        assert_eq!(invoke_error(None, "<FUNCTION>").error.0, "HOOK_EXECUTION_FAILURE");
    }

    #[test]
    fn the_deployments_task_definition_stands_in_the_text() {
        let text = "Properties: { TaskDefinition: <TASK> } # mine".to_owned();
        let place = text.find("<TASK>").map(|at| at..at + 6);
        let spec = AppSpec { text, task_definition: place, ..AppSpec::default() };
        assert_eq!(spec.with_task_definition("arn:x"), "Properties: { TaskDefinition: \"arn:x\" } # mine");
        assert_eq!(AppSpec { task_definition: None, ..spec.clone() }.with_task_definition("arn:x"), spec.text);
    }
}
