//! An AppSpec file of somebody's own in place of the scenario's: what is deployed is the scenario's still, and which
//! functions are asked is the file's.

use std::{collections::BTreeMap, ops::Range};

use crate::{
    function_ref::{AccountRegion, FunctionRef},
    hook_name::HookName,
    scenario::HookTarget,
};

/// An AppSpec file, read by somebody else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppSpec {
    /// Its text.
    pub text: String,
    /// Where in the text its task definition stands. The deployment's own is put there, as a pipeline would do.
    pub task_definition: Option<Range<usize>>,
    /// Where the service is. A function that is elsewhere cannot be invoked.
    pub account_region: Option<AccountRegion>,
    /// The function that it names for an event, as it names it.
    pub hooks: BTreeMap<HookName, String>,
}

/// CodeDeploy's code and words when its role may not invoke a function.
const DENIED: (&str, &str) = (
    "IAM_ROLE_PERMISSIONS",
    "The IAM role arn:aws:iam::111122223333:role/CodeDeployForECS does not give you permission to perform operations in \
     the following AWS service: AWSLambda. Contact your AWS administrator if you need help. If you are an AWS \
     administrator, you can grant permissions to your users or groups by creating IAM policies.",
);

/// CodeDeploy's code and words when a hook fails. That a function is missing has no code of its own that AWS documents.
pub(crate) const FAILED: (&str, &str) = (
    "HOOK_EXECUTION_FAILURE",
    "The deployment failed because one or more of the lifecycle event validation functions failed.",
);

/// A function that CodeDeploy cannot invoke: the event fails at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvokeError {
    /// As the AppSpec file names it.
    pub function: String,
    /// CodeDeploy's code and words.
    pub error: (&'static str, &'static str),
    /// Why, in words.
    pub why: String,
    /// What to do.
    pub hint: &'static str,
}

impl AppSpec {
    /// Whose function is invoked at each event. In the rehearsal's account a stack of the functions has been deployed
    /// under whatever name the file gives it, and CodeDeploy has the narrower of AWS's managed roles.
    pub(crate) fn hook_targets(&self) -> BTreeMap<HookName, HookTarget> {
        let target_for =
            |hook: &HookName| self.hooks.get(hook).map_or(HookTarget::None, |function| self.hook_target(function));
        HookName::ALL.iter().map(|hook| (*hook, target_for(hook))).collect()
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
                    format!("it is of {other}, and the service is of {home}"),
                    "name the function of the service's own account and region; `greenlight appspec` writes them",
                );
            }
            _ => {}
        }
        if !found.has_prefix() {
            return refused(
                DENIED,
                "its name does not begin with CodeDeployHook_, and AWS's managed role AWSCodeDeployRoleForECSLimited \
                 allows no other functions"
                    .to_owned(),
                "give the function a name with that prefix, or CodeDeploy's role lambda:InvokeFunction on it",
            );
        }
        match found.function() {
            // What `on-failure` makes of an event that is no record is its business.
            Some(function) => HookTarget::To(function),
            None => refused(
                FAILED,
                format!("the rehearsal's account has no function {}", found.name),
                "compare its name with those of your stack; `greenlight appspec --stack NAME` writes them",
            ),
        }
    }

    /// Its text for the deployment of a task definition.
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
    use crate::function_name::FunctionName;

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
                (HookName::BeforeInstall, "CodeDeployHook_shop-after-install".to_owned()),
                (
                    HookName::AfterInstall,
                    "arn:aws:lambda:eu-west-1:111122223333:function:CodeDeployHook_on-failure".into(),
                ),
            ]),
            ..AppSpec::default()
        };
        let wired = spec.hook_targets();
        assert_eq!(wired[&HookName::BeforeInstall], HookTarget::To(HookName::AfterInstall.into()));
        assert_eq!(wired[&HookName::AfterInstall], HookTarget::To(FunctionName::OnFailure));
        assert_eq!(wired[&HookName::AfterAllowTraffic], HookTarget::None);
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
