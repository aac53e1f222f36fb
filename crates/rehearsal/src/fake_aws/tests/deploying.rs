//! The operations with which a client deploys: a task definition, a deployment, and what it reads before.

use super::*;

#[tokio::test]
async fn a_service_of_codedeploy_has_the_task_definition_and_the_load_balancers_of_its_primary_task_set() {
    let cloud = fake_aws(Vec::new());
    let input = json!({ "cluster": "shop", "services": ["web"] });
    let (_, output) = ecs(&cloud, "DescribeServices", input.clone()).await;
    let service = &output["services"][0];
    let sets = service["taskSets"].as_array().unwrap();
    let primary = sets.iter().find(|set| set["status"] == "PRIMARY").unwrap();
    assert_eq!(service["taskDefinition"], primary["taskDefinition"]);
    assert_eq!(service["loadBalancers"], primary["loadBalancers"]);
    assert_eq!(service["loadBalancers"][0]["containerName"], "web");

    // With an external controller they are only in the task sets.
    cloud.world().service.as_mut().unwrap().controller = "EXTERNAL".into();
    let (_, output) = ecs(&cloud, "DescribeServices", input).await;
    let service = &output["services"][0];
    assert_eq!((service.get("taskDefinition"), &service["loadBalancers"]), (None, &json!([])));
}

#[tokio::test]
async fn a_task_definition_is_registered_with_the_next_revision_of_its_family() {
    let cloud = fake_aws(Vec::new());
    let container = json!({
        "name": "web",
        "image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/mine:2.0.0",
        "portMappings": [{ "containerPort": 8080 }],
        "environment": [{ "name": "A", "value": "b" }],
        "secrets": [{ "name": "KEY", "valueFrom": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:k-AbCdEf:key::" }],
        "logConfiguration": { "logDriver": "awslogs", "options": { "awslogs-group": "/mine" } },
    });
    let input = json!({
        "family": "mine",
        "executionRoleArn": "arn:aws:iam::111122223333:role/mine-execution",
        "cpu": "1024",
        "containerDefinitions": [container],
    });
    for revision in 1..=2 {
        let (status, output) = ecs(&cloud, "RegisterTaskDefinition", input.clone()).await;
        let definition = &output["taskDefinition"];
        let arn = format!("arn:aws:ecs:eu-west-1:111122223333:task-definition/mine:{revision}");
        assert_eq!((status, &definition["taskDefinitionArn"]), (200, &json!(arn)));
        assert_eq!((&definition["cpu"], &definition["status"]), (&json!("1024"), &json!("ACTIVE")));
        assert_eq!(definition["containerDefinitions"][0]["environment"][0]["name"], "A", "nothing is lost");
        let (_, output) = ecs(&cloud, "DescribeTaskDefinition", json!({ "taskDefinition": arn })).await;
        assert_eq!(output["taskDefinition"]["containerDefinitions"][0]["image"], container["image"]);
    }
    // What it names exists.
    let account = cloud.world().account.clone();
    assert!(account.images.contains_key("mine:2.0.0"));
    assert!(account.log_groups.contains("/mine") && account.roles.contains("mine-execution"));
    assert!(account.secrets.contains_key("arn:aws:secretsmanager:eu-west-1:111122223333:secret:k-AbCdEf"));
    // Another family goes on counting on its own.
    let (_, output) = ecs(
        &cloud,
        "RegisterTaskDefinition",
        json!({
            "family": "shop", "containerDefinitions": [{ "name": "web", "image": "nginx" }],
        }),
    )
    .await;
    assert_eq!(output["taskDefinition"]["revision"], 43);
    for wrong in [json!({ "family": "mine" }), json!({ "containerDefinitions": [container] })] {
        let (status, output) = ecs(&cloud, "RegisterTaskDefinition", wrong).await;
        assert_eq!((status, &output["__type"]), (400, &json!("ClientException")));
    }
}

fn create_input(content: &str) -> Value {
    let revision = json!({ "revisionType": "AppSpecContent", "appSpecContent": { "content": content } });
    json!({ "applicationName": "shop", "deploymentGroupName": "web", "revision": revision })
}

const APPSPEC: &str =
    r#"{"resources": [{"t": {"properties": {"taskDefinition": "shop:41"}}}], "hooks": [{"AfterInstall": "f"}]}"#;

#[tokio::test]
async fn a_deployment_is_created_only_while_codedeploy_can_begin_one() {
    let cloud = Arc::new(fake_aws(Vec::new()));
    let (status, output) = codedeploy(&cloud, "CreateDeployment", create_input(APPSPEC)).await;
    assert_eq!((status, &output["__type"]), (400, &json!("DeploymentLimitExceededException")));
    assert_eq!(cloud.world().deployments.len(), 1, "nothing was created");

    let waiting = cloud.clone();
    let next = tokio::spawn(async move { waiting.client_requests.next_deployment().await });
    tokio::task::yield_now().await;
    let mut input = create_input(APPSPEC);
    input["description"] = json!("by hand");
    input["deploymentConfigName"] = json!("CodeDeployDefault.ECSCanary10Percent5Minutes");
    input["autoRollbackConfiguration"] = json!({ "enabled": true, "events": ["DEPLOYMENT_STOP_ON_REQUEST"] });
    let (_, output) = codedeploy(&cloud, "CreateDeployment", input).await;
    let requested = next.await.unwrap();
    assert_eq!(output, json!({ "deploymentId": requested.id }));
    assert_eq!(requested.appspec.hooks[&Hook::AfterInstall], "f");
    let (_, output) = codedeploy(&cloud, "GetDeployment", json!({ "deploymentId": requested.id })).await;
    let info = &output["deploymentInfo"];
    assert_eq!((&info["status"], &info["creator"]), (&json!("Created"), &json!("user")));
    assert_eq!(info["description"], "by hand");
    assert_eq!(info["deploymentConfigName"], "CodeDeployDefault.ECSCanary10Percent5Minutes");
    assert_eq!(info["autoRollbackConfiguration"]["events"][0], "DEPLOYMENT_STOP_ON_REQUEST");
    assert_eq!(info["revision"]["appSpecContent"]["content"], APPSPEC);
    let (_, output) = codedeploy(&cloud, "ListDeployments", json!({ "includeOnlyStatuses": ["Created"] })).await;
    assert_eq!(output, json!({ "deployments": [requested.id] }));
}

#[tokio::test]
async fn what_codedeploy_refuses_creates_no_deployment() {
    let cloud = fake_aws(Vec::new());
    let with = |member: &str, value: Value| {
        let mut input = create_input(APPSPEC);
        input[member] = value;
        input
    };
    let cases = [
        (json!({}), "ApplicationNameRequiredException"),
        (with("applicationName", json!("other")), "ApplicationDoesNotExistException"),
        (with("deploymentGroupName", json!(null)), "DeploymentGroupNameRequiredException"),
        (with("deploymentGroupName", json!("other")), "DeploymentGroupDoesNotExistException"),
        (with("revision", json!(null)), "RevisionRequiredException"),
        (with("revision", json!({ "revisionType": "GitHub" })), "InvalidRevisionException"),
        (create_input("no AppSpec file"), "InvalidRevisionException"),
        (create_input(&APPSPEC.replace("shop:41", "shop:99")), "InvalidRevisionException"),
    ];
    for (input, code) in cases {
        let (status, output) = codedeploy(&cloud, "CreateDeployment", input).await;
        assert_eq!((status, &output["__type"]), (400, &json!(code)), "{output}");
    }
    assert_eq!(cloud.world().deployments.len(), 1);
}

#[tokio::test]
async fn the_application_says_that_it_deploys_to_ecs() {
    let cloud = fake_aws(Vec::new());
    let (_, output) = codedeploy(&cloud, "GetApplication", json!({ "applicationName": "shop" })).await;
    assert_eq!(output["application"]["computePlatform"], "ECS");
    let (_, output) = codedeploy(&cloud, "GetApplication", json!({ "applicationName": "other" })).await;
    assert_eq!(output["__type"], "ApplicationDoesNotExistException");
}

#[tokio::test]
async fn a_stop_is_asked_for_and_only_a_deployment_in_progress_can_be_stopped() {
    let cloud = fake_aws(Vec::new());
    let id = cloud.world().deployment().id.clone();
    let input = json!({ "deploymentId": id, "autoRollbackEnabled": true });
    let (_, output) = codedeploy(&cloud, "StopDeployment", input.clone()).await;
    assert_eq!(output["status"], "Pending");
    assert_eq!(cloud.client_requests.stopped(&id), Some(true));
    cloud.world().complete(SystemTime::now());
    let (_, output) = codedeploy(&cloud, "StopDeployment", input).await;
    assert_eq!(output["__type"], "DeploymentAlreadyCompletedException");
    let (_, output) = codedeploy(&cloud, "StopDeployment", json!({ "deploymentId": "d-NOTTHERE1" })).await;
    assert_eq!(output["__type"], "DeploymentDoesNotExistException");
}
