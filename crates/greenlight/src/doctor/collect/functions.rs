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
use serde_json::Value;

use super::collector::{Collector, join_bounded};
use crate::doctor::{
    function_name::{FunctionKind, function_kind, other_account_or_region, split_qualifier},
    snapshot::{DeploymentGroupConfig, EventInvokeConfig, FunctionConfig, FunctionGate, HookedFunction, Lookup},
    vpc::VpcConfig,
};

/// Lambda's defaults for asynchronous invocations.
const DEFAULT_RETRY_ATTEMPTS: u64 = 2;
const DEFAULT_EVENT_AGE_SECS: u64 = 6 * 60 * 60;

/// Lambda's error codes for a function that does not exist.
const NOT_FOUND_CODES: [&str; 1] = ["ResourceNotFoundException"];

/// Reads everything about the functions that an AppSpec file names.
pub async fn hooked_functions(
    collector: &Collector,
    hooks: Vec<(String, String)>,
    group: Option<&DeploymentGroupConfig>,
) -> Vec<HookedFunction> {
    let account = group.and_then(DeploymentGroupConfig::account);
    let lookups = hooks.into_iter().map(async |(event, written)| {
        // A function of the same name in this account and region is a different one.
        if other_account_or_region(&written, &collector.target.region, account).is_none() {
            hooked_function(collector, event, written).await
        } else {
            unreadable_function(event, written)
        }
    });
    join_bounded(lookups).await
}

async fn hooked_function(collector: &Collector, event: String, written: String) -> HookedFunction {
    let unread = unreadable_function(event, written);
    let (name, qualifier) = (&unread.name, unread.qualifier.as_deref());
    let (config, settings) = tokio::join!(
        collector.survey.function_configuration(name, qualifier),
        collector.survey.event_invoke_config(name, qualifier),
    );
    let config =
        collector.record(format!("the configuration of {name}"), config.map(|it| parse_config(&it)), &NOT_FOUND_CODES);
    let event_invoke_config = match &config {
        // This would only report the missing function a second time.
        Lookup::NotFound(_) => Lookup::Unreadable,
        Lookup::Found(_) | Lookup::Unreadable => collector.record(
            format!("the event settings of {name}"),
            settings.map(|it| it.map(|it| parse_event_invoke_config(&it))),
            &[],
        ),
    };
    let gate = match (unread.kind, config.found()) {
        (FunctionKind::Hook(hook), Some(config)) => load_gate(collector, name, hook, config).await,
        _ => FunctionGate::default(),
    };
    HookedFunction { config, event_invoke_config, gate, ..unread }
}

/// A function of which only the name is known.
fn unreadable_function(event: String, written: String) -> HookedFunction {
    let (name, qualifier) = split_qualifier(&written);
    HookedFunction {
        event,
        kind: function_kind(&name),
        name_in_app_spec: written,
        name,
        qualifier,
        config: Lookup::Unreadable,
        event_invoke_config: Lookup::Unreadable,
        gate: FunctionGate::default(),
        needed_permissions: Vec::new(),
        called_services: BTreeSet::new(),
        predicted_failures: Vec::new(),
    }
}

/// Reads the alarms on the on-failure functions. In `infra/template.yaml` an alarm is named after its function.
pub async fn on_failure_alarms(
    collector: &Collector,
    functions: &BTreeMap<String, Lookup<FunctionConfig>>,
) -> BTreeMap<String, Lookup<Vec<(String, bool)>>> {
    let names = functions.iter().filter(|(_, config)| config.found().is_some()).map(|(arn, _)| split_qualifier(arn).0);
    let lookups = names.map(async |name| {
        let alarms = collector.survey.alarms_with_receivers(&name).await;
        let alarms = collector.record(format!("the alarms on {name}"), alarms, &[]);
        (name, alarms)
    });
    join_bounded(lookups).await.into_iter().collect()
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
async fn load_gate(collector: &Collector, name: &str, hook: Hook, config: &FunctionConfig) -> FunctionGate {
    let Some(variables) = &config.variables else {
        let why = "they are encrypted with a key that these credentials are not allowed to use";
        collector.record_unreadable(format!("the variables of {name}"), Some("kms:Decrypt"), why);
        return FunctionGate::default();
    };
    let names = collector.target.names();
    let found = match &collector.target.gate {
        Some(given) => GateFileLookup::Text { title: given.name.clone(), text: given.text.clone() },
        // Invalid settings have their own finding.
        None if !settings_errors(variables).is_empty() => GateFileLookup::None,
        None => collector.survey.gate_file(variables, names.0, names.1).await,
    };
    let checked_gate = |title: String, text: Option<String>| {
        let diagnostics = text.as_deref().map(gate_file::check).unwrap_or_default();
        let requirements = requirements(hook, text.as_deref(), names, variables).ok();
        FunctionGate { title, text, missing_reason: None, missing_bucket: None, diagnostics, requirements }
    };
    // An unreadable gate file is reported as such. Most gate files only add to the built-in checks, so those are
    // checked.
    let built_in = || checked_gate("the built-in checks".to_owned(), None);
    match found {
        GateFileLookup::None => built_in(),
        GateFileLookup::Text { title, text } => checked_gate(title, Some(text)),
        GateFileLookup::Missing { title, why, missing_bucket } => {
            FunctionGate { title, missing_reason: Some(why), missing_bucket, ..FunctionGate::default() }
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

/// Reads the functions that are on-failure destinations, as far as they are in this account and region.
pub async fn on_failure_functions(
    collector: &Collector,
    functions: &[HookedFunction],
    group: Option<&DeploymentGroupConfig>,
) -> BTreeMap<String, Lookup<FunctionConfig>> {
    let (region, account) = (&collector.target.region, group.and_then(DeploymentGroupConfig::account));
    let settings = functions.iter().filter_map(|function| function.event_invoke_config.found()?.as_ref());
    // A queue or a topic cannot put a status. That is a finding.
    let is_here = |arn: &String| arn.contains(":function:") && other_account_or_region(arn, region, account).is_none();
    let arns: BTreeSet<String> = settings.filter_map(|settings| settings.on_failure.clone()).filter(is_here).collect();
    let lookups = arns.into_iter().map(async |arn| {
        let (name, qualifier) = split_qualifier(&arn);
        let config = collector.survey.function_configuration(&name, qualifier.as_deref()).await;
        let title = format!("the configuration of {name}");
        let lookup = collector.record(title, config.map(|it| parse_config(&it)), &NOT_FOUND_CODES);
        (arn, lookup)
    });
    join_bounded(lookups).await.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lambda_leaves_out_or_cannot_decrypt_is_not_taken_for_empty() {
        let config = |environment: Value| {
            let value = serde_json::json!({ "Timeout": 3, "Environment": environment });
            parse_config(&value).variables
        };
        assert_eq!(config(Value::Null), Some(BTreeMap::new()));
        let refused = serde_json::json!({ "Error": { "ErrorCode": "AccessDeniedException", "Message": "no" } });
        assert_eq!(config(refused), None);
        let lambdas =
            EventInvokeConfig { max_retry_attempts: 2, max_event_age: Duration::from_secs(21_600), on_failure: None };
        assert_eq!(
            parse_event_invoke_config(&serde_json::json!({ "DestinationConfig": { "OnFailure": {} } })),
            lambdas
        );
    }
}
