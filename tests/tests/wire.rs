//! The requests of the real programs, and the rehearsal's replies, against AWS's own service models.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
};

use greenlight_tests::{ALL_ACTIONS_GATE, SECRETS_GATE, binaries, check_models, max_allowed_operations, run_python};
use rehearsal::{
    Exchange, FaultKind, Hook, HookTestBed, InjectedFault, Options, Recorder, Scenario, rehearse,
    world::{Alarm, AlarmKind, Condition, Endpoint, FUNCTIONS_GROUP, Rule, RuleAction, VPC, World},
};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet};

/// Records whole deployments: a healthy one, one in which AWS throttles the first call of every operation, one whose
/// tasks stop, one with the colours swapped, and one whose alarm has a history.
async fn record_deployments(recorder: &Recorder) {
    let mut playing = JoinSet::new();
    for name in [
        "healthy",
        "throttled-first-calls",
        "tasks-stop",
        "second-deployment-colours-swapped",
        "alarm-recovers-between-attempts",
    ] {
        let options =
            Options { binaries: binaries().to_owned(), recorder: Some(recorder.clone()), ..Options::default() };
        playing.spawn(async move {
            let scenario = Scenario::named(name).unwrap();
            rehearse(&scenario, &options, mpsc::unbounded_channel().0).await.unwrap();
        });
    }
    // `join_all` panics if one of the tasks panicked.
    playing.join_all().await;
}

/// Records single hooks with errors of every kind, which do not occur in the whole deployments.
async fn record_refusals(recorder: &Recorder) {
    let mut playing = JoinSet::new();
    for trouble in [FaultKind::Deny, FaultKind::Fail, FaultKind::Unavailable, FaultKind::Malform, FaultKind::HangUp] {
        for fault in [InjectedFault::first(1, "*", trouble), InjectedFault::first(1, "*", trouble).after_effect()] {
            let stage = HookTestBed::at(Hook::BeforeAllowTraffic).await;
            playing.spawn(stage.inject_fault(fault).recorder(recorder).run(binaries()));
        }
    }
    let stage = HookTestBed::at(Hook::BeforeInstall).await.world(|world| {
        world.deployment().revision.format = rehearsal::world::RevisionFormat::Hash;
        world.alarms[0].tags.insert("gate".into(), "true".into());
    });
    playing.spawn(stage.gate(ALL_ACTIONS_GATE).recorder(recorder).run(binaries()));
    let stage = HookTestBed::at(Hook::BeforeInstall).await.world(|world| {
        let revision = &mut world.deployment().revision;
        revision.format = rehearsal::world::RevisionFormat::S3;
        let (bucket, key) = rehearsal::world::Revision::APP_SPEC_OBJECT;
        let text = revision.app_spec.clone();
        world.account.objects.insert(format!("{bucket}/{key}"), text);
    });
    playing.spawn(stage.gate(ALL_ACTIONS_GATE).recorder(recorder).run(binaries()));
    let stage = HookTestBed::at(Hook::AfterAllowTestTraffic).await.env("GREENLIGHT_GATE_SSM", "/gate").world(|world| {
        world.account.parameters.insert("/gate".into(), SECRETS_GATE.into());
        world.account.parameters.insert("/shop/token".into(), "sesame".into());
        world.account.put_secret("shop/hook", r#"{"url":"sesame"}"#);
    });
    playing.spawn(stage.recorder(recorder).run(binaries()));
    let gone = HookTestBed::at(Hook::AfterInstall).await.world(|world| world.service = None);
    playing.spawn(gone.recorder(recorder).run(binaries()));
    for ended in playing.join_all().await {
        ended.unwrap();
    }
}

async fn recorded_exchanges() -> Vec<Exchange> {
    let recorder = Recorder::default();
    tokio::join!(record_deployments(&recorder), record_refusals(&recorder));
    recorder.exchanges()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_exchange_fits_the_service_models() {
    let exchanges = recorded_exchanges().await;
    let operations: BTreeSet<_> = exchanges.iter().map(|exchange| exchange.operation.clone()).collect();
    assert_eq!(operations, max_allowed_operations(), "the recorded operations are not those that the hooks can call");
    let answered = |operation: &&String| {
        exchanges
            .iter()
            .any(|one| one.operation == **operation && one.reply.as_ref().is_some_and(|it| it.status == 200))
    };
    let never: Vec<_> = operations.iter().filter(|operation| !answered(operation)).collect();
    assert!(never.is_empty(), "operations without a single successful reply: {never:?}");
    if let Err(faults) = check_models(&exchanges) {
        panic!("{faults}");
    }
}

/// Adds two alarms outside the deployment group, one of them composite, a host rule on the test listener, and an object
/// in S3.
fn add_pages(world: &mut World) {
    world.account.objects.insert("shop-gates/a b/gate+1.yaml".into(), "version: 1\n".into());
    let endpoint = Endpoint {
        vpc: VPC.into(),
        service: "com.amazonaws.eu-west-1.codedeploy".into(),
        security_groups: vec![FUNCTIONS_GROUP.into()],
        route_tables: Vec::new(),
    };
    world.account.network.endpoints.insert("vpce-0a1b2c3d4e5f67890".into(), endpoint);
    for (name, kind) in [("other", AlarmKind::Metric), ("all", AlarmKind::Composite)] {
        let since = world.deployment().created;
        let tags = if name == "other" { [("gate".to_owned(), "true".to_owned())].into() } else { BTreeMap::new() };
        let mut alarm = Alarm {
            name: name.into(),
            kind,
            state: "ALARM".into(),
            reason: String::new(),
            since,
            tags,
            evaluation: (name == "other").then(|| "PARTIAL_DATA".into()),
            actions: Vec::new(),
            history: Vec::new(),
        };
        alarm.set_state("OK", "2 datapoints were not greater than the threshold (5.0).", since);
        world.alarms.push(alarm);
    }
    let arn = world.deployment().pair.as_ref().and_then(|pair| pair.test.clone()).unwrap();
    let listener = world.listener(&arn).unwrap();
    let arn = format!("{}/0a1b2c3d4e5f67", listener.arn.replace(":listener/", ":listener-rule/"));
    let one = |text: &str| vec![text.to_owned()];
    let conditions = vec![
        Condition::Host(one("shop.example.com")),
        Condition::Path(one("/api/*")),
        Condition::Method(one("GET")),
        Condition::Query(vec![(Some("beta".to_owned()), "1".to_owned()), (None, "x*".to_owned())]),
        Condition::Header("X-Team".to_owned(), one("blue")),
        Condition::SourceIp(one("10.0.0.0/8")),
    ];
    let forward = listener.default.clone();
    let actions = [
        (RuleAction::Forward, forward.clone()),
        (RuleAction::Authenticate, forward),
        (RuleAction::FixedResponse(200), Vec::new()),
        (RuleAction::Redirect("https://#{host}:443/#{path}".to_owned()), Vec::new()),
    ];
    for (priority, (action, forward)) in (10..).zip(actions) {
        let (arn, conditions) = (format!("{arn}{priority}"), conditions.clone());
        listener.rules.push(Rule { arn, priority, conditions, forward, action });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_reads_every_operation() {
    let recorder = Recorder::default();
    let stage = HookTestBed::at(Hook::AfterAllowTestTraffic).await.world(add_pages).recorder(&recorder);
    let open = stage.open().await.unwrap();
    let (endpoint, event) = (open.endpoint().to_owned(), String::from_utf8(open.payload().to_vec()).unwrap());
    let read = tokio::task::spawn_blocking(move || {
        run_python("wire/read_with_boto3.py", &[OsStr::new(&endpoint), OsStr::new(&event)])
    });
    let read = read.await.unwrap().unwrap_or_else(|said| panic!("{said}"));
    let operations: BTreeSet<_> = read.lines().filter_map(|line| line.split_once(' ')).map(|(_, name)| name).collect();
    let allowed = max_allowed_operations();
    let unread: Vec<_> = allowed.iter().filter(|operation| !operations.contains(operation.as_str())).collect();
    assert!(unread.is_empty(), "boto3 did not read operations that the hooks call: {unread:?}");
    assert_eq!(open.statuses(), [rehearsal::Status::Succeeded], "not exactly one status took effect");
    insta::assert_snapshot!(read);
    // boto3 also uses protocols that the hooks do not use.
    if let Err(faults) = check_models(&recorder.exchanges()) {
        panic!("{faults}");
    }
}

/// An exchange of this operation with a successful reply. Panics if none was recorded.
fn successful_exchange(exchanges: &[Exchange], operation: &str) -> Exchange {
    let found = exchanges.iter().find(|one| one.operation == operation && one.reply.as_ref().unwrap().status == 200);
    found.unwrap_or_else(|| panic!("no call of {operation} was successful")).clone()
}

fn change_json(body: &mut Vec<u8>, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(body).unwrap();
    change(&mut value);
    *body = value.to_string().into_bytes();
}

fn replace_text(body: &mut Vec<u8>, from: &str, to: &str) {
    let text = String::from_utf8(std::mem::take(body)).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    *body = text.replacen(from, to, 1).into_bytes();
}

fn change_header(headers: &mut BTreeMap<String, String>, name: &str, change: impl FnOnce(&mut String)) {
    change(headers.get_mut(name).unwrap());
}

/// Changes the first metric alarm in a CBOR reply.
fn change_alarm(body: &mut Vec<u8>, change: impl FnOnce(&mut Vec<(ciborium::Value, ciborium::Value)>)) {
    let mut value: ciborium::Value = ciborium::from_reader(&body[..]).unwrap();
    let alarms = value.as_map_mut().unwrap().iter_mut().find(|(name, _)| name.as_text() == Some("MetricAlarms"));
    change(alarms.unwrap().1.as_array_mut().unwrap()[0].as_map_mut().unwrap());
    body.clear();
    ciborium::into_writer(&value, body).unwrap();
}

type ExchangeEdit = fn(&mut Exchange);

/// Changes that make valid replies and requests invalid, for every protocol.
const INVALID_EXCHANGES: [(&str, ExchangeEdit); 21] = [
    // A member that AWS does not have.
    ("codedeploy:GetDeployment", |it| {
        change_json(&mut reply_mut(it).body, |value| value["deploymentInfo"]["colour"] = json!("green"));
    }),
    // A number instead of a string, and the reverse.
    ("codedeploy:GetDeployment", |it| {
        change_json(&mut reply_mut(it).body, |value| value["deploymentInfo"]["deploymentId"] = json!(7));
    }),
    ("ecs:DescribeServices", |it| {
        change_json(&mut reply_mut(it).body, |value| value["services"][0]["runningCount"] = json!("2"));
    }),
    // A value that is not in the enum.
    ("codedeploy:GetDeployment", |it| {
        change_json(&mut reply_mut(it).body, |value| value["deploymentInfo"]["status"] = json!("Running"));
    }),
    // A timestamp in the format of another protocol, and a timestamp in milliseconds.
    ("codedeploy:GetDeployment", |it| {
        change_json(&mut reply_mut(it).body, |value| {
            value["deploymentInfo"]["createTime"] = json!("2026-11-23T10:00:00Z")
        });
    }),
    ("codedeploy:GetDeployment", |it| {
        change_json(&mut reply_mut(it).body, |value| {
            value["deploymentInfo"]["createTime"] = json!(1_795_000_000_000_u64)
        });
    }),
    // Null instead of a missing member.
    ("ecs:DescribeTasks", |it| {
        change_json(&mut reply_mut(it).body, |value| value["tasks"][0]["stopCode"] = Value::Null)
    }),
    // A map instead of a list.
    ("ecs:DescribeTasks", |it| change_json(&mut reply_mut(it).body, |value| value["failures"] = json!({}))),
    // A missing required member, a value in the wrong case, a signature for another service.
    ("ecs:DescribeTasks", |it| {
        change_json(&mut it.request.body, |value| drop(value.as_object_mut().unwrap().remove("tasks")));
    }),
    ("codedeploy:PutLifecycleEventHookExecutionStatus", |it| {
        change_json(&mut it.request.body, |value| value["status"] = json!("SUCCEEDED"));
    }),
    ("ecs:ListTasks", |it| {
        change_header(&mut it.request.headers, "authorization", |value| {
            *value = value.replace("/ecs/", "/codedeploy/")
        });
    }),
    // An error of another operation, and an error with another status.
    ("ecs:DescribeServices", |it| {
        reply_mut(it).status = 400;
        reply_mut(it).body = json!({ "__type": "ServiceNotFoundException", "message": "no" }).to_string().into();
    }),
    ("ecs:DescribeServices", |it| {
        reply_mut(it).status = 500;
        reply_mut(it).body = json!({ "__type": "ClusterNotFoundException", "message": "no" }).to_string().into();
    }),
    // XML: an element that AWS does not have, a boolean in Python's spelling, an item with another name, a missing
    // required element.
    ("elasticloadbalancing:DescribeTargetGroups", |it| {
        replace_text(&mut reply_mut(it).body, "<VpcId>", "<Colour>green</Colour><VpcId>");
    }),
    ("elasticloadbalancing:DescribeTargetGroups", |it| {
        replace_text(&mut reply_mut(it).body, "<HealthCheckEnabled>true<", "<HealthCheckEnabled>True<");
    }),
    ("elasticloadbalancing:DescribeTargetHealth", |it| {
        replace_text(&mut reply_mut(it).body, "<TargetHealthDescriptions><member>", "<TargetHealthDescriptions><item>");
        replace_text(&mut reply_mut(it).body, "</member>", "</item>");
    }),
    ("elasticloadbalancing:DescribeTargetHealth", |it| {
        let xml = String::from_utf8(reply_mut(it).body.clone()).unwrap();
        let (before, rest) = xml.split_once("<Id>").unwrap();
        let (_, after) = rest.split_once("</Id>").unwrap();
        reply_mut(it).body = format!("{before}{after}").into_bytes();
    }),
    // A form with a list that starts at 0.
    ("elasticloadbalancing:DescribeTargetGroups", |it| replace_text(&mut it.request.body, ".member.1=", ".member.0=")),
    // CBOR: a timestamp without its tag, a number instead of a string, the wrong content type.
    ("cloudwatch:DescribeAlarms", |it| {
        change_alarm(&mut reply_mut(it).body, |alarm| {
            let time = alarm.iter_mut().find(|(name, _)| name.as_text() == Some("StateUpdatedTimestamp"));
            time.unwrap().1 = ciborium::Value::Integer(1_795_000_000.into());
        });
    }),
    ("cloudwatch:DescribeAlarms", |it| {
        change_alarm(&mut reply_mut(it).body, |alarm| alarm.push(("Colour".into(), ciborium::Value::Bool(true))));
    }),
    ("cloudwatch:DescribeAlarms", |it| {
        let headers = &mut reply_mut(it).headers;
        headers.insert("content-type".into(), "application/json".into());
    }),
];

fn reply_mut(exchange: &mut Exchange) -> &mut rehearsal::SentReply {
    exchange.reply.as_mut().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_models_do_not_say_is_refused() {
    let recorder = Recorder::default();
    for hook in [Hook::AfterInstall, Hook::BeforeAllowTraffic] {
        let stage = HookTestBed::at(hook).await;
        stage.recorder(&recorder).run(binaries()).await.unwrap();
    }
    let right = recorder.exchanges();
    check_models(&right).unwrap();
    let doctored: Vec<_> = INVALID_EXCHANGES
        .iter()
        .map(|(operation, doctor)| {
            let mut exchange = successful_exchange(&right, operation);
            doctor(&mut exchange);
            exchange
        })
        .collect();
    let faults = check_models(&doctored).unwrap_err();
    assert_eq!(
        faults.lines().count(),
        INVALID_EXCHANGES.len() + 1,
        "expected one fault for each exchange and the total:\n{faults}"
    );
    insta::assert_snapshot!(faults.lines().filter(|line| !line.contains("botocore")).collect::<Vec<_>>().join("\n"));
    let nothing = check_models(&[]).unwrap_err();
    assert!(nothing.starts_with("0 exchanges"), "a comparison of no exchanges must fail: {nothing}");
}
