//! The resources of IAM actions, and their form in a policy.

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// The deployment group, which its deployments belong to.
    DeploymentGroup,
    /// The targets of a deployment. One AWS reference names the deployment group here and another one names no
    /// resource, so only `*` is certain to work.
    DeploymentTargets,
    /// The CodeDeploy application.
    Application,
    Service,
    /// The tasks of its cluster.
    Tasks,
    /// All resources, with a condition on the cluster, because IAM supports the cluster only as a condition.
    TasksOfCluster,
    /// A parameter of Systems Manager, by name or ARN. It can contain `{application}` and `{deployment_group}`.
    Parameter(String),
    /// A secret of Secrets Manager, by name or ARN.
    Secret(String),
    /// An object in S3. It can contain `{application}` and `{deployment_group}`.
    Object {
        bucket: String,
        key: String,
    },
    /// A KMS key that these services use on behalf of their callers.
    Key {
        arn: String,
        via: Vec<&'static str>,
    },
    /// Log groups that a task definition names.
    LogGroups,
    /// Roles that a task definition names.
    Roles,
    /// Parameters that a task definition names.
    Parameters,
    /// Secrets that a task definition names.
    Secrets,
    /// Repositories of images that a task definition names.
    Repositories,
    /// All resources, because AWS accepts no narrower one for the action. The text is the reason.
    Any(&'static str),
}

/// The names in ARNs. A name can contain `*`. An unknown name becomes a placeholder in capitals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArnNames {
    /// `aws`. If it is not set, it follows from the Region.
    pub partition: Option<String>,
    pub region: Option<String>,
    pub account: Option<String>,
    pub application: Option<String>,
    pub deployment_group: Option<String>,
    pub cluster: Option<String>,
    pub service: Option<String>,
}

/// A condition of a policy statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyCondition {
    /// `ArnLike`.
    pub operator: &'static str,
    /// `ecs:cluster`.
    pub key: &'static str,
    pub values: Vec<String>,
}

impl ArnNames {
    /// The partition: the given one, or that of the Region.
    pub fn partition(&self) -> &str {
        let region_partition = || super::partition_of(self.region.as_deref().unwrap_or_default());
        self.partition.as_deref().unwrap_or_else(region_partition)
    }

    /// All other names, each with its placeholder.
    fn named_parts(&self) -> [(&'static str, Option<&str>); 6] {
        [
            ("REGION", self.region.as_deref()),
            ("ACCOUNT", self.account.as_deref()),
            ("APPLICATION", self.application.as_deref()),
            ("GROUP", self.deployment_group.as_deref()),
            ("CLUSTER", self.cluster.as_deref()),
            ("SERVICE", self.service.as_deref()),
        ]
    }

    /// The placeholders of unknown names in a text.
    pub fn placeholders_in<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'static str> + 'a {
        let unknown = self.named_parts().into_iter().filter(|(_, name)| name.is_none()).map(|(word, _)| word);
        unknown.filter(|word| text.split([':', '/']).any(|part| part == *word))
    }

    fn name(&self, word: &'static str) -> &str {
        self.named_parts().into_iter().find(|(known, _)| *known == word).and_then(|(_, name)| name).unwrap_or(word)
    }

    /// `arn:aws:SERVICE:REGION:ACCOUNT:WHAT`.
    fn arn(&self, service: &str, what: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{what}", self.partition(), self.name("REGION"), self.name("ACCOUNT"))
    }

    /// Fills in `{application}` and `{deployment_group}`. An unknown name becomes `*`.
    fn fill(&self, text: &str) -> String {
        let or_any = |name: &Option<String>| name.clone().unwrap_or_else(|| "*".to_owned());
        text.replace("{application}", &or_any(&self.application))
            .replace("{deployment_group}", &or_any(&self.deployment_group))
    }
}

impl Resource {
    /// Its form in a policy: an ARN, which can contain `*`, or `*`.
    pub fn arn(&self, names: &ArnNames) -> String {
        let name = |word| names.name(word);
        match self {
            Self::DeploymentGroup => {
                names.arn("codedeploy", &format!("deploymentgroup:{}/{}", name("APPLICATION"), name("GROUP")))
            }
            Self::Application => names.arn("codedeploy", &format!("application:{}", name("APPLICATION"))),
            Self::Service => names.arn("ecs", &format!("service/{}/{}", name("CLUSTER"), name("SERVICE"))),
            Self::Tasks => names.arn("ecs", &format!("task/{}/*", name("CLUSTER"))),
            Self::DeploymentTargets | Self::TasksOfCluster | Self::Any(_) => "*".to_owned(),
            Self::Parameter(name) => parameter_arn(&names.fill(name), names),
            Self::Secret(name) => secret_arn(name, names),
            Self::Object { bucket, key } => {
                format!("arn:{}:s3:::{}/{}", names.partition(), names.fill(bucket), names.fill(key))
            }
            Self::Key { arn, .. } => arn.clone(),
            Self::LogGroups => names.arn("logs", "log-group:*"),
            Self::Roles => format!("arn:{}:iam::{}:role/*", names.partition(), name("ACCOUNT")),
            Self::Parameters => names.arn("ssm", "parameter/*"),
            Self::Secrets => names.arn("secretsmanager", "secret:*"),
            Self::Repositories => names.arn("ecr", "repository/*"),
        }
    }

    /// The condition that the statement also needs.
    pub fn condition(&self, names: &ArnNames) -> Option<PolicyCondition> {
        match self {
            Self::TasksOfCluster => {
                let cluster = names.arn("ecs", &format!("cluster/{}", names.name("CLUSTER")));
                Some(PolicyCondition { operator: "ArnLike", key: "ecs:cluster", values: vec![cluster] })
            }
            Self::Key { via, .. } => {
                let region = names.region.as_deref().unwrap_or("*");
                let values = via.iter().map(|service| format!("{service}.{region}.*")).collect();
                Some(PolicyCondition { operator: "StringLike", key: "kms:ViaService", values })
            }
            _ => None,
        }
    }

    /// Why the resource is not narrower, for a reviewer of the policy.
    pub const fn wildcard_reason(&self) -> Option<&'static str> {
        match self {
            Self::Any(why) => Some(why),
            Self::DeploymentTargets => Some(
                "the Service Authorization Reference has no resource for this operation, but the CodeDeploy documentation has one",
            ),
            Self::TasksOfCluster => Some("IAM can limit this operation only by cluster"),
            Self::Tasks => Some("a task has no id before it starts"),
            Self::LogGroups | Self::Roles | Self::Parameters | Self::Secrets | Self::Repositories => {
                Some("the task definition of each deployment names them")
            }
            _ => None,
        }
    }
}

/// `arn:aws:ssm:REGION:ACCOUNT:parameter/shop/token`. A version or label after the name is not part of the ARN.
fn parameter_arn(name: &str, names: &ArnNames) -> String {
    if name.starts_with("arn:") {
        return name.splitn(7, ':').take(6).collect::<Vec<_>>().join(":");
    }
    let name = name.split(':').next().unwrap_or_default();
    names.arn("ssm", &format!("parameter/{}", name.trim_start_matches('/')))
}

/// Secrets Manager adds a hyphen and six characters to the name of a secret. Somebody who uses the name does not know
/// them.
fn secret_arn(name: &str, names: &ArnNames) -> String {
    let arn = match name.strip_prefix("arn:") {
        Some(_) => name.to_owned(),
        None => names.arn("secretsmanager", &format!("secret:{name}")),
    };
    let is_suffix = |end: &str| end.len() == 6 && end.chars().all(|c| c.is_ascii_alphanumeric());
    let has_suffix = name.starts_with("arn:") && name.rsplit_once('-').is_some_and(|(_, end)| is_suffix(end));
    if has_suffix { arn } else { format!("{arn}-??????") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_not_known_stand_as_words() {
        let names = ArnNames::default();
        let arn = Resource::DeploymentGroup.arn(&names);
        assert_eq!(arn, "arn:aws:codedeploy:REGION:ACCOUNT:deploymentgroup:APPLICATION/GROUP");
        assert_eq!(names.placeholders_in(&arn).collect::<Vec<_>>(), ["REGION", "ACCOUNT", "APPLICATION", "GROUP"]);
        let names =
            ArnNames { region: Some("cn-north-1".into()), cluster: Some("prod-*".into()), ..ArnNames::default() };
        assert_eq!(Resource::Tasks.arn(&names), "arn:aws-cn:ecs:cn-north-1:ACCOUNT:task/prod-*/*");
        let condition = Resource::TasksOfCluster.condition(&names).unwrap();
        assert_eq!(condition.values, ["arn:aws-cn:ecs:cn-north-1:ACCOUNT:cluster/prod-*"]);
    }

    #[test]
    fn a_parameter_and_a_secret_are_named_in_many_ways() {
        let names = ArnNames { region: Some("eu-west-1".into()), account: Some("1".into()), ..ArnNames::default() };
        let parameter = |name: &str| Resource::Parameter(name.into()).arn(&names);
        for name in ["/shop/token", "shop/token", "/shop/token:3", "arn:aws:ssm:eu-west-1:1:parameter/shop/token:live"]
        {
            assert_eq!(parameter(name), "arn:aws:ssm:eu-west-1:1:parameter/shop/token", "{name}");
        }
        let open = "/greenlight/{application}/{deployment_group}";
        assert_eq!(parameter(open), "arn:aws:ssm:eu-west-1:1:parameter/greenlight/*/*");
        let shop = ArnNames { application: Some("shop".into()), ..names.clone() };
        assert_eq!(Resource::Parameter(open.into()).arn(&shop), "arn:aws:ssm:eu-west-1:1:parameter/greenlight/shop/*");
        let secret = |name: &str| Resource::Secret(name.into()).arn(&names);
        let by_name = "arn:aws:secretsmanager:eu-west-1:1:secret:shop/hook-??????";
        assert_eq!(secret("shop/hook"), by_name);
        assert_eq!(secret("arn:aws:secretsmanager:eu-west-1:1:secret:shop/hook"), by_name);
        let whole = "arn:aws:secretsmanager:eu-west-1:1:secret:shop/hook-a1B2c3";
        assert_eq!(secret(whole), whole);
    }

    #[test]
    fn a_key_is_for_what_reads_with_it() {
        let key = Resource::Key { arn: "arn:aws:kms:eu-west-1:1:key/k".into(), via: vec!["ssm", "s3"] };
        assert_eq!(key.condition(&ArnNames::default()).unwrap().values, ["ssm.*.*", "s3.*.*"]);
        let names = ArnNames { region: Some("eu-west-1".to_owned()), ..ArnNames::default() };
        assert_eq!(key.condition(&names).unwrap().values, ["ssm.eu-west-1.*", "s3.eu-west-1.*"]);
    }
}
