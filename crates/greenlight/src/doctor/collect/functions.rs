//! Reads the configuration of the functions, and their gate files.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hook_core::{
    Hook,
    aws_inspector::{AwsError, GateFileLookup, requirements, settings_errors},
    gate_file,
};
use rehearsal::{FunctionName, FunctionRef};
use serde_json::Value;

use super::{
    super::snapshot::{
        AccountSnapshot, DeploymentGroupConfig, EventInvokeConfig, FunctionConfig, FunctionGate, FunctionKind,
        HookedFunction, Lookup, VpcConfig, other_account_or_region,
    },
    Collector, DoctorTarget, join_bounded,
};
use crate::args::to_hook_name;

/// Lambda's defaults for asynchronous invocations.
const DEFAULT_RETRY_ATTEMPTS: u64 = 2;
const DEFAULT_EVENT_AGE_SECS: u64 = 6 * 60 * 60;

/// Lambda's error codes for a function that does not exist.
const NOT_FOUND_CODES: [&str; 1] = ["ResourceNotFoundException"];

/// Reads everything about the functions that an AppSpec file names.
pub async fn hooked_functions(
    collector: &Collector,
    target: &DoctorTarget,
    hooks: Vec<(String, String)>,
    group: Option<&DeploymentGroupConfig>,
) -> Vec<HookedFunction> {
    let names = [&target.application, &target.deployment_group, &target.region].map(Clone::clone);
    let given = target.gate.as_ref().map(|source| (source.name.clone(), source.text.clone()));
    let lookups = hooks.into_iter().map(|(event, written)| {
        let (collector, names, given) = (collector.clone(), names.clone(), given.clone());
        let is_here = other_account_or_region(&written, &target.region, group).is_none();
        async move {
            // A function of the same name in this account and region is a different one.
            if is_here {
                hooked_function(&collector, event, written, &names, given).await
            } else {
                unreadable_function(event, written)
            }
        }
    });
    join_bounded(lookups).await
}

async fn hooked_function(
    collector: &Collector,
    event: String,
    written: String,
    names: &[String; 3],
    given: Option<(String, String)>,
) -> HookedFunction {
    let (name, qualifier) = split_qualifier(&written);
    let (set_up, events) = tokio::join!(
        collector.survey.function_configuration(&name, qualifier.as_deref()),
        collector.survey.event_invoke_config(&name, qualifier.as_deref()),
    );
    let set_up =
        collector.record(format!("the configuration of {name}"), set_up.map(|it| parse_config(&it)), &NOT_FOUND_CODES);
    let events = match &set_up {
        // This would only report the missing function a second time.
        Lookup::NotFound(_) => Lookup::Unreadable,
        _ => collector.record(
            format!("the event settings of {name}"),
            events.map(|it| it.map(|it| parse_event_invoke_config(&it))),
            &[],
        ),
    };
    let gate = match (function_kind(&name), set_up.found()) {
        (FunctionKind::Hook(hook), Some(set_up)) => load_gate(collector, &name, hook, set_up, names, given).await,
        _ => FunctionGate::default(),
    };
    HookedFunction { config: set_up, event_invoke_config: events, gate, ..unreadable_function(event, written) }
}

/// A function of which only the name is known.
fn unreadable_function(event: String, written: String) -> HookedFunction {
    let (name, qualifier) = split_qualifier(&written);
    let is = function_kind(&name);
    HookedFunction {
        event,
        name_in_app_spec: written,
        name,
        qualifier,
        kind: is,
        config: Lookup::Unreadable,
        event_invoke_config: Lookup::Unreadable,
        gate: FunctionGate::default(),
        permission_queries: Vec::new(),
        called_services: BTreeSet::new(),
        predicted_failures: Vec::new(),
    }
}

/// Splits a function's name or ARN, as an AppSpec file writes it, into name and qualifier.
pub fn split_qualifier(written: &str) -> (String, Option<String>) {
    let name = written.split_once(":function:").map_or(written, |(_, name)| name);
    match name.split_once(':') {
        Some((name, "$LATEST")) => (name.to_owned(), None),
        Some((name, qualifier)) => (name.to_owned(), Some(qualifier.to_owned())),
        None => (name.to_owned(), None),
    }
}

/// Identifies a function by its name, in the same way as `greenlight appspec`.
fn function_kind(name: &str) -> FunctionKind {
    let named = FunctionRef { account_region: None, name: name.to_owned(), qualifier: None };
    match named.function() {
        Some(FunctionName::OnFailure) => FunctionKind::OnFailure,
        Some(FunctionName::Hook(own)) => Hook::ALL
            .into_iter()
            .find(|hook| to_hook_name(*hook) == own)
            .map_or(FunctionKind::Other, FunctionKind::Hook),
        None => FunctionKind::Other,
    }
}

fn parse_config(value: &Value) -> FunctionConfig {
    let text = |member: &str| value[member].as_str().unwrap_or_default().to_owned();
    let vpc = &value["VpcConfig"];
    let texts = |member: &str| {
        let items = vpc[member].as_array().into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let subnets = texts("SubnetIds");
    let variables = &value["Environment"];
    let unread = !variables["Error"].is_null();
    let variables = variables["Variables"].as_object().into_iter().flatten();
    let variables = variables.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    FunctionConfig {
        arn: text("FunctionArn"),
        role: text("Role"),
        timeout: Duration::from_secs(value["Timeout"].as_u64().unwrap_or_default()),
        state: text("State"),
        variables: (!unread).then(|| variables.collect()),
        vpc: (!subnets.is_empty()).then(|| VpcConfig {
            id: vpc["VpcId"].as_str().unwrap_or_default().to_owned(),
            subnets,
            security_groups: texts("SecurityGroupIds"),
            ipv6: vpc["Ipv6AllowedForDualStack"].as_bool().unwrap_or_default(),
        }),
    }
}

fn parse_event_invoke_config(value: &Value) -> EventInvokeConfig {
    let destination = value["DestinationConfig"]["OnFailure"]["Destination"].as_str();
    EventInvokeConfig {
        max_retry_attempts: value["MaximumRetryAttempts"].as_u64().unwrap_or(DEFAULT_RETRY_ATTEMPTS),
        max_event_age: Duration::from_secs(
            value["MaximumEventAgeInSeconds"].as_u64().unwrap_or(DEFAULT_EVENT_AGE_SECS),
        ),
        on_failure: destination.filter(|arn| !arn.is_empty()).map(str::to_owned),
    }
}

/// Reads the gate file that a hook would use, and derives the hook's requirements.
async fn load_gate(
    collector: &Collector,
    name: &str,
    hook: Hook,
    set_up: &FunctionConfig,
    [application, group, region]: &[String; 3],
    given: Option<(String, String)>,
) -> FunctionGate {
    let Some(variables) = &set_up.variables else {
        let why = "they are encrypted with a key that these credentials are not allowed to use";
        collector.record_unreadable(format!("the variables of {name}"), Some("kms:Decrypt"), why);
        return FunctionGate::default();
    };
    let found = match given {
        Some((title, text)) => GateFileLookup::Text { title, text },
        // Invalid settings have their own finding.
        None if !settings_errors(variables).is_empty() => GateFileLookup::None,
        None => collector.survey.gate_file(variables, application, group).await,
    };
    let checked_gate = |title: String, text: Option<String>| {
        let names = (application.as_str(), group.as_str(), region.as_str());
        let faults = text.as_deref().map(gate_file::check).unwrap_or_default();
        let wants = requirements(hook, text.as_deref(), names, variables).ok();
        FunctionGate { title, text, missing_reason: None, diagnostics: faults, requirements: wants }
    };
    // An unreadable gate file is reported as such. Most gate files only add to the built-in checks, so those are
    // checked.
    let built_in = || checked_gate("the built-in checks".to_owned(), None);
    match found {
        GateFileLookup::None => built_in(),
        GateFileLookup::Text { title, text } => checked_gate(title, Some(text)),
        GateFileLookup::Missing { title, why } => {
            FunctionGate { title, missing_reason: Some(why), ..FunctionGate::default() }
        }
        GateFileLookup::InPackage(path) => {
            let why = "it is in the functions' package, which doctor cannot read; pass it with --gate FILE";
            collector.record_unreadable(format!("the gate file {path}"), None, why);
            built_in()
        }
        GateFileLookup::Unreadable { title, error: AwsError { operation, detail, .. } } => {
            collector.record_unreadable(format!("the {title}"), Some(operation), detail);
            built_in()
        }
    }
}

/// Whether a gate file has its own checks for a hook.
pub fn has_own_checks(hook: Hook, text: &str, facts: &AccountSnapshot) -> bool {
    let names = (facts.application.as_str(), facts.group_name.as_str(), facts.region.as_str());
    requirements(hook, Some(text), names, &BTreeMap::new()).is_ok_and(|wants| wants.has_own_checks)
}

/// Reads the functions that are on-failure destinations, as far as they are in this account and region.
pub async fn on_failure_functions(
    collector: &Collector,
    functions: &[HookedFunction],
    region: &str,
    group: Option<&DeploymentGroupConfig>,
) -> BTreeMap<String, Lookup<FunctionConfig>> {
    let settings = functions.iter().filter_map(|wired| wired.event_invoke_config.found()?.as_ref());
    let mut arns: Vec<_> = settings.filter_map(|settings| settings.on_failure.clone()).collect();
    // A queue or a topic cannot put a status. That is a finding.
    arns.retain(|arn| arn.contains(":function:") && other_account_or_region(arn, region, group).is_none());
    arns.sort();
    arns.dedup();
    let lookups = arns.into_iter().map(|arn| {
        let collector = collector.clone();
        async move {
            let (name, qualifier) = split_qualifier(&arn);
            let set_up = collector.survey.function_configuration(&name, qualifier.as_deref()).await;
            let lookup =
                collector.record(format!("how {name} is set up"), set_up.map(|it| parse_config(&it)), &NOT_FOUND_CODES);
            (arn, lookup)
        }
    });
    join_bounded(lookups).await.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_by_its_name_or_its_arn() {
        let own = |name: &str, qualifier: Option<&str>| (name.to_owned(), qualifier.map(str::to_owned));
        assert_eq!(split_qualifier("f"), own("f", None));
        assert_eq!(split_qualifier("f:live"), own("f", Some("live")));
        assert_eq!(split_qualifier("f:$LATEST"), own("f", None));
        assert_eq!(split_qualifier("arn:aws:lambda:eu-west-1:1:function:f"), own("f", None));
        assert_eq!(split_qualifier("arn:aws:lambda:eu-west-1:1:function:f:3"), own("f", Some("3")));
    }

    #[test]
    fn an_arn_says_where_its_function_is() {
        let group = DeploymentGroupConfig { role: "arn:aws:iam::1:role/r".into(), ..DeploymentGroupConfig::default() };
        let other =
            |written: &str, group: Option<&DeploymentGroupConfig>| other_account_or_region(written, "eu-west-1", group);
        assert_eq!(other("f", Some(&group)), None);
        assert_eq!(other("arn:aws:lambda:eu-west-1:1:function:f", Some(&group)), None);
        assert_eq!(other("arn:aws:lambda:eu-west-1:2:function:f", Some(&group)).as_deref(), Some("account 2"));
        assert_eq!(other("2:function:f", Some(&group)).as_deref(), Some("account 2"));
        assert_eq!(other("arn:aws:lambda:eu-west-2:1:function:f", None).as_deref(), Some("region eu-west-2"));
        assert_eq!(other("arn:aws:lambda:eu-west-1:2:function:f", None), None);
    }

    #[test]
    fn what_lambda_leaves_out_or_cannot_decrypt_is_not_taken_for_empty() {
        let set_up = |environment: Value| {
            let value = serde_json::json!({ "Timeout": 3, "Environment": environment });
            parse_config(&value).variables
        };
        assert_eq!(set_up(Value::Null), Some(BTreeMap::new()));
        let refused = serde_json::json!({ "Error": { "ErrorCode": "AccessDeniedException", "Message": "no" } });
        assert_eq!(set_up(refused), None);
        let lambdas =
            EventInvokeConfig { max_retry_attempts: 2, max_event_age: Duration::from_secs(21_600), on_failure: None };
        assert_eq!(
            parse_event_invoke_config(&serde_json::json!({ "DestinationConfig": { "OnFailure": {} } })),
            lambdas
        );
    }

    #[test]
    fn which_function_it_is_says_the_end_of_its_name() {
        assert_eq!(function_kind("CodeDeployHook_shop-before-install"), FunctionKind::Hook(Hook::BeforeInstall));
        assert_eq!(function_kind("after-allow-traffic"), FunctionKind::Hook(Hook::AfterAllowTraffic));
        assert_eq!(function_kind("CodeDeployHook_shop-on-failure"), FunctionKind::OnFailure);
        assert_eq!(function_kind("CodeDeployHook_smoke"), FunctionKind::Other);
    }
}
