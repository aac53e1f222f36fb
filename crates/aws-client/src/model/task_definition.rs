//! A task definition (DescribeTaskDefinition), with the fields that checks use, and image names.

use gate::{MapKey, YamlNode, YamlValue, parse_yaml};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskDefinition {
    pub arn: String,
    /// `ACTIVE`, `INACTIVE` or `DELETE_IN_PROGRESS`.
    pub status: String,
    /// ARNs of the task role and the execution role, if it names them.
    pub roles: Vec<String>,
    pub containers: Vec<ContainerDefinition>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerDefinition {
    pub name: String,
    /// Its image, as the task definition has it.
    pub image: String,
    /// Whether it has a health check. Without one, its health is never known.
    pub has_health_check: bool,
    /// Whether the task ends when this container ends. ECS uses only these containers for the health of a task.
    pub is_essential: bool,
    /// Its log group, if it logs to CloudWatch Logs.
    pub log_group: Option<LogGroup>,
    /// Names or ARNs of the parameters and secrets that ECS reads for it.
    pub secrets: Vec<String>,
    /// Name or ARN of the secret for its registry. A name also refers to Secrets Manager.
    pub registry: Option<String>,
}

/// A log group that a container writes to (`awslogs`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogGroup {
    pub name: String,
    /// The Region, if the task definition sets it.
    pub region: Option<String>,
    /// Whether the agent creates the log group if it does not exist.
    pub created_on_demand: bool,
}

/// Namespaces that AWS suggests for pull-through cache rules, one for each upstream registry. ECR stores such an image
/// at the first pull, so before that the image is missing, but ECS can pull it.
///
/// Rejected: ecr:DescribePullThroughCacheRules. It would be one more permission for every role, for namespaces that
/// teams rarely rename.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-rule.html>
const PULL_THROUGH_NAMESPACES: [&str; 8] =
    ["ecr-public", "docker-hub", "quay", "kubernetes", "github", "gitlab", "azure", "chainguard"];

/// The parts of an image name: `HOST/REPOSITORY:TAG@DIGEST`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Everything before the tag and the digest.
    pub repository: String,
    /// The tag. As in Docker, it is `latest` if the name has neither tag nor digest.
    pub tag: Option<String>,
    /// `sha256:…`, if the image is pinned.
    pub digest: Option<String>,
}

impl Image {
    /// Parses a name. Every text is a name, and only the registry knows whether the image exists.
    pub fn parse(name: &str) -> Self {
        let (name, digest) = match name.split_once('@') {
            Some((name, digest)) => (name, Some(digest.to_owned())),
            None => (name, None),
        };
        // A colon before the last slash belongs to the registry's port.
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag.to_owned())),
            _ => (name, None),
        };
        let tag = tag.or_else(|| digest.is_none().then(|| "latest".to_owned()));
        Self { repository: repository.to_owned(), tag, digest }
    }

    /// Account, Region and repository, if it is in a private registry of Amazon ECR.
    pub fn ecr_location(&self) -> Option<(&str, &str, &str)> {
        let (host, repository) = self.repository.split_once('/')?;
        let (account, rest) = host.split_once(".dkr.ecr")?;
        // The host can also be `dkr.ecr-fips`, or end in `amazonaws.com.cn`.
        let (_, rest) = rest.split_once('.')?;
        let (region, domain) = rest.split_once('.')?;
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        (is_account && domain.starts_with("amazonaws.com")).then_some((account, region, repository))
    }
}

impl Image {
    /// Whether it is in a namespace for a pull-through cache.
    pub fn is_cached_at_first_pull(&self) -> bool {
        let namespace = self.ecr_location().and_then(|(_, _, repository)| repository.split_once('/'));
        namespace.is_some_and(|(namespace, _)| PULL_THROUGH_NAMESPACES.contains(&namespace))
    }
}

impl TaskDefinition {
    /// Family and revision: `shop:42`.
    pub fn name(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }
}

/// The task definition in an AppSpec file.
pub fn task_definition_in_app_spec(app_spec: &str) -> Option<String> {
    let file = parse_yaml(app_spec).ok()?;
    let YamlValue::List(resources) = &file.get_ignoring_case("Resources")?.data else { return None };
    let targets = resources.iter().flat_map(YamlNode::entries);
    let task_definition = |(_, target): &(MapKey, YamlNode)| {
        let properties = target.get_ignoring_case("Properties")?;
        properties.get_ignoring_case("TaskDefinition")?.as_text().map(str::to_owned)
    };
    targets.into_iter().find_map(task_definition).filter(|name| !name.is_empty())
}

/// A digest for messages: its algorithm and the first twelve digits.
pub fn short_digest(digest: &str) -> String {
    match digest.split_once(':') {
        Some((algorithm, digits)) if digits.len() > 12 => {
            format!("{algorithm}:{}…", digits.chars().take(12).collect::<String>())
        }
        _ => digest.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_image_has_parts() {
        let parts = |name| {
            let Image { repository, tag, digest } = Image::parse(name);
            (repository, tag.unwrap_or_default(), digest.unwrap_or_default())
        };
        let own = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(parts("nginx"), own("nginx", "latest", ""));
        assert_eq!(parts("localhost:5000/shop"), own("localhost:5000/shop", "latest", ""));
        assert_eq!(parts("localhost:5000/shop:1.2"), own("localhost:5000/shop", "1.2", ""));
        assert_eq!(parts("shop@sha256:ab"), own("shop", "", "sha256:ab"));
        assert_eq!(parts("shop:1.2@sha256:ab"), own("shop", "1.2", "sha256:ab"));
    }

    #[test]
    fn an_app_spec_names_its_task_definition_in_yaml_and_in_json() {
        let yaml = "version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: \"arn:aws:ecs:eu-west-1:111122223333:task-definition/shop:42\"
        LoadBalancerInfo: { ContainerName: web, ContainerPort: 8080 }
Hooks:
  - BeforeInstall: CodeDeployHook_BeforeInstall
";
        let arn = Some("arn:aws:ecs:eu-west-1:111122223333:task-definition/shop:42".to_owned());
        assert_eq!(task_definition_in_app_spec(yaml), arn);
        // AWS's deploy action ignores the case of keys, and AWS's manual has both.
        let lower = yaml.replace("Resources", "resources").replace("Properties", "properties");
        assert_eq!(task_definition_in_app_spec(&lower.replace("TaskDefinition:", "taskDefinition:")), arn);
        let json = r#"{"version":1,"Resources":[{"TargetService":{"Properties":{"TaskDefinition":"shop:42"}}}]}"#;
        assert_eq!(task_definition_in_app_spec(json).as_deref(), Some("shop:42"));
        assert_eq!(task_definition_in_app_spec("version: 0.0"), None);
        assert_eq!(task_definition_in_app_spec("]"), None);
    }

    #[test]
    fn an_image_in_ecr_says_of_which_account_and_region() {
        let place = |name| {
            let image = Image::parse(name);
            image.ecr_location().map(|(account, region, repository)| format!("{account} {region} {repository}"))
        };
        let own = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/shop:1.2";
        assert_eq!(place(own).as_deref(), Some("111122223333 eu-west-1 team/shop"));
        let fips = "111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com/shop";
        assert_eq!(place(fips).as_deref(), Some("111122223333 us-gov-west-1 shop"));
        assert_eq!(place("public.ecr.aws/nginx/nginx:1"), None);
        assert_eq!(place("nginx"), None);
    }

    #[test]
    fn a_namespace_tells_a_pull_through_cache() {
        let registry = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
        let cached = |repository: &str| Image::parse(&format!("{registry}/{repository}:1")).is_cached_at_first_pull();
        assert!(cached("docker-hub/library/nginx"));
        assert!(cached("ecr-public/nginx/nginx"));
        assert!(!cached("team/docker-hub"));
        assert!(!cached("docker-hub"));
        assert!(!Image::parse("docker.io/quay/nginx").is_cached_at_first_pull());
    }
}
