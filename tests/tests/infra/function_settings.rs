//! Names, event settings, destinations, logs and alarms: what the hooks rely on and cannot check themselves.

use std::process::Command;

use greenlight_tests::{
    HookCase, greenlight,
    infra::{SamTemplate, Stack, logical_id},
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
            // A reservation also limits. on-failure needs one all the same, and an alarm reports that Lambda throttles it.
            let reserved = if function == FunctionName::OnFailure { json!(5) } else { Value::Null };
            assert_eq!(own["ReservedConcurrentExecutions"], reserved, "{id}");
            let outputs = &stack.outputs;
            assert_eq!(outputs[&format!("{id}Name")]["Value"], name);
            let arn = format!("arn:aws:lambda:eu-west-1:111122223333:function:{name}");
            assert_eq!(outputs[&format!("{id}Arn")]["Value"], arn);
        }
    }
}

/// Zero would disable the function.
#[test]
fn account_with_a_small_quota_reserves_nothing() {
    let stack = stack_with(&[("OnFailureConcurrency", "0")]);
    assert_eq!(stack.function(FunctionName::OnFailure)["ReservedConcurrentExecutions"], Value::Null);
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
fn every_function_has_its_own_log_group_with_a_retention_which_outlives_the_stack() {
    let stack = stack_with(&[("LogRetentionDays", "30")]);
    for function in FunctionName::all_functions() {
        let own = stack.function(function);
        let id = format!("{}Logs", logical_id(function));
        let policies = ["DeletionPolicy", "UpdateReplacePolicy"].map(|policy| &stack.resources[&id][policy]);
        assert_eq!(policies, ["RetainExceptOnCreate", "Retain"], "{id}");
        let logs = stack.properties(&id);
        let group = format!("/aws/lambda/{}", own["FunctionName"].as_str().unwrap());
        assert_eq!(*logs, json!({ "LogGroupName": group, "RetentionInDays": 30 }));
        assert_eq!(own["LoggingConfig"]["LogGroup"], group);
    }
}

#[test]
fn alarms_notify_when_no_status_is_put() {
    let topic = "arn:aws:sns:eu-west-1:111122223333:on-call";
    let stack = stack_with(&[("AlarmTopicArn", topic)]);
    let alarm = |id: &str, threshold: u64| {
        let alarm = stack.properties(id);
        assert_eq!(alarm["AlarmActions"], json!([topic]), "{id}");
        let limits = (&alarm["Threshold"], &alarm["EvaluationPeriods"], &alarm["ComparisonOperator"]);
        assert_eq!(limits, (&json!(threshold), &json!(1), &json!("GreaterThanOrEqualToThreshold")), "{id}");
        assert_eq!(
            alarm["TreatMissingData"], "notBreaching",
            "{id}: a function without invocations has no data, which must not fire the alarm"
        );
        alarm.clone()
    };
    let of =
        |function: FunctionName| json!([{ "Name": "FunctionName", "Value": stack.function(function)["FunctionName"] }]);
    assert_eq!(stack.resources_of_type("AWS::CloudWatch::Alarm").count(), 5);
    for (id, metric, statistic, threshold) in [
        ("OnFailureFails", "Errors", "Sum", 1),
        ("OnFailureGivesUp", "AsyncEventsDropped", "Sum", 1),
        ("OnFailureThrottled", "Throttles", "Sum", 1),
        // In milliseconds. The first retry comes after a minute, and must not fire this alarm.
        ("OnFailureLate", "AsyncEventAge", "Maximum", 120_000),
    ] {
        let alarm = alarm(id, threshold);
        assert_eq!((&alarm["Namespace"], &alarm["MetricName"]), (&json!("AWS/Lambda"), &json!(metric)));
        assert_eq!((&alarm["Statistic"], &alarm["Dimensions"]), (&json!(statistic), &of(FunctionName::OnFailure)));
    }
    let lost = alarm("RecordsLost", 1);
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

/// A new stack stops nothing, and the deployer of the functions sets the bounds of the gate file.
#[test]
fn bounds_of_the_gate_file_are_variables_outside_it() {
    let digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let s3 = [("GateSource", "s3"), ("GateBucket", "gates"), ("GateKey", "shop.yaml")];
    let bounds = [
        ("GateObjectVersion", "v3"),
        ("GateBucketOwner", "444455556666"),
        ("GateDigest", digest),
        ("AllowedHosts", "status.example.com,*.shop.example.com"),
        ("Mode", "enforce"),
    ];
    let bounds: Vec<_> = s3.into_iter().chain(bounds).collect();
    let (plain, newest, bounded) = (stack_with(&[]), stack_with(&s3), stack_with(&bounds));
    let variables = |stack: &Stack, function: FunctionName| {
        ["GATE_S3", "GATE_BUCKET_OWNER", "GATE_DIGEST", "ALLOWED_HOSTS", "MODE"]
            .map(|name| stack.function(function)["Environment"]["Variables"][format!("GREENLIGHT_{name}")].clone())
    };
    let none = Value::Null;
    for hook in Hook::ALL.map(FunctionName::Hook) {
        assert_eq!(variables(&plain, hook), [none.clone(), none.clone(), none.clone(), none.clone(), json!("observe")]);
        assert_eq!(
            variables(&newest, hook),
            [json!("s3://gates/shop.yaml"), json!("111122223333"), none.clone(), none.clone(), json!("observe")]
        );
        assert_eq!(
            variables(&bounded, hook),
            [
                "s3://gates/shop.yaml?versionId=v3",
                "444455556666",
                digest,
                "status.example.com,*.shop.example.com",
                "enforce"
            ]
        );
    }
    // The on-failure handler reads no gate file, but it must not stop a deployment while the hooks observe.
    let own = [none.clone(), none.clone(), none.clone(), none, json!("enforce")];
    assert_eq!(variables(&bounded, FunctionName::OnFailure), own);
}

/// The real program accepts every variable as a setting: an unknown one would fail. `roles` runs the hooks with the
/// variables of a gate file.
#[tokio::test(flavor = "multi_thread")]
async fn variables_of_the_template_are_valid_settings() {
    let stack = stack_with(&[
        ("HostName", "shop.example.com"),
        ("LogLevel", "debug"),
        ("AllowedHosts", "status.example.com,*.shop.example.com"),
    ]);
    let mut cases = Vec::new();
    for hook in Hook::ALL {
        let mut case = HookCase::new(hook, hook.event_name()).succeeds();
        let variables = stack.function(hook.into())["Environment"]["Variables"].as_object().unwrap().clone();
        assert_eq!(
            variables.keys().collect::<Vec<_>>(),
            [
                "GREENLIGHT_ALLOWED_HOSTS",
                "GREENLIGHT_DEAD_LETTER_QUEUE",
                "GREENLIGHT_HOST",
                "GREENLIGHT_LOG",
                "GREENLIGHT_MODE"
            ]
        );
        for (name, value) in variables {
            case = case.env(Box::leak(name.into_boxed_str()), value.as_str().unwrap());
        }
        cases.push(case);
    }
    let SamTemplate(template) = SamTemplate::read();
    for (parameter, variable) in [("LogLevel", "GREENLIGHT_LOG"), ("Mode", "GREENLIGHT_MODE")] {
        let values = template["Parameters"][parameter]["AllowedValues"].as_array().unwrap();
        for value in values.iter().map(|value| value.as_str().unwrap()) {
            cases.push(HookCase::new(Hook::BeforeInstall, value).env(variable, value).succeeds());
        }
    }
    run_cases(cases).await;
    let of_net = stack.function(FunctionName::OnFailure)["Environment"]["Variables"].as_object().unwrap();
    assert_eq!(of_net["GREENLIGHT_LOG"], "debug");
    assert_eq!(
        of_net.keys().collect::<Vec<_>>(),
        ["GREENLIGHT_DEAD_LETTER_QUEUE", "GREENLIGHT_LOG", "GREENLIGHT_MODE"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn path_of_the_gate_file_is_a_valid_setting() {
    let stack = stack_with(&[("GateSource", "package")]);
    let variables = &stack.function(Hook::AfterInstall.into())["Environment"]["Variables"];
    let path = variables["GREENLIGHT_GATE_FILE"].as_str().unwrap();
    let case = HookCase::new(Hook::AfterInstall, "no layer").no_gate().env("GREENLIGHT_GATE_FILE", path);
    run_cases(vec![case.fails("GateUnreadable")]).await;
}
