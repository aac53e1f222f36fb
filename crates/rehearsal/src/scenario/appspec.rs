//! A user's own AppSpec file in place of the scenario's. The scenario still decides what is deployed; the file decides
//! which functions are invoked.

use std::{collections::BTreeMap, ops::Range};

use lifecycle::Hook;
use serde_json::Value;

use crate::{
    lambda::{AccountRegion, FunctionName, FunctionRef},
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

/// The content of a revision that a client deploys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RevisionContent {
    pub appspec: AppSpec,
    /// The task definition, as the file names it.
    pub task_definition: String,
}

impl RevisionContent {
    /// Reads an AppSpec file for Amazon ECS, YAML or JSON. Keys can have any case, as AWS's own tools write them.
    ///
    /// # Errors
    /// What is wrong with it, as a predicate for the subject "the AppSpec file".
    pub fn parse(content: &str) -> Result<Self, String> {
        let file: Value = serde_saphyr::from_str(content).map_err(|error| format!("cannot be read: {error}"))?;
        let resources = member(&file, "resources").and_then(Value::as_array).into_iter().flatten();
        let mut resources = resources.filter_map(Value::as_object).flat_map(|resource| resource.values());
        let resource = resources.next().ok_or("has no resource in `Resources`")?;
        let definition = member(resource, "properties").and_then(|it| member(it, "taskdefinition"));
        let task_definition = definition.and_then(Value::as_str).ok_or("names no `TaskDefinition`")?.to_owned();
        let hooks = member(&file, "hooks").and_then(Value::as_array).into_iter().flatten();
        let mut functions = BTreeMap::new();
        for (event, function) in hooks.filter_map(Value::as_object).flatten() {
            let hook = Hook::from_event_name(event);
            let hook = hook.ok_or_else(|| format!("has a hook for {event:?}, which has none"))?;
            let function = function.as_str().ok_or_else(|| format!("names no function for {event}"))?;
            functions.insert(hook, function.to_owned());
        }
        let appspec = AppSpec {
            text: content.to_owned(),
            task_definition: None,
            account_region: AccountRegion::from_arn(&task_definition),
            hooks: functions,
        };
        Ok(Self { appspec, task_definition })
    }
}

/// A member of a map, by its name in lower case.
fn member<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    map.as_object()?.iter().find(|(key, _)| key.to_lowercase() == name).map(|(_, value)| value)
}

/// The functions of a deployment in a served world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServedHooks {
    /// The function to invoke at each event, where it is not the event's own.
    pub targets: BTreeMap<Hook, HookTarget>,
    /// The events whose functions are other programs, with their names.
    pub foreign: BTreeMap<Hook, String>,
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

/// A function that an AppSpec file names.
struct FoundFunction {
    /// Its name without account, region and qualifier.
    name: String,
    /// Which of our functions it is.
    function: Option<FunctionName>,
    has_prefix: bool,
}

impl AppSpec {
    /// The function to invoke at each event. The rehearsal assumes that its account has a stack of the functions under
    /// whatever name the file gives, and that CodeDeploy has the narrower of AWS's managed roles.
    pub(crate) fn hook_targets(&self) -> BTreeMap<Hook, HookTarget> {
        let target_for =
            |hook: &Hook| self.hooks.get(hook).map_or(HookTarget::None, |function| self.hook_target(function));
        Hook::ALL.iter().map(|hook| (*hook, target_for(hook))).collect()
    }

    /// The function to invoke at each event of a served world. A function that is not one of ours is a program of the
    /// user, under any name. Ours are too, unless their programs are there.
    pub(crate) fn served_hooks(&self, has_programs: bool) -> ServedHooks {
        let mut served = ServedHooks::default();
        for hook in Hook::ALL {
            let target = match self.hooks.get(&hook).map(|function| (function, self.found_function(function))) {
                None => HookTarget::None,
                Some((_, Err(refusal))) => HookTarget::Refused(*refusal),
                Some((_, Ok(FoundFunction { function: Some(own), .. }))) if has_programs => HookTarget::To(own),
                Some((_, Ok(FoundFunction { name, .. }))) => {
                    served.foreign.insert(hook, name);
                    continue;
                }
            };
            served.targets.insert(hook, target);
        }
        served
    }

    /// Finds a function, unless CodeDeploy cannot invoke it whatever its role allows.
    fn found_function(&self, function: &str) -> Result<FoundFunction, Box<InvokeError>> {
        let refused =
            |error, why: String, hint| Err(Box::new(InvokeError { function: function.to_owned(), error, why, hint }));
        let found = match function.parse::<FunctionRef>() {
            Ok(found) => found,
            Err(why) => return refused(FAILED, format!("it {why}"), "write the function's name"),
        };
        match (&self.account_region, &found.account_region) {
            (Some(home), Some(other)) if home != other => refused(
                DENIED,
                format!("it is in {other}, but the service is in {home}"),
                "name a function in the service's account and region; `greenlight appspec` writes such names",
            ),
            _ => Ok(FoundFunction { function: found.function(), has_prefix: found.has_prefix(), name: found.name }),
        }
    }

    fn hook_target(&self, function: &str) -> HookTarget {
        let refused = |error, why: String, hint| {
            HookTarget::Refused(InvokeError { function: function.to_owned(), error, why, hint })
        };
        let found = match self.found_function(function) {
            Ok(found) => found,
            Err(refusal) => return HookTarget::Refused(*refusal),
        };
        if !found.has_prefix {
            return refused(
                DENIED,
                "its name does not begin with CodeDeployHook_, and AWS's managed role AWSCodeDeployRoleForECSLimited \
                 does not allow CodeDeploy to invoke it"
                    .to_owned(),
                "give the function a name with that prefix, or allow CodeDeploy's role lambda:InvokeFunction on it",
            );
        }
        match found.function {
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

    #[test]
    fn in_a_served_world_any_function_is_invoked_and_ours_only_if_their_programs_are_there() {
        let hooks = [
            (Hook::AfterInstall, "CodeDeployHook_shop-after-install"),
            (Hook::AfterAllowTestTraffic, "shop-smoke:live"),
            (Hook::BeforeAllowTraffic, "not a name"),
        ];
        let hooks = hooks.map(|(hook, name)| (hook, name.to_owned())).into();
        let file = AppSpec { hooks, ..AppSpec::default() };
        let served = file.served_hooks(true);
        assert_eq!(served.targets[&Hook::BeforeInstall], HookTarget::None);
        assert_eq!(served.targets[&Hook::AfterInstall], HookTarget::To(Hook::AfterInstall.into()));
        assert!(matches!(served.targets[&Hook::BeforeAllowTraffic], HookTarget::Refused(_)));
        assert_eq!(served.foreign, BTreeMap::from([(Hook::AfterAllowTestTraffic, "shop-smoke".to_owned())]));
        let without = file.served_hooks(false);
        assert_eq!(without.foreign[&Hook::AfterInstall], "CodeDeployHook_shop-after-install");
        assert!(!without.targets.contains_key(&Hook::AfterInstall));
    }

    #[test]
    fn a_revision_is_read_as_yaml_and_as_json_with_keys_of_any_case() {
        let yaml = "version: 0.0\nResources:\n  - TargetService:\n      Type: AWS::ECS::Service\n      Properties:\n        \
                    TaskDefinition: arn:x\nHooks:\n  - AfterInstall: f\n";
        let json = r#"{"version": 0.0, "resources": [{"target": {"type": "AWS::ECS::Service", "properties":
            {"taskDefinition": "arn:x"}}}], "hooks": [{"AfterInstall": "f"}]}"#;
        for content in [yaml, json] {
            let revision = RevisionContent::parse(content).unwrap();
            assert_eq!(revision.task_definition, "arn:x");
            assert_eq!(revision.appspec.hooks, BTreeMap::from([(Hook::AfterInstall, "f".to_owned())]));
        }
        for (content, why) in [
            ("", "no resource"),
            ("{resources: [{a: {properties: {}}}]}", "TaskDefinition"),
            ("{resources: [{a: {properties: {taskDefinition: x}}}], hooks: [{Install: f}]}", "Install"),
        ] {
            let error = RevisionContent::parse(content).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
