//! Tests of the wire formats. They read responses back with nothing but the rules of each format.

mod account;
mod deploying;
mod inject;

use hyper::{HeaderMap, body::Bytes};
use quick_xml::events::Event;
use serde_json::{Value, json};

use super::*;
use crate::{
    scenario::FaultKind,
    world::{
        Alarm, AlarmKind, Condition, DeploymentBehaviour, EVENTS, EventStatus, InitialState, Rule, RuleAction,
        WorldOptions,
    },
};

/// A deployment that has reached AfterAllowTraffic.
fn fake_aws(faults: Vec<InjectedFault>) -> FakeAws {
    let now = SystemTime::now();
    let mut world = World::new(now, WorldOptions { production: 80, test: 8443, seed: 5 }, &InitialState::default());
    world.create_deployment(now, "user");
    for event in EVENTS {
        world.start_event(event, now);
        if event != "AfterAllowTraffic" {
            world.run_event(event, &DeploymentBehaviour::default(), now);
            world.advance_to(now + std::time::Duration::from_secs(9));
            world.end_event(event, EventStatus::Succeeded, now);
        }
    }
    world.alarms.push(Alarm {
        name: "all".into(),
        kind: AlarmKind::Composite,
        state: "OK".into(),
        reason: String::new(),
        since: now,
        tags: BTreeMap::new(),
        evaluation: None,
        actions: Vec::new(),
        history: Vec::new(),
    });
    FakeAws::new(world, faults)
}

fn request(path: &str, headers: &[(&'static str, &str)], body: impl Into<Bytes>) -> Request {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    Request { method: "POST".into(), path: path.into(), headers, body: body.into() }
}

/// A response that a client receives completely, whatever its content.
pub(crate) fn complete_response(reply: FaultyResponse) -> hyper::Response<crate::http::FullBody> {
    match reply {
        FaultyResponse::Complete(response) | FaultyResponse::Corrupt(response) => response,
        other => panic!("the response is not complete: {other:?}"),
    }
}

async fn send(cloud: &FakeAws, request: Request) -> (u16, String, Vec<u8>) {
    use http_body_util::BodyExt;
    let response = complete_response(cloud.respond(request).await);
    let status = response.status().as_u16();
    let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    (status, content_type, response.into_body().collect().await.unwrap().to_bytes().to_vec())
}

async fn json(cloud: &FakeAws, target: &str, input: Value) -> (u16, Value) {
    let headers = [("x-amz-target", target), ("content-type", "application/x-amz-json-1.1")];
    let (status, content_type, body) = send(cloud, request("/", &headers, input.to_string())).await;
    assert_eq!(content_type, "application/x-amz-json-1.1");
    (status, serde_json::from_slice(&body).unwrap())
}

async fn codedeploy(cloud: &FakeAws, operation: &str, input: Value) -> (u16, Value) {
    json(cloud, &format!("CodeDeploy_20141006.{operation}"), input).await
}

async fn ecs(cloud: &FakeAws, operation: &str, input: Value) -> (u16, Value) {
    json(cloud, &format!("AmazonEC2ContainerServiceV20141113.{operation}"), input).await
}

/// Sends a query and returns the texts in the XML response, each with its path.
async fn query(cloud: &FakeAws, form: &[(&str, &str)]) -> (u16, Vec<(String, String)>) {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .append_pair("Version", "2015-12-01")
        .finish();
    let (status, content_type, body) = send(cloud, request("/", &[], body)).await;
    assert_eq!(content_type, "text/xml");
    let text = String::from_utf8(body).unwrap();
    let mut reader = quick_xml::Reader::from_str(&text);
    let (mut path, mut texts) = (Vec::new(), Vec::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => path.push(start.name().as_ref().to_owned()),
            Event::End(_) => drop(path.pop().unwrap()),
            Event::Text(text) => texts.push((path.join("/"), text.to_string())),
            Event::Eof => break,
            _ => {}
        }
    }
    assert!(path.is_empty());
    (status, texts)
}

fn texts_at<'a>(texts: &'a [(String, String)], ending: &str) -> Vec<&'a str> {
    texts.iter().filter(|(path, _)| path.ends_with(ending)).map(|(_, text)| text.as_str()).collect()
}

async fn cbor(cloud: &FakeAws, operation: &str, input: &[(&str, Vec<&str>)]) -> (u16, ciborium::Value) {
    let list = |items: &Vec<&str>| {
        ciborium::Value::Array(items.iter().map(|item| ciborium::Value::Text((*item).into())).collect())
    };
    let input = ciborium::Value::Map(
        input.iter().map(|(key, items)| (ciborium::Value::Text((*key).into()), list(items))).collect(),
    );
    let mut body = Vec::new();
    ciborium::into_writer(&input, &mut body).unwrap();
    let path = format!("/service/GraniteServiceVersion20100801/operation/{operation}");
    let (status, content_type, body) = send(cloud, request(&path, &[("smithy-protocol", "rpc-v2-cbor")], body)).await;
    assert_eq!(content_type, "application/cbor");
    (status, ciborium::from_reader(&body[..]).unwrap())
}

fn member<'a>(value: &'a ciborium::Value, key: &str) -> &'a ciborium::Value {
    let map = value.as_map().unwrap();
    &map.iter().find(|(name, _)| name.as_text() == Some(key)).unwrap_or_else(|| panic!("no {key} in {value:?}")).1
}

fn id(cloud: &FakeAws) -> String {
    cloud.world().deployment().id.clone()
}

#[tokio::test]
async fn codedeploy_tells_of_the_deployment_and_its_group() {
    let cloud = fake_aws(Vec::new());
    let (status, output) = codedeploy(&cloud, "GetDeployment", json!({ "deploymentId": id(&cloud) })).await;
    let info = &output["deploymentInfo"];
    assert_eq!(
        (status, info["computePlatform"].as_str(), info["status"].as_str()),
        (200, Some("ECS"), Some("InProgress"))
    );
    assert!(info["createTime"].as_f64().unwrap() > 1.7e9);
    assert!(info.get("rollbackInfo").is_none() && info.get("overrideAlarmConfiguration").is_none());
    let pair = &info["loadBalancerInfo"]["targetGroupPairInfoList"][0];
    assert_eq!(pair["targetGroups"][1]["name"], "tg-shop-b");
    assert!(pair["testTrafficRoute"]["listenerArns"][0].as_str().unwrap().contains(":listener/app/shop/"));
    let group = json!({ "applicationName": "shop", "deploymentGroupName": "web" });
    let (_, output) = codedeploy(&cloud, "GetDeploymentGroup", group).await;
    assert_eq!(output["deploymentGroupInfo"]["ecsServices"], json!([{ "clusterName": "shop", "serviceName": "web" }]));
    assert_eq!(output["deploymentGroupInfo"]["alarmConfiguration"]["alarms"][0]["name"], "shop-web-5xx");
}

#[tokio::test]
async fn codedeploy_tells_of_the_target_and_its_events() {
    let cloud = fake_aws(Vec::new());
    let (_, output) = codedeploy(&cloud, "ListDeploymentTargets", json!({ "deploymentId": id(&cloud) })).await;
    assert_eq!(output, json!({ "targetIds": ["shop:web"] }));
    let (_, output) =
        codedeploy(&cloud, "GetDeploymentTarget", json!({ "deploymentId": id(&cloud), "targetId": "shop:web" })).await;
    let target = &output["deploymentTarget"]["ecsTarget"];
    let events: Vec<_> =
        target["lifecycleEvents"].as_array().unwrap().iter().map(|it| it["status"].as_str().unwrap()).collect();
    assert_eq!(events, [["Succeeded"; 7].as_slice(), &["InProgress"]].concat());
    let sets: Vec<_> = target["taskSetsInfo"].as_array().unwrap().iter().collect();
    assert!(sets.iter().all(|set| set["identifer"].as_str().unwrap().starts_with("ecs-svc/")));
    let weights: Vec<_> = sets
        .iter()
        .map(|set| (set["taskSetLabel"].as_str().unwrap(), set["trafficWeight"].as_f64().unwrap()))
        .collect();
    assert_eq!(weights, [("Blue", 0.0), ("Green", 100.0)]);
}

#[tokio::test]
async fn a_status_is_put_once_and_refused_with_codedeploys_own_errors() {
    let cloud = fake_aws(Vec::new());
    let execution = cloud.world().create_execution("AfterAllowTraffic");
    let put = |deployment: String, execution: &str, status: &str| {
        let input = json!({ "deploymentId": deployment, "lifecycleEventHookExecutionId": execution, "status": status });
        let cloud = &cloud;
        async move { codedeploy(cloud, "PutLifecycleEventHookExecutionStatus", input).await }
    };
    let error = |reply: (u16, Value)| (reply.0, reply.1["__type"].as_str().unwrap().to_owned());
    let refused = |code: &str| (400, code.to_owned());
    assert_eq!(error(put(String::new(), &execution, "Failed").await), refused("DeploymentIdRequiredException"));
    assert_eq!(error(put("d-x".into(), &execution, "Failed").await), refused("InvalidDeploymentIdException"));
    assert_eq!(
        error(put("d-AAAAAAAAA".into(), &execution, "Failed").await),
        refused("DeploymentDoesNotExistException")
    );
    assert_eq!(error(put(id(&cloud), "no", "Failed").await), refused("InvalidLifecycleEventHookExecutionIdException"));
    assert_eq!(
        error(put(id(&cloud), &execution, "Skipped").await),
        refused("InvalidLifecycleEventHookExecutionStatusException")
    );
    assert_eq!(
        put(id(&cloud), &execution, "Failed").await,
        (200, json!({ "lifecycleEventHookExecutionId": execution }))
    );
    assert_eq!(
        error(put(id(&cloud), &execution, "Succeeded").await),
        refused("LifecycleEventAlreadyCompletedException")
    );
    assert_eq!(cloud.world().execution_status(&execution), Some(Status::Failed));
    assert_eq!(cloud.calls()["codedeploy:PutLifecycleEventHookExecutionStatus"], 7);
}

#[tokio::test]
async fn ecs_tells_of_services_and_of_what_is_missing() {
    let cloud = fake_aws(Vec::new());
    let (_, output) = ecs(&cloud, "DescribeServices", json!({ "cluster": "shop", "services": ["web", "gone"] })).await;
    assert_eq!(output["failures"][0]["reason"], "MISSING");
    let green = &output["services"][0]["taskSets"][1];
    assert_eq!(green["externalId"].as_str(), Some(id(&cloud).as_str()));
    assert_eq!((green["stabilityStatus"].as_str(), green["runningCount"].as_i64()), (Some("STEADY_STATE"), Some(2)));
    let (status, output) = ecs(&cloud, "DescribeServices", json!({ "cluster": "other", "services": ["web"] })).await;
    assert_eq!((status, output["__type"].as_str()), (400, Some("ClusterNotFoundException")));
    let (_, output) = ecs(&cloud, "DescribeTaskDefinition", json!({ "taskDefinition": "shop" })).await;
    assert_eq!(output["taskDefinition"]["revision"], 42);
    assert_eq!(output["taskDefinition"]["containerDefinitions"][0]["healthCheck"]["command"][0], "CMD-SHELL");
}

#[tokio::test]
async fn tasks_are_listed_page_by_page_and_described() {
    let cloud = fake_aws(Vec::new());
    cloud.world().page_size = 1;
    let green = cloud.world().green().unwrap().id.clone();
    let (mut arns, mut token) = (Vec::new(), Value::Null);
    loop {
        let input = if token.is_null() {
            json!({ "cluster": "shop", "startedBy": green })
        } else {
            json!({ "cluster": "shop", "startedBy": green, "nextToken": token })
        };
        let (status, output) = ecs(&cloud, "ListTasks", input).await;
        assert_eq!(status, 200);
        arns.extend(output["taskArns"].as_array().unwrap().clone());
        token = output["nextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!((arns.len(), cloud.calls()["ecs:ListTasks"]), (2, 2));
    let (_, output) = ecs(&cloud, "DescribeTasks", json!({ "cluster": "shop", "tasks": arns })).await;
    assert!(
        output["tasks"]
            .as_array()
            .unwrap()
            .iter()
            .all(|task| task["startedBy"] == green && task["healthStatus"] == "HEALTHY")
    );
    let (_, output) = ecs(&cloud, "DescribeTasks", json!({ "cluster": "shop", "tasks": vec!["x"; 101] })).await;
    assert_eq!(output["__type"], "InvalidParameterException");
    let (_, output) =
        ecs(&cloud, "ListTasks", json!({ "cluster": "shop", "startedBy": green, "serviceName": "web" })).await;
    assert_eq!(output["__type"], "InvalidParameterException");
    let (_, output) =
        ecs(&cloud, "ListTasks", json!({ "cluster": "shop", "serviceName": "web", "desiredStatus": "STOPPED" })).await;
    assert_eq!(output, json!({ "taskArns": [] }));
}

#[tokio::test]
async fn elb_tells_of_target_groups_and_their_health() {
    let cloud = fake_aws(Vec::new());
    let (status, texts) = query(&cloud, &[("Action", "DescribeTargetGroups"), ("Names.member.1", "tg-shop-b")]).await;
    assert_eq!((status, texts_at(&texts, "/TargetGroupName")), (200, vec!["tg-shop-b"]));
    assert_eq!(texts_at(&texts, "member/Matcher/HttpCode"), ["200-299"]);
    assert!(texts[0].0.starts_with("DescribeTargetGroupsResponse/DescribeTargetGroupsResult/TargetGroups/member/"));
    let arn = texts_at(&texts, "/TargetGroupArn")[0].to_owned();
    let (_, texts) = query(&cloud, &[("Action", "DescribeTargetHealth"), ("TargetGroupArn", &arn)]).await;
    assert_eq!(texts_at(&texts, "TargetHealth/State"), ["healthy", "healthy"]);
    assert!(texts_at(&texts, "TargetHealth/Reason").is_empty());
    let (status, texts) = query(&cloud, &[("Action", "DescribeTargetGroups"), ("Names.member.1", "no")]).await;
    assert_eq!((status, texts_at(&texts, "ErrorResponse/Error/Code")), (400, vec!["TargetGroupNotFound"]));
}

#[tokio::test]
async fn elb_tells_of_listeners_rules_and_load_balancers() {
    let cloud = fake_aws(Vec::new());
    let (arn, green) = {
        let mut world = cloud.world();
        let green = world.green_group().unwrap().arn.clone();
        let conditions = vec![Condition::Host(vec!["a&b.example.com".into()])];
        world.production().unwrap().rules = vec![Rule {
            arn: "arn:rule".into(),
            priority: 7,
            conditions,
            forward: vec![(green.clone(), 1)],
            action: RuleAction::Forward,
        }];
        (world.production().unwrap().arn.clone(), green)
    };
    let (_, texts) = query(&cloud, &[("Action", "DescribeListeners"), ("ListenerArns.member.1", &arn)]).await;
    assert_eq!((texts_at(&texts, "/Port"), texts_at(&texts, "/Protocol")), (vec!["80"], vec!["HTTP"]));
    assert_eq!(texts_at(&texts, "DefaultActions/member/ForwardConfig/TargetGroups/member/Weight"), ["0", "100"]);
    let (_, texts) = query(&cloud, &[("Action", "DescribeRules"), ("ListenerArn", &arn), ("PageSize", "1")]).await;
    assert_eq!((texts_at(&texts, "/Priority"), texts_at(&texts, "/NextMarker")), (vec!["7"], vec!["1"]));
    let (_, texts) = query(&cloud, &[("Action", "DescribeRules"), ("ListenerArn", &arn)]).await;
    assert_eq!(texts_at(&texts, "/Priority"), ["7", "default"]);
    assert_eq!(
        texts_at(&texts, "HostHeaderConfig/Values/member").concat(),
        "ab.example.com",
        "the parser reports the entity between them as a separate event"
    );
    assert_eq!(texts_at(&texts, "Actions/member/TargetGroupArn"), [green.as_str()]);
    let (_, texts) = query(&cloud, &[("Action", "DescribeLoadBalancers"), ("Names.member.1", "shop")]).await;
    assert_eq!((texts_at(&texts, "/DNSName"), texts_at(&texts, "/Type")), (vec!["localhost"], vec!["application"]));
}

#[tokio::test]
async fn cloudwatch_speaks_cbor_with_tagged_times_and_json() {
    let cloud = fake_aws(Vec::new());
    let names = vec!["shop-web-5xx", "all", "missing"];
    let (status, output) = cbor(&cloud, "DescribeAlarms", &[("AlarmNames", names.clone())]).await;
    assert_eq!(status, 200);
    let metric = member(&output, "MetricAlarms").as_array().unwrap();
    assert_eq!(metric.len(), 1);
    assert!(matches!(member(&metric[0], "StateTransitionedTimestamp"), ciborium::Value::Tag(1, _)));
    assert!(member(&output, "CompositeAlarms").as_array().unwrap().is_empty(), "left out unless requested");
    let (_, output) =
        cbor(&cloud, "DescribeAlarms", &[("AlarmNames", names), ("AlarmTypes", vec!["CompositeAlarm"])]).await;
    assert_eq!(member(&output, "CompositeAlarms").as_array().unwrap().len(), 1);
    let headers = [
        ("x-amz-target", "GraniteServiceVersion20100801.DescribeAlarms"),
        ("content-type", "application/x-amz-json-1.0"),
    ];
    let (status, content_type, body) = send(&cloud, request("/", &headers, "{}")).await;
    assert_eq!((status, content_type.as_str()), (200, "application/x-amz-json-1.0"));
    let output: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(output["MetricAlarms"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn unknown_operations_are_answered_as_aws_does_and_listed() {
    let cloud = fake_aws(Vec::new());
    let (status, output) = ecs(&cloud, "DescribeTaskSets", json!({})).await;
    assert_eq!((status, output["__type"].as_str()), (400, Some("UnknownOperationException")));
    assert_eq!(output["message"], "greenlight rehearse does not simulate ecs:DescribeTaskSets");
    let (status, texts) = query(&cloud, &[("Action", "DescribeTags")]).await;
    assert_eq!((status, texts_at(&texts, "Error/Code")), (400, vec!["InvalidAction"]));
    let (status, output) = cbor(&cloud, "GetMetricData", &[]).await;
    assert_eq!(
        (status, member(&output, "__type").as_text()),
        (404, Some("com.amazonaws.cloudwatch#UnknownOperationException"))
    );
    json(&cloud, "AmazonSQS.ReceiveMessage", json!({})).await;
    let (status, ..) = send(&cloud, request("/bucket/key", &[], "")).await;
    assert_eq!(status, 404);
    let expected = [
        "?:POST /bucket/key",
        "AmazonSQS:ReceiveMessage",
        "cloudwatch:GetMetricData",
        "ecs:DescribeTaskSets",
        "elasticloadbalancing:DescribeTags",
    ];
    assert_eq!(cloud.unknown_operations(), expected);
}

#[tokio::test]
async fn faults_speak_the_protocols_own_words() {
    let cloud = fake_aws(vec![
        InjectedFault::first(1, "ecs:ListTasks", FaultKind::Throttle),
        InjectedFault::first(1, "elasticloadbalancing:DescribeRules", FaultKind::Throttle),
        InjectedFault::always("cloudwatch:DescribeAlarms", FaultKind::Deny),
        InjectedFault::always("ecs:DescribeTasks", FaultKind::Fail),
        InjectedFault::always("ecs:DescribeServices", FaultKind::Unavailable),
    ]);
    let (status, output) = ecs(&cloud, "ListTasks", json!({ "cluster": "shop" })).await;
    assert_eq!((status, output["__type"].as_str()), (400, Some("ThrottlingException")));
    assert_eq!(ecs(&cloud, "ListTasks", json!({ "cluster": "shop" })).await.0, 200);
    let (status, texts) = query(&cloud, &[("Action", "DescribeRules")]).await;
    assert_eq!((status, texts_at(&texts, "Error/Code")), (400, vec!["Throttling"]));
    let (status, output) = cbor(&cloud, "DescribeAlarms", &[]).await;
    assert_eq!((status, member(&output, "__type").as_text()), (403, Some("com.amazonaws.cloudwatch#AccessDenied")));
    assert_eq!(ecs(&cloud, "DescribeTasks", json!({ "cluster": "shop" })).await.0, 500);
    let (status, output) = ecs(&cloud, "DescribeServices", json!({ "cluster": "shop" })).await;
    assert_eq!((status, output["__type"].as_str()), (503, Some("ServiceUnavailable")));
}
