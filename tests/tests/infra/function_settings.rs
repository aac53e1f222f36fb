//! Names, event settings, destinations, logs and alarms: what the hooks rely on and cannot check themselves.

use std::process::Command;

use greenlight_tests::{
    HookCase, greenlight,
    infra::{SamTemplate, logical_id},
    run_cases,
};
use rehearsal::{FunctionName, Hook};
use serde_json::{Value, json};

use super::stack_with;

/// Lambda's limit for a function's name.
const MAX_FUNCTION_NAME_LEN: usize = 64;
/// The limit of SQS for a queue's name.
const MAX_QUEUE_NAME_LEN: usize = 80;

#[test]
fn every_function_has_its_program_and_a_name_that_codedeploy_can_invoke() {
    // The longest suffix that the parameter accepts.
    const LONG: &str = "a23456789-b23456789-c234";
    for (suffix, architecture) in [("greenlight", "arm64"), (LONG, "x86_64")] {
        let stack = stack_with(&[("Suffix", suffix), ("Architecture", architecture)]);
        assert_eq!(stack.resources_of_type("AWS::Serverless::Function").count(), 6);
        for function in FunctionName::all_functions() {
            let own = stack.function(function);
            let name = own["FunctionName"].as_str().unwrap();
            assert_eq!(name, format!("CodeDeployHook_{suffix}-{}", function.program_name()));
            assert!(name.len() <= MAX_FUNCTION_NAME_LEN, "{name} has {} characters", name.len());
            let id = logical_id(function);
            let built = &stack.resources[&id]["Metadata"];
            assert_eq!(built["BuildMethod"], "rust-cargolambda", "{id}");
            assert_eq!(built["BuildProperties"]["Binary"], function.program_name(), "{id}");
            assert_eq!((&own["Runtime"], &own["Handler"]), (&json!("provided.al2023"), &json!("bootstrap")));
            assert_eq!((&own["CodeUri"], &own["Architectures"]), (&json!("../"), &json!([architecture])));
            assert_eq!(own["Role"], format!("{id}Role.Arn"));
            // The event settings are for $LATEST, and an alias would need its own.
            assert!(own["AutoPublishAlias"].is_null() && own["DeploymentPreference"].is_null(), "{id} has an alias");
            assert!(
                own["ReservedConcurrentExecutions"].is_null(),
                "{id} has reserved concurrency, so Lambda could throttle it"
            );
            let outputs = &stack.outputs;
            assert_eq!(outputs[&format!("{id}Name")]["Value"], name);
            let arn = format!("arn:aws:lambda:eu-west-1:111122223333:function:{name}");
            assert_eq!(outputs[&format!("{id}Arn")]["Value"], arn);
        }
    }
}

#[test]
fn failed_hook_is_not_retried_and_goes_to_the_on_failure_handler() {
    let stack = stack_with(&[]);
    let on_failure_arn = "arn:aws:lambda:eu-west-1:111122223333:function:CodeDeployHook_greenlight-on-failure";
    for function in FunctionName::all_functions() {
        let events = stack.properties(&format!("{}Events", logical_id(function)));
        let mut expected = json!({
            "FunctionName": format!("CodeDeployHook_greenlight-{}", function.program_name()),
            "Qualifier": "$LATEST",
        });
        match function {
            FunctionName::Hook(_) => {
                expected["MaximumRetryAttempts"] = json!(0);
                expected["MaximumEventAgeInSeconds"] = json!(300);
                expected["DestinationConfig"] = json!({ "OnFailure": { "Destination": on_failure_arn } });
                // Lambda accepts neither a destination nor a VPC before the role has the permissions.
                assert_eq!(stack.resources[&logical_id(function)]["DependsOn"], "PlatformPolicy");
            }
            FunctionName::OnFailure => {
                expected["MaximumRetryAttempts"] = json!(2);
                expected["MaximumEventAgeInSeconds"] = json!(3600);
            }
        }
        assert_eq!(*events, expected);
    }
    for kind in ["AWS::Lambda::Alias", "AWS::Lambda::Version"] {
        assert_eq!(
            stack.resources_of_type(kind).count(),
            0,
            "the stack has an alias or a version, which would need its own event settings"
        );
    }
}

#[test]
fn dropped_event_goes_to_the_encrypted_queue_that_the_functions_name() {
    let suffix = "a23456789-b23456789-c234";
    let stack = stack_with(&[("Suffix", suffix)]);
    let queue = stack.properties("DeadLetters");
    let name = queue["QueueName"].as_str().unwrap();
    assert!(name.len() <= MAX_QUEUE_NAME_LEN, "{name} has {} characters", name.len());
    assert_eq!(
        *queue,
        json!({
            "QueueName": format!("CodeDeployHook_{suffix}-on-failure-dead-letters"),
            "SqsManagedSseEnabled": true,
            "MessageRetentionPeriod": 86400,
        })
    );
    let arn = format!("arn:aws:sqs:eu-west-1:111122223333:{name}");
    for function in FunctionName::all_functions() {
        let own = stack.function(function);
        // The event of a failed hook goes to the on-failure handler, and the event of a failed handler goes to the
        // queue.
        let expected = match function {
            FunctionName::Hook(_) => Value::Null,
            FunctionName::OnFailure => json!({ "Type": "SQS", "TargetArn": arn }),
        };
        assert_eq!(own["DeadLetterQueue"], expected, "{function}");
        let url = &own["Environment"]["Variables"]["GREENLIGHT_DEAD_LETTER_QUEUE"];
        assert_eq!(*url, format!("https://sqs.eu-west-1.amazonaws.com/111122223333/{name}"), "{function}");
    }
}

#[test]
fn hooks_have_lambdas_longest_timeout_and_the_on_failure_handler_has_a_minute() {
    let stack = stack_with(&[]);
    for function in FunctionName::all_functions() {
        let own = stack.function(function);
        let timeout = if function == FunctionName::OnFailure { 60 } else { 900 };
        assert_eq!((&own["Timeout"], &own["MemorySize"]), (&json!(timeout), &json!(256)), "{function}");
    }
}

#[test]
fn every_function_has_its_own_log_group_with_a_retention() {
    let stack = stack_with(&[("LogRetentionDays", "30")]);
    for function in FunctionName::all_functions() {
        let own = stack.function(function);
        let logs = stack.properties(&format!("{}Logs", logical_id(function)));
        let group = format!("/aws/lambda/{}", own["FunctionName"].as_str().unwrap());
        assert_eq!(*logs, json!({ "LogGroupName": group, "RetentionInDays": 30 }));
        assert_eq!(own["LoggingConfig"]["LogGroup"], group);
    }
}

#[test]
fn alarms_notify_when_no_status_is_put() {
    let topic = "arn:aws:sns:eu-west-1:111122223333:on-call";
    let stack = stack_with(&[("AlarmTopicArn", topic)]);
    let alarm = |id: &str| {
        let alarm = stack.properties(id);
        assert_eq!(alarm["AlarmActions"], json!([topic]), "{id}");
        let limits = (&alarm["Threshold"], &alarm["EvaluationPeriods"], &alarm["ComparisonOperator"]);
        assert_eq!(limits, (&json!(1), &json!(1), &json!("GreaterThanOrEqualToThreshold")), "{id}");
        assert_eq!(
            alarm["TreatMissingData"], "notBreaching",
            "{id}: a function without invocations has no data, which must not fire the alarm"
        );
        alarm.clone()
    };
    let of =
        |function: FunctionName| json!([{ "Name": "FunctionName", "Value": stack.function(function)["FunctionName"] }]);
    for (id, metric) in [("OnFailureFails", "Errors"), ("OnFailureGivesUp", "AsyncEventsDropped")] {
        let alarm = alarm(id);
        assert_eq!((&alarm["Namespace"], &alarm["MetricName"]), (&json!("AWS/Lambda"), &json!(metric)));
        assert_eq!((&alarm["Statistic"], &alarm["Dimensions"]), (&json!("Sum"), &of(FunctionName::OnFailure)));
    }
    let lost = alarm("RecordsLost");
    let metrics = lost["Metrics"].as_array().unwrap();
    let returned: Vec<_> = metrics.iter().filter(|metric| metric["ReturnData"] == true).collect();
    assert_eq!(returned.iter().map(|metric| &metric["Expression"]).collect::<Vec<_>>(), ["SUM(METRICS())"]);
    let seen: Vec<_> =
        metrics.iter().map(|metric| &metric["MetricStat"]["Metric"]).filter(|it| !it.is_null()).collect();
    let hooks = Hook::ALL.map(|hook| {
        json!({ "Namespace": "AWS/Lambda", "MetricName": "DestinationDeliveryFailures", "Dimensions": of(hook.into()) })
    });
    assert_eq!(seen, hooks.iter().collect::<Vec<_>>());
    assert_eq!(super::stack_with(&[]).properties("OnFailureFails")["AlarmActions"], Value::Null);
}

#[test]
fn gate_file_of_the_package_is_valid_and_at_the_configured_path() {
    let gate = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/gate/greenlight.yaml");
    let checked = Command::new(greenlight()).args(["check", gate]).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let stack = stack_with(&[("GateSource", "package")]);
    assert_eq!(stack.properties("GateLayer")["ContentUri"], "gate/");
    for hook in Hook::ALL {
        let own = stack.function(hook.into());
        assert_eq!(own["Layers"], json!(["GateLayer"]));
        // Lambda puts the files of a layer below /opt.
        assert_eq!(own["Environment"]["Variables"]["GREENLIGHT_GATE_FILE"], "/opt/greenlight.yaml");
    }
    assert!(!super::stack_with(&[]).resources.contains_key("GateLayer"));
}

/// The real program accepts every variable as a setting: an unknown one would fail. `roles` runs the hooks with the
/// variables of a gate file.
#[tokio::test(flavor = "multi_thread")]
async fn variables_of_the_template_are_valid_settings() {
    let stack = stack_with(&[("HostName", "shop.example.com"), ("LogLevel", "debug")]);
    let mut cases = Vec::new();
    for hook in Hook::ALL {
        let mut case = HookCase::new(hook, hook.event_name()).succeeds();
        let variables = stack.function(hook.into())["Environment"]["Variables"].as_object().unwrap().clone();
        assert_eq!(
            variables.keys().collect::<Vec<_>>(),
            ["GREENLIGHT_DEAD_LETTER_QUEUE", "GREENLIGHT_HOST", "GREENLIGHT_LOG"]
        );
        for (name, value) in variables {
            case = case.env(Box::leak(name.into_boxed_str()), value.as_str().unwrap());
        }
        cases.push(case);
    }
    let levels = &SamTemplate::read().0["Parameters"]["LogLevel"]["AllowedValues"];
    for level in levels.as_array().unwrap().iter().map(|level| level.as_str().unwrap()) {
        cases.push(HookCase::new(Hook::BeforeInstall, level).env("GREENLIGHT_LOG", level).succeeds());
    }
    run_cases(cases).await;
    let of_net = stack.function(FunctionName::OnFailure)["Environment"]["Variables"].as_object().unwrap();
    assert_eq!(of_net["GREENLIGHT_LOG"], "debug");
    assert_eq!(of_net.keys().collect::<Vec<_>>(), ["GREENLIGHT_DEAD_LETTER_QUEUE", "GREENLIGHT_LOG"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn path_of_the_gate_file_is_a_valid_setting() {
    let stack = stack_with(&[("GateSource", "package")]);
    let variables = &stack.function(Hook::AfterInstall.into())["Environment"]["Variables"];
    let path = variables["GREENLIGHT_GATE_FILE"].as_str().unwrap();
    let case = HookCase::new(Hook::AfterInstall, "no layer").no_gate().env("GREENLIGHT_GATE_FILE", path);
    run_cases(vec![case.fails("GateUnreadable")]).await;
}
