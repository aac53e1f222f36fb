//! Converts a recorded AWS request to the IAM requests that it needs: action, resource and context.

use std::collections::BTreeMap;

pub use rehearsal::world::matches_wildcard;
use rehearsal::{
    Exchange,
    world::{ACCOUNT, REGION},
};
use serde_json::Value;

/// The application of the healthy world.
pub const APPLICATION: &str = "shop";
/// The deployment group of the healthy world.
pub const DEPLOYMENT_GROUP: &str = "web";
/// The cluster of the healthy world.
pub const CLUSTER: &str = "shop";
/// The service of the healthy world.
pub const SERVICE: &str = "web";

/// One request that IAM decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IamRequest {
    /// The action. It has the name of the operation, except for a version of an S3 object.
    pub action: String,
    /// The ARN of the resource; `*` for an operation without resource-level permissions.
    pub resource: String,
    /// The condition keys and their values.
    pub context: BTreeMap<&'static str, String>,
}

/// The IAM requests of an AWS request: one for each resource that it names.
///
/// # Panics
/// If the operation is not in this list, or the request lacks a required name.
pub fn iam_requests(exchange: &Exchange) -> Vec<IamRequest> {
    let body: Value = serde_json::from_slice(&exchange.request.body).unwrap_or(Value::Null);
    let text = |key: &str| body[key].as_str().unwrap_or_else(|| panic!("{} does not have {key}", exchange.operation));
    let texts = |key: &str| -> Vec<String> {
        let list = body[key].as_array().unwrap_or_else(|| panic!("{} does not have {key}", exchange.operation));
        list.iter().map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    // The cluster can be a name or an ARN.
    let cluster = || text("cluster").rsplit('/').next().unwrap().to_owned();
    let mut action = exchange.operation.clone();
    let mut context = BTreeMap::new();
    let resources = match exchange.operation.as_str() {
        // This world has only one deployment, so its id identifies the deployment group.
        "codedeploy:PutLifecycleEventHookExecutionStatus" | "codedeploy:GetDeployment" => {
            assert!(text("deploymentId").starts_with("d-"));
            vec![arn("codedeploy", &format!("deploymentgroup:{APPLICATION}/{DEPLOYMENT_GROUP}"))]
        }
        "codedeploy:GetDeploymentGroup" => {
            let (application, group) = (text("applicationName"), text("deploymentGroupName"));
            vec![arn("codedeploy", &format!("deploymentgroup:{application}/{group}"))]
        }
        "codedeploy:GetApplicationRevision" => {
            vec![arn("codedeploy", &format!("application:{}", text("applicationName")))]
        }
        "ecs:DescribeServices" => {
            texts("services").iter().map(|name| arn("ecs", &format!("service/{}/{name}", cluster()))).collect()
        }
        "ecs:ListTasks" => {
            context.insert("ecs:cluster", arn("ecs", &format!("cluster/{}", cluster())));
            // The resource of ListTasks is a container instance of the cluster. Here it does not matter which one.
            vec![arn("ecs", &format!("container-instance/{}/any", cluster()))]
        }
        "ecs:DescribeTasks" => texts("tasks"),
        "ssm:GetParameter" => vec![parameter(text("Name"))],
        "ssm:GetParameters" => texts("Names").iter().map(|name| parameter(name)).collect(),
        "secretsmanager:GetSecretValue" | "secretsmanager:DescribeSecret" => vec![secret(text("SecretId"))],
        "ecr:DescribeImages" => {
            let (registry, repository) = (text("registryId"), text("repositoryName"));
            vec![format!("arn:aws:ecr:{REGION}:{registry}:repository/{repository}")]
        }
        "logs:DescribeLogGroups" => vec![arn("logs", &format!("log-group:{}", text("logGroupNamePrefix")))],
        "iam:GetRole" => {
            let form = String::from_utf8(exchange.request.body.clone()).unwrap();
            let name = form.split('&').find_map(|pair| pair.strip_prefix("RoleName=")).unwrap();
            vec![format!("arn:aws:iam::{ACCOUNT}:role/{name}")]
        }
        "s3:GetObject" => {
            let (path, query) = exchange.request.path.split_once('?').unwrap_or((&exchange.request.path, ""));
            if query.contains("versionId=") {
                action = "s3:GetObjectVersion".to_owned();
            }
            vec![format!("arn:aws:s3:::{}", path.trim_start_matches('/'))]
        }
        // Operations without resource-level permissions.
        other => {
            let known = [
                "elasticloadbalancing:",
                "cloudwatch:DescribeAlarms",
                "cloudwatch:DescribeAlarmHistory",
                "tag:",
                "ecs:DescribeTaskDefinition",
                "codedeploy:GetDeploymentTarget",
                "codedeploy:ListDeploymentTargets",
            ];
            assert!(known.iter().any(|known| other.starts_with(known)), "add the resource of {other} here");
            vec!["*".to_owned()]
        }
    };
    resources
        .into_iter()
        .map(|resource| IamRequest { action: action.clone(), resource, context: context.clone() })
        .collect()
}

fn arn(service: &str, what: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{what}")
}

fn parameter(name: &str) -> String {
    if name.starts_with("arn:") {
        name.to_owned()
    } else {
        arn("ssm", &format!("parameter/{}", name.trim_start_matches('/')))
    }
}

/// IAM decides on the whole ARN, also for a request with the secret's name. The ARN ends with six random characters.
fn secret(id: &str) -> String {
    if id.starts_with("arn:") { id.to_owned() } else { arn("secretsmanager", &format!("secret:{id}-a1B2c3")) }
}
