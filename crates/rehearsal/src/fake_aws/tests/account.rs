//! Tests of an account with several services, and with functions that each have their own role.

use lifecycle::Hook;
use serde_json::json;

use super::*;
use crate::{
    scenario::FaultKind,
    world::{DeploymentBehaviour, InitialState, WorldOptions},
};

fn account(faults: Vec<InjectedFault>) -> FakeAws {
    let now = SystemTime::now();
    let worlds = [("web", 1), ("cart", 2)].map(|(name, seed)| {
        let mut world =
            World::for_service(name, now, WorldOptions { production: 80, test: 81, seed }, &InitialState::default());
        world.create_deployment(now, "user");
        world.run_event("Install", &DeploymentBehaviour::default(), now);
        world.advance_to(now + std::time::Duration::from_secs(9));
        world
    });
    FakeAws::with_services(worlds.into(), faults)
}

async fn call(cloud: &FakeAws, key: &str, target: &str, input: Value) -> (u16, Value) {
    use http_body_util::BodyExt;
    let authorization = format!("AWS4-HMAC-SHA256 Credential={key}/20260101/eu-west-1/x/aws4_request");
    let headers = [("x-amz-target", target), ("authorization", authorization.as_str())];
    let headers =
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect::<Vec<_>>();
    let request = Request {
        method: "POST".into(),
        path: "/".into(),
        headers: headers.into_iter().collect::<hyper::HeaderMap>(),
        body: input.to_string().into(),
    };
    let response = complete_response(cloud.respond(request).await);
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn each_request_is_answered_from_the_world_that_it_is_about() {
    let cloud = account(Vec::new());
    for (index, name) in ["web", "cart"].into_iter().enumerate() {
        let id = cloud.world_at(index).deployment().id.clone();
        let set = cloud.world_at(index).green().unwrap().id.clone();
        let (_, output) = call(&cloud, "X", "CodeDeploy_20141006.GetDeployment", json!({ "deploymentId": id })).await;
        assert_eq!(output["deploymentInfo"]["deploymentGroupName"], name);
        let group = json!({ "applicationName": "shop", "deploymentGroupName": name });
        let (_, output) = call(&cloud, "X", "CodeDeploy_20141006.GetDeploymentGroup", group).await;
        assert_eq!(output["deploymentGroupInfo"]["ecsServices"][0]["serviceName"], name);
        let ecs = |operation: &str| format!("AmazonEC2ContainerServiceV20141113.{operation}");
        let input = json!({ "cluster": "shop", "services": [name] });
        let (_, output) = call(&cloud, "X", &ecs("DescribeServices"), input).await;
        assert_eq!(output["services"][0]["serviceName"], name);
        let input = json!({ "cluster": "shop", "startedBy": set });
        let (_, output) = call(&cloud, "X", &ecs("ListTasks"), input).await;
        let arns: Vec<_> = output["taskArns"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(arns.len(), 2);
        assert!(arns.iter().all(|arn| cloud.world_at(index).owns(arn)));
    }
}

#[tokio::test]
async fn a_fault_of_one_function_s_role_is_nobody_else_s() {
    let fault = InjectedFault {
        function: Some(Hook::AfterInstall.into()),
        ..InjectedFault::first(1, "codedeploy:GetDeployment", FaultKind::Deny)
    };
    let cloud = account(vec![fault]);
    let id = cloud.world().deployment().id.clone();
    let mut seen = Vec::new();
    for hook in [Hook::BeforeInstall, Hook::AfterInstall, Hook::AfterInstall] {
        let input = json!({ "deploymentId": id });
        seen.push(
            call(&cloud, &FunctionName::Hook(hook).access_key(), "CodeDeploy_20141006.GetDeployment", input).await.0,
        );
    }
    assert_eq!(seen, [200, 400, 200]);
    assert_eq!(cloud.calls()["codedeploy:GetDeployment"], 3);
}

#[tokio::test]
async fn a_target_that_is_not_ecs_s_says_what_it_is() {
    let cloud = account(Vec::new());
    let id = cloud.world().deployment().id.clone();
    cloud.world().deployment().by_cloudformation = true;
    let input = json!({ "deploymentId": id });
    let (_, output) = call(&cloud, "X", "CodeDeploy_20141006.ListDeploymentTargets", input).await;
    let target = output["targetIds"][0].clone();
    let input = json!({ "deploymentId": id, "targetId": target });
    let (_, output) = call(&cloud, "X", "CodeDeploy_20141006.GetDeploymentTarget", input.clone()).await;
    let found = &output["deploymentTarget"];
    assert_eq!(found["deploymentTargetType"], "CloudFormationTarget");
    assert_eq!(found["cloudFormationTarget"]["lifecycleEvents"].as_array().unwrap().len(), 8);
    assert!(found.get("ecsTarget").is_none());
    cloud.world().set_platform(crate::world::ComputePlatform::Lambda);
    let (_, output) = call(&cloud, "X", "CodeDeploy_20141006.GetDeploymentTarget", input).await;
    assert_eq!(output["deploymentTarget"]["lambdaTarget"]["lifecycleEvents"].as_array().unwrap().len(), 3);
}
