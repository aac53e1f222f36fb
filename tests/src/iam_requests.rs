//! What a recorded request asks IAM for: an action, the thing that it is taken on, and what IAM knows beside.

use std::collections::BTreeMap;

pub use rehearsal::world::matches_iam_wildcard;
use rehearsal::{
    Exchange,
    world::{ACCOUNT, REGION},
};
use serde_json::Value;

/// The names of the good world: its application.
pub const APPLICATION: &str = "shop";
/// Its deployment group.
pub const DEPLOYMENT_GROUP: &str = "web";
/// Its cluster.
pub const CLUSTER: &str = "shop";
/// Its service.
pub const SERVICE: &str = "web";

/// One question to IAM.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IamRequest {
    /// The action, which has the name of its operation, but for a version of an object of S3.
    pub action: String,
    /// The thing; `*` for an operation that IAM knows no resource for.
    pub resource: String,
    /// What conditions may compare with.
    pub context: BTreeMap<&'static str, String>,
}

/// What a request asks for. One that names several things asks for each of them.
///
/// # Panics
/// When it is of an operation that is not known here, or does not name what it has to.
pub fn iam_requests(exchange: &Exchange) -> Vec<IamRequest> {
    let body: Value = serde_json::from_slice(&exchange.request.body).unwrap_or(Value::Null);
    let text = |key: &str| body[key].as_str().unwrap_or_else(|| panic!("{} names no {key}", exchange.operation));
    let texts = |key: &str| -> Vec<String> {
        let list = body[key].as_array().unwrap_or_else(|| panic!("{} names no {key}", exchange.operation));
        list.iter().map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    // A cluster may be named by its ARN.
    let cluster = || text("cluster").rsplit('/').next().unwrap().to_owned();
    let mut action = exchange.operation.clone();
    let mut context = BTreeMap::new();
    let resources = match exchange.operation.as_str() {
        // The deployment is the only one of this world.
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
            // With container instances it would be one of them.
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
        // Whose operations IAM knows no resource for.
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
            assert!(known.iter().any(|known| other.starts_with(known)), "{other} is not known here");
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

/// Whoever names a secret by its name is asked about its whole ARN.
fn secret(id: &str) -> String {
    if id.starts_with("arn:") { id.to_owned() } else { arn("secretsmanager", &format!("secret:{id}-a1B2c3")) }
}
